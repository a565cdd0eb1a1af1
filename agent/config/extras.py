"""The optional parts of the distribution: which kind of credentials needs which, and whether it is installed."""

import functools
import importlib.util
from collections.abc import Mapping
from typing import Final

MODULES: Final[Mapping[str, tuple[str, str]]] = {
    "entra": ("azure", "azure.identity"),
    "aws": ("aws", "botocore"),
    "google": ("google", "google.auth"),
    "oci": ("oci", "oci"),
}
"""Kind of credentials -> the extra that brings the vendor's library, and a module of that."""


def missing(kind: str) -> str | None:
    """Return the extra that a kind of credentials needs and that is not installed; None where all is there.

    >>> missing("api_key") is None
    True
    """
    extra, module = MODULES.get(kind, ("", ""))
    return extra if extra and not _installed(module) else None


def remedy(extra: str) -> str:
    """Return what brings an extra.

    >>> remedy("aws")
    "pip install 'nephoscope[aws]'"
    """
    return f"pip install 'nephoscope[{extra}]'"


@functools.cache
def _installed(module: str) -> bool:
    """Return whether a module could be imported; nothing of it is, but the packages that it lies in."""
    try:
        return importlib.util.find_spec(module) is not None
    except ImportError:
        return False
