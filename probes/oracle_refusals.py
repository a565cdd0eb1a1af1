"""Why Oracle's library gave no identity, and what to do, in the words of Oracle's tools."""

from collections.abc import Mapping
from typing import Any, Final

from probes.base import SigningError
from probes.result import Outcome

UNREACHABLE: Final = (
    "the instance metadata service does not answer: credentials: {oci: instance} works on compute instances of "
    "OCI alone, and from a container only where 169.254.169.254 can be reached; elsewhere write a profile, {oci: default}"
)

_NO_PROXY: Final = "look for a proxy on the way, and put 169.254.169.254 into NO_PROXY"

UNREADABLE: Final = ("bad_profile", "profile {profile} in {file} cannot be used ({wrong}): look at the file")
TROUBLES: Final[Mapping[str, tuple[str, str]]] = {
    "ConfigFileNotFound": (
        "no_config_file",
        "there is no configuration file {file}: run `oci setup config`, or name yours in OCI_CONFIG_FILE",
    ),
    "ProfileNotFound": (
        "no_profile",
        "{file} has no profile {profile}: write credentials: {{oci: NAME}} with one that it has",
    ),
    "MissingPrivateKeyPassphrase": (
        "key_passphrase",
        "the key of profile {profile} in {file} has a pass phrase: write pass_phrase there, or use a key without one",
    ),
    "InvalidPrivateKey": (
        "bad_key",
        "the key_file of profile {profile} in {file} is no private key, or its pass_phrase is wrong: look at both",
    ),
    "InvalidKeyFilePath": (
        "no_key_file",
        "the key_file or security_token_file of profile {profile} in {file} cannot be read: see that it is there",
    ),
    "InvalidConfig": ("bad_profile", "in profile {profile} of {file} {wrong}: run `oci setup config`"),
}
"""The library's exceptions: a code, and what to do."""


def refused(error: Any) -> SigningError:
    """Return what it means that the identity service gave no token."""
    if error.status == 429 or error.status >= 500:
        said = f"Oracle's identity service answered {error.status}: see Oracle's status"
        return SigningError(said, "identity_service", Outcome.SERVER_ERROR)
    if not error.code:  # neither of them answers so: Oracle's errors have a code
        return SigningError(
            f"whoever answered for Oracle's identity service or the instance's metadata refused with {error.status}, "
            f"not in Oracle's words: {_NO_PROXY}",
            "identity_refused",
        )
    return SigningError(
        f"Oracle's identity service or the instance's metadata refused with {error.status} ({error.code}): see that a "
        "dynamic group holds this instance, and that its clock is right",
        "identity_refused",
    )


def foreign() -> SigningError:
    """Return what it means that the instance's metadata service answered with neither a certificate nor an error."""
    return SigningError(
        f"the instance metadata service answered with something that makes no identity: {_NO_PROXY}, and see that this "
        "is a compute instance of OCI",
        "metadata_foreign",
    )


def resource(*, named: bool) -> SigningError:
    """Return what it means that no resource principal could be made; `named` says that variables tell of one."""
    if named:
        return SigningError(
            "this process's resource principal cannot be used: look at what the variables OCI_RESOURCE_PRINCIPAL_* say, "
            "and whether the files and addresses that they name are there",
            "bad_resource_principal",
        )
    return SigningError(
        "this process has no resource principal: it needs the variables OCI_RESOURCE_PRINCIPAL_*, which functions, "
        "container instances and data science jobs set; elsewhere write credentials: {oci: instance} or a profile",
        "no_resource_principal",
    )
