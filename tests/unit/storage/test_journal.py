import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from storage.base import Record
from storage.journal import JournalLockedError, Reader, Writer, unlink_passed
from storage.records import Kind
from storage.segments import SERIES, segment_firsts, segment_path, sound_run
from support.clock import FakeClock


@contextlib.contextmanager
def writing(state: Path, **options: object) -> Iterator[Writer]:
    writer = Writer(state, **options)  # type: ignore[arg-type] # a test names any of the options
    writer.open()
    try:
        yield writer
    finally:
        writer.close()


def segments(state: Path, series: str) -> list[int]:
    return segment_firsts(state / "journal", series)  # type: ignore[arg-type] # good or rest


def flip(path: Path, offset: int) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 0x10
    path.write_bytes(data)


def test_records_of_both_series_come_back_in_the_order_in_which_they_were_written(tmp_path: Path) -> None:
    with writing(tmp_path) as writer:
        wrote = [writer.append(Kind.RESULT, b"%d" % n, good=n % 3 == 0) for n in range(10)]
    batch = Reader(tmp_path, "store").read(100)
    assert wrote == list(range(1, 11))
    assert batch.records == tuple(Record(n + 1, Kind.RESULT, b"%d" % n) for n in range(10))
    assert batch.lost == 0


def test_a_reader_follows_a_journal_that_is_being_written(tmp_path: Path) -> None:
    with writing(tmp_path) as writer:
        reader = Reader(tmp_path, "store")
        assert reader.read(10).records == ()
        writer.append(Kind.BEAT, b"a")
        writer.append(Kind.RESULT, b"b", good=True)
        assert [record.payload for record in reader.read(1).records] == [b"a"]
        writer.append(Kind.BEAT, b"c")
        assert [record.payload for record in reader.read(10).records] == [b"b", b"c"]
        assert reader.position == 3


def test_a_committed_position_is_where_the_next_reader_of_that_name_goes_on(tmp_path: Path) -> None:
    with writing(tmp_path) as writer:
        for n in range(5):
            writer.append(Kind.BEAT, b"%d" % n)
        reader = Reader(tmp_path, "store")
        reader.read(2)
        reader.commit(reader.position)
        assert [record.seq for record in Reader(tmp_path, "store").read(10).records] == [3, 4, 5]
        assert [record.seq for record in Reader(tmp_path, "metrics").read(10).records] == [1, 2, 3, 4, 5]
        assert [record.seq for record in Reader(tmp_path, "metrics", position=4).read(10).records] == [5]


def test_a_position_file_of_garbage_is_a_new_reader(tmp_path: Path) -> None:
    with writing(tmp_path) as writer:
        writer.append(Kind.BEAT, b"x")
    (tmp_path / "readers").mkdir()
    (tmp_path / "readers" / "store").write_bytes(b"\0\0\0")
    assert [record.seq for record in Reader(tmp_path, "store").read(10).records] == [1]


def test_a_new_reader_begins_with_the_oldest_record_there_is_and_misses_nothing(tmp_path: Path) -> None:
    with writing(tmp_path) as writer:
        writer.append(Kind.BEAT, b"old")
    with writing(tmp_path) as writer:
        writer.append(Kind.BEAT, b"new")
    segment_path(tmp_path / "journal", "rest", 1).unlink()
    batch = Reader(tmp_path, "traces").read(10)
    assert ([record.seq for record in batch.records], batch.lost) == ([2], 0)


def test_the_sequence_goes_on_after_a_restart(tmp_path: Path) -> None:
    with writing(tmp_path) as writer:
        writer.append(Kind.BEAT, b"1")
        writer.append(Kind.RESULT, b"2", good=True)
    with writing(tmp_path) as writer:
        assert writer.append(Kind.BEAT, b"3") == 3


def test_the_sequence_goes_on_after_the_journal_was_wiped_but_not_its_readers(tmp_path: Path) -> None:
    with writing(tmp_path) as writer:
        for n in range(7):
            writer.append(Kind.BEAT, b"%d" % n)
    reader = Reader(tmp_path, "store")
    reader.read(10)
    reader.commit(reader.position)
    shutil.rmtree(tmp_path / "journal")
    with writing(tmp_path) as writer:
        assert writer.append(Kind.BEAT, b"8") == 8
    assert [record.seq for record in Reader(tmp_path, "store").read(10).records] == [8]


