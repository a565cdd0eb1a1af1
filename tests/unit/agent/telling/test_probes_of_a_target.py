"""A target that is down is one alert, however many probes ask it: of both tiers, until all of them are well."""

import dataclasses
from collections.abc import Mapping

import pytest

from agent.slo.alerts import HOLD_NS
from agent.slo.service import Member
from probes.result import Outcome
from support.alerting import Told, estate
from support.told import SECOND_NS

PROBES = ("chat", "long")
HOLD_S = HOLD_NS / SECOND_NS
GONE = Outcome.SERVER_ERROR


def asked(*targets: str, critical: bool = False) -> Told:
    """Return an estate each of whose targets is asked by two probes."""
    config = estate(*targets)
    (chat,) = config.probes
    plan = dataclasses.replace(chat, workload=dataclasses.replace(chat.workload, name="long"))
    members = tuple(
        Member(target=name, probe=probe, cloud=name, region=None, every_s=30.0)
        for name in targets
        for probe in PROBES
    )
    (service,) = config.services
    return Told(
        dataclasses.replace(
            config,
            targets=tuple(dataclasses.replace(one, critical=critical) for one in config.targets),
            probes=(chat, plan),
            services=(dataclasses.replace(service, members=members),),
        )
    )


def live(told: Told, slots: range, outcomes: Mapping[str, Outcome], of: str = "aws") -> None:
    """Let probes bring slots, and look at each; every other target is well."""
    for slot in slots:
        for target in told.config.targets:
            for probe in PROBES:
                outcome = outcomes.get(probe) if target.name == of else Outcome.OK
                if outcome is not None:
                    told.settle(slot, target.name, outcome, probe=probe)
        told.look(slot * 30.0 + 11)


def alerts(told: Told) -> list[tuple[str, str, int]]:
    """Return every alert that there ever was of a target that is down, and how often it was told."""
    rows = told.rows.rows.values()
    return [(row.key, row.severity, row.seq) for row in rows if row.name == "TargetDown"]


def test_probes_that_fail_together_are_one_ticket() -> None:
    told = asked("aws", "azure")
    live(told, range(4), dict.fromkeys(PROBES, Outcome.OK))
    live(told, range(4, 8), dict.fromkeys(PROBES, GONE))
    assert alerts(told) == [("target-down/aws", "ticket", 1)]
    (notice,) = told.notices
    assert "8 of the last 16 probes failed" in notice.summary
    assert (notice.labels["target"], "probe" in notice.labels) == ("aws", False)


def test_a_critical_target_pages_once_for_all_of_its_probes() -> None:
    told = asked("aws", "azure", critical=True)
    live(told, range(4), dict.fromkeys(PROBES, Outcome.OK))
    live(told, range(4, 6), {"chat": GONE, "long": Outcome.OK})
    live(told, range(6, 20), dict.fromkeys(PROBES, GONE))
    assert alerts(told) == [("target-down/aws", "page", 2)]


def test_who_fails_alone_is_named() -> None:
    told = asked("aws", "azure")
    live(told, range(4), dict.fromkeys(PROBES, Outcome.OK))
    live(told, range(4, 6), {"chat": Outcome.OK, "long": GONE})
    (notice,) = told.notices
    assert "2 of the last 6 runs of probe long failed" in notice.summary
    assert "aws is still well by probe chat" in notice.detail


@pytest.mark.parametrize("last", PROBES)
def test_it_ends_once_the_last_of_them_is_well(last: str) -> None:
    """And is no second alert when they come back one after the other."""
    told = asked("aws", "azure")
    live(told, range(4), dict.fromkeys(PROBES, Outcome.OK))
    live(told, range(4, 8), dict.fromkeys(PROBES, GONE))
    live(told, range(8, 48), dict.fromkeys(PROBES, Outcome.OK) | {last: GONE})
    assert alerts(told) == [("target-down/aws", "ticket", 1)]
    assert told.notices != []
    well = range(48, 49 + round(HOLD_S / 30))
    live(told, well, dict.fromkeys(PROBES, Outcome.OK))
    assert told.notices == []
    assert alerts(told) == [("target-down/aws", "ticket", 2)]


def test_one_that_is_not_seen_any_more_is_not_well_for_the_others() -> None:
    told = asked("aws", "azure")
    live(told, range(4), dict.fromkeys(PROBES, Outcome.OK))
    live(told, range(4, 8), dict.fromkeys(PROBES, GONE))
    for slot in range(8, 12):  # both fall silent
        told.look(slot * 30.0 + 11)
    only = {"chat": Outcome.OK}
    for slot in range(12, 60):
        told.settle(slot, "aws", only["chat"], probe="chat")
        told.look(slot * 30.0 + 11)
    (notice,) = [one for one in told.notices if one.name == "TargetDown"]
    assert "not seen since" in notice.summary
