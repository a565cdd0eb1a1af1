"""Identity at Azure: a resource's key, a token as it stands, or one of Microsoft Entra ID by way of azure-identity."""

import functools
import logging
import os
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, Self
from urllib.parse import urlsplit

from probes import secret_header
from probes.base import Secrets, SigningError, WireRequest
from probes.entra_refusals import Ends, told
from probes.kept import Fetched, Kept
from probes.target import Target

MODES: Final = ("default", "workload", "managed", "cli", "environment")
"""What `credentials.entra` may be: which of azure-identity's credentials is asked."""

_OPTIONS: Final = {"retry_total": 0, "connection_timeout": 2, "read_timeout": 4}
"""A probe waits for its identity and is not to be late: the next slot is the retry."""

_AGAIN_S: Final = 300.0
"""A token that is refused although it is new shows a missing role: another new one would not help, for so long."""

_FROM_ENVIRONMENT = (
    "AZURE_CLIENT_SECRET",
    "AZURE_CLIENT_CERTIFICATE_PASSWORD",
    "IDENTITY_HEADER",
    "MSI_SECRET",
)
"""Variables that azure-identity reads by itself, and that no text of ours may show."""


class _Cloud(NamedTuple):
    """One of Azure's clouds: how its hosts end, who gives tokens there (None: the library's own choice), for what."""

    suffix: str
    authority: str | None
    scope: str


_CLOUDS: Final = (
    _Cloud(".azure.us", "login.microsoftonline.us", "https://cognitiveservices.azure.us/.default"),
    _Cloud(".azure.cn", "login.chinacloudapi.cn", "https://cognitiveservices.azure.cn/.default"),
    _Cloud("", None, "https://cognitiveservices.azure.com/.default"),
)
"""The scope of the public cloud is the older one, which every kind of resource takes; the newer one is https://ai.azure.com/.default."""


class Wanted(NamedTuple):
    """Which token is wanted; equal ones are fetched once."""

    mode: str
    authority: str | None
    scope: str

    @property
    def key(self) -> str:
        return " ".join(filter(None, self))


def wanted(target: Target, secrets: Secrets, usual: str | None = None) -> Wanted:
    """Return which token a target asks for: its authority is that of its host's cloud, and so is its scope unless it names one.

    `usual` is the scope in place of the public cloud's. Raises `SigningError` where its credentials name none.
    """
    given = target.credentials.get("entra")
    mode = secrets.resolve(given).strip() if given else ""
    if mode not in MODES:
        trouble = f"credentials.entra is none of {', '.join(MODES)}" if given else "it has no credentials"
        raise SigningError(
            f"target {target.name} cannot prove its identity, {trouble}: write credentials: {{entra: default}} or {{api_key: ...}}"
        )
    host = urlsplit(target.endpoint).hostname or ""
    cloud = next(cloud for cloud in _CLOUDS if host.endswith(cloud.suffix))
    scope = cloud.scope if cloud.authority or usual is None else usual
    return Wanted(mode, cloud.authority, target.credentials.get("scope") or scope)


