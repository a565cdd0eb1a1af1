"""Identity at AWS: signature version 4 with what botocore's credential chain finds, or a key of Bedrock as it stands."""

import functools
import hashlib
import importlib
import os
import re
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from probes import secret_header
from probes.base import Secrets, SigningError, WireRequest
from probes.kept import Fetched, Kept
from probes.result import Outcome
from probes.target import Target

_METADATA_S: Final = 1
_SERVICE_S: Final = 3
"""How long one try of the metadata server and of AWS's identity services takes; the next slot is the retry."""

_AGAIN_S: Final = 300.0
"""Keys that are refused although they are new would be no better for being new again, for so long."""

_REGION = re.compile(
    r"[a-z]{2,4}(?:-[a-z]{2,4})?-(?:central|(?:north|south)(?:east|west)?|east|west)-\d{1,2}"
)
_PARTITION = re.compile(r"cn|us-gov|us-iso[a-z]?|eu-iso[a-z]?|eusc")

_NOTHING_FOUND: Final = (
    "AWS's credential chain found no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, write "
    "credentials: {aws: PROFILE}, or give the machine or pod a role; the instance's metadata server is asked last, and "
    "gave none (from a container its hop limit must be 2)"
)


class Keys(NamedTuple):
    """What a request is signed with; `token` comes with keys that end."""

    access_key: str
    secret_key: str
    token: str | None = None


