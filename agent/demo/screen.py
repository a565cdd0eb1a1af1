"""What the demo's user sees first."""

import shlex
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from agent import offers
from agent.config.model import Config
from agent.demo.own_error import page
from agent.demo.scenario import BEGINS_AFTER_S, CALM, SCENARIOS
from probes import catalog

_BREAKS = "azure-eastus2/hang"


def first_screen(
    config: Config, file: Path, scenario: str, control_port: int, environ: Mapping[str, str]
) -> Iterable[str]:
    """Yield a handful of lines: what is simulated, what was found and not used, where to look, what to try."""
    control = f"http://127.0.0.1:{control_port}/control"
    yield f"nephoscope demo: {len(config.targets)} SIMULATED clouds on loopback; every row says `simulated`:"
    yield f"  {', '.join(target.name for target in config.targets)}"
    if scenario != CALM.name:
        yield f"Scenario  {scenario}, from {BEGINS_AFTER_S:.0f} s after the first request: {SCENARIOS[scenario].tells}"
    if found := found_in(environ):
        yield f"Not used  {', '.join(found)}, found in the environment; real clouds take a nephoscope.yaml"
    yield f"Page      {page(config.export)} and {page(config.export)}metrics"
    yield f"Ask       {_command()} once -c {shlex.quote(str(file))}"
    yield f"Break     curl -X POST {control}/{_BREAKS}   (the rest: curl {control})"
    yield "End       Ctrl-C ends it all, the database included"


def found_in(environ: Mapping[str, str]) -> list[str]:
    """Return the usual variables of the providers that are set here; their values are never read."""
    usual = {variable for name in catalog.PROVIDERS for variable in offers.variables(name)}
    return sorted(usual & environ.keys())


def _command() -> str:
    """Return how the user called us, which need not be on the path."""
    return sys.argv[0] if Path(sys.argv[0]).name == "nephoscope" else "nephoscope"
