"""What it means that no token came from Microsoft Entra ID: whose the failing is, and what to do in Azure's words."""

import dataclasses
import os
import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from typing import Final

from probes.base import SigningError
from probes.result import Outcome


@dataclasses.dataclass(slots=True)
class Ends:
    """How the last request to Entra and the last one to the machine's metadata service ended: a status, an error, none sent.

    `connected` says of an error at Entra that the request had been sent.
    """

    entra: Exception | int | None = None
    metadata: Exception | int | None = None
    connected: bool = False


_SOURCES: Final[Mapping[str, tuple[str, str]]] = {
    "default": (
        "no_identity",
        (
            "azure-identity found no identity here: set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, "
            "assign a managed identity, or run az login"
        ),
    ),
    "workload": (
        "identity_unset",
        (
            "workload identity is not set up in this pod (AZURE_CLIENT_ID, AZURE_TENANT_ID, AZURE_FEDERATED_TOKEN_FILE): "
            'label it azure.workload.identity/use: "true" and annotate its service account'
        ),
    ),
    "managed": (
        "metadata_unreachable",
        (
            "the metadata service of this machine does not answer: run where a managed identity is assigned, "
            "and put 169.254.169.254 into NO_PROXY"
        ),
    ),
    "cli": (
        "not_logged_in",
        "the Azure CLI gives no token: install az where the agent runs, and run az login as its user",
    ),
    "environment": (
        "identity_unset",
        (
            "the environment holds no service principal: set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET "
            "(or AZURE_CLIENT_CERTIFICATE_PATH)"
        ),
    ),
}
"""By mode, what it means that its source has nothing to give: code, and sentence with the remedy."""

_NOT_ASSIGNED: Final = (
    "identity_not_assigned",
    "this machine has no such managed identity: assign it one (Identity), and set AZURE_CLIENT_ID for a user-assigned one",
)

_CLOUD = "identity and endpoint are in different clouds: use an app registration of the cloud that the endpoint is in"
_FEDERATED = (
    "no federated credential of the identity fits: compare its issuer, subject "
    "(system:serviceaccount:NAMESPACE:NAME) and audience with the pod's"
)
_SCOPE = "the scope is refused: set credentials.scope to the one of this cloud, as https://cognitiveservices.azure.com/.default"
_LOGIN = "the sign-in of the Azure CLI is over: run az login as the agent's user"

_AADSTS: Final[Mapping[str, str]] = {
    "50057": "the account is disabled: enable it, or use another",
    "50076": _LOGIN,
    "50173": _LOGIN,
    "53003": "Conditional Access blocks this identity here: let the policy allow it from this address",
    "70011": _SCOPE,
    "70021": _FEDERATED,
    "90002": "the tenant is unknown in this cloud: check AZURE_TENANT_ID, and that the endpoint is in the tenant's cloud",
    "500011": _SCOPE,
    "700016": "the application is unknown in the tenant: check AZURE_CLIENT_ID and AZURE_TENANT_ID",
    "700024": "the assertion is out of its time: check this machine's clock, and that AZURE_FEDERATED_TOKEN_FILE is renewed",
    "700027": "the certificate is none of the application's: upload its public part under Certificates & secrets",
    "700082": _LOGIN,
    "700211": _FEDERATED,
    "700212": _FEDERATED,
    "700213": _FEDERATED,
    "900382": _CLOUD,
    "900432": _CLOUD,
    "900439": _CLOUD,
    "1002012": _SCOPE,
    "7000112": "the application is disabled: enable it under Enterprise applications, or use another",
    "7000215": "the client secret is wrong: set AZURE_CLIENT_SECRET to the secret's value, not its ID, from Certificates & secrets",
    "7000222": "the client secret has expired: make a new one under Certificates & secrets, and set AZURE_CLIENT_SECRET",
    "7000229": "the application has no service principal in the tenant: make one, az ad sp create --id with its client ID",
}
"""Entra's numbers of a refusal, and what to do in Azure's words."""

_TRANSIENT: Final = frozenset({"90006", "90033", "50196"})
"""Numbers that stand for Entra's own trouble, whatever their status."""


