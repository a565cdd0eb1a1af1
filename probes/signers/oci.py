"""Oracle's identities: requests signed by its own library, for a profile, a session or a principal; or a Generative AI API key."""

import importlib
import os
import time
from collections.abc import Callable, Mapping
from email.utils import formatdate
from typing import Any, Final, NamedTuple

import httpx

from probes import oracle_refusals, secret_header
from probes.base import Secrets, SigningError, WireRequest
from probes.kept import Fetched, Kept
from probes.result import Outcome
from probes.target import Target
from probes.tokens import life

_MANAGED: Final = "/20231130/models"
"""How the path of a call to the management plane ends, which takes no API key."""

_SESSION: Final = "session:"
_TOKEN: Final = "ST$"  # noqa: S105 - how a key's id begins that is a token
_FILES: Final = ("OCI_CONFIG_FILE", "OCI_CLI_CONFIG_FILE")
_PROFILES: Final = ("OCI_CONFIG_PROFILE", "OCI_CLI_PROFILE")


class Identity(NamedTuple):
    """Who signs: the id that Oracle knows the key by, which is a token for sessions and principals, and the library's signer."""

    key_id: str
    signer: Any

    @property
    def token(self) -> str | None:
        return self.key_id.removeprefix(_TOKEN) if self.key_id.startswith(_TOKEN) else None


class _Request:
    """A request as the library wants to see it."""

    def __init__(self, method: str, url: httpx.URL, headers: dict[str, str], body: bytes) -> None:
        self.method = method
        self.path_url = url.raw_path.decode("ascii")
        self.url = f"{url.scheme}://{headers['host']}{self.path_url}"
        self.headers = headers
        self.body = body


class Oci:
    """`oci: default`, a profile's name, `session:PROFILE`, `instance` or `resource`; an `api_key` goes behind `Bearer`.

    `now_s` gives UTC seconds since the epoch. The library is loaded, and blocks, in the threads of `Kept` alone.
    """

    def __init__(self, now_s: Callable[[], float] = time.time, kept: Kept[Identity] | None = None) -> None:
        self._now_s = now_s
        self._kept = kept or Kept[Identity](now_s)

    async def sign(self, request: WireRequest, target: Target, secrets: Secrets) -> Mapping[str, str]:
        bearer = secret_header.headers(target, secrets)
        if bearer is None:
            return self._signed(request, await self._identity(target, secrets))
        if httpx.URL(request.url).path.endswith(_MANAGED):
            raise SigningError(
                "its list of models is answered by Oracle's management plane, which takes no API key: leave the target "
                "out of probes of kind models, or write credentials: {oci: default}",
                "needs_iam",
            )
        return bearer

    async def renewed(
        self,
        signed: Mapping[str, str],
        request: WireRequest,  # noqa: ARG002 - the protocol's
        target: Target,
        secrets: Secrets,
    ) -> bool:
        bearer = secret_header.headers(target, secrets)
        if bearer is not None:
            return bearer != signed
        identity = await self._identity(target, secrets, anew=True)
        return f'keyId="{identity.key_id}"' not in signed["authorization"]

    async def _identity(self, target: Target, secrets: Secrets, *, anew: bool = False) -> Identity:
        named = target.credentials.get("oci")
        if not named:
            raise SigningError(
                f"target {target.name} has no credentials: give it credentials: {{oci: default}} or {{api_key: ...}}"
            )
        name, file = secrets.resolve(named).strip(), _file()
        fetch = _Fetch(name, file, self._now_s)
        try:
            identity = await self._kept.get(f"{name} {file} {_profile(name)}", fetch, anew=anew)
        except ImportError:
            said = f"target {target.name} needs nephoscope[oci]: pip install 'nephoscope[oci]'"
            raise SigningError(said, "missing_extra") from None
        except SigningError as error:
            if error.code == "identity_timeout" and name == "instance":
                raise SigningError(oracle_refusals.UNREACHABLE, error.code) from None
            raise
        if identity.token is not None:
            secrets.learn(identity.token)
        return identity

    def _signed(self, request: WireRequest, identity: Identity) -> Mapping[str, str]:
        """Return the headers that the signature covers, as they will be sent, and the signature."""
        url = httpx.URL(request.url)
        headers = {"date": formatdate(self._now_s(), usegmt=True), "host": url.netloc.decode("ascii")}
        if request.body:
            headers["content-type"] = request.headers["content-type"]
            headers["content-length"] = str(len(request.body))
        signing = _Request(request.method, url, headers, request.body)
        identity.signer.do_request_sign(signing)
        return {name.lower(): value for name, value in signing.headers.items()}


def _file() -> str:
    named = next((os.environ[name] for name in _FILES if os.environ.get(name)), "~/.oci/config")
    return os.path.expanduser(named)  # noqa: PTH111 - a name, not yet a path


def _profile(name: str) -> str:
    """Return the profile that a name stands for."""
    name = name.removeprefix(_SESSION)
    if name != "default":
        return name
    return next((os.environ[usual] for usual in _PROFILES if os.environ.get(usual)), "DEFAULT")