def test_a_second_writer_is_told_who_is_in_its_way(tmp_path: Path) -> None:
    with (
        writing(tmp_path),
        pytest.raises(JournalLockedError, match=r"another daemon uses this state folder; stop it"),
    ):
        Writer(tmp_path).open()
    with writing(tmp_path):
        pass


def test_a_half_written_record_is_cut_off_and_counted_as_lost(tmp_path: Path) -> None:
    with writing(tmp_path) as writer:
        writer.append(Kind.BEAT, b"whole")
        writer.append(Kind.BEAT, b"torn")
    path = segment_path(tmp_path / "journal", "rest", 1)
    os.truncate(path, path.stat().st_size - 3)
    with writing(tmp_path) as writer:
        assert writer.append(Kind.BEAT, b"after") == 3
    reader = Reader(tmp_path, "store")
    batch = reader.read(10)
    assert ([record.payload for record in batch.records], batch.lost) == ([b"whole", b"after"], 1)
    assert reader.damaged == 0


def test_a_live_reader_waits_for_the_rest_of_a_record(tmp_path: Path) -> None:
    with writing(tmp_path) as writer:
        writer.append(Kind.BEAT, b"first")
        reader = Reader(tmp_path, "store")
        reader.read(10)
        writer.append(Kind.BEAT, b"second")
        path = segment_path(tmp_path / "journal", "rest", 1)
        whole = path.read_bytes()
        path.write_bytes(whole[:-4])
        assert reader.read(10).records == ()
        path.write_bytes(whole)
        assert [record.payload for record in reader.read(10).records] == [b"second"]
        assert reader.damaged == 0


def test_a_damaged_record_costs_itself_alone(tmp_path: Path) -> None:
    with writing(tmp_path) as writer:
        for n in range(5):
            writer.append(Kind.BEAT, b"payload-%d" % n)
    flip(segment_path(tmp_path / "journal", "rest", 1), 2 * (16 + len(b"beat payload-0")) + 20)
    reader = Reader(tmp_path, "store")
    batch = reader.read(10)
    assert ([record.seq for record in batch.records], batch.lost) == ([1, 2, 4, 5], 1)
    assert reader.damaged == 1


def test_a_closed_segment_of_garbage_is_passed_over_and_counted(tmp_path: Path) -> None:
    for n in range(3):
        with writing(tmp_path) as writer:
            writer.append(Kind.BEAT, b"%d" % n)
    segment_path(tmp_path / "journal", "rest", 2).write_bytes(os.urandom(500))
    reader = Reader(tmp_path, "store")
    batch = reader.read(10)
    assert ([record.seq for record in batch.records], batch.lost, reader.damaged) == ([1, 3], 1, 1)


def test_a_record_larger_than_a_read_comes_back_whole(tmp_path: Path) -> None:
    large = os.urandom(1_000_000)
    with writing(tmp_path) as writer:
        writer.append(Kind.RESULT, large)
        writer.append(Kind.BEAT, b"next")
    assert [record.payload for record in Reader(tmp_path, "store").read(10).records] == [large, b"next"]


def test_a_record_beyond_all_measure_is_dropped_and_counted(tmp_path: Path) -> None:
    with writing(tmp_path) as writer:
        writer.append(Kind.RESULT, bytes(9 * 1024**2))
        assert writer.dropped == {"too_large": 1}
        writer.append(Kind.BEAT, b"next")
    batch = Reader(tmp_path, "store", position=0).read(10)
    assert ([record.seq for record in batch.records], batch.lost) == ([2], 1)


class FillingDisk:
    """Takes so many bytes more, then as much of a write as fits, then nothing."""

    def __init__(self, room: int, error: int = errno.ENOSPC) -> None:
        self.room = room
        self.error = error

    def write(self, fd: int, data: bytes) -> int:
        if self.room == 0:
            raise OSError(self.error, os.strerror(self.error))
        written = os.write(fd, data[: self.room])
        self.room -= written
        return written


@pytest.mark.parametrize(("error", "reason"), [(errno.ENOSPC, "disk_full"), (errno.EIO, "io_error")])
def test_a_full_disk_drops_records_counts_them_and_never_raises(
    tmp_path: Path, error: int, reason: str
) -> None:
    disk = FillingDisk(0, error)
    with writing(tmp_path, write=disk.write) as writer:
        assert writer.append(Kind.BEAT, b"1") == 1
        assert writer.append(Kind.BEAT, b"2") == 2
        disk.room = 1000
        assert writer.append(Kind.BEAT, b"3") == 3
        assert writer.dropped == {reason: 2}
    batch = Reader(tmp_path, "store", position=0).read(10)
    assert ([record.payload for record in batch.records], batch.lost) == ([b"3"], 2)


