"""What an SLI asks of the probes that feed it: which they are by default, and which could never feed it."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from agent.config.kinds import vain
from agent.config.schema_asked import ProbeSection
from agent.config.schema_judged import ObjectiveSection
from agent.config.workloads import Planned
from probes import judging, tasks
from probes.events import LATENCIES, Sli
from probes.target import STREAMED, Kind, Workload

FIGURE: Final[Mapping[Sli, str]] = {**dict.fromkeys(LATENCIES, "under"), "throughput": "at_least"}
"""The key that says what is still good; other SLIs need none."""

DEADLINE: Final[Mapping[Sli, str]] = {
    "ttft": "first_token",
    "ttfo": "timeout",
    "itl": "stall",
    "total": "timeout",
}
"""The key of a probe's deadline that an SLI's threshold has to be below, or nothing in time would be bad."""

_USUAL: Final[Mapping[Sli, tuple[Kind, ...]]] = {
    "throughput": ("throughput",),
    "itl": ("chat", "throughput"),
}
"""The kinds that are watched by default where it is not `chat`."""

_NONE: Final[Mapping[Sli, str]] = {
    "throughput": "there is no throughput probe to watch by default; add one of kind: throughput",
    "itl": "there is no chat or throughput probe to watch by default; add one of kind: throughput",
    "correctness": "there is no chat probe with `expect` to watch by default; write expect: {contains: pong} in one, "
    "or name probes of kind tools or json",
}

_STREAMED: Final[Mapping[Sli, str]] = {
    "ttft": "first token",
    "ttfo": "first output",
    "itl": "time between tokens",
}
"""What an answer in one piece does not have."""


def usual(sli: Sli, planned: Sequence[Planned]) -> list[Planned]:
    """Return the probes that an objective watches unless it names some."""
    found = [one for one in planned if one[1].kind in _USUAL.get(sli, ("chat",))]
    if sli == "correctness":
        return [one for one in found if judging.expects(one[2].workload)]
    if sli == "itl":
        return [one for one in found if not terse(one[2].workload)] or found
    return found


def none_usual(sli: Sli) -> str:
    """Return what is said where there is no such probe."""
    return _NONE.get(sli, "there is no chat probe to watch by default; name the probes to watch")


def terse(workload: Workload) -> bool:
    """Return whether a probe asks for a single word, whose tokens have no time between them.

    >>> terse(Workload(name="w")), terse(Workload(name="w", prompt="Tell a story."))
    (True, False)
    """
    return workload.generates and workload.prompt == tasks.PROMPTS["chat"]


def deaf(sli: Sli, probe: ProbeSection) -> str | None:
    """Return why a probe that an objective names can never feed it, as a sentence."""
    name = f"`{probe.name}` ({probe.kind})"
    if sli in _STREAMED and probe.kind not in STREAMED:
        return f"{name} has no {_STREAMED[sli]}; use sli: total for it"
    if sli == "throughput" and probe.kind != "throughput":
        return f"{name} answers too little for a speed; name probes of kind throughput"
    if sli == "residency" and probe.kind == "models":
        return f"{name} asks for a list, which no model serves; name probes that have something generated"
    return None


def unexpecting(section: ObjectiveSection, workloads: Collection[Workload]) -> list[str]:
    """Return a sentence for each probe that an objective on correctness watches and that expects nothing."""
    if section.sli != "correctness":
        return []
    lacking = {one.name: one.kind for one in workloads if not judging.expects(one)}
    return [
        f"`{name}` ({kind}) expects nothing of its answers, so none of them would be right or wrong; "
        + ("take it out" if vain(kind, "expect") else f"write expect: {{contains: ...}} in probe {name}")
        for name, kind in lacking.items()
    ]
