"""Targets, tried by what costs nothing: identity, name, proxy, connection, TLS and a list of models, each told apart."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.request import getproxies

import httpx

from agent.config import extras
from agent.config.secrets import sensitive
from agent.trying.base import Trial
from agent.trying.looking import UNASKED, Seen
from probes import catalog
from probes.base import Secrets, SigningError
from probes.result import Outcome, ProbeResult
from probes.target import Path, Target, Workload
from probes.transport import proxies
from probes.transport.errors import WireError

LIMIT_S: Final = 5.0
CHEAPEST: Final = Workload(name="live", kind="models", first_token_s=LIMIT_S, timeout_s=LIMIT_S)
"""Fetching the list of models proves the identity and generates nothing."""

_LATE: Final = frozenset({Outcome.FIRST_TOKEN_TIMEOUT, Outcome.STALLED, Outcome.TOTAL_TIMEOUT})

_NO_LIST: Final = frozenset({404, 405, 501})
_DAY_S: Final = 86400.0


def workload(target: Target) -> Workload:
    """Return what a target is tried by; one that has no list of models is not asked, so it may be any kind that it has."""
    kinds = catalog.api(target).calls
    return CHEAPEST if CHEAPEST.kind in kinds else dataclasses.replace(CHEAPEST, kind=next(iter(kinds)))


def trial(result: ProbeResult, target: Target, seen: Seen, secrets: Secrets) -> Trial:
    """Return what one answer tells of its target, and of the certificates that were seen."""
    untried = _untried(result, target)
    identified = bool(target.credentials) or any(map(sensitive, target.headers))
    facts = _facts(result, target, seen, secrets) | {
        "identity": result.outcome is Outcome.OK if identified and untried is None else None
    }
    ok = untried is not None or result.outcome in {Outcome.OK, Outcome.THROTTLED}
    steps = ", ".join(_steps(facts, target))
    if untried is not None:
        says = f"{steps}; {untried}" if steps else untried
    elif result.outcome is Outcome.OK:
        says = f"{steps}; {'identity accepted' if identified else 'no identity is asked'}"
    elif ok:
        known = "so the identity was known and" if identified else "so it"
        says = f"{steps}; its rate limit is reached, {known} is not tried further"
    else:
        why = result.error if result.outcome not in _LATE else _late(target)
        # The line names its target already.
        why = (why or "").removeprefix(f"target {target.name}").removeprefix(":").lstrip()
        says = f"{why}" + (f" [so far: {steps}]" if steps else "")
    return Trial(what="target", name=target.name, ok=ok, says=says, facts=facts)


def _untried(result: ProbeResult, target: Target) -> str | None:
    """Return why an identity could not be tried; None where it was.

    A server of the user's own may simply have no list of models; of vendors the catalogue knows who has none.
    """
    later = "its identity cannot be tried without cost: `nephoscope once` does"
    if result.error_code == UNASKED:
        named = f"{target.provider} has no call that lists models"
        return f"{named}, so {later}" if target.credentials else f"{named}, and nothing was asked"
    if catalog.PROVIDERS[target.provider].anonymous and result.http_status in _NO_LIST:
        return f"it lists no models ({result.http_status}), so {later}"
    return None


def _late(target: Target) -> str:
    return (
        f"target {target.name} did not list its models within the {LIMIT_S:g} s that a trial waits: see the provider's "
        "status; `nephoscope once` waits for as long as its probes may take"
    )


def _facts(result: ProbeResult, target: Target, seen: Seen, secrets: Secrets) -> dict[str, Any]:
    certificate = seen.get(((result.server_address or "").lower(), result.server_port or 0))
    return {
        "outcome": result.outcome.value,
        "auth_s": result.auth_s,
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
        url = httpx.URL(catalog.url(target, workload(target).kind))
        port = url.port or (443 if url.scheme == "https" else 80)
        path = Path(proxy=secrets.resolve_url(target.path.proxy))
        found = proxies.choose(path, url, port, proxies.Environment(getproxies()))
    except (SigningError, ValueError, httpx.InvalidURL, WireError):
        return None
    return None if found is None else str(found)


def _steps(facts: Mapping[str, Any], target: Target) -> Iterator[str]:
    """Yield what went well, in the order in which it happened."""
    proven = next((extras.MODULES[kind][1] for kind in target.credentials if kind in extras.MODULES), None)
    if proven is not None and facts["auth_s"] is not None:
        yield f"identity proven by {proven} in {_ms(facts['auth_s'])}"
    if facts["dns_s"] is not None and facts["outcome"] != Outcome.DNS:
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