class _Fetch:
    """Gets one identity by the library, which blocks; every failure is a sentence, but that there is no library."""

    def __init__(self, name: str, file: str, now_s: Callable[[], float]) -> None:
        self._name = name
        self._file = file
        self._profile = _profile(name)
        self._now_s = now_s

    def __call__(self) -> Fetched[Identity]:
        oci = importlib.import_module("oci")
        signer = self._signer(oci)
        identity = Identity(signer.api_key, signer)
        known = None if identity.token is None else life(identity.token)
        ends_s = None if known is None else known.ends_s
        if ends_s is not None and ends_s <= self._now_s():
            raise SigningError(self._expired(), "token_expired")
        return Fetched(identity, ends_s)

    def _signer(self, oci: Any) -> Any:
        if self._name == "instance":
            return self._instance(oci)
        if self._name == "resource":
            return self._resource(oci)
        try:
            return self._of_profile(oci)
        except SigningError:
            raise
        except Exception as error:  # noqa: BLE001 - the library, configparser and files each fail in ways of their own
            raise self._failed(oci, error) from None

    def _of_profile(self, oci: Any) -> Any:
        held = oci.config.from_file(self._file, self._profile)
        if not self._name.startswith(_SESSION):
            if held.get("security_token_file") and not held.get("user"):
                raise SigningError(
                    f"profile {self._profile} in {self._file} holds a session: write credentials: "
                    f"{{oci: session:{self._profile}}}",
                    "session_profile",
                )
            # The region is not for signing, but the library wants one all the same.
            return oci.signer.Signer.from_config({"region": "none", **held})
        if not held.get("security_token_file"):
            raise SigningError(
                f"profile {self._profile} in {self._file} holds no session: {self._begin()}", "no_session"
            )
        with open(os.path.expanduser(held["security_token_file"]), encoding="ascii") as file:  # noqa: PTH111, PTH123 - as the library reads its files
            token = file.read().strip()
        key = oci.signer.load_private_key_from_file(held["key_file"], held.get("pass_phrase"))
        return oci.auth.signers.SecurityTokenSigner(token, key)

    def _failed(self, oci: Any, error: Exception) -> SigningError:
        """Return what a profile that cannot be used lacks, and what to do."""
        if isinstance(error, OSError):
            name = "InvalidKeyFilePath"
        else:
            name = next(
                (kind.__name__ for kind in type(error).__mro__ if kind.__name__ in oracle_refusals.TROUBLES),
                "",
            )
        code, sentence = oracle_refusals.TROUBLES.get(name, oracle_refusals.UNREADABLE)
        wrong = type(error).__name__
        if isinstance(error, oci.exceptions.InvalidConfig) and isinstance(error.errors, dict):
            wrong = " and ".join(f"{key} is {what}" for key, what in sorted(error.errors.items()))
        return SigningError(sentence.format(profile=self._profile, file=self._file, wrong=wrong), code)

    def _instance(self, oci: Any) -> Any:
        once = oci.retry.NoneRetryStrategy()
        wire = importlib.import_module("oci._vendor.requests.exceptions")
        try:
            return oci.auth.signers.InstancePrincipalsSecurityTokenSigner(
                retry_strategy=once,
                federation_client_retry_strategy=once,
                federation_client_circuit_breaker_strategy=oci.circuit_breaker.NoCircuitBreakerStrategy(),
            )
        except wire.RequestException as error:
            asked = getattr(error, "request", None)
            if asked is not None and "/opc/" not in asked.url:
                said = f"Oracle's identity service {httpx.URL(asked.url).host} cannot be reached: check routes and proxies"
                raise SigningError(said, "identity_service", Outcome.DISCONNECTED) from None
            raise SigningError(oracle_refusals.UNREACHABLE, "metadata_unreachable") from None
        except oci.exceptions.ServiceError as error:
            raise oracle_refusals.refused(error) from None
        except Exception:  # noqa: BLE001 - certificates and answers that are none
            raise oracle_refusals.foreign() from None

    def _resource(self, oci: Any) -> Any:
        try:
            return oci.auth.signers.get_resource_principals_signer()
        except oci.exceptions.ServiceError as error:
            raise oracle_refusals.refused(error) from None
        except Exception:  # noqa: BLE001 - each version of it fails in ways of its own
            named = bool(os.environ.get("OCI_RESOURCE_PRINCIPAL_VERSION"))
            raise oracle_refusals.resource(named=named) from None

    def _begin(self) -> str:
        return f"run `oci session authenticate --profile-name {self._profile}`"

    def _expired(self) -> str:
        if self._name.startswith(_SESSION):
            return (
                f"the session of profile {self._profile} has ended: {self._begin()}, or keep it alive with "
                f"`oci session refresh --profile {self._profile}`; and see that this machine's clock is right"
            )
        return f"the token of the {self._name} principal has ended: see that this machine's clock is right"