class Entra:
    """An `api_key` goes into Azure's own header, a token behind `Bearer`; `entra` says who is asked for one.

    `scope` is the usual one in the public cloud; `now_s` gives monotonic seconds.
    """

    def __init__(
        self,
        kept: Kept[str] | None = None,
        now_s: Callable[[], float] = time.monotonic,
        *,
        key_header: str = "api-key",
        scope: str | None = None,
    ) -> None:
        self._kept: Kept[str] = kept or Kept()
        self._now_s = now_s
        self._key_header = key_header
        self._scope = scope
        self._renewals: dict[str, float] = {}

    async def sign(self, request: WireRequest, target: Target, secrets: Secrets) -> Mapping[str, str]:  # noqa: ARG002 - the protocol's
        given = secret_header.headers(target, secrets, self._key_header)
        return await self._bearer(target, secrets) if given is None else given

    async def renewed(
        self,
        signed: Mapping[str, str],
        request: WireRequest,
        target: Target,
        secrets: Secrets,
    ) -> bool:
        if await self.sign(request, target, secrets) != signed:
            return True
        if "entra" not in target.credentials:
            return False
        key, now_s = wanted(target, secrets, self._scope).key, self._now_s()
        if now_s - self._renewals.get(key, float("-inf")) < _AGAIN_S:
            return False
        self._renewals[key] = now_s
        return await self._bearer(target, secrets, anew=True) != signed

    async def _bearer(self, target: Target, secrets: Secrets, *, anew: bool = False) -> Mapping[str, str]:
        asked = wanted(target, secrets, self._scope)
        for name in _FROM_ENVIRONMENT:
            if value := os.environ.get(name):
                secrets.learn(value)
        try:
            token = await self._kept.get(asked.key, functools.partial(_fetch, asked), anew=anew)
        except ImportError:
            raise SigningError(
                f"target {target.name} needs nephoscope[azure]: pip install 'nephoscope[azure]'",
                "missing_extra",
            ) from None
        secrets.learn(token)
        return secret_header.bearer(token)


def _fetch(asked: Wanted) -> Fetched[str]:
    """Return a new token; raises `ImportError` without azure-identity, `SigningError` for whatever fails."""
    from azure.core.pipeline.transport import RequestsTransport  # noqa: PLC0415 - an optional part, in its one signer

    for name in ("azure", "msal"):  # what they have to say is in our own sentences
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    with RequestsTransport(**_OPTIONS) as transport:
        watch = _Watch(transport)
        try:
            got = _credential(asked, watch).get_token(asked.scope)
        except ImportError:
            raise
        except Exception as error:  # noqa: BLE001 - the library's, by their dozen; all of them are translated here
            raise told(error, asked.mode, watch.ends) from None
    return Fetched(got.token, float(got.expires_on))


def _credential(asked: Wanted, watch: "_Watch") -> Any:
    """Return the credential of azure-identity; a new one each time, which remembers no token and reads what changed."""
    from azure import identity  # noqa: PLC0415 - as above

    # The authority is the library's own, or one that the user names: there is nothing to be validated at another host.
    shared: dict[str, Any] = {**_OPTIONS, "transport": watch, "disable_instance_discovery": True}
    authority = {} if asked.authority is None else {"authority": asked.authority}
    match asked.mode:
        case "workload":
            return identity.WorkloadIdentityCredential(**authority, **shared)
        case "managed":
            return identity.ManagedIdentityCredential(client_id=os.environ.get("AZURE_CLIENT_ID"), **shared)
        case "cli":
            return identity.AzureCliCredential(process_timeout=8)
        case "environment":
            return identity.EnvironmentCredential(**authority, **shared)
    # What remains of its chain: environment, workload identity, managed identity, Azure CLI.
    others = (
        "shared_token_cache",
        "visual_studio_code",
        "powershell",
        "developer_cli",
        "interactive_browser",
        "broker",
    )
    excluded = {f"exclude_{other}_credential": True for other in others}
    return identity.DefaultAzureCredential(process_timeout=5, **excluded, **authority, **shared)


class _Watch:
    """Azure's own transport, noting how the last request to Entra and to the machine's metadata service ended."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self.ends = Ends()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Stay open: whoever made the transport closes it."""

    def send(self, request: Any, **options: Any) -> Any:
        from azure.core.exceptions import ServiceRequestError  # noqa: PLC0415 - as above

        place = "entra" if urlsplit(request.url).scheme == "https" else "metadata"
        try:
            response = self._transport.send(request, **options)
        except Exception as error:
            setattr(self.ends, place, error)
            self.ends.connected = not isinstance(error, ServiceRequestError)
            raise
        setattr(self.ends, place, int(response.status_code))
        return response
