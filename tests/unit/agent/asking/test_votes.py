"""Whose fault a failure on the way is, by what its witnesses say."""

import pytest

from agent.asking.votes import Known, Vote, at_once, beside, judge
from probes.base import Tried
from probes.result import ON_THE_WAY, Fault, Outcome
from probes.target import Network, Witness
from support.told import result

TLS = Witness(kind="tls", host="www.example.com", port=443)
TCP = Witness(kind="tcp", host="192.0.2.1", port=443)
DNS = Witness(kind="dns", host="www.example.org")
NETWORK = Network(name="bank", witnesses=(TLS, TCP, DNS))
DAY_NS = 86400 * 1_000_000_000

UP = Tried(reached=True, resolved=True, says="")
DOWN = Tried(reached=False, resolved=None, says="")
UNRESOLVED = Tried(reached=False, resolved=False, says="")
RESOLVED = Tried(reached=False, resolved=True, says="")
AT_ADDRESS = Tried(reached=True, resolved=None, says="")

REFUSED, NAMELESS = Outcome.CONNECT_REFUSED, Outcome.DNS


def vote(witness: Witness, tried: Tried | None, *, valid: bool = True) -> Vote:
    return Vote(witness, tried, valid)


@pytest.mark.parametrize(
    ("outcome", "votes", "fault"),
    [
        (REFUSED, [vote(TLS, UP), vote(TCP, DOWN)], Fault.NOT_OURS),
        (REFUSED, [vote(TLS, DOWN), vote(TCP, DOWN)], Fault.OURS),
        (REFUSED, [vote(TLS, DOWN), vote(TCP, DOWN, valid=False)], Fault.OURS),
        (REFUSED, [vote(TLS, DOWN, valid=False), vote(TCP, DOWN, valid=False)], Fault.UNDETERMINED),
        (REFUSED, [vote(TLS, UP, valid=False)], Fault.NOT_OURS),
        (REFUSED, [vote(TLS, DOWN), vote(TCP, None)], Fault.UNDETERMINED),
        (REFUSED, [], Fault.UNDETERMINED),
        # A name that is resolved, from a cache perhaps, proves no way.
        (REFUSED, [vote(DNS, UP)], Fault.UNDETERMINED),
        (REFUSED, [vote(DNS, UP), vote(TLS, DOWN)], Fault.OURS),
        (REFUSED, [vote(DNS, UNRESOLVED)], Fault.OURS),
        # A name that is not resolved is asked of whoever looks names up, though not reached.
        (NAMELESS, [vote(DNS, UP)], Fault.NOT_OURS),
        (NAMELESS, [vote(DNS, UNRESOLVED)], Fault.OURS),
        (NAMELESS, [vote(TLS, RESOLVED)], Fault.NOT_OURS),
        (NAMELESS, [vote(TLS, UNRESOLVED), vote(TCP, AT_ADDRESS)], Fault.OURS),
        (NAMELESS, [vote(TCP, AT_ADDRESS)], Fault.UNDETERMINED),
        (NAMELESS, [vote(TCP, DOWN)], Fault.OURS),
    ],
)
def test_the_fault_follows_from_the_votes(outcome: Outcome, votes: list[Vote], fault: Fault) -> None:
    assert judge(outcome, NETWORK, votes).fault is fault


def test_the_evidence_names_the_witnesses() -> None:
    assert judge(REFUSED, NETWORK, [vote(TLS, UP)]).evidence == (
        "tls:www.example.com:443 was reached on network bank"
    )
    assert judge(REFUSED, NETWORK, [vote(TLS, DOWN), vote(TCP, DOWN)]).evidence == (
        "no witness of network bank was reached (tls:www.example.com:443, tcp:192.0.2.1:443)"
    )
    assert judge(REFUSED, Network(name="bank"), []).evidence == "network bank has no witness"
    silent = judge(REFUSED, NETWORK, [vote(TLS, DOWN, valid=False)])
    assert silent.evidence.startswith("no witness of network bank has a vote: none was reached within 24 h")


def test_another_target_that_answers_proves_the_way() -> None:
    said = beside("bank", "azure")
    assert (said.fault, said.evidence) == (
        Fault.NOT_OURS,
        "target azure answered on network bank meanwhile",
    )


@pytest.mark.parametrize("outcome", list(Outcome))
def test_an_answer_of_a_server_is_not_ours_at_once(outcome: Outcome) -> None:
    said = at_once(result(outcome=outcome, http_status=503))
    assert (said is None) == (outcome in ON_THE_WAY)
    if said is not None:
        assert (said.fault, said.evidence) == (Fault.NOT_OURS, "a server answered with status 503")


def test_a_witness_has_a_vote_for_a_day() -> None:
    known = Known()
    assert known.state(0) is None
    known.take(DOWN, 0)
    assert (known.state(0), known.votes(0)) == ("no_vote", False)
    known.take(UP, 5)
    assert known.state(5) == "up"
    known.take(DOWN, DAY_NS)
    assert known.state(DAY_NS) == "down"
    assert known.state(DAY_NS + 6) == "no_vote"


def test_a_witness_that_is_down_while_others_answer_has_no_vote_until_it_is_reached() -> None:
    """A firewall may cut the witnesses off alone, and would hide every outage for a day."""
    known = Known()
    known.take(UP, 0)
    assert not known.answered(), "nothing against it"
    known.take(DOWN, 1)
    assert known.votes(1)
    assert known.answered()
    assert not known.answered(), "no news"
    assert (known.votes(1), known.state(1)) == (False, "doubted")
    known.take(DOWN, 2)
    assert not known.votes(2)
    known.take(UP, 3)
    known.take(DOWN, 4)
    assert (known.votes(4), known.state(4)) == (True, "down")