def told(error: Exception, mode: str, ends: Ends) -> SigningError:
    """Return what a failing of azure-identity in one of its modes means, whose it is, and what to do."""
    if failed := _service(ends):
        return failed
    text = " ".join(" ".join(str(each) for each in _causes(error)).split())
    if number := re.search(r"AADSTS(\d+)(?:: (.{0,120}))?", text):
        code, said = f"AADSTS{number[1]}", number[2] or ""
        if number[1] in _TRANSIENT:
            return _unwell(f"Microsoft Entra ID is in trouble itself ({code})")
        remedy = _AADSTS.get(number[1], f"see {code} in Microsoft's list (it says: {said!r})")
        return SigningError(f"Microsoft Entra ID refused the identity ({code}), {remedy}", code)
    if mode == "managed":
        code, sentence = _managed(ends.metadata)
    elif isinstance(error, OSError):
        code, sentence = (
            "identity_file",
            f"{error.filename or 'a file'} of the identity cannot be read ({error.strerror}): check its path and rights",
        )
    else:
        code, sentence = _SOURCES[mode]
    return SigningError(sentence, code)


def _managed(end: Exception | int | None) -> tuple[str, str]:
    """Return what it means that a managed identity gave no token, by how the request for it ended: code and sentence."""
    if end in {400, 404}:
        return _NOT_ASSIGNED
    named = next((name for name in ("IDENTITY_ENDPOINT", "MSI_ENDPOINT") if os.environ.get(name)), None)
    who = f"the service at {named}" if named else "the metadata service of this machine"
    remedy = (
        f"leave {named} and its header as the platform sets them, and unset both elsewhere"
        if named
        else "look for a proxy on the way, and put 169.254.169.254 into NO_PROXY"
    )
    if end == 200:
        return "metadata_foreign", f"{who} answered with something that is no token: {remedy}"
    if isinstance(end, int):
        return "metadata_refused", f"{who} refused to give a token ({end}): {remedy}"
    if named:
        return "metadata_unreachable", f"{who} does not answer: {remedy}"
    return _SOURCES["managed"]


def _service(ends: Ends) -> SigningError | None:
    """Return what it means that Entra, or the metadata service, answered with a failing of its own or not at all."""
    if isinstance(ends.entra, Exception):
        return _unreached(ends.entra, connected=ends.connected)
    for who, status in (
        ("Microsoft Entra ID", ends.entra),
        ("the metadata service of this machine", ends.metadata),
    ):
        if isinstance(status, int) and (status >= 500 or status in {408, 410, 429}):
            outcome = Outcome.THROTTLED if status == 429 else Outcome.SERVER_ERROR
            return _unwell(f"{who} answered {status}", outcome)
    return None


def _unreached(error: Exception, *, connected: bool) -> SigningError:
    found = next(
        (outcome for each in _causes(error) for kind, outcome in _WIRE if isinstance(each, kind)), None
    )
    if found is None:
        found = Outcome.SERVER_ERROR if connected else Outcome.CONNECT_TIMEOUT
    return SigningError(
        "Microsoft Entra ID, which gives the token, was not reached or did not answer: check name, firewall, "
        "HTTPS_PROXY and REQUESTS_CA_BUNDLE for it, and Azure's status",
        "identity_service",
        found,
    )


_WIRE: Final[tuple[tuple[type[BaseException], Outcome], ...]] = (
    (socket.gaierror, Outcome.DNS),
    (ssl.SSLError, Outcome.TLS),
    (ConnectionRefusedError, Outcome.CONNECT_REFUSED),
    (ConnectionError, Outcome.DISCONNECTED),
)


def _unwell(said: str, outcome: Outcome = Outcome.SERVER_ERROR) -> SigningError:
    return SigningError(f"{said}, so there is no token: see Azure's status", "identity_service", outcome)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what lies behind it; some libraries wrap theirs in arguments."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        each = waiting.pop(0)
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        behind = (getattr(each, name, None) for name in ("inner_exception", "reason"))
        wrapped = [*each.args, *behind, each.__cause__, each.__context__]
        waiting += [one for one in wrapped if isinstance(one, BaseException)]
