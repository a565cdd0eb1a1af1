from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from storage.segments import MAX_BODY, frame, next_sound, segment_firsts, sound_at, sound_run

KINDS = st.sampled_from(["result", "settled", "plan", "skipped", "beat"])


@given(st.integers(0, 2**64 - 1), KINDS, st.binary(max_size=200))
def test_what_was_framed_is_found_again(seq: int, kind: str, payload: bytes) -> None:
    framed = sound_at(frame(seq, kind, payload), 0)
    assert framed is not None
    assert (framed.seq, framed.kind, framed.payload) == (seq, kind, payload)


@given(st.data(), KINDS, st.binary(max_size=60))
def test_any_flipped_bit_is_noticed(data: st.DataObject, kind: str, payload: bytes) -> None:
    damaged = bytearray(frame(1, kind, payload))
    bit = data.draw(st.integers(0, len(damaged) * 8 - 1))
    damaged[bit // 8] ^= 1 << bit % 8
    assert sound_at(bytes(damaged), 0) is None


@given(st.binary(max_size=100), st.lists(st.binary(max_size=20), min_size=1, max_size=5))
def test_sound_records_are_found_behind_any_garbage(garbage: bytes, payloads: list[bytes]) -> None:
    records = b"".join(frame(seq, "beat", payload) for seq, payload in enumerate(payloads))
    found = next_sound(garbage + records, 0)
    assert found == len(garbage)
    assert [framed.payload for framed in sound_run(garbage + records, found)] == payloads


def test_a_length_beyond_all_measure_is_damage() -> None:
    assert sound_at((MAX_BODY + 1).to_bytes(4, "big") + bytes(MAX_BODY + 100), 0) is None


def test_other_files_in_the_folder_are_no_segments(tmp_path: Path) -> None:
    for name in ("good-10", "good-9", "rest-1", "lock", "good-x", "good-", ".good-3"):
        (tmp_path / name).touch()
    assert segment_firsts(tmp_path, "good") == [9, 10]
    assert segment_firsts(tmp_path / "absent", "good") == []
