"""Drives a running demo: its control endpoint, `once` on the configuration that it wrote, and one page at a time."""

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families as parse_text

from support.daemon import Daemon, daemon, lines, nephoscope

Row = dict[str, Any]


class Page:
    """What /metrics showed at one moment."""

    def __init__(self, text: str) -> None:
        self._samples = [sample for family in parse_text(text) for sample in family.samples]

    def metric(self, name: str, **labels: str) -> float:
        """Return the sum of the samples that carry these labels; 0 where there is none."""
        name = f"nephoscope_{name}"
        return sum(
            sample.value
            for sample in self._samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def outcomes(self, target: str, outcome: str) -> float:
        """Return how many settled slots of the chat there were."""
        return self.metric("probe_results_total", target=target, probe="chat", outcome=outcome)

    def state(self, target: str) -> str:
        """Return the state of the chat; empty before there is one."""
        states = ("good", "degraded", "down", "unknown")
        shown = (
            state
            for state in states
            if self.metric("target_state", target=target, probe="chat", state=state) == 1
        )
        return next(shown, "")

    def good(self, targets: Iterable[str]) -> bool:
        return all(self.state(target) == "good" for target in targets)


class Demo:
    """A demo that is ready, driven by what its first screen says."""

    def __init__(self, running: Daemon) -> None:
        self.running = running
        found = re.search(r"curl -X POST (http://127\.0\.0\.1:\d+/control)/", running.said(20_000))
        assert found, running.said()
        self._control = found[1]

    def switch(self, path: str) -> None:
        answer = httpx.post(f"{self._control}/{path}", timeout=5)
        assert answer.status_code == 200, answer.text

    def calm(self) -> None:
        assert httpx.delete(self._control, timeout=5).status_code == 200

    def once(self, *targets: str) -> dict[str, Row]:
        """Return the rows that `once` prints of the chat, by target."""
        file = str(self.running.state / "nephoscope.yaml")
        done = nephoscope("once", "-c", file, "--target", ",".join(targets), "--probe", "chat", "--json")
        assert done.returncode in {0, 1}, done.stderr
        return {row["target"]: row for row in lines(done.stdout)}

    def once_until(self, target: str, shows: Callable[[Row], bool]) -> Row:
        """Ask again until a row is as it is wanted: chance decides over single requests."""
        rows: list[Row] = []

        def asked() -> bool:
            rows.append(self.once(target)[target])
            return shows(rows[-1])

        self.running.until(asked, f"a row of {target} as it should be")
        return rows[-1]

    def page(self) -> Page:
        """Return what /metrics shows; it answers 503 until the journal is replayed, which a ready daemon may be at yet."""
        shown: list[httpx.Response] = []

        def answered() -> bool:
            shown.append(self.running.get("/metrics"))
            return shown[-1].status_code == 200

        self.running.until(answered, "a page of metrics")
        return Page(shown[-1].text)

    def told(self, target: str) -> str:
        """Return what the status page says of a target, as plain text: its state first."""
        rows = self.running.get("/").text.splitlines()
        return next(row for row in rows if row.split()[1:2] == [target])

    def until(self, shows: Callable[[Page], bool], what: str, seconds: float = 60) -> None:
        self.running.until(lambda: shows(self.page()), what, seconds)


@contextlib.contextmanager
def demo(*words: str) -> Iterator[Demo]:
    with daemon("", command=("demo", *words)) as running:
        running.until_ready()
        yield Demo(running)
