"""Identity at Google: an API key or a token as it stands, or a token that google-auth gets from what it finds.

The library is the optional part `nephoscope[google]`; it blocks, so it runs in a thread of `probes.kept`.
"""

import contextlib
import dataclasses
import functools
import importlib
import json
import logging
import os
import time
from collections.abc import Callable, Mapping
from datetime import UTC
from pathlib import Path as File
from typing import Any, Final
from urllib.parse import urlsplit

from probes import google_refusals, secret_header
from probes.base import Secrets, SigningError, WireRequest
from probes.google_refusals import Trouble
from probes.kept import Fetched, Kept
from probes.loose import mapping
from probes.target import Target

DEFAULT: Final = "default"
"""What stands in place of a file where Google's own order of search is meant (Application Default Credentials)."""

KEY_HEADER: Final = "x-goog-api-key"

_SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"

_AGAIN_S: Final = 300.0
"""How long a token is believed that was got after a refusal: one that is refused as well shows something else."""

_TRY_S: Final = 3.0
"""How long one request of the library waits. It asks four times at most: a probe waits ten seconds in all."""

_METADATA: Final = ("metadata.google.internal", "169.254.169.254")
_BUSY: Final = frozenset({408, 429})
_NO_FILE: Final = " was not found."
"""How the library says that a file is missing, behind its name."""

_LOADERS: Final[Mapping[str, tuple[str, str]]] = {
    "service_account": ("google.oauth2.service_account", "from_service_account_info"),
    "authorized_user": ("google.oauth2.credentials", "from_authorized_user_info"),
    "impersonated_service_account": (
        "google.auth.impersonated_credentials",
        "from_impersonated_service_account_info",
    ),
}
"""What a file's `type` says, and who reads it; files of a federation say more than that."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Way:
    """How identity services are reached, as the target is: what `requests` calls proxies and verify."""

    proxy: str
    ca: str | None


class _UnservedError(Exception):
    """A service of identity gave no answer, or failed; the library would go on trying."""

    def __init__(self, trouble: Trouble, *, metadata: bool) -> None:
        super().__init__(trouble.remedy)
        self.trouble = trouble
        self.metadata = metadata


class Google:
    """`google` is `default`, or a file of credentials; `api_key` goes into a header of its own, a token behind `Bearer`.

    A token brings the project with it that is charged and limited for the call, where its credentials name one.
    `now_s` gives monotonic seconds.
    """

    def __init__(
        self,
        key_header: str = KEY_HEADER,
        kept: Kept[Mapping[str, str]] | None = None,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.kept: Kept[Mapping[str, str]] = kept or Kept()
        self._key_header = key_header
        self._now_s = now_s
        self._renewals: dict[str, float] = {}

    async def sign(self, request: WireRequest, target: Target, secrets: Secrets) -> Mapping[str, str]:  # noqa: ARG002 - the protocol's: other signers sign the body
        return await self._headers(target, secrets)

    async def renewed(
        self, signed: Mapping[str, str], request: WireRequest, target: Target, secrets: Secrets
    ) -> bool:
        if await self.sign(request, target, secrets) != signed:
            return True
        source, now_s = target.credentials.get("google"), self._now_s()
        if not source or now_s - self._renewals.get(source, float("-inf")) < _AGAIN_S:
            return False
        self._renewals[source] = now_s
        return await self._headers(target, secrets, anew=True) != signed

    async def _headers(self, target: Target, secrets: Secrets, *, anew: bool = False) -> Mapping[str, str]:
        plain = secret_header.headers(target, secrets, self._key_header)
        if plain is not None:
            return plain
        if not target.credentials.get("google"):
            raise SigningError(
                f"target {target.name} has no credentials: give it credentials: {{google: default}}, {{google: /path/key.json}} "
                "or {api_key: ...}"
            )
        named = target.credentials["google"]
        source = secrets.resolve(named)
        way = _Way(secrets.resolve_url(target.path.proxy), target.path.ca)
        fetch = functools.partial(_fetch, source, named, way)
        try:
            headers = await self.kept.get(f"{source}\0{named}\0{way}", fetch, anew=anew)
        except ImportError:
            raise SigningError(
                f"target {target.name} needs nephoscope[google]: pip install 'nephoscope[google]'",
                "missing_extra",
            ) from None
        secrets.learn(headers["authorization"].removeprefix("Bearer "))
        return headers


def _fetch(source: str, named: str, way: _Way) -> Fetched[Mapping[str, str]]:
    """Return the headers that carry a new token; raises `ImportError` without google-auth, else `SigningError`.

    Targets share what is fetched, so that no sentence names one: whoever asked is put before it. Sentences quote
    `named`, the source as the configuration writes it: what a reference stands for is not told.
    """
    exceptions = importlib.import_module("google.auth.exceptions")
    ask = _Request(way, importlib.import_module("google.auth.transport.requests"), exceptions)
    # What it has to say is in our own sentences, and at its debug level it tells tokens.
    logging.getLogger("google").setLevel(logging.CRITICAL + 1)
    try:
        with contextlib.closing(ask.session):
            credentials = _credentials(source, ask)
            ask.key = type(credentials).__module__ == _LOADERS["service_account"][0]
            credentials.refresh(ask)
    except _UnservedError as error:
        found = google_refusals.MISSING if error.metadata and not ask.met else error.trouble
        raise _told(named, found, "") from error
    except (exceptions.GoogleAuthError, OSError, ValueError, KeyError, TypeError) as error:
        text = str(error.args[0] if error.args else error)
        # What Python says of files and shapes says nothing to who wrote the file.
        quoted = "" if isinstance(error, OSError | KeyError | TypeError) or text.endswith(_NO_FILE) else text
        raise _told(named, _trouble(exceptions, error, text, ask), quoted) from error
    headers: dict[str, str] = {}
    credentials.apply(headers)
    headers = {key.lower(): value for key, value in headers.items()}
    ends = credentials.expiry
    return Fetched(headers, None if ends is None else ends.replace(tzinfo=UTC).timestamp())


def _trouble(exceptions: Any, error: Exception, text: str, ask: "_Request") -> Trouble:
    """Return what an error of the library means, or one of reading the file."""
    if isinstance(error, OSError):
        return google_refusals.unread(error)
    if text.endswith(_NO_FILE):
        return google_refusals.unread(FileNotFoundError(0, "", text.removesuffix(_NO_FILE)))
    told = isinstance(error, exceptions.GoogleAuthError)
    if ask.granted and (not told or "no access token" in text.lower()):
        return google_refusals.no_token(ask.granted)
    if isinstance(error, KeyError) and error.args == ("type",):
        return google_refusals.UNTYPED
    if isinstance(error, exceptions.DefaultCredentialsError):
        missing = "default credentials" in text.lower()
        return google_refusals.MISSING if missing else google_refusals.MALFORMED
    return google_refusals.refused(text, key=ask.key) if told else google_refusals.MALFORMED


def _told(named: str, trouble: Trouble, text: str) -> SigningError:
    quoted = f' (it says: "{" ".join(text.split())}")' if text else ""
    return SigningError(
        f"no token came by credentials.google ({named}): {trouble.remedy}{quoted}",
        trouble.code,
        trouble.outcome,
    )


def _credentials(source: str, ask: Any) -> Any:
    """Return the credentials that a file holds, or that Google's own order of search finds."""
    if source == DEFAULT:
        return importlib.import_module("google.auth").default(scopes=[_SCOPE], request=ask)[0]
    info = json.loads(File(source).read_bytes())
    kind = str(mapping(info)["type"])
    if kind == "external_account":
        found = _federated(info)
    elif kind in _LOADERS:
        module, loader = _LOADERS[kind]
        found = getattr(importlib.import_module(module).Credentials, loader)(info)
    else:
        raise ValueError(f"type {kind!r}")
    scoped = importlib.import_module("google.auth.credentials").with_scopes_if_required(found, [_SCOPE])
    quota = os.environ.get("GOOGLE_CLOUD_QUOTA_PROJECT")
    return scoped.with_quota_project(quota) if quota else scoped


