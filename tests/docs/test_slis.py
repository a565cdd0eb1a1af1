"""What docs/slis.md says of SLIs is what the code does: its example is taken, and its table is asked cell by cell."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, get_args

import pytest

from probes import catalog
from probes.events import LATENCIES, Sli, event_class
from probes.result import Fault, Outcome
from support.configuration import loaded
from support.results import a_result

PAGE = (Path(__file__).parents[2] / "docs" / "slis.md").read_text()
SLIS: Final[tuple[Sli, ...]] = get_args(Sli)

IN_TIME: Final[dict[str, Any]] = {
    **{f"{name}_s": 0.1 for name in LATENCIES},
    "tokens_per_s": 50.0,
    "checked": True,
    "backend": {"region": "Sweden Central"},
}
LATE: Final[dict[str, Any]] = {
    **{f"{name}_s": 9.0 for name in LATENCIES},
    "tokens_per_s": 5.0,
    "outcome": Outcome.MISMATCH,
    "backend": {"region": "East US"},
}
NOTHING: Final[dict[str, Any]] = {
    **{f"{name}_s": None for name in LATENCIES},
    "tokens_per_s": None,
    "backend": {},
}
SLOTS: Final[dict[str, list[dict[str, Any]]]] = {
    "answered: in time": [IN_TIME],
    "answered: late": [LATE],
    "answered in time, its sample": [IN_TIME | {"quality_reasons": ("loop_lag",)}],
    "answered, and nothing tells": [NOTHING, NOTHING | {"checked": False}],
    "a deadline passed": [NOTHING | {"outcome": Outcome.FIRST_TOKEN_TIMEOUT}],
    "a stall": [IN_TIME | {"outcome": Outcome.STALLED}],
    "cut on the way": [IN_TIME | {"outcome": Outcome.TRUNCATED}],
    "another failure": [NOTHING | {"outcome": one} for one in (Outcome.DNS, Outcome.SERVER_ERROR)],
    "throttled, filtered": [
        IN_TIME | {"outcome": one} for one in (Outcome.THROTTLED, Outcome.CONTENT_FILTER)
    ],
    "a refusal of our key": [
        NOTHING | {"outcome": one} for one in (Outcome.CONFIG, Outcome.QUOTA, Outcome.AGENT_FAULT)
    ],
}
"""How a row of the table begins, and the slots that it is about."""


def table(heading: str) -> list[list[str]]:
    """Return the cells of the table whose first line begins so, its two head lines apart."""
    (found,) = re.findall(rf"^\| {heading}.*\n\|[-|]+\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in found.splitlines()]


def cells() -> Iterator[tuple[str, Sli, str]]:
    (head,) = re.findall(r"^\| a slot \|(.*)\|$", PAGE, re.MULTILINE)
    columns = [re.findall(r"`(\w+)`", cell) for cell in head.split("|")]
    for slot, *told in table("a slot"):
        for names, kind in zip(columns, told, strict=True):
            yield from ((slot, name, kind) for name in names)


def test_every_sli_has_its_row_and_its_column() -> None:
    assert [row[0].strip("`") for row in table("`sli`")] == list(SLIS)
    assert [sli for slot, sli, _ in cells() if slot.startswith("throttled")] == list(SLIS)


@pytest.mark.parametrize(("slot", "sli", "kind"), list(cells()))
def test_a_slot_counts_as_its_cell_says(slot: str, sli: Sli, kind: str) -> None:
    (meant,) = (seen for begins, seen in SLOTS.items() if slot.startswith(begins))
    for changes in meant:
        found = event_class(
            a_result(**changes),
            Fault.NOT_OURS,
            sli=sli,
            threshold_s=0.5,
            at_least_per_s=30.0,
            served_in=("swedencentral",),
        )
        assert found == kind, changes


def test_the_example_is_taken_without_a_doubt_and_has_an_objective_of_each_probe() -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    found = loaded(text, no_secrets=True)
    assert [one for one in found.warnings if "alert" not in one] == []
    assert {probe for one in found.config.objectives for _, probe in one.pairs} == {"chat", "tools", "swift"}


def test_the_providers_that_tell_a_region_are_named() -> None:
    telling = {name for name, row in catalog.PROVIDERS.items() if row.tells_region}
    assert telling == {"azure", "groq", "anthropic", "litellm", "openai-compatible"}
    assert all(f"`{name}`" in PAGE for name in ("azure", "groq", "anthropic"))
