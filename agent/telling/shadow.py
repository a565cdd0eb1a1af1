"""How a drilled target stands: a fold of the drill's own steps, beside what is measured and never mixed with it."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from agent.telling.settling import Final, Settling
from probes.result import DRILL, SCHEDULED
from storage.records import Drill, Drilled


class Shadow:
    """The newest drill that was heard of, and what is known of its slots; another drill begins afresh.

    `settled` is told of each slot whose meaning is final, as if it were a slot that counts.
    """

    def __init__(self, settled: Callable[[Final], None], forget: Callable[[], None]) -> None:
        self._settled = settled
        self._forget = forget
        self._settling = Settling()
        self.drill: Drill | None = None

    def take(self, step: Drilled) -> None:
        if self.drill is None or self.drill.id != step.drill.id:
            self._settling = Settling()
            self._forget()
        self.drill = step.drill
        message = step.settled or step.result
        if step.result is not None:
            if step.result.attempt != DRILL:  # a confirmation, of which the settlement tells
                return
            message = dataclasses.replace(step.result, attempt=SCHEDULED)
        if message is not None:
            for final in self._settling.fold(0, message):
                self._settled(final)

    def runs(self, now_ns: int) -> Drill | None:
        """Return the drill that goes on at an instant."""
        return self.drill if self.drill is not None and now_ns < self.drill.until_ns else None

    def snapshot(self) -> dict[str, Any]:
        drill = None if self.drill is None else dataclasses.asdict(self.drill)
        return {"drill": drill, "settling": self._settling.snapshot()}

    def restore(self, kept: Mapping[str, Any]) -> None:
        settling = Settling()
        settling.restore(kept["settling"])
        self.drill = None if kept["drill"] is None else Drill(**kept["drill"])
        self._settling = settling
