"""Targets, tried by the cheapest call: name, proxy, connection, TLS and identity, each told apart."""

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.request import getproxies

import httpx

from agent.config.model import Config
from agent.trying.base import Trial
from agent.trying.looking import Seen
from probes import catalog
from probes.base import Secrets, SigningError
from probes.result import Outcome, ProbeResult
from probes.target import Path, Target, Workload
from probes.transport import proxies
from probes.transport.errors import WireError

LIMIT_S: Final = 5.0
CHEAPEST: Final = Workload(name="live", kind="models", first_token_s=LIMIT_S, timeout_s=LIMIT_S)
"""Fetching the list of models proves the identity and generates nothing."""

_NO_LIST: Final = frozenset({404, 405, 501})
_DAY_S: Final = 86400.0


def trial(result: ProbeResult, target: Target, seen: Seen, secrets: Secrets) -> Trial:
    """Return what one answer tells of its target, and of the certificates that were seen."""
    untried = _lists_nothing(result, target)
    facts = _facts(result, target, seen, secrets) | {
        "identity": None if untried else result.outcome is Outcome.OK
    }
    ok = untried or result.outcome in {Outcome.OK, Outcome.THROTTLED}
    steps = ", ".join(_steps(facts))
    if result.outcome is Outcome.OK:
        says = f"{steps}; identity accepted"
    elif untried:
        says = f"{steps}; it lists no models ({result.http_status}), so its identity cannot be tried without cost: `nephoscope once` does"
    elif ok:
        says = f"{steps}; its rate limit is reached, so the identity was known and is not tried further"
    else:
        says = f"{result.error}" + (f" [so far: {steps}]" if steps else "")
    return Trial(what="target", name=target.name, ok=ok, says=says, facts=facts)


def _lists_nothing(result: ProbeResult, target: Target) -> bool:
    """Return whether a server of the user's own simply has no list of models; vendors all have one."""
    return catalog.PROVIDERS[target.provider].anonymous and result.http_status in _NO_LIST


def _facts(result: ProbeResult, target: Target, seen: Seen, secrets: Secrets) -> dict[str, Any]:
    certificate = seen.get(((result.server_address or "").lower(), result.server_port or 0))
    return {
        "outcome": result.outcome.value,
        "proxy": _proxy(target, secrets),
        "peer": result.peer,
        "dns_s": result.dns_s,
        "proxy_s": result.proxy_s,
        "connect_s": result.connect_s,
        "tls_s": result.tls_s,
        "http_status": result.http_status,
        "certificate": None
        if certificate is None
        else {
            "subject": certificate.subject,
            "issuer": certificate.issuer,
            "days_left": None
            if certificate.expires_s is None
            else int((certificate.expires_s - result.started_ns / 1e9) // _DAY_S),
        },
        "error": result.error,
    }


def _proxy(target: Target, secrets: Secrets) -> str | None:
    """Return the proxy that leads to a target, without its password."""
    try:
        url = httpx.URL(catalog.url(target, CHEAPEST.kind))
        port = url.port or (443 if url.scheme == "https" else 80)
        path = Path(proxy=secrets.resolve_url(target.path.proxy))
        found = proxies.choose(path, url, port, proxies.Environment(getproxies()))
    except (SigningError, ValueError, httpx.InvalidURL, WireError):
        return None
    return None if found is None else str(found)


def _steps(facts: Mapping[str, Any]) -> Iterator[str]:
    """Yield what went well, in the order in which it happened."""
    if facts["dns_s"] is not None:
        yield f"name resolved in {_ms(facts['dns_s'])}"
    if facts["connect_s"] is not None:
        to = f" to {facts['peer']}" if facts["peer"] else ""
        yield f"connected{to} in {_ms(facts['connect_s'])}"
    if facts["proxy_s"] is not None or (facts["proxy"] and facts["http_status"] is not None):
        yield f"by the proxy {facts['proxy']}"
    certificate = facts["certificate"]
    if certificate is not None:
        days = certificate["days_left"]
        yield (
            f"certificate of {certificate['subject'] or 'nobody'} by {certificate['issuer'] or 'nobody'}, "
            + (
                "without an end"
                if days is None
                else f"{days} days left"
                if days >= 0
                else f"expired {-days} days ago"
            )
        )


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.0f} ms"


def cheapest(config: Config) -> list[tuple[Target, Workload]]:
    """Return each target with the call that it is tried by."""
    return [(target, CHEAPEST) for target in config.targets]
