"""Which simulated cloud has which fault now, and what may be switched."""

import difflib
from collections.abc import Iterable

from agent.demo.scenario import CALM, FAULTS, SCENARIOS, Fault, Scenario
from agent.demo.vendors import CLOUDS


class UnknownNameError(ValueError):
    """A name that stands for nothing here; the message is a sentence with those that do."""


class Switchboard:
    """Begins calm; `coming` is the scenario that a clock still has to begin, None once anything was switched."""

    def __init__(self, coming: str = CALM.name) -> None:
        self.scenario = SCENARIOS[CALM.name]
        self.coming: Scenario | None = SCENARIOS[coming] if coming != CALM.name else None
        self._switched: dict[str, Fault] = {}

    @property
    def network(self) -> bool:
        """Return whether there is a way to the clouds."""
        return self.scenario.network

    def fault(self, cloud: str) -> Fault:
        """Return what ails a cloud: what was switched by hand, else what the scenario brings.

        >>> board = Switchboard()
        >>> board.play("outage"); board.switch("vllm", "hang"); board.switch("openai", "calm")
        >>> board.fault("openai").name, board.fault("vllm").name, board.fault("ray").name
        ('calm', 'hang', 'calm')
        """
        return self._switched.get(cloud) or FAULTS[self.scenario.faults.get(cloud, CALM.name)]

    def begin(self) -> None:
        """Begin the scenario that was announced, unless something was switched before its time."""
        if self.coming is not None:
            self.play(self.coming.name)

    def play(self, scenario: str) -> None:
        """Make a scenario hold everywhere; what was switched by hand is forgotten."""
        self.scenario = SCENARIOS[_known(scenario, SCENARIOS, "scenario")]
        self._switched.clear()
        self.coming = None

    def switch(self, cloud: str, fault: str) -> None:
        """Give one cloud a fault, or `calm`; the others and the network stay as they are."""
        _known(cloud, CLOUDS, "cloud")
        if fault in SCENARIOS and fault not in FAULTS:
            raise UnknownNameError(
                f"`{fault}` ails no single cloud; POST /control/scenario/{fault} to switch it"
            )
        self._switched[cloud] = FAULTS[_known(fault, FAULTS, "fault")]
        self.coming = None


def _known(name: str, known: Iterable[str], what: str) -> str:
    names = list(known)
    if name in names:
        return name
    close = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean `{close[0]}`? " if close else ""
    raise UnknownNameError(f"there is no {what} `{name}`; {hint}there are {', '.join(names)}")
