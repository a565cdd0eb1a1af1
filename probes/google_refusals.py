"""Why Google gave no token, in the words of its tools: what its services and its library say, and what to do."""

import re
from typing import Final, NamedTuple

from probes.result import Outcome

IDENTITY_SERVICE: Final = "identity_service"


class Trouble(NamedTuple):
    """Why there is no token: a code, what to do, and whose failing it is."""

    code: str
    remedy: str
    outcome: Outcome = Outcome.CONFIG


MISSING: Final = Trouble(
    "no_default_credentials",
    "no Application Default Credentials were found, and no metadata server answered: set GOOGLE_APPLICATION_CREDENTIALS, "
    "run `gcloud auth application-default login`, or give the pod or machine a service account",
)

MALFORMED: Final = Trouble(
    "malformed_credentials",
    "the file holds no credentials of Google's: download the key anew, or make the federation's file again",
)
UNTYPED: Final = Trouble(
    MALFORMED.code,
    "the file has no `type`, as Google's have: download the key anew, or make the federation's file again",
)


def unread(error: OSError) -> Trouble:
    """Return what it means that a file of credentials could not be read; its name is not told, for it may be a key.

    >>> unread(FileNotFoundError(2, "No such file or directory", "/run/key.json")).remedy
    'there is no such file: look at the path and at what is mounted'
    """
    if isinstance(error, FileNotFoundError):
        return Trouble("missing_file", "there is no such file: look at the path and at what is mounted")
    if isinstance(error, IsADirectoryError):
        return Trouble("unreadable_file", "it is a folder: name the file in it")
    return Trouble("unreadable_file", "the file cannot be read: look at its rights")


_REFUSED: Final[tuple[tuple[str, Trouble], ...]] = (
    (
        r"short-lived token|reasonable timeframe|check your iat and exp|token used too early",
        Trouble(
            "clock_skew",
            "the clock of this machine is off, so that its JWT is not valid yet or no more: synchronise it (NTP)",
        ),
    ),
    (
        r"invalid jwt signature",
        Trouble(
            "invalid_grant",
            "the key of the service account was deleted, disabled or has expired: make a new key, or use workload identity",
        ),
    ),
    (
        r"account not found|account has been (deleted|disabled)|disabled_client",
        Trouble(
            "invalid_grant",
            "the service account was deleted or is disabled: enable it, or use another one",
        ),
    ),
    (
        r"reauth|rapt_required",
        Trouble("invalid_grant", "Google wants a person: run `gcloud auth application-default login`"),
    ),
    (
        r"invalid_grant|expired or revoked|refresh_token",
        Trouble(
            "invalid_grant",
            "the credentials have expired or were revoked: run `gcloud auth application-default login`, or make a new key",
        ),
    ),
    (
        r"impersonat|iam\.serviceaccounts\.getaccesstoken",
        Trouble(
            "impersonation_denied",
            "grant the caller the role Service Account Token Creator (roles/iam.serviceAccountTokenCreator) on the service account",
        ),
    ),
    (r"invalid_scope", Trouble("invalid_scope", "the credentials cannot get the scope cloud-platform")),
    (
        r"invalid_target|invalid_request|subject token",
        Trouble(
            "invalid_federation",
            "the workload identity pool does not take what this workload shows: look at the provider's issuer, "
            "audience and attribute condition",
        ),
    ),
)


_KEY_REFUSED: Final = "the service account's key was refused: look at the key and at the rights of its account, or make a new key"


def refused(text: str, *, key: bool = False) -> Trouble:
    """Return what it means that Google's library raised an error with this text; `key` is a service account's.

    >>> refused("invalid_grant: Invalid JWT Signature.").remedy
    'the key of the service account was deleted, disabled or has expired: make a new key, or use workload identity'
    >>> refused("access_denied: no").code
    'access_denied'
    """
    for pattern, trouble in _REFUSED:
        if re.search(pattern, text, re.IGNORECASE) and not (key and trouble.code == "invalid_federation"):
            return trouble
    named = re.match(r"(?:Error code )?([a-z_]{3,40}):", text)
    return Trouble(
        named[1] if named else "credentials",
        _KEY_REFUSED if key else "look at the credentials and at the rights of their account",
    )


def no_token(host: str) -> Trouble:
    """Return what it means that a service of identity granted a request, by its status, without a token."""
    return Trouble(
        IDENTITY_SERVICE,
        f"{host} answered 200 with something that is no token: look for a proxy on the way that answers in its place",
        Outcome.SERVER_ERROR,
    )


_UNREACHED: Final[tuple[tuple[str, Outcome], ...]] = (
    (r"SSLError|CERTIFICATE_VERIFY_FAILED", Outcome.TLS),
    (r"NameResolutionError|getaddrinfo|Name or service not known", Outcome.DNS),
    (r"ConnectTimeout|ConnectTimeoutError", Outcome.CONNECT_TIMEOUT),
    (r"Connection refused|ProxyError", Outcome.CONNECT_REFUSED),
    (r"ReadTimeout|Read timed out", Outcome.SERVER_ERROR),
)


def unreached(host: str, text: str) -> Trouble:
    """Return what it means that a service of identity gave no answer; `text` is how the library tells of it."""
    outcome = next((means for pattern, means in _UNREACHED if re.search(pattern, text)), Outcome.DISCONNECTED)
    if outcome is Outcome.SERVER_ERROR:
        return Trouble(
            IDENTITY_SERVICE,
            f"{host} took the request for a token and did not answer: see its status",
            outcome,
        )
    return Trouble(
        "identity_unreachable",
        f"{host} cannot be reached from here: look at routes, proxies and firewalls",
        outcome,
    )


def failed(host: str, status: int) -> Trouble:
    """Return what it means that a service of identity failed on its side, or had no room for us."""
    return Trouble(
        IDENTITY_SERVICE,
        f"{host} answered {status} to the request for a token: see its status",
        Outcome.SERVER_ERROR,
    )