class SigV4:
    """Signs for one of AWS's services by its signing name.

    `bearer` says whether the service takes a key of its own (`api_key`, `token`, `token_file`) behind `Bearer`;
    `now_s` gives monotonic seconds.
    """

    def __init__(
        self,
        service: str,
        kept: Kept[Keys] | None = None,
        *,
        bearer: bool = True,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._service = service
        self._kept = _KEPT if kept is None else kept
        self._bearer = bearer
        self._now_s = now_s
        self._renewals: dict[str, float] = {}

    async def sign(self, request: WireRequest, target: Target, secrets: Secrets) -> Mapping[str, str]:
        if self._bearer and (plain := secret_header.headers(target, secrets)) is not None:
            return plain
        region = _region(request.url, target)
        return _signed(request, await self._keys(target, region, secrets), self._service, region)

    async def renewed(
        self, signed: Mapping[str, str], request: WireRequest, target: Target, secrets: Secrets
    ) -> bool:
        if self._bearer and (plain := secret_header.headers(target, secrets)) is not None:
            return plain != signed
        region = _region(request.url, target)
        if not _with(await self._keys(target, region, secrets), signed):
            return True
        profile, now_s = target.credentials.get("aws", ""), self._now_s()
        if now_s - self._renewals.get(profile, float("-inf")) < _AGAIN_S:
            return False
        self._renewals[profile] = now_s
        return not _with(await self._keys(target, region, secrets, anew=True), signed)

    async def _keys(self, target: Target, region: str, secrets: Secrets, *, anew: bool = False) -> Keys:
        profile = secrets.resolve(target.credentials.get("aws", "")).strip()
        if not profile:
            raise SigningError(
                f"target {target.name} has no credentials: give it credentials: {{aws: default}}"
                + (" or {api_key: ...}" if self._bearer else "")
            )
        partition = found[0] if (found := _PARTITION.match(region)) else "aws"
        fetch = functools.partial(_fetch, target.name, profile, region)
        # A role is taken on at the identity service of a partition, and its keys are good in all of its regions.
        keys = await self._kept.get(f"{profile} in {partition}", fetch, anew=anew)
        secrets.learn(keys.secret_key)
        if keys.token is not None:
            secrets.learn(keys.token)
        return keys


_KEPT: Final = Kept[Keys]()
"""What all services share: a profile's keys are the same for each."""


def _with(keys: Keys, signed: Mapping[str, str]) -> bool:
    """Return whether these are the keys that headers were signed with."""
    same_key = f"Credential={keys.access_key}/" in signed.get("authorization", "")
    return same_key and signed.get("x-amz-security-token") == keys.token


def region_in(host: str) -> str | None:
    """Return the region that one of AWS's hosts names.

    >>> region_in("bedrock-runtime-fips.us-gov-west-1.amazonaws.com"), region_in("127.0.0.1"), region_in("my-proxy-1.bank")
    ('us-gov-west-1', None, None)
    """
    return next((label for label in host.split(".") if _REGION.fullmatch(label)), None)


def _region(url: str, target: Target) -> str:
    region = target.region or region_in(urlsplit(url).hostname or "")
    if region is None:
        raise SigningError(
            f"target {target.name} has no region, and its endpoint names none, so that it cannot be signed for one: "
            "write region: in the target",
            "no_region",
        )
    return region


def _signed(request: WireRequest, keys: Keys, service: str, region: str) -> Mapping[str, str]:
    """Return the headers that prove identity; what stands in others than the content's type and AWS's own is not signed."""
    given = {
        name: value
        for name, value in request.headers.items()
        if name == "content-type" or name.startswith("x-amz-")
    }
    made = _botocore("awsrequest").AWSRequest(
        method=request.method,
        url=request.url,
        data=request.body,
        headers={**given, "x-amz-content-sha256": hashlib.sha256(request.body).hexdigest()},
    )
    _botocore("auth").SigV4Auth(keys, service, region).add_auth(made)
    return {name.lower(): value for name, value in made.headers.items() if name.lower() not in given}


def _botocore(part: str) -> Any:
    return importlib.import_module(f"botocore.{part}")


def _fetch(name: str, profile: str, region: str) -> Fetched[Keys]:
    """Return what the chain finds for a profile, in a session of its own, which reads files and variables anew."""
    try:
        exceptions = _botocore("exceptions")
    except ModuleNotFoundError:
        sentence = f"target {name} needs nephoscope[aws]: pip install 'nephoscope[aws]'"
        raise SigningError(sentence, "missing_extra") from None
    try:
        return _found(profile, region)
    except exceptions.ClientError as error:
        raise _declined(error) from error
    except (exceptions.BotoCoreError, RuntimeError, OSError, ValueError) as error:
        raise _failed(error) from error


def _found(profile: str, region: str) -> Fetched[Keys]:
    session = _botocore("session").Session(profile=None if profile == "default" else profile)
    session.set_config_variable("metadata_service_timeout", _METADATA_S)
    session.set_config_variable("metadata_service_num_attempts", 1)
    if session.get_config_variable("region") is None:
        session.set_config_variable("region", region)
    session.set_default_client_config(
        _botocore("config").Config(
            connect_timeout=_SERVICE_S, read_timeout=_SERVICE_S, retries={"total_max_attempts": 1}
        )
    )
    credentials = session.get_credentials()
    if credentials is None:
        raise SigningError(_NOTHING_FOUND, "no_credentials")
    frozen = credentials.get_frozen_credentials()
    ends = getattr(credentials, "_expiry_time", None)  # the only place where botocore tells
    keys = Keys(frozen.access_key, frozen.secret_key, frozen.token)
    return Fetched(keys, None if ends is None else ends.timestamp())


def _declined(error: Any) -> SigningError:
    """Return what it means that an identity service answered with an error."""
    said = error.response.get("Error", {})
    code, status = said.get("Code"), error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    what = f"AWS's identity service declined {error.operation_name}"
    if status >= 500:
        return SigningError(
            f"{what} with {status}: see AWS's status", "identity_service", Outcome.SERVER_ERROR
        )
    remedy = "check the role's trust policy, and the token or keys that it is taken on with"
    return SigningError(f'{what}: {remedy} (it says: "{said.get("Message", code)}")', code)


_NETWORK: Final[Mapping[str, Outcome]] = {
    "ConnectTimeoutError": Outcome.CONNECT_TIMEOUT,
    "ReadTimeoutError": Outcome.CONNECT_TIMEOUT,
    "SSLError": Outcome.TLS,
    "ProxyConnectionError": Outcome.CONNECT_REFUSED,
    "EndpointConnectionError": Outcome.CONNECT_REFUSED,
    "ConnectionClosedError": Outcome.DISCONNECTED,
    "HTTPClientError": Outcome.DISCONNECTED,
}
"""botocore's names of a broken way to an identity service."""

_REMEDIES: Final[Mapping[str, str]] = {
    "ConfigParseError": "mend ~/.aws/config",
    "PartialCredentialsError": "set both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or complete the profile",
    "SSOTokenLoadError": "run `aws sso login`",
    "UnauthorizedSSOTokenError": "run `aws sso login`",
    "TokenRetrievalError": "run `aws sso login`",
    "LoginRefreshRequired": "run `aws login`",
    "LoginTokenLoadError": "run `aws login`",
    "RefreshWithMFAUnsupportedError": "choose a profile that asks for no code: nobody is there to type it",
}


def _failed(error: Exception) -> SigningError:
    """Return what it means that the chain broke off."""
    name = type(error).__name__
    if name in _NETWORK:
        sentence = f"AWS's identity service was not reached ({error}): check the way to it, and AWS's status"
        return SigningError(sentence, "identity_service", _NETWORK[name])
    if name == "ProfileNotFound":
        profile, file = vars(error)["kwargs"]["profile"], os.environ.get("AWS_CONFIG_FILE", "~/.aws/config")
        sentence = f"there is no profile {profile} in {file}: write credentials: {{aws: default}}, or the name of one that is"
        return SigningError(sentence, name)
    remedy = _REMEDIES.get(name, "look at the profile, and at what it names")
    return SigningError(f"AWS's credential chain broke off, {remedy} ({error})", name)
