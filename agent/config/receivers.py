"""Who is told of alerts: receivers, the routes that lead to them, and which engine pages."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Final, Literal

from agent.config.context import Context
from agent.config.findings import Path
from agent.config.goals import duplicates
from agent.config.model import Config, Receiver, Route
from agent.config.nearest import nearest
from agent.config.references import references
from agent.config.schema import Settings
from agent.config.schema_alerts import ReceiverSection, RouteSection
from agent.config.sections import Entry
from agent.slo.alerts import NAMES
from exporters import durations
from exporters.receivers import KINDS, Kind

SELDOM_S: Final = 300.0
"""Reminders that come more often than this are no reminders."""

RESERVED: Final = "heartbeat"
SHOWN: Final = 8
_SECRETS: Final = ("routing_key", "api_key", "secret")
_SMTP: Final = ("smtp", "smtps")
_EXAMPLES: Final = {
    "urls": 'urls: ["http://am-0:9093", "http://am-1:9093"]',
    "url": 'url: "${WEBHOOK_URL}"',
    "routing_key": 'routing_key: "${PAGERDUTY_KEY}"',
    "api_key": 'api_key: "${JSM_KEY}"',
    "secret": 'secret: "${WEBHOOK_SECRET}"',
    "smtp": 'smtp: "smtp://mail:587"',
    "to": "to: [sre@bank.example]",
}


def receivers(context: Context, settings: Settings) -> tuple[Receiver, ...]:
    """Return the receivers, their secrets unresolved."""
    entries = [
        Entry(("alerts", "receivers", at), section) for at, section in enumerate(settings.alerts.receivers)
    ]
    duplicates(context, entries)
    return tuple(_receiver(context, entry.path, entry.section) for entry in entries)


def _receiver(context: Context, path: Path, section: ReceiverSection) -> Receiver:
    kind = KINDS[section.kind]
    if section.name == RESERVED:
        context.findings.error(
            (*path, "name"), f"`{RESERVED}` is that of alerts.heartbeat in metrics; choose another"
        )
    given = [key for key in section.options() if section.option(key)]
    for key in kind.needs:
        if key not in given:
            context.findings.error(
                (*path, key),
                f"is missing, and a receiver of kind {section.kind} needs it; write {_EXAMPLES[key]}",
            )
    for key in given:
        if key not in (*kind.needs, *kind.takes):
            takes = ", ".join((*kind.needs, *kind.takes))
            context.findings.error((*path, key), f"means nothing to kind {section.kind}, which takes {takes}")
    _judge_urls(context, path, section)
    _judge_addresses(context, path, section)
    _warn_of_literals(context, path, section, kind)
    return Receiver(
        name=section.name,
        kind=section.kind,
        urls=section.urls,
        url=section.url,
        routing_key=section.routing_key,
        api_key=section.api_key,
        secret=section.secret,
        smtp=section.smtp,
        to=section.to,
        sender=section.from_,
        ca=None if section.ca is None else context.file((*path, "ca"), section.ca),
    )


def _judge_urls(context: Context, path: Path, section: ReceiverSection) -> None:
    listed = [((*path, "urls", at), url) for at, url in enumerate(section.urls)]
    single = [((*path, "url"), section.url)] if section.url is not None else []
    for where, text in [*listed, *single]:
        if (url := context.secret(where, text)) is not None:
            context.url(where, url)
    if section.smtp is not None and (url := context.secret((*path, "smtp"), section.smtp)) is not None:
        context.url((*path, "smtp"), url, _SMTP)
    for key in _SECRETS:
        if isinstance(given := section.option(key), str):
            context.secret((*path, key), given)


def _judge_addresses(context: Context, path: Path, section: ReceiverSection) -> None:
    listed = [((*path, "to", at), address) for at, address in enumerate(section.to)]
    single = [((*path, "from"), section.from_)] if section.from_ is not None else []
    for where, address in [*listed, *single]:
        local, _, domain = address.rpartition("@")
        if (
            not local
            or not domain
            or not address.isprintable()
            or not {",", "<", ">", " "}.isdisjoint(address)
        ):
            context.findings.error(
                where, "is not an address of mail; write it as sre@bank.example, without a name"
            )


def _warn_of_literals(context: Context, path: Path, section: ReceiverSection, kind: Kind) -> None:
    """Tell of secrets that stand in the file, where whoever reads it has them."""
    secrets = [*_SECRETS, *(["url"] if kind.secret_url else [])]
    for key in secrets:
        text = section.option(key)
        if isinstance(text, str) and not references(text):
            context.findings.warn(
                (*path, key),
                "is a secret that stands in the file itself; write ${NAME}, ${file:/path} or ${secret:a/b}",
            )


# -- routes


def routes(context: Context, settings: Settings) -> tuple[Route, ...]:
    """Return the routes in their order: the first one that takes an alert has it."""
    entries = [Entry(("alerts", "routes", at), section) for at, section in enumerate(settings.alerts.routes)]
    known = [section.name for section in settings.alerts.receivers]
    for entry in entries:
        for at, name in enumerate(entry.section.to):
            if name not in known:
                hint = nearest(name, known) or _listed(known)
                context.findings.error((*entry.path, "to", at), f"there is no receiver `{name}`{hint}")
    if entries:
        _warn_of_ways(context, entries, known)
    return tuple(
        Route(to=one.to, when=one.when, group_by=one.group_by, repeat_s=one.repeat)
        for one in (entry.section for entry in entries)
    )


def _listed(known: list[str]) -> str:
    return f"; there are {', '.join(known)}" if known else "; name it under alerts.receivers"


def _warn_of_ways(context: Context, entries: list[Entry[RouteSection]], known: list[str]) -> None:
    """Tell of receivers and routes that no alert comes to, and of alerts that no route takes."""
    for at, name in enumerate(known):
        if not any(name in entry.section.to for entry in entries):
            context.findings.warn(
                ("alerts", "receivers", at),
                f"no route leads to `{name}`, so it is told of no alert; name it in a route's `to`",
            )
    for entry in entries:
        if entry.section.repeat is not None and entry.section.repeat < SELDOM_S:
            context.findings.warn(
                (*entry.path, "repeat"),
                f"whoever is told of an alert is told again every {durations.write(entry.section.repeat)} until it ends; "
                "write hours, as in 4h",
            )
    catching = [at for at, entry in enumerate(entries) if not entry.section.when]
    if not catching:
        context.findings.warn(
            ("alerts", "routes"),
            f"every route has a `when`, so what none takes goes to every receiver; end with {{to: [{known[0] if known else '...'}]}}",
        )
    elif catching[0] < len(entries) - 1:
        context.findings.warn(
            ("alerts", "routes", catching[0]),
            "has no `when` and takes every alert, so the routes behind it get none; move it to the end",
        )


def judge_whens(context: Context, config: Config) -> None:
    """Warn of what a route asks for and no alert of this plan can have: a slip of the pen sends a page elsewhere."""
    known = _values(config)
    for at, route in enumerate(config.routes):
        for field, globs in route.when:
            for glob in globs if field in known else ():
                if any(fnmatchcase(value, glob) for value in known[field]):
                    continue
                hint = nearest(glob, known[field]) or _there_are(known[field])
                context.findings.warn(
                    ("alerts", "routes", at, "when"), f"no alert has {field}: {glob}{hint}, or take it out"
                )


def _values(config: Config) -> dict[str, list[str]]:
    """Return what each field of an alert can be; severities are judged as they are read, and labels are anybody's."""
    targets, services = config.targets, config.services
    found: dict[str, list[str | None]] = {
        "team": [*(one.team for one in targets), *(one.team for one in services)],
        "service": [one.name for one in services],
        "name": [*NAMES],
        "target": [one.name for one in targets],
        "probe": [plan.workload.name for plan in config.probes],
        "cloud": [one.cloud for one in targets],
        "region": [one.region for one in targets],
        "model": [one.model for one in targets],
        "class": [one.model_class for one in targets],
    }
    for name, values in found.items():
        values += [one.labels.get(name) for one in targets]
    return {name: sorted({value for value in values if value}) for name, values in found.items()}


def _there_are(values: list[str]) -> str:
    more = ", ..." if len(values) > SHOWN else ""
    return f"; there are {', '.join(values[:SHOWN])}{more}" if values else "; nothing here has one: write it"


# -- the engine


def engine(context: Context, settings: Settings) -> Literal["agent", "prometheus"]:
    """Return who pages: the agent where there are receivers, unless the file says otherwise."""
    section = settings.alerts
    chosen = section.engine or ("agent" if section.receivers else "prometheus")
    for text in _idle(chosen, told=bool(section.receivers), said=section.engine is not None):
        context.findings.warn(("alerts", "engine"), text)
    return chosen


def _idle(chosen: str, *, told: bool, said: bool) -> Iterator[str]:
    if chosen == "agent" and not told:
        yield "the agent pages and has nobody to tell; name somebody under alerts.receivers"
    if chosen == "prometheus" and told and said:
        yield "Prometheus pages, so the receivers are told of nothing but trials; take the key out to have the agent page"
