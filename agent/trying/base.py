"""What trials came to, and how that is told."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

from agent.tables import LONG


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """`ok` is false where something failed; then `says` holds the remedy."""

    what: str
    name: str
    ok: bool
    says: str
    facts: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def line(self) -> str:
        return f"{'ok' if self.ok else 'FAILED':<7} {self.what} {self.name}: {self.says}"


def lines(found: Sequence[Trial], *, whole: bool) -> Iterator[str]:
    """Yield one line a trial, failures first; of many that went well, the rest are counted."""
    failed = [one for one in found if not one.ok]
    well = [one for one in found if one.ok]
    yield from (one.line for one in failed)
    shown = well if whole else well[:LONG]
    yield from (one.line for one in shown)
    if len(shown) < len(well):
        yield f"ok      and {len(well) - len(shown):,} more: --all shows them"
    yield f"{len(well)} of {len(found)} went well" + ("" if not failed else f", {len(failed)} failed")