def test_a_record_that_fits_in_part_is_taken_back_whole(tmp_path: Path) -> None:
    disk = FillingDisk(60)
    with writing(tmp_path, write=disk.write) as writer:
        for n in range(4):
            writer.append(Kind.BEAT, b"payload-%d" % n)  # 30 bytes with its frame: two fit
        disk.room = 45
        for n in range(4, 8):
            writer.append(Kind.BEAT, b"payload-%d" % n)
        assert writer.dropped == {"disk_full": 5}
        disk.room = 1000
        writer.append(Kind.BEAT, b"last")
    reader = Reader(tmp_path, "store")
    batch = reader.read(20)
    assert [record.seq for record in batch.records] == [1, 2, 5, 9]
    assert (batch.lost, reader.damaged) == (5, 0)


def test_every_rest_segment_begins_with_the_head_and_no_good_one_does(tmp_path: Path) -> None:
    clock = FakeClock()
    with writing(tmp_path, mono_ns=clock.mono_ns) as writer:
        writer.set_head(Kind.PLAN, b"the plan")
        for _ in range(3):
            writer.append(Kind.BEAT, b"beat")
            writer.append(Kind.RESULT, b"result", good=True)
            clock.advance(600)
    for series, kinds in (("rest", ["plan", "beat"]), ("good", ["result"])):
        assert len(segments(tmp_path, series)) == 3
        for first in segments(tmp_path, series):
            data = segment_path(tmp_path / "journal", series, first).read_bytes()  # type: ignore[arg-type] # as above
            found = list(sound_run(data))
            assert ([framed.kind for framed in found], found[0].seq) == (kinds, first)


def test_a_segment_that_cannot_take_its_head_is_not_begun(tmp_path: Path) -> None:
    disk = FillingDisk(10)
    with writing(tmp_path, write=disk.write) as writer:
        writer.set_head(Kind.PLAN, b"the plan")
        writer.append(Kind.BEAT, b"1")
        assert segments(tmp_path, "rest") == []
        disk.room = 1000
        writer.append(Kind.BEAT, b"2")
    batch = Reader(tmp_path, "store", position=0).read(10)
    assert [(record.kind, record.seq) for record in batch.records] == [("plan", 2), ("beat", 3)]
    assert batch.lost == 1


def test_segments_roll_by_size(tmp_path: Path) -> None:
    with writing(tmp_path, max_bytes=8 * 1000) as writer:
        for _ in range(25):
            writer.append(Kind.RESULT, bytes(200))
    assert segments(tmp_path, "rest") == [1, 5, 9, 13, 17, 21, 25]
    assert all(path.stat().st_size <= 1000 for path in (tmp_path / "journal").glob("rest-*"))


def test_only_closed_segments_that_were_passed_are_unlinked(tmp_path: Path) -> None:
    with writing(tmp_path, max_bytes=8 * 1000) as writer:
        for n in range(20):
            writer.append(Kind.RESULT, bytes(200), good=n % 2 == 0)
        firsts = segments(tmp_path, "good"), segments(tmp_path, "rest")
        assert firsts == ([1, 9, 17], [2, 10, 18])
        assert unlink_passed(tmp_path, 8) == 1
        assert unlink_passed(tmp_path, 9) == 1
        assert unlink_passed(tmp_path, 1000) == 2
        assert (segments(tmp_path, "good"), segments(tmp_path, "rest")) == ([17], [18])


def test_a_reader_whose_segments_went_at_the_limits_counts_them(tmp_path: Path) -> None:
    with writing(tmp_path, max_bytes=8 * 1000) as writer:
        reader = Reader(tmp_path, "store")
        writer.append(Kind.RESULT, bytes(200), good=True)
        assert len(reader.read(10).records) == 1
        for _ in range(15):
            writer.append(Kind.RESULT, bytes(200), good=True)
        segment_path(tmp_path / "journal", "good", 5).unlink()
        batch = reader.read(100)
    assert [record.seq for record in batch.records] == [2, 3, 4, *range(9, 17)]
    assert batch.lost == 4


def test_a_newer_writers_kinds_are_passed_over_and_not_counted_as_lost(tmp_path: Path) -> None:
    with writing(tmp_path) as writer:
        writer.append("novelty", b"{}")  # type: ignore[arg-type] # what a later version may add
        writer.append(Kind.BEAT, b"x")
    batch = Reader(tmp_path, "store").read(10)
    assert ([record.seq for record in batch.records], batch.lost) == ([2], 0)


