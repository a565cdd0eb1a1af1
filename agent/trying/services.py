"""What the agent itself leans on: its database, its collector, its heartbeat's receiver and those of alerts."""

import asyncio
from pathlib import Path
from typing import Final

import httpx

from agent.config.model import Config, Receiver
from agent.errors import NephoscopeError
from agent.trying.base import Trial
from exporters.receivers import KINDS
from probes import target
from probes.base import Secrets, SigningError
from probes.reaching import Reaching
from probes.timing import Marks
from probes.transport.errors import WireError
from probes.transport.wire import WireTransport
from storage import embedded, engine, migrate
from storage.base import StoreUnavailableError
from storage.binaries import EmbeddedError

_LIMIT_S: Final = 5.0
_MAIL: Final = {"smtp": 587, "smtps": 465}


def database(config: Config, secrets: Secrets) -> Trial:
    """Connect and look at the schema's revision; nothing is started and nothing changed."""
    name = "embedded" if config.storage.embedded else "named"
    try:
        if not config.storage.embedded:
            url = secrets.resolve_url(config.storage.url or "")
        else:
            server = embedded.Server(Path(config.state_dir) / "postgres")
            if not server.alive():
                says = "does not run now, and is started by `nephoscope run`"
                return Trial(what="database", name=name, ok=True, says=says)
            url = server.url
        missing = migrate.pending(url)
    except (
        StoreUnavailableError,
        SigningError,
        EmbeddedError,
        NephoscopeError,
        engine.DatabaseURLError,
    ) as failure:
        return Trial(what="database", name=name, ok=False, says=secrets.redact(str(failure)))
    return _schema(name, missing, migrates=config.storage.migrate)


def _schema(name: str, missing: list[str], *, migrates: bool) -> Trial:
    facts = {"revision": None if missing else migrate.newest(), "missing": missing}
    if not missing:
        says = f"answers, schema {migrate.newest()} is this release's"
    elif migrates:
        says = f"answers, its schema lacks {', '.join(missing)}, which `nephoscope run` brings"
    else:
        says = f"answers, but its schema lacks {', '.join(missing)}, and storage.migrate is false: run `nephoscope migrate`"
    return Trial(what="database", name=name, ok=migrates or not missing, says=says, facts=facts)


async def collector(config: Config, transport: WireTransport) -> Trial | None:
    """Reach the OTLP endpoint, TLS included; nothing is sent."""
    if config.export.otlp is None:
        return None
    return await _reached("collector", config.export.otlp.endpoint, config.export.otlp.endpoint, transport)


async def heartbeat(config: Config, secrets: Secrets, transport: WireTransport) -> Trial | None:
    """Reach the heartbeat's receiver, TLS included; no beat is sent, and the URL, a secret, is not told."""
    if config.heartbeat is None:
        return None
    try:
        url = secrets.resolve(config.heartbeat.url)
    except SigningError as failure:
        return Trial(what="heartbeat", name="receiver", ok=False, says=str(failure))
    return await _reached("heartbeat", "receiver", url, transport)


async def witnesses(config: Config, secrets: Secrets, transport: WireTransport) -> list[Trial]:
    """Try every witness of every way once, as at a failure."""
    reaching = Reaching(transport, secrets)
    named = [(network, witness) for network in config.networks for witness in network.witnesses]
    tried = await asyncio.gather(*(reaching.attempt(witness, network.path) for network, witness in named))
    return [
        Trial(what="witness", name=f"{witness.name} of {network.name}", ok=one.reached, says=one.says)
        for (network, witness), one in zip(named, tried, strict=True)
    ]


async def receivers(config: Config, secrets: Secrets, transport: WireTransport) -> list[Trial]:
    """Reach each receiver of alerts, every replica of one; nothing is sent, for which there is `alerts test`."""
    return list(
        await asyncio.gather(
            *(
                _receiver(receiver, url, secrets, transport)
                for receiver in config.receivers
                for url in (*receiver.urls, receiver.url or KINDS[receiver.kind].usual, receiver.smtp)
                if url
            )
        )
    )


async def _receiver(receiver: Receiver, text: str, secrets: Secrets, transport: WireTransport) -> Trial:
    try:
        url = httpx.URL(secrets.resolve_url(text))
    except (SigningError, httpx.InvalidURL) as failure:
        says = str(failure) if isinstance(failure, SigningError) else "its URL cannot be read"
        return Trial(what="receiver", name=receiver.name, ok=False, says=says)
    if url.scheme in _MAIL:
        port = url.port or _MAIL[url.scheme]
        # A connection is all that is tried: STARTTLS and the password belong to a mail.
        url = httpx.URL(scheme="http", host=url.host, port=port)
        path = target.Path(proxy="none")
    else:
        path = target.Path(ca=receiver.ca)
    return await _reached("receiver", receiver.name, str(url), transport, path)


async def _reached(
    what: str, name: str, url: str, transport: WireTransport, path: target.Path | None = None
) -> Trial:
    marks = Marks()
    try:
        wire = await transport.reach(httpx.URL(url), path or target.Path(), marks, _LIMIT_S)
    except (WireError, httpx.InvalidURL) as failure:
        says = (
            str(failure)
            if isinstance(failure, WireError)
            else "its URL cannot be read: write it as https://host:port"
        )
        return Trial(what=what, name=name, ok=False, says=says)
    secure = " with TLS" if wire.tls_expires_s is not None else ""
    return Trial(
        what=what,
        name=name,
        ok=True,
        says=f"can be reached{secure} at {wire.peer}; nothing was sent",
        facts={"peer": wire.peer},
    )
