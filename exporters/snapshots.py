"""The fold of the metrics as bytes, and back."""

import dataclasses
import json
from typing import Any, NamedTuple

from exporters.planned import revived
from exporters.series import Series
from exporters.signals import SeriesPlan

SNAPSHOT_VERSION = 1


class SnapshotError(ValueError):
    """A snapshot cannot be used; the fold is untouched and starts afresh."""


class Fold(NamedTuple):
    """Everything that was folded; `asker` is the boot that reported last, and what it had dropped by reason."""

    series: Series
    plan: SeriesPlan | None
    asker: tuple[str, dict[str, int]]


def written(fold: Fold) -> bytes:
    state = {
        "version": SNAPSHOT_VERSION,
        "plan": fold.plan,
        "asker": fold.asker,
        "series": fold.series.plain(),
    }
    return json.dumps(state, separators=(",", ":"), default=_plain).encode()


def _plain(one: Any) -> dict[str, Any]:
    """Return what a plan and its parts hold; `asdict` would copy it all before it is written."""
    return {field.name: getattr(one, field.name) for field in dataclasses.fields(one)}


def read(snapshot: bytes) -> Fold:
    """Return what a snapshot holds; raises SnapshotError where it cannot be read."""
    try:
        state = json.loads(snapshot)
        if state["version"] != SNAPSHOT_VERSION:
            raise SnapshotError(
                f"The snapshot of the metrics has version {state['version']}, this release reads version "
                f"{SNAPSHOT_VERSION}: counters start afresh from what the journal still holds."
            )
        plan = revived(state["plan"]) if state["plan"] else None
        boot, dropped = state["asker"]
        return Fold(Series.revived(state["series"]), plan, (boot, dropped))
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, SnapshotError):
            raise
        raise SnapshotError(
            f"The snapshot of the metrics cannot be read ({type(error).__name__}): "
            "counters start afresh from what the journal still holds."
        ) from error
