"""Credentials of targets: one way of proving identity each, and nothing spelled out that a reference could say."""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from agent.config import absent, extras, named
from agent.config.context import Context, loopback
from agent.config.findings import Path
from agent.config.references import references
from agent.config.schema_asked import Credentials, TargetSection
from probes.provider import Provider

_SECRET = frozenset({"api_key", "token"})
"""Credentials that are secrets themselves; the others name where a vendor's own library finds one."""

_SHELL = re.compile(r"\$[A-Z_][A-Z0-9_]*|.*\{\{.*\}\}.*", re.DOTALL)
"""References as a shell or a template writes them: they would be sent as they stand."""


def identities(credentials: Credentials) -> dict[str, str]:
    given = credentials.model_dump(exclude={"scope"})
    return {key: str(value) for key, value in given.items() if value is not None}


def real(section: TargetSection, endpoint: str) -> bool:
    """Return whether a target is somebody's, so that its secrets are worth keeping."""
    return not section.simulated and not loopback(urlsplit(endpoint).hostname)


def credentials(
    context: Context, path: Path, section: TargetSection, provider: Provider, endpoint: str
) -> Mapping[str, str]:
    """Return the one way of proving identity; a file of a token becomes a reference to it."""
    given = identities(section.credentials)
    where = (*path, "credentials")
    kinds = " or ".join(provider.credentials)
    if not given and not provider.anonymous:
        context.findings.error(
            where,
            f"is missing: `{section.provider}` wants {kinds}; write credentials: {_usual(provider)}",
        )
    if len(given) > 1:
        context.findings.error(
            where, f"has {' and '.join(given)}; keep one, for a request carries one identity"
        )
    for key in given.keys() - set(provider.credentials):
        context.findings.error((*where, key), f"`{section.provider}` does not take this; write {kinds}")
    for key in given.keys() & set(provider.credentials):
        if (extra := extras.missing(key)) is not None:
            context.findings.error(
                (*where, key),
                f"needs nephoscope[{extra}], which is not installed here: {extras.remedy(extra)}",
            )
    bare = real(section, endpoint)
    found = {
        key: _credential(context, (*where, key), text, provider, bare=bare) for key, text in given.items()
    }
    if bare and not context.no_secrets:
        _warn_of_absent(context, where, {key: found[key] for key in given if key in provider.credentials})
    if section.credentials.scope is not None:
        if "entra" not in given:
            context.findings.error((*where, "scope"), "belongs to entra alone; take it out")
        found["scope"] = section.credentials.scope
    return found


def _warn_of_absent(context: Context, where: Path, given: Mapping[str, str]) -> None:
    """Warn of what is seen not to be there; what a reference stands for is looked at when it is used."""
    for key, text in given.items():
        if not references(text) and (missing := absent.told(context, key, text)) is not None:
            context.findings.warn((*where, key), missing)


def _usual(provider: Provider) -> str:
    """Return what newcomers write: a key where the provider takes one, else what its library finds by itself."""
    if "api_key" not in provider.credentials:
        return f"{{{provider.credentials[0]}: default}}"
    return f'{{api_key: "${{{provider.environment.get("api_key", "NAME")}}}"}}'


def _credential(context: Context, path: Path, text: str, provider: Provider, *, bare: bool) -> str:
    """Return one credential as the plan carries it; one that is spelled out though the endpoint is real is warned of."""
    key = path[-1]
    if key == "token_file":
        return context.file(path, text).replace("$", "$$")
    if _SHELL.fullmatch(text):
        context.findings.error(path, "is no reference as it is written; write ${NAME} with its braces")
        return text
    if key not in _SECRET:
        named.judge(context, path, text, provider)
        return text
    _sendable(context, path, text)
    if bare and not references(text):
        context.warn_of_spelled_out(path)
    return text


def _sendable(context: Context, path: Path, text: str) -> None:
    secret = context.secret(path, text)
    if secret is None:
        return
    if not secret.strip():
        # Elsewhere the variable may be set.
        if not context.no_secrets:
            context.findings.error(
                path, "stands for nothing; set what it refers to, and take an empty default out"
            )
    elif not (secret.strip().isascii() and secret.strip().isprintable() and " " not in secret.strip()):
        context.findings.error(
            path, "holds spaces or signs that no header can carry; look at what it refers to"
        )
