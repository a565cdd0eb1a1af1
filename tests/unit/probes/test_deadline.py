"""Only generated units put a deadline off, and never past the end."""

from probes.deadline import Deadline
from probes.result import Outcome
from probes.target import Workload

CHAT = Workload(name="chat", first_token_s=8, stall_s=10, timeout_s=30)


def test_a_chat_waits_for_its_first_token_first() -> None:
    deadline = Deadline(CHAT, 100.0)
    assert (deadline.at_s, deadline.means) == (108.0, Outcome.FIRST_TOKEN_TIMEOUT)


def test_whole_answers_and_lists_wait_for_their_end_alone() -> None:
    for kind in ("chat-sync", "models"):
        deadline = Deadline(Workload(name="w", kind=kind, first_token_s=8, timeout_s=30), 100.0)
        assert (deadline.at_s, deadline.means) == (130.0, Outcome.TOTAL_TIMEOUT)


def test_each_unit_puts_the_stall_off_until_the_end_is_nearer() -> None:
    deadline = Deadline(CHAT, 100.0)
    deadline.progress(105.0)
    assert (deadline.at_s, deadline.means) == (115.0, Outcome.STALLED)
    deadline.progress(114.0)
    assert (deadline.at_s, deadline.means) == (124.0, Outcome.STALLED)
    deadline.progress(123.0)
    assert (deadline.at_s, deadline.means) == (130.0, Outcome.TOTAL_TIMEOUT)


def test_an_end_before_the_first_tokens_limit_strikes_first() -> None:
    deadline = Deadline(Workload(name="w", first_token_s=8, timeout_s=5), 100.0)
    assert (deadline.at_s, deadline.means) == (105.0, Outcome.TOTAL_TIMEOUT)
