import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.segments import Series
from storage.upkeep import Lying, Open, Upkeep, excess
from support.clock import FakeClock


def lying(series: Series, age_s: float, size: int = 100, *, closed: bool = True) -> Lying:
    return Lying(series=series, path=Path(f"{series}-{age_s}"), size=size, age_s=age_s, closed=closed)


def test_over_size_the_oldest_good_segments_go_first_and_then_the_oldest_rest() -> None:
    files = [lying("rest", 90), lying("good", 80), lying("good", 70), lying("rest", 60)]
    assert excess(files, 400, 1000) == []
    assert excess(files, 300, 1000) == [files[1]]
    assert excess(files, 200, 1000) == [files[1], files[2]]
    assert excess(files, 150, 1000) == [files[1], files[2], files[0]]


def test_over_age_a_segment_goes_whatever_its_series() -> None:
    files = [lying("rest", 90), lying("good", 80), lying("rest", 10)]
    assert excess(files, 10_000, 50) == [files[0], files[1]]


SEGMENTS = st.builds(
    lying,
    st.sampled_from(("good", "rest")),
    st.floats(0, 100),
    st.integers(0, 1000),
    closed=st.booleans(),
)


@given(st.lists(SEGMENTS, max_size=12), st.integers(0, 5000))
def test_it_fits_afterwards_or_only_open_segments_are_left(files: list[Lying], max_bytes: int) -> None:
    going = excess(files, max_bytes, 1000)
    left = sum(file.size for file in files) - sum(file.size for file in going)
    assert left <= max_bytes or not [file for file in files if file.closed and file not in going]
    assert all(file.closed for file in going)


def keeper(folder: Path, clock: FakeClock, max_bytes: int = 10**6, max_age_s: float = 3600) -> Upkeep:
    folder.mkdir(exist_ok=True)
    return Upkeep(
        folder, max_bytes=max_bytes, max_age_s=max_age_s, wall_ns=clock.wall_ns, mono_ns=clock.mono_ns
    )


def begin(folder: Path, clock: FakeClock, series: Series, first: int, size: int = 100) -> Open:
    path = folder / f"{series}-{first}"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT)
    os.write(fd, bytes(size))
    return Open(series=series, path=path, fd=fd, size=size, opened_mono_ns=clock.mono_ns(), dirty=True)


def test_a_clock_that_jumps_ages_no_segment(tmp_path: Path) -> None:
    clock = FakeClock()
    keep = keeper(tmp_path, clock)
    for first in (1, 2):
        keep.adopt(begin(tmp_path, clock, "rest", first))
    clock.step(10 * 365 * 86400)
    keep.round()
    assert (tmp_path / "rest-1").exists()
    clock.advance(3601)
    keep.round()
    assert not (tmp_path / "rest-1").exists()
    assert (tmp_path / "rest-2").exists()


def test_the_footprint_is_the_bytes_and_how_far_back_they_reach(tmp_path: Path) -> None:
    clock = FakeClock()
    keep = keeper(tmp_path, clock)
    keep.round()
    assert (keep.footprint.bytes, keep.footprint.oldest_ns) == (0, None)
    begun_ns = clock.wall_ns()
    keep.adopt(begin(tmp_path, clock, "good", 1, 70))
    clock.advance(30)
    keep.adopt(begin(tmp_path, clock, "rest", 2, 50))
    keep.round()
    assert (keep.footprint.bytes, keep.footprint.oldest_ns) == (120, begun_ns)


def test_what_was_retired_is_closed_and_what_was_written_is_synced_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fdatasync", synced.append)
    clock = FakeClock()
    keep = keeper(tmp_path, clock)
    segment = begin(tmp_path, clock, "rest", 1)
    keep.adopt(segment)
    keep.round()
    keep.round()
    assert synced == [segment.fd]
    keep.retire("rest")
    keep.round()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(segment.fd)


def test_a_disk_that_does_not_sync_is_counted_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fdatasync", broken)
    clock = FakeClock()
    keep = keeper(tmp_path, clock)
    segment = begin(tmp_path, clock, "rest", 1)
    keep.adopt(segment)
    keep.round()
    assert keep.sync_failures == 1
    assert "check the disk" in caplog.text
    os.close(segment.fd)


def test_segments_of_an_earlier_process_keep_their_age(tmp_path: Path) -> None:
    clock = FakeClock()
    for first in (1, 2):
        path = tmp_path / f"good-{first}"
        path.touch()
        written_ns = clock.wall_ns() - 3000 * 10**9
        os.utime(path, ns=(written_ns, written_ns))
    keep = keeper(tmp_path, clock)
    keep.start()
    assert (tmp_path / "good-1").exists()
    clock.advance(601)
    keep.stop()
    assert not (tmp_path / "good-1").exists()
