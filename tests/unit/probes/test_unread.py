"""Bodies that are no answer are read no further than their sentence needs."""

from probes.result import StreamVerdict
from probes.unread import Encoded, Refusal


def test_of_a_refusal_only_the_beginning_is_kept() -> None:
    refusal = Refusal()
    refusal.feed(b"x" * 60_000)
    assert not refusal.done
    refusal.feed(b"x" * 60_000)
    assert (len(refusal.body), refusal.done) == (65_536, True)
    assert refusal.finish(closed=False).stream is StreamVerdict.TRUNCATED


def test_of_an_encoded_body_nothing_is_kept() -> None:
    refusal, answer = Refusal(encoded=True), Encoded("br")
    refusal.feed(b"\x1f\x8b")
    assert (bytes(refusal.body), refusal.done, answer.done) == (b"", True, True)
    assert list(answer.feed(b"\x1f\x8b")) == []
    assert "Content-Encoding: br" in (answer.finish(closed=True).sentence or "")
