"""A clock that moves when it is told to."""


class FakeClock:
    """Both clocks start at fixed instants; `advance` moves both, `step` only the wall's."""

    def __init__(self, wall_ns: int = 1_800_000_000_000_000_000, mono_ns: int = 1_000_000_000) -> None:
        self._wall_ns = wall_ns
        self._mono_ns = mono_ns

    def wall_ns(self) -> int:
        return self._wall_ns

    def mono_ns(self) -> int:
        return self._mono_ns

    def advance(self, seconds: float) -> None:
        self._wall_ns += round(seconds * 1e9)
        self._mono_ns += round(seconds * 1e9)

    def step(self, seconds: float) -> None:
        self._wall_ns += round(seconds * 1e9)
