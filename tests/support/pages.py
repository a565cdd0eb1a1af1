"""Boards that were told a story, and pages read as a browser or a screen reader would."""

import dataclasses
from html.parser import HTMLParser
from typing import Any

from exporters.board import Board
from exporters.pages import PagePlan, WatchedObjective, WatchedProbe
from exporters.signals import Judged, SloKey, SloStatus, TargetInfo
from probes.result import EventClass, Fault, Outcome
from support.told import START_NS, result

AVAILABLE = WatchedObjective(name="available", sli="availability", ratio=0.999, window="28d")
QUICK = WatchedObjective(name="quick", sli="ttft", ratio=0.99, window="28d", threshold_s=2.0)


def info(name: str = "openai", **changes: Any) -> TargetInfo:
    known: dict[str, Any] = {
        "target": name,
        "provider": "openai",
        "cloud": "openai",
        "region": "eu",
        "model": "nano",
        "team": None,
        "simulated": False,
    }
    return TargetInfo(**known | changes)


def _slo(target: str, objective: WatchedObjective) -> SloKey:
    return SloKey(objective=objective.name, target=target, probe="chat")


def page_plan(*targets: TargetInfo, probes: tuple[str, ...] = ("chat",)) -> PagePlan:
    shown = targets or (info(),)
    return PagePlan(
        config_hash="abcd",
        vantage="here",
        targets=shown,
        probes=tuple(
            WatchedProbe(target=one.target, probe=probe, every_s=30.0, timeout_s=30.0)
            for one in shown
            for probe in probes
        ),
        objectives=tuple(
            dataclasses.replace(objective, slos=tuple(_slo(one.target, objective).id for one in shown))
            for objective in (AVAILABLE, QUICK)
        ),
    )


def status(target: str = "openai", objective: WatchedObjective = AVAILABLE, **changes: Any) -> SloStatus:
    known: dict[str, Any] = {
        "slo": _slo(target, objective),
        "vantage": "here",
        "objective_ratio": objective.ratio,
        "window_s": 28 * 86400.0,
        "state": "good",
        "period": "28d",
        "sli": {"5m": 1.0, "28d": 0.99954},
        "burn": {},
        "budget_remaining": 0.54,
        "met_probability": 0.97,
        "coverage": 0.998,
        "evaluated_ns": START_NS,
    }
    return SloStatus(**known | changes)


def tell(
    board: Board,
    slot: int = 0,
    outcome: Outcome = Outcome.OK,
    *,
    fault: Fault = Fault.NONE,
    confirmed: bool = False,
    bad: bool = False,
    **fields: Any,
) -> None:
    """Tell of the attempt of a slot, and what it came to."""
    attempt = result(slot, outcome, **fields)
    board.take(attempt)
    classes = {"available": EventClass.BAD} if bad else {}
    board.settle(Judged(result=attempt, fault=fault, confirmed=confirmed, classes=classes))


class Read(HTMLParser):
    """A document's tables as rows of texts, its tags, and all that is not inside a style."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(document)
        self.close()
        assert self._open == [], f"never closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "link", "br", "img"}:
            self._open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in {"td", "th"}:
            self.tables[-1][-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        if "style" in self._open:
            return
        words = " ".join(data.split())
        self.text += f" {words}" if words else ""
        if words and ({"td", "th"} & set(self._open)):
            cell = self.tables[-1][-1]
            cell[-1] = f"{cell[-1]} {words}".strip()

    def assert_plain_and_accessible(self) -> None:
        """Nothing is run or fetched, and every table says which cells head what."""
        names = {tag for tag, _ in self.tags}
        assert not names & {"script", "iframe", "img", "link", "object", "form"}
        for tag, given in self.tags:
            assert not {"onclick", "onload", "onerror", "src"} & given.keys()
            assert tag != "th" or given.get("scope") in {"col", "row"}
        assert ("html", {"lang": "en"}) in self.tags
        assert "title" in names
        for table in self.tables:
            assert len({len(row) for row in table}) == 1, "rows of one length"
