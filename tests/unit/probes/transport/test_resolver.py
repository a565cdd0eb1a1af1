import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from probes.timing import Marks
from probes.transport import errors, resolver
from probes.transport.resolver import Resolver, literal_address

FOUND = [
    (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("2001:db8::1", 0, 0, 0)),
    (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 0)),
    (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 0)),
]


class Names:
    """A getaddrinfo that counts, and that hangs on names beginning with `dead` until it is let go."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.go = threading.Event()
        self.hanging = threading.Semaphore(0)

    def __call__(self, host: str, _port: int, **_: Any) -> list[Any]:
        self.asked.append(host)
        if host.startswith("dead"):
            self.hanging.release()
            self.go.wait()
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        if host.startswith("no"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return FOUND


@contextlib.contextmanager
def resolving(threads: int = 64) -> Iterator[tuple[Resolver, Names]]:
    names = Names()
    made = Resolver(names, threads)
    try:
        yield made, names
    finally:
        names.go.set()
        made.close()


async def all_hanging(names: Names, count: int) -> None:
    for _ in range(count):
        await asyncio.to_thread(names.hanging.acquire)


def test_a_name_leads_to_its_addresses_in_order_and_once_each() -> None:
    """The resolver's order is kept, the port is ours."""

    async def scenario() -> None:
        with resolving() as (made, _):
            marks = Marks()
            found = await made.resolve("host.example", 443, marks, 5)
            assert [str(address) for address in found] == ["[2001:db8::1]:443", "192.0.2.1:443"]
            assert list(marks.at) == ["dns_wait_start", "dns_start", "dns_end"]
            assert list(marks.at.values()) == sorted(marks.at.values())

    asyncio.run(scenario())


def test_an_address_is_not_looked_up() -> None:
    """IP literals need no thread and leave no marks."""

    async def scenario() -> None:
        with resolving() as (made, names):
            marks = Marks()
            found = await made.resolve("::1", 80, marks, 5) + await made.resolve("127.0.0.1", 80, marks, 5)
            assert [str(address) for address in found] == ["[::1]:80", "127.0.0.1:80"]
            assert not names.asked
            assert not marks.at

    asyncio.run(scenario())
    assert literal_address("localhost", 80) is None


def test_identical_lookups_are_joined() -> None:
    """Fifty probes of one host ask once."""

    async def scenario() -> None:
        with resolving() as (made, names):
            await asyncio.gather(*(made.resolve("host.example", port, Marks(), 5) for port in range(50)))
            assert names.asked == ["host.example"]

    asyncio.run(scenario())


def test_dead_names_disturb_no_other() -> None:
    """A dozen names hang, each in a thread of its own; a living one is answered meanwhile."""

    async def scenario() -> None:
        with resolving() as (made, names):
            dead = [asyncio.ensure_future(made.resolve(f"dead{n}", 80, Marks(), 60)) for n in range(12)]
            await all_hanging(names, 12)
            assert await made.resolve("host.example", 80, Marks(), 5)
            assert not any(lookup.done() for lookup in dead)
            names.go.set()
            for lookup in dead:
                with pytest.raises(errors.ResolveFailed, match="name servers of this machine"):
                    await lookup

    asyncio.run(scenario())


def test_a_stuck_lookup_is_left_to_itself_and_a_host_holds_two_threads_at_most(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever comes after a stuck lookup starts a second; the third joins that."""
    monkeypatch.setattr(resolver, "_STUCK_NS", -1)

    async def scenario() -> None:
        with resolving() as (made, names):
            waiting = []
            for _ in range(2):
                waiting.append(asyncio.ensure_future(made.resolve("dead", 80, Marks(), 60)))
                await all_hanging(names, 1)
            waiting += [asyncio.ensure_future(made.resolve("dead", 80, Marks(), 60)) for _ in range(3)]
            await asyncio.sleep(0)
            assert names.asked == ["dead", "dead"]
            names.go.set()
            found = await asyncio.gather(*waiting, return_exceptions=True)
            assert [type(error) for error in found] == [errors.ResolveFailed] * 5

    asyncio.run(scenario())


def test_waiting_for_a_thread_is_not_counted_as_the_lookup() -> None:
    """With every thread taken the wait stands apart, and `dns` has not begun."""

    async def scenario() -> None:
        with resolving(threads=1) as (made, names):
            first = asyncio.ensure_future(made.resolve("dead", 80, Marks(), 60))
            await all_hanging(names, 1)
            marks = Marks()
            second = asyncio.ensure_future(made.resolve("host.example", 80, marks, 60))
            await asyncio.sleep(0)
            assert list(marks.at) == ["dns_wait_start"]
            names.go.set()
            assert await second
            assert list(marks.at) == ["dns_wait_start", "dns_start", "dns_end"]
            with pytest.raises(errors.ResolveFailed):
                await first

    asyncio.run(scenario())


def test_a_lookup_over_its_limit_fails_and_keeps_its_start() -> None:
    """The marks survive: it began, and it never ended."""

    async def scenario() -> None:
        with resolving() as (made, _):
            marks = Marks()
            with pytest.raises(errors.ResolveFailed, match=r"more than 0\.01 s"):
                await made.resolve("dead", 80, marks, 0.01)
            assert list(marks.at) == ["dns_wait_start", "dns_start"]

    asyncio.run(scenario())


def test_a_cancelled_asker_leaves_the_joined_lookup_to_the_others() -> None:
    """Cancelling one probe must not take the answer from another."""

    async def scenario() -> None:
        with resolving() as (made, names):
            first = asyncio.ensure_future(made.resolve("dead", 80, Marks(), 60))
            await all_hanging(names, 1)
            second = asyncio.ensure_future(made.resolve("dead", 80, Marks(), 60))
            await asyncio.sleep(0)
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first
            names.go.set()
            with pytest.raises(errors.ResolveFailed):
                await second
            assert names.asked == ["dead"]

    asyncio.run(scenario())


def test_a_name_that_does_not_exist_says_what_to_check() -> None:
    """The sentence names this machine's own way out first: without a network, the catalogue's hosts fail as well."""

    async def scenario() -> None:
        with resolving() as (made, _), pytest.raises(errors.ResolveFailed) as caught:
            await made.resolve("nowhere.example", 80, Marks(), 5)
        assert str(caught.value) == (
            "looking up nowhere.example failed (Name or service not known): check that this machine is online, that its "
            "resolver knows other names, and whether a proxy is needed; then the host in `endpoint`, or the "
            "`region` that it came from"
        )

    asyncio.run(scenario())


def test_a_name_that_no_resolver_takes_is_a_failed_lookup() -> None:
    """A label of more than 63 characters fails in Python before any resolver is asked."""

    async def scenario() -> None:
        made = Resolver()
        with pytest.raises(errors.ResolveFailed, match="looking up"):
            await made.resolve("a" * 64 + ".example", 80, Marks(), 5)
        made.close()

    asyncio.run(scenario())


def test_an_answer_after_the_loops_end_troubles_nobody() -> None:
    """A thread that comes back to a closed loop ends quietly."""
    names = Names()
    made = Resolver(names)

    async def scenario() -> None:
        with pytest.raises(errors.ResolveFailed):
            await made.resolve("dead", 80, Marks(), 0.01)

    asyncio.run(scenario())
    made.close()
    workers = [thread for thread in threading.enumerate() if thread.name == "resolver"]
    names.go.set()
    for worker in workers:
        worker.join(10)
    assert not any(worker.is_alive() for worker in workers)
