"""How long probes in flight may still take, over changes of the plan."""

from collections.abc import Callable

from agent.config.model import Config


class Patience:
    """The longest timeout of the plan, and of the plans before it while their last probes may be in flight."""

    def __init__(self, config: Config, mono_ns: Callable[[], int]) -> None:
        self._mono_ns = mono_ns
        self._longest_s = _longest_s(config)
        self._before_until_ns = 0

    def switch(self, config: Config) -> None:
        """Take another plan's timeouts from now on."""
        self._before_until_ns = max(self._before_until_ns, self._mono_ns() + round(self._longest_s * 1e9))
        self._longest_s = _longest_s(config)

    @property
    def seconds(self) -> float:
        return max(self._longest_s, (self._before_until_ns - self._mono_ns()) / 1e9)


def _longest_s(config: Config) -> float:
    return max((probe.workload.timeout_s for probe in config.probes), default=0.0)
