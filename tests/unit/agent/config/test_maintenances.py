"""What the file announces as maintenance, and what it is refused or warned of for."""

from datetime import UTC, datetime

import pytest

from agent.config.model import Config
from agent.slo.maintenance import Maintenance
from support.configuration import LOCAL, OPENAI, findings, loaded

TARGETS = f"targets: [{LOCAL}, {OPENAI}]\n"
KNOWN = {
    "targets": "local",
    "start": '"2090-11-26T02:00"',
    "timezone": "Europe/Berlin",
    "for": "2h",
    "reason": "upgrades",
}


def written(**changes: str | None) -> str:
    entry = {key: value for key, value in (KNOWN | changes).items() if value is not None}
    return f"{TARGETS}maintenance:\n  - {{{', '.join(f'{key}: {value}' for key, value in entry.items())}}}\n"


def test_an_entry_says_whose_it_is_when_it_comes_and_why() -> None:
    config = loaded(written(rrule='"FREQ=WEEKLY;BYDAY=SU"', targets="{provider: vllm}")).config
    assert config.maintenance == (
        Maintenance(
            targets=("local",),
            start=datetime.fromisoformat("2090-11-26T02:00"),
            timezone="Europe/Berlin",
            for_s=7200.0,
            reason="upgrades",
            rrule="FREQ=WEEKLY;BYDAY=SU",
        ),
    )
    assert Config.decode(config.encode()) == config


def test_what_is_announced_changes_no_rule() -> None:
    """Rules carry the hash of the plan; they need not be made anew for an evening's work."""
    assert loaded(written()).config.hash == loaded(TARGETS).config.hash


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"start": None}, "maintenance[0].start: is missing; say when it first begins"),
        ({"for": None}, "maintenance[0].for: is missing; say how long it lasts, as in for: 2h"),
        ({"timezone": None}, "maintenance[0].timezone: is missing; say in which zone `start` is meant"),
        ({"reason": None}, "maintenance[0].reason: is missing; say why"),
        ({"targets": None}, "maintenance[0].targets: is missing; say whose it is"),
        ({"targets": "lokal"}, "maintenance[0].targets: `lokal` selects no target; did you mean `local`?"),
        ({"start": "tomorrow"}, "maintenance[0].start: `tomorrow` is no day and time; write wall time"),
        ({"start": '"2090-11-26"'}, 'has no time of day; write "2090-11-26T02:00"'),
        ({"start": '"2090-11-26T02:00Z"'}, 'has an offset, which a zone does not keep over the year; write wall time, as in "2090-11-26T02:00"'),
        ({"start": '"1890-11-26T02:00"'}, "is not between 2000 and 2100"),
        ({"timezone": "Europe/Berln"}, "maintenance[0].timezone: `Europe/Berln` is no time zone; did you mean `Europe/Berlin`?"),
        ({"timezone": "../../etc/passwd"}, "is no time zone"),
        ({"for": "2"}, "maintenance[0].for: 2 has no unit"),
        ({"for": "0s"}, "maintenance[0].for: `0s` leaves no time"),
        ({"for": "24h", "rrule": "FREQ=DAILY"}, "maintenance[0].for: 1d is as long as the time from one occurrence to the next"),
        ({"for": "24h", "rrule": "FREQ=DAILY;UNTIL=20990101T000000Z"}, "would be in maintenance for more than 31d without a break"),
        ({"for": "3650d"}, "maintenance[0].for: 3650d is long: its targets would be in maintenance for more than 31d"),
        ({"rrule": "sundays"}, "maintenance[0].rrule: is no recurrence rule"),
        ({"rrule": "FREQ=MINUTELY"}, "maintenance[0].rrule: FREQ=MINUTELY comes more than once a day"),
        ({"rrule": '"DTSTART=20901126T020000Z;FREQ=DAILY"'}, "maintenance[0].rrule: has DTSTART inside; write it as `start` and `timezone`"),
        ({"rrule": '"FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"'}, "maintenance[0].rrule: never comes: BYMONTH=2 has no BYMONTHDAY=30"),
        ({"rrule": '"FREQ=YEARLY;BYDAY=2MO;BYMONTHDAY=20"'}, "maintenance[0].rrule: never comes: it ends"),
        ({"rrule": '"FREQ=DAILY;UNTIL=20890101T000000Z"'}, "maintenance[0].rrule: never comes: it ends before `start`"),
        ({"until": "x"}, "maintenance[0].until: unknown key `until`, which is said by its length here"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_one_sentence(changes: dict[str, str | None], told: str) -> None:
    (found,) = findings(written(**changes))
    assert told in found


def test_a_start_beside_its_own_rule_is_worth_a_second_look() -> None:
    """2090-11-26 is a Sunday."""
    (warning,) = loaded(written(rrule="FREQ=WEEKLY;BYDAY=MO")).warnings
    assert "is not one of the rule's own times, so the first is 2090-11-27 02:00" in warning


def test_what_is_over_is_told_by_the_calendar_and_fails_no_build() -> None:
    found = loaded(written(start='"2025-11-29T02:00"', rrule="FREQ=DAILY;COUNT=3"))
    assert found.warnings == ()
    (reminder,) = found.reminders
    assert "maintenance[0]: was over on 2025-12-01, and comes no more" in reminder


def test_what_is_not_over_is_no_news() -> None:
    tomorrow = f"{datetime.now(UTC).year + 1}-01-02T02:00"
    found = loaded(written(start=f'"{tomorrow}"'))
    assert (found.warnings, found.reminders) == ((), ())
