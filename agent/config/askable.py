"""Whether each probe can be put to each of its targets at all, found out by writing the request that is never sent."""

import dataclasses
from collections.abc import Iterable, Mapping

from agent.config.context import Context
from agent.config.workloads import Planned
from probes import catalog
from probes.target import Target, Workload

_NONCE = "00000000"
_NOWHERE = "https://nowhere.invalid"


def judge(context: Context, planned: Iterable[Planned], targets: Iterable[Target]) -> None:
    """Tell of what a dialect would refuse, or an identity could not do, at every probe."""
    known = {target.name: target for target in targets}
    for path, section, plan in planned:
        where = (*path, "targets" if "targets" in section.model_fields_set else "kind")
        for fault in _faults(plan.workload, plan.targets, known):
            context.findings.error(where, fault)


def _faults(workload: Workload, names: Iterable[str], known: Mapping[str, Target]) -> Iterable[str]:
    # The length of a long prompt changes nothing of what can be asked.
    short = dataclasses.replace(workload, prompt_tokens=workload.prompt_tokens and 1)
    for name in names:
        if name in known and (fault := _fault(short, known[name])) is not None:
            yield fault


def _fault(workload: Workload, target: Target) -> str | None:
    """Return why a target cannot be asked so; None where it can, or where that is told of the target or kind itself."""
    provider = catalog.PROVIDERS[target.provider]
    call = catalog.api(target).calls.get(workload.kind)
    if call is None or not all(getattr(target, key) for key in provider.needs):
        return None
    strange = target.credentials.keys() & set(provider.credentials) - {*call.identities, "scope"}
    if call.identities and strange:
        kinds = " or ".join(f"{{{kind}: default}}" for kind in call.identities)
        return (
            f"target {target.name} cannot be asked for kind {workload.kind} with {' and '.join(sorted(strange))}: "
            f"leave it out of this probe, or write credentials: {kinds}"
        )
    try:
        call.dialect.request(_NOWHERE, target, workload, _NONCE)
    except ValueError as error:
        return str(error)
    return None