class JournalMachine(RuleBasedStateMachine):
    """Appends, reads, restarts, tears tails and flips bits in any order, beside a model that is a dict."""

    def __init__(self) -> None:
        super().__init__()
        self.state = Path(tempfile.mkdtemp())
        self.attempted: dict[int, tuple[str, bytes]] = {}
        self.dead: set[int] = set()
        self.seen: list[int] = []
        self.lost = 0
        self.numbers = 0

    @initialize()
    def start(self) -> None:
        self.clock = FakeClock()
        self.writer = Writer(self.state, max_bytes=8 * 400, mono_ns=self.clock.mono_ns)
        self.writer.open()
        self.writer._upkeep._max_bytes = 10**9  # segments of 400 bytes, and none removed
        self.reader = Reader(self.state, "store", position=0)

    @rule(good=st.booleans(), payload=st.binary(max_size=60), times=st.integers(1, 4))
    def append(self, *, good: bool, payload: bytes, times: int) -> None:
        for _ in range(times):
            seq = self.writer.append(Kind.RESULT, payload, good=good)
            self.numbers += 1
            assert seq == self.numbers
            self.attempted[seq] = ("result", payload)

    @rule(seconds=st.sampled_from([1, 599, 601]))
    def wait(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @rule(limit=st.integers(1, 7))
    def read(self, limit: int) -> None:
        batch = self.reader.read(limit)
        for record in batch.records:
            assert self.attempted[record.seq] == (record.kind.value, record.payload)
            assert record.seq not in self.dead
            self.seen.append(record.seq)
        self.lost += batch.lost

    @rule()
    def reopen_reader(self) -> None:
        self.reader.commit(self.reader.position)
        self.reader.close()
        self.reader = Reader(self.state, "store")

    def _restart(self) -> None:
        self.writer.close()
        self.writer = Writer(self.state, max_bytes=8 * 400, mono_ns=self.clock.mono_ns)
        self.writer.open()
        self.writer._upkeep._max_bytes = 10**9

    @rule()
    def restart(self) -> None:
        self._restart()

    @rule(series=st.sampled_from(SERIES), torn=st.binary(min_size=1, max_size=15))
    def tear(self, series: str, torn: bytes) -> None:
        """A process dies in the midst of a write: one number is used up by it."""
        firsts = segments(self.state, series)
        if not firsts:
            return
        with segment_path(self.state / "journal", series, firsts[-1]).open("ab") as file:  # type: ignore[arg-type] # as above
            file.write(torn)
        self.numbers += 1
        self._restart()

    @precondition(lambda self: self.attempted)
    @rule(series=st.sampled_from(SERIES), data=st.data())
    def flip(self, series: str, data: st.DataObject) -> None:
        """A bit turns over in a record that a sound one follows in its segment."""
        spots = []
        for first in segments(self.state, series):
            path = segment_path(self.state / "journal", series, first)  # type: ignore[arg-type] # as above
            start = 0
            framed = list(sound_run(path.read_bytes()))
            for one in framed[:-1]:
                spots.append((path, one.seq, start, one.end))
                start = one.end
        queued = {f.seq for follower in (self.reader._good, self.reader._rest) for f in follower.queue}
        spots = [spot for spot in spots if spot[1] not in queued and spot[1] > self.reader.position]
        if spots:
            path, seq, start, end = data.draw(st.sampled_from(spots))
            flip(path, data.draw(st.integers(start, end - 1)))
            self.dead.add(seq)

    @invariant()
    def in_order_and_exactly_counted(self) -> None:
        assert self.seen == sorted(set(self.seen))
        if self.seen:
            assert len(self.seen) + self.lost == self.seen[-1]

    def teardown(self) -> None:
        if hasattr(self, "writer"):
            self.writer.append(Kind.BEAT, b"end")
            self.numbers += 1
            self.attempted[self.numbers] = ("beat", b"end")
            self.read(10_000)
            assert self.seen[-1] == self.numbers
            assert set(self.seen) == set(self.attempted) - self.dead
            self.in_order_and_exactly_counted()
            self.writer.close()
            self.reader.close()
        shutil.rmtree(self.state)


JournalMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
test_any_interleaving_of_writing_reading_and_damage_is_read_in_order_and_counted_exactly = (
    JournalMachine.TestCase
)
