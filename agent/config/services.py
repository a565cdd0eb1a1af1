"""Service sections to services: which targets stand in for each other, and how many of them must be well."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from agent.config import promises
from agent.config.context import Context
from agent.config.findings import Path
from agent.config.model import Paging
from agent.config.schema import Settings
from agent.config.schema_judged import ServiceSection
from agent.config.sections import Entry, File
from agent.config.workloads import select
from agent.slo import pools
from agent.slo.lint import lint_service
from agent.slo.objective import Objective
from agent.slo.service import Member, Service
from probes.target import Target, Workload

Workloads = Mapping[tuple[str, str], Workload]


def watched(
    targets: Sequence[Target], workloads: Workloads, objectives: Iterable[Objective]
) -> dict[str, list[Member]]:
    """Return target -> what it may be a member of services by: every probe that an availability objective watches."""
    pairs = dict.fromkeys(pair for one in objectives if one.sli == "availability" for pair in one.pairs)
    return {
        target.name: [
            Member(
                target=target.name,
                probe=probe,
                cloud=target.cloud,
                region=target.region,
                every_s=workloads[name, probe].every_s,
            )
            for name, probe in pairs
            if name == target.name
        ]
        for target in targets
    }


def services(
    context: Context,
    file: File,
    targets: Sequence[Target],
    members: Mapping[str, Sequence[Member]],
    objectives: Sequence[Objective],
) -> tuple[Service, ...]:
    """Return the named services, and where none is named one for each logical model."""
    if file.services is None:
        found = list(_implied(targets, members, objectives))
    else:
        named = (_service(context, entry, file, members) for entry in file.services)
        found = [service for service in named if service is not None]
    _ids(context, found, targets, objectives)
    return tuple(found)


def lone(members: Mapping[str, Sequence[Member]], found: Iterable[Service]) -> tuple[Member, ...]:
    """Return what is watched and serves nobody: no other stands in for it, and its own failing is told all the same."""
    serving = {one.pair for service in found for one in service.members}
    return tuple(one for ours in members.values() for one in ours if one.pair not in serving)


def _ids(
    context: Context, found: Iterable[Service], targets: Sequence[Target], objectives: Iterable[Objective]
) -> None:
    """Tell of services whose SLO has the id of an objective's: `a-b` of `service` is `a` of `b-service`."""
    known = {target.name: target for target in targets}
    taken = {
        pools.key(objective, known[target], probe).id: objective.name
        for objective in objectives
        for target, probe in objective.pairs
        if target in known
    }
    for service in found:
        slo = f"{service.name}-{pools.SERVICE}"
        if slo in taken:
            context.findings.error(
                ("services",),
                f"`{slo}` would name two SLOs, that of service {service.name} and one of objective {taken[slo]}; "
                "rename one of them",
            )


def _implied(
    targets: Sequence[Target], members: Mapping[str, Sequence[Member]], objectives: Iterable[Objective]
) -> Iterator[Service]:
    """Yield a service for each logical model: well with one cloud, and as good as its members promise to be."""
    promised = [one for one in objectives if one.sli == "availability"]
    for model in dict.fromkeys(target.model for target in targets):
        serving = [one for target in targets if target.model == model for one in members[target.name]]
        pairs = {one.pair for one in serving}
        ratios = [(one.ratio, one.window_s) for one in promised if not pairs.isdisjoint(one.pairs)]
        if serving and ratios:
            ratio, window_s = max(ratios)
            yield Service(name=model, members=tuple(serving), ratio=ratio, window_s=window_s)


def _service(
    context: Context, entry: Entry[ServiceSection], file: File, members: Mapping[str, Sequence[Member]]
) -> Service | None:
    section, path = entry.section, entry.path
    chosen = select(context, (*path, "members"), section.members, file.views, "target")
    serving = [one for view in chosen for one in members.get(view["name"], ())]
    if chosen and not serving:
        context.findings.error(
            (*path, "members"),
            "no availability objective watches any of them, so nobody would know how it is; add one",
        )
        return None
    service = Service(
        name=section.name,
        members=tuple(serving),
        ratio=section.objective.percent,
        window_s=section.objective.window,
        at_least=section.healthy_when.at_least,
        of=section.healthy_when.of,
        team=section.team,
    )
    if serving and service.at_least > service.units:
        _too_few(context, (*path, "healthy_when", "at_least"), service)
    if serving:
        promises.tell(context, (*path, "objective"), lint_service(service))
        promises.remembered(context, (*path, "objective"), f"service {service.name}", service.window_s, file)
    return service


def _too_few(context: Context, path: Path, service: Service) -> None:
    context.findings.error(
        path,
        f"{service.at_least} is more than the {service.units} {service.of}s that its members have, so it could never "
        "be well; lower it, or select more members",
    )


def paging(context: Context, settings: Settings) -> Paging:
    section = settings.alerts.page
    quorum = None if section.quorum is None else section.quorum.at_least
    if quorum is not None:
        _judge_quorum(context, settings)
    return Paging(after_s=section.after, warm_up_s=section.warm_up, hold_s=section.hold, quorum=quorum)


def _judge_quorum(context: Context, settings: Settings) -> None:
    """Warn of a quorum that nobody else can help to reach; how many vantages there are, only they know when they run."""
    where = ("alerts", "page", "quorum")
    if settings.storage is None:
        context.findings.warn(
            where,
            "has no effect with the embedded database, which no other vantage shares: this one pages for itself; "
            "name the database of all under storage",
        )
