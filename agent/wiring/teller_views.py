"""What the teller's web server shows."""

from collections.abc import Callable

from agent.slo import impact
from agent.telling import others
from agent.telling.finder import ways_of
from agent.web.app import Views
from agent.wiring.held import Held
from agent.wiring.teller_parts import Parts
from exporters import status


class Shown:
    """The page and the metrics as they are when somebody asks; no metrics before the journal was caught up with."""

    def __init__(self, parts: Parts, held: Held, caught_up: Callable[[], bool]) -> None:
        self._parts = parts
        self._held = held
        self._caught_up = caught_up

    def views(self) -> Views:
        return Views(
            page=self._page,
            metrics=lambda accept: self._rendered(accept) if self._caught_up() else None,
            unready=self._unready,
        )

    def _rendered(self, accept: str) -> tuple[str, bytes]:
        standings, now_ns = self._parts.standings, self._parts.clock.wall_ns()
        config = self._held.current
        self._parts.metrics.services(impact.healthy(config.services, standings.standings(), now_ns))
        ways, born_ns = ways_of(config), standings.born_ns()
        self._parts.metrics.warm(
            {target.name: ways.is_warm(born_ns.get(target.name), now_ns) for target in config.targets}
        )
        return self._parts.metrics.render(accept)

    def _page(self, accept: str) -> tuple[str, bytes]:
        troubles = self._unready()
        if not self._caught_up():
            troubles.append("the journal is being replayed: what is shown may be of a while ago")
        if self._parts.others.doubled:
            troubles.append(others.REMEDY)
        return status.render(self._parts.board.page(self._parts.clock.wall_ns(), troubles), accept)

    def _unready(self) -> list[str]:
        return self._parts.alive.unready(self._parts.clock.wall_ns(), self._held.config.journal.max_bytes)
