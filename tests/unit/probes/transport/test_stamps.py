import socket
import sys
import time
from collections.abc import Iterator

import pytest

from probes.transport.sockets import Receiver
from probes.transport.stamps import STEP_NS, Stamps, counts, stamp_ns, wanted

linux = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's receive stamps are Linux's")


class Clocks:
    """A wall clock that can be set, over the true ones."""

    def __init__(self) -> None:
        self.set_ns = 0

    def wall_ns(self) -> int:
        return time.time_ns() + self.set_ns


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Return two ends of a TCP connection on loopback, and keep the kernel stamping."""
    stamps = Stamps()
    stamps.open()
    with socket.create_server(("127.0.0.1", 0)) as server:
        ours = socket.create_connection(server.getsockname())
        theirs, _ = server.accept()
        theirs.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with ours, theirs:
            yield ours, theirs
    stamps.close()


def stamped(receiver: Receiver, theirs: socket.socket) -> None:
    """Return once the kernel has begun to stamp: it does so some time after it was asked."""
    for _ in range(1000):
        theirs.sendall(b"?")
        if receiver.receive().read.kernel:
            return
    pytest.skip("this kernel gives no receive stamps")


@linux
def test_a_late_reader_gets_the_instant_of_arrival(pair: tuple[socket.socket, socket.socket]) -> None:
    """However late: the stamp lies where the bytes were sent, and one segment leaves no doubt."""
    ours, theirs = pair
    receiver = Receiver(ours, Stamps())
    stamped(receiver, theirs)
    exact = False
    for nth in range(50):  # a disturbed kernel may count a segment late: that is doubt, never a wrong instant
        before_ns = time.monotonic_ns()
        theirs.sendall(b"one")
        after_ns = time.monotonic_ns()
        time.sleep(0.02)
        read = receiver.receive().read
        assert read.kernel
        # Half of the sleep: a busy machine hands the segment over by a thread of its own, whenever that runs.
        assert before_ns - STEP_NS <= read.at_ns <= after_ns + 10_000_000
        exact |= read.after_ns == read.at_ns
        if exact and nth >= 4:
            break
    assert exact


@linux
def test_segments_that_were_read_together_came_after_the_read_before(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    """The stamp is the last one's, and the doubt reaches back beyond the first."""
    ours, theirs = pair
    receiver = Receiver(ours, Stamps())
    stamped(receiver, theirs)
    sent_ns = []
    for _ in range(4):
        sent_ns.append(time.monotonic_ns())
        theirs.sendall(b"piece")
        time.sleep(0.002)
    while len(ours.recv(100, socket.MSG_PEEK)) < 4 * len(b"piece"):
        time.sleep(0.002)
    read = receiver.receive().read
    assert read.after_ns is not None
    assert read.after_ns <= sent_ns[0]
    assert read.at_ns >= sent_ns[-1] - STEP_NS
    exact = 0
    for _ in range(5):  # as above: what is counted late is doubted
        theirs.sendall(b"alone")
        alone = receiver.receive().read
        assert alone.at_ns > read.at_ns
        exact += alone.after_ns == alone.at_ns
    assert exact


@linux
def test_after_a_read_that_left_something_nothing_is_sure(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What lies unread came at any time since the last moment at which nothing did."""
    monkeypatch.setattr("probes.transport.sockets._SIZE", 4)
    ours, theirs = pair
    receiver = Receiver(ours, Stamps())
    stamped(receiver, theirs)
    theirs.sendall(b"1234567")
    full, rest = receiver.receive().read, receiver.receive().read
    assert full.trailing
    assert rest.trailing
    assert full.after_ns is not None
    assert rest.after_ns == full.after_ns < full.at_ns


@linux
@pytest.mark.parametrize("seconds", [3600, -3600, 0.001])
def test_a_clock_that_is_set_flags_the_next_read_of_every_connection(
    pair: tuple[socket.socket, socket.socket], seconds: float
) -> None:
    """That read is stamped here; those after it are the kernel's again, converted anew."""
    ours, theirs = pair
    clocks = Clocks()
    stamps = Stamps(clocks.wall_ns)
    receiver = Receiver(ours, stamps)
    stamped(receiver, theirs)
    clocks.set_ns = round(seconds * 1e9)
    before_ns = time.monotonic_ns()
    theirs.sendall(b"one")
    read = receiver.receive().read
    assert (read.kernel, read.stepped) == (False, True)
    assert before_ns < read.at_ns < time.monotonic_ns()
    theirs.sendall(b"two")
    again = receiver.receive().read
    assert (again.kernel, again.stepped, stamps.steps) == (True, False, 1)


def test_a_clock_that_moved_a_little_was_not_set() -> None:
    """A reading that was interrupted may be a little off; it is learned, and no sample suffers."""
    offset_ns = 1_000_000_000
    stamps = Stamps(lambda: 5_000_000 + offset_ns, lambda: 5_000_000)
    offset_ns += STEP_NS
    stamps.look()
    assert (stamps.offset_ns, stamps.steps) == (offset_ns, 0)
    offset_ns += STEP_NS + 1
    stamps.look()
    assert (stamps.offset_ns, stamps.steps) == (offset_ns, 1)


def test_the_narrowest_of_a_few_brackets_is_believed() -> None:
    """The first reading was interrupted for 9 ms between the two clocks."""
    mono_ns = iter([0, 9_000_000, *range(9_000_000, 9_000_016)])
    wall_ns = iter([50, *range(9_000_000, 9_000_016, 2)])
    assert abs(Stamps(lambda: next(wall_ns), lambda: next(mono_ns)).offset_ns) < 10


def test_a_read_without_a_stamp_has_none() -> None:
    """The kernel's first reads, and messages of another kind."""
    assert stamp_ns([]) is None
    assert stamp_ns([(socket.SOL_SOCKET, 1, b"\0" * 16)]) is None


@linux
def test_what_counts_nothing_is_told_apart() -> None:
    """A socket of another family knows no segments, and is stamped in user space."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert counts(ours) is None
        theirs.sendall(b"one")
        read = Receiver(ours, Stamps()).receive().read
        assert not read.kernel
        assert read.after_ns is None


def test_elsewhere_nobody_is_asked_for_stamps(monkeypatch: pytest.MonkeyPatch) -> None:
    """The portable path: a read, and the clock right after it."""
    monkeypatch.setattr(sys, "platform", "darwin")
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert not wanted(ours)
        theirs.sendall(b"one")
        began_ns = time.monotonic_ns()
        arrival = Receiver(ours, Stamps()).receive()
        assert (arrival.data, arrival.read.kernel) == (b"one", False)
        assert began_ns < arrival.read.at_ns < time.monotonic_ns()
