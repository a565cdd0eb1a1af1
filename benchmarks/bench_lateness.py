"""What the teller's troubles cost the asker: lateness of probes in one run, quiet and in each trouble.

A daemon asks 200 targets every 5 s on loopback. Phases of 30 s: nothing else; /metrics scraped without a pause;
a scraper that reads a byte at a time; a database that is stopped. Lateness is what the rows say.
"""

import contextlib
import os
import signal
import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator

import httpx

from support.daemon import FEED, Daemon, daemon, query
from support.endpoint import endpoint

TARGETS = 200
PHASE_S = 30.0


@contextlib.contextmanager
def nothing(_: Daemon) -> Iterator[None]:
    yield


@contextlib.contextmanager
def scraped(running: Daemon) -> Iterator[None]:
    def scrape() -> None:
        httpx.get(f"http://127.0.0.1:{running.port}/metrics", timeout=30)

    with _repeated(scrape):
        yield


@contextlib.contextmanager
def slowly_scraped(running: Daemon) -> Iterator[None]:
    with socket.create_connection(("127.0.0.1", running.port)) as slow:
        slow.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")

        def sip() -> None:
            slow.recv(1)
            time.sleep(0.05)

        with _repeated(sip):
            yield


@contextlib.contextmanager
def stopped_database(running: Daemon) -> Iterator[None]:
    group = running.backends()
    for pid in group:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in group:
            os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def _repeated(work: Callable[[], None]) -> Iterator[None]:
    over = threading.Event()

    def repeat() -> None:
        while not over.is_set():
            with contextlib.suppress(OSError, httpx.HTTPError):
                work()

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def main() -> None:
    phases = (nothing, scraped, nothing, slowly_scraped, nothing, stopped_database)
    with endpoint() as served:
        targets = "\n".join(
            f'  - {{name: "t{number}", provider: openai-compatible, endpoint: "{served.base("ok")}", model: tiny-1}}'
            for number in range(TARGETS)
        )
        probes = "probes: [{name: chat, every: 5s, first_token: 2s, stall: 1s, timeout: 3s}]"
        with daemon(f"{FEED}{probes}\ntargets:\n{targets}\n") as running:
            running.until_ready()
            time.sleep(10)
            spans = []
            for phase in phases:
                begun = time.time_ns()
                with phase(running):
                    time.sleep(PHASE_S)
                spans.append((phase.__name__, begun, time.time_ns()))
                time.sleep(5)
            running.stop()
            rows = query(
                running,
                "select started_ns, extract(epoch from scheduled_at) * 1000 from results where attempt = 0",
            )
    print(f"{'phase':<20}{'probes':>8}{'p50 ms':>10}{'p99 ms':>10}{'max ms':>10}")
    for name, begun, ended in spans:
        late = sorted(started / 1e6 - float(due) for started, due in rows if begun <= started < ended)
        cuts = statistics.quantiles(late, n=100)
        print(f"{name:<20}{len(late):>8}{cuts[49]:>10.2f}{cuts[98]:>10.2f}{late[-1]:>10.2f}")


if __name__ == "__main__":
    main()
