"""Where the agent lives, stores, listens and sends to: the sections that are no list."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from agent.config.context import Context, Host, loopback
from agent.config.durations import shown
from agent.config.model import Export, Heartbeat, JournalLimits, Limits, Otlp, Storage
from agent.config.references import pieces
from agent.config.schema import Settings, StorageSection
from agent.slo.alerts import FILLED

_DATABASE = ("postgresql",)
_PARTS = ("host", "port", "database", "user", "password", "sslmode", "sslrootcert")


def vantage(context: Context, settings: Settings) -> str:
    """Return the place's name; the host's stands in only where the database is its own."""
    if settings.vantage is not None:
        return settings.vantage
    if settings.storage is not None and not _storage(context, settings.storage).embedded:
        context.findings.error(
            ("vantage",),
            "is missing: a named database may serve several places, so this one needs a name; write vantage: fra-1, say",
        )
    name = "".join(
        char if char.isalnum() or char in ".-_" else "-" for char in context.host.name.split(".")[0]
    )
    return name or "local"


def state_dir(context: Context, settings: Settings) -> str:
    if settings.state_dir is not None:
        return context.folder(("state_dir",), settings.state_dir)
    return str(default_state_dir(context.host))


def secrets_dir(context: Context, settings: Settings) -> str | None:
    """Return the folder of secrets; whether a secret is there is judged where it is referred to."""
    folder = settings.secrets.dir
    return None if folder is None else context.folder(("secrets", "dir"), folder)


def judge_unused_secrets(context: Context, settings: Settings, tree: Any) -> None:
    """Warn of a folder of secrets that nothing in the file refers to."""
    if settings.secrets.dir is not None and not _mentions(tree, "${secret:"):
        context.findings.warn(
            ("secrets", "dir"),
            "nothing is taken from it; write ${secret:a/b} where a secret belongs, or take it out",
        )


def _mentions(tree: Any, text: str) -> bool:
    match tree:
        case str():
            return text in tree
        case dict():
            return any(_mentions(value, text) for value in tree.values())
        case list():
            return any(_mentions(value, text) for value in tree)
    return False


def default_state_dir(host: Host) -> Path:
    return Path("/var/lib/nephoscope") if host.root else host.home / ".local/state/nephoscope"


def storage(context: Context, settings: Settings) -> Storage:
    section = settings.storage
    if section is None:
        return Storage()
    found = _storage(context, section)
    if found.url is not None:
        _judge_url(context, section, found.url)
    return found


def _storage(context: Context, section: StorageSection) -> Storage:
    keep = {"keep_results_s": section.keep.results, "keep_failures_s": section.keep.failures}
    url = section.url or _from_parts(context, section)
    return Storage(embedded=url is None, url=url, migrate=section.migrate, **keep)


def _from_parts(context: Context, section: StorageSection) -> str | None:
    """Return a libpq URL; what refers to a secret still does."""
    given = [key for key in _PARTS if getattr(section, key) is not None]
    if not given:
        return None
    host = context.setting(("storage", "host"), section.host or "")
    database = context.setting(("storage", "database"), section.database or "nephoscope")
    user = context.setting(("storage", "user"), section.user or "nephoscope")
    password = f":{_quoted(section.password)}" if section.password is not None else ""
    port = f":{section.port}" if section.port is not None else ""
    query = {"sslmode": section.sslmode or ("" if host.startswith("/") else _sslmode(host))}
    if section.sslrootcert is not None:
        # `system` is libpq's word for the trust store of the machine.
        root = section.sslrootcert
        query["sslrootcert"] = root if root == "system" else context.file(("storage", "sslrootcert"), root)
    if host.startswith("/"):
        query["host"] = host
        authority = ""
    else:
        authority = f"[{host}]" if ":" in host else host
    words = urlencode({key: value for key, value in query.items() if value})
    return (
        f"postgresql://{quote(user, safe='')}{password}@{authority}{port}/{quote(database, safe='')}?{words}"
    )


def _sslmode(host: str) -> str:
    # What never leaves the machine needs no certificate, and a local server seldom has one.
    return "prefer" if loopback(host) else "verify-full"


def _quoted(password: str) -> str:
    """Return a password for a URL: what is spelled out percent-encoded, references as they stand."""
    return "".join(
        quote(piece, safe="") if isinstance(piece, str) else str(piece) for piece in pieces(password)
    )


def _judge_url(context: Context, section: StorageSection, url: str) -> None:
    where = ("storage", "url" if section.url is not None else "host")
    parts_given = [key for key in _PARTS if getattr(section, key) is not None]
    if section.url is not None and parts_given:
        context.findings.error(
            where, f"stands beside {', '.join(parts_given)}; write either the URL or its parts"
        )
    if section.url is None and section.host is None:
        context.findings.error(
            where, "is missing; name the server, or take the section out for the embedded Postgres"
        )
        return
    if section.password is not None:
        context.secret(("storage", "password"), section.password)
    resolved = context.secret(where, url) if section.url is not None else None
    if resolved is None:
        return
    if resolved.startswith("postgresql:///"):
        return
    found = context.url(where, resolved, _DATABASE)
    if found is not None and not loopback(found.hostname) and "sslmode" not in dict(parse_qsl(found.query)):
        context.findings.warn(where, "has no sslmode, so it may go unencrypted; add ?sslmode=verify-full")


def journal(settings: Settings) -> JournalLimits:
    return JournalLimits(max_bytes=settings.journal.max_size, max_age_s=settings.journal.max_age)


def heartbeat(context: Context, settings: Settings) -> Heartbeat | None:
    section = settings.alerts.heartbeat
    if section is None:
        return None
    where = ("alerts", "heartbeat", "url")
    url = context.secret(where, section.url)
    if url is not None:
        context.url(where, url)
    return Heartbeat(url=section.url, every_s=section.every)


def runbook(context: Context, settings: Settings) -> str | None:
    if settings.alerts.runbook is None:
        return None
    where = ("alerts", "runbook")
    template = context.setting(where, settings.alerts.runbook)
    if context.known(template):
        context.url(where, template)
    for name in re.findall(r"\{(\w*)\}", template):
        if name not in FILLED:
            names = ", ".join(f"{{{one}}}" for one in FILLED)
            context.findings.warn(where, f"`{{{name}}}` is not filled in; of an alert there are {names}")
    return template


def export(context: Context, settings: Settings) -> Export:
    section = settings.export
    where = ("export", "listen")
    host, port = _listen(context, context.setting(where, section.listen))
    if not loopback(host):
        context.findings.warn(
            where, f"serves {host} without a password; put a proxy or a network policy in front"
        )
    if section.otlp is None:
        return Export(host=host, port=port)
    collector = ("export", "otlp", "endpoint")
    endpoint = context.setting(collector, section.otlp.endpoint)
    if context.known(endpoint):
        context.url(collector, endpoint)
    return Export(host=host, port=port, otlp=Otlp(endpoint=endpoint, protocol=section.otlp.protocol))


def _listen(context: Context, text: str) -> tuple[str, int]:
    """Return host and port; port 0 lets the system choose."""
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        if context.known(text):
            context.findings.error(
                ("export", "listen"),
                f"{shown(text)} is not host:port; write 127.0.0.1:9464, or 0.0.0.0:9464 for all",
            )
        return "127.0.0.1", 9464
    return host, int(port)


def limits(settings: Settings) -> Limits:
    section = settings.limits
    return Limits(event_bytes=section.event, body_bytes=section.body, in_flight=section.in_flight)
