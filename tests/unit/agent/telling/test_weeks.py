from datetime import UTC, datetime

import pytest

from agent.errors import ConfigError
from agent.telling import weeks


def ns(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1e9)


def test_a_week_is_monday_to_monday_in_utc() -> None:
    week = weeks.named("2026-W46")
    assert (week.since_ns, week.until_ns) == (ns("2026-11-09"), ns("2026-11-16"))


def test_the_year_of_a_week_is_that_of_its_thursday() -> None:
    assert weeks.containing(ns("2027-01-03")).name == "2026-W53"
    assert weeks.containing(ns("2027-01-04")).name == "2027-W01"
    assert weeks.named("2026-W53").until_ns == weeks.named("2027-W01").since_ns


def test_a_week_is_closed_at_its_last_instant_and_not_before() -> None:
    end_ns = weeks.named("2026-W46").until_ns
    assert weeks.last_closed(end_ns - 1).name == "2026-W45"
    assert weeks.last_closed(end_ns).name == "2026-W46"


@pytest.mark.parametrize("text", ["46", "2026-46", "2026-W5", "2026-W46-1", ""])
def test_what_is_no_week_is_refused_with_the_form(text: str) -> None:
    with pytest.raises(ConfigError, match="such as 2026-W46"):
        weeks.named(text)


@pytest.mark.parametrize("text", ["2026-W00", "2026-W54", "2025-W53"])
def test_a_week_that_does_not_exist_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="there is no such week"):
        weeks.named(text)