def _federated(info: Mapping[str, Any]) -> Any:
    """Return the credentials of a workload identity federation, by where it finds what it shows."""
    module = "identity_pool"
    source = info.get("credential_source") or {}
    if info.get("subject_token_type") == "urn:ietf:params:aws:token-type:aws4_request":
        module = "aws"
    elif "executable" in source:
        module = "pluggable"
    return importlib.import_module(f"google.auth.{module}").Credentials.from_info(info)


class _Request:
    """How the library asks: once, and not for long. What it would try again is told instead.

    `met` says that a metadata server answered: from then on it is there, and failing. `granted` is the host whose
    answer, the last one, was a good one by its status; `key` says that a service account's key is shown.
    """

    def __init__(self, way: _Way, transport: Any, exceptions: Any) -> None:
        self.session = importlib.import_module("requests").Session()
        self.session.trust_env = way.proxy == "environment"
        if way.proxy not in {"environment", "none"}:
            self.session.proxies = {"http": way.proxy, "https": way.proxy}
        # The metadata server is on this machine's own link, whatever proxy there is.
        self.session.proxies |= {f"http://{host}": "" for host in _metadata_hosts()}
        if way.ca is not None:
            self.session.verify = way.ca
        self.met = self.key = False
        self.granted = ""
        self._ask = transport.Request(self.session)
        self._broken = exceptions.TransportError

    def __call__(self, url: str, method: str = "GET", **more: Any) -> Any:
        host = urlsplit(url).hostname or ""
        metadata = host in _metadata_hosts()
        try:
            response = self._ask(url, method, **{**more, "timeout": _TRY_S})
        except self._broken as error:
            text = repr(error.__cause__ or error)
            raise _UnservedError(google_refusals.unreached(host, text), metadata=metadata) from error
        self.met = self.met or metadata
        self.granted = host if response.status == 200 else ""
        if response.status >= 500 or response.status in _BUSY:
            raise _UnservedError(google_refusals.failed(host, response.status), metadata=metadata)
        return response


def _metadata_hosts() -> set[str]:
    named = (os.environ.get("GCE_METADATA_HOST", ""), os.environ.get("GCE_METADATA_IP", ""))
    return {*_METADATA, *(name.partition(":")[0] for name in named if name)}
