import pytest

from agent.telling.messages import heard
from storage.base import Record
from storage.records import Kind
from support.told import SECOND_NS, beat, plan, record, result, settled


def test_each_kind_says_what_was_written() -> None:
    messages = [result(), settled(), plan(), beat(1, lateness={"+Inf": 1}), beat(2 * SECOND_NS)]
    records = tuple(record(seq, message) for seq, message in enumerate(messages, 7))
    assert [(one.seq, one.message) for one in heard(records)] == list(enumerate(messages, 7))


@pytest.mark.parametrize("payload", [b"", b"[]", b"{}", b"\xff", b'{"outcome": "unheard of"}', b"null"])
def test_what_cannot_be_read_comes_as_nothing(payload: bytes) -> None:
    for kind in Kind:
        ((seq, message),) = heard((Record(3, kind, payload),))
        assert (seq, message) == (3, None)
