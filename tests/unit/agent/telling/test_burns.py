"""A service's burn beside its outage: one alert while that is open, none for what it left in the windows."""

from collections.abc import Mapping

import pytest

from agent.slo.burning import Window, Windows
from probes.result import Outcome
from storage.readings import SliCounts
from support.alerting import Rows, Told, estate

DUE = {"5m": 10, "30m": 60, "1h": 120, "2h": 240, "6h": 720, "1d": 2880, "3d": 8640}


def series(*windows: str) -> Mapping[tuple[str, str], Windows]:
    """Return both members with nine failures in each of these windows, forty in the longer ones, and in others none."""
    found = {
        name: Window(counts=SliCounts(good=due - bad, bad=bad), expected=due)
        for name, due in DUE.items()
        for bad in [(9 if due <= 120 else 40) if name in windows else 0]
    }
    return {("aws", "chat"): found, ("azure", "chat"): found}


ALL = series(*DUE)


class Service:
    """A service of two clouds that fail together from the first slot on."""

    def __init__(self, rows: Rows | None = None) -> None:
        self.told = Told(estate("aws", "azure"), rows)

    def slot(self, slot: int, *, down: bool) -> None:
        for target in ("aws", "azure"):
            self.told.settle(slot, target, Outcome.SERVER_ERROR if down else Outcome.OK)

    def look(self, seconds: float, counted: Mapping[tuple[str, str], Windows] | None = None) -> set[str]:
        """Look after an evaluation, and return what pages."""
        self.told.look(seconds)
        if counted is not None:
            self.told.alerting.counted(self.told.config, counted, self.told.now_ns)
        return {name for name, severity, _ in self.told.look(seconds) if severity == "page"}


def out(minutes: int = 5) -> Service:
    """Return a service whose outage of some minutes has just been over for one slot."""
    service = Service()
    for slot in range(minutes * 2):
        service.slot(slot, down=True)
        assert service.look(slot * 30 + 11) == {"ServiceDown"}
    service.slot(minutes * 2, down=False)
    return service


def test_while_a_service_is_down_its_burn_adds_to_that_alert() -> None:
    service = Service()
    service.slot(0, down=True)
    assert service.look(11, ALL) == {"ServiceDown"}
    (page,) = [notice for notice in service.told.notices if notice.severity == "page"]
    assert page.facts["covers"] == "service-burn/nano"
    assert "it goes 75 times as fast: 18 of 240 were bad in 1h" in page.detail


@pytest.mark.parametrize(
    ("minutes", "windows", "alerts"),
    [
        (9, ("5m", "1h"), 0),
        (11, ("5m", "1h"), 1),
        (30, ("30m", "6h"), 0),
        (32, ("30m", "6h"), 1),
        (119, ("2h", "1d"), 0),
        (122, ("2h", "1d"), 1),
    ],
)
def test_what_an_outage_left_in_the_windows_is_not_told_again(
    minutes: int, windows: tuple[str, ...], alerts: int
) -> None:
    service = out()
    ends_s = 5 * 60 + 1
    assert service.look(ends_s) == {"ServiceDown"}
    service.look(ends_s + minutes * 60, series(*windows))
    burning = [notice.name for notice in service.told.notices if notice.name == "ServiceBudgetBurn"]
    assert len(burning) == alerts


def test_a_restart_remembers_the_outage() -> None:
    before = out()
    before.look(301)
    before.look(301 + 601)
    assert before.told.notices == []
    again = Service(before.told.rows)
    for slot in (10, 30):
        again.slot(slot, down=False)
    assert again.look(301 + 20 * 60, series("30m", "6h")) == set()
    assert again.look(301 + 33 * 60, series("30m", "6h")) == {"ServiceBudgetBurn"}


def test_a_burn_that_pages_already_goes_on_through_an_outage() -> None:
    service = Service()
    service.slot(0, down=False)
    assert service.look(1, ALL) == {"ServiceBudgetBurn"}
    service.slot(1, down=True)
    assert service.look(41, ALL) == {"ServiceBudgetBurn", "ServiceDown"}
    service.slot(2, down=False)
    assert service.look(61, ALL) == {"ServiceBudgetBurn", "ServiceDown"}
    assert service.look(661 + 60, ALL) == {"ServiceBudgetBurn"}
    assert [row.fired_ns for row in service.told.rows.alive("here")] == [service.told.notices[0].fired_ns]
