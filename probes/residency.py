"""Where an answer was served, as far as it tells, and whether that is where it may be served."""

import re
from collections.abc import Collection, Mapping
from typing import Final

TOLD_BY: Final = ("region", "inference_geo")
"""The backend facts that tell where an answer was served, the first that is there; SQL reads the same."""

_ANYWHERE: Final = frozenset({"", "global", "notavailable", "unknown"})
"""What tells no place: an answer of a global deployment may have been served anywhere."""


def region(backend: Mapping[str, str]) -> str | None:
    """Return where an answer was served as it tells that, None where it does not."""
    return next((backend[fact] for fact in TOLD_BY if fact in backend), None)


def within(told: str | None, served_in: Collection[str]) -> bool | None:
    """Return whether an answer was served in one of these regions, None where that is not known.

    >>> within("East US 2", ["eastus2"]), within("Central US", ["eastus2"])
    (True, False)
    >>> within(None, ["eastus2"]), within("global", ["eastus2"])
    (None, None)
    """
    if told is None:
        return None
    place = spelt(told)
    if place in map(spelt, served_in):
        return True
    return None if place in _ANYWHERE else False


def spelt(name: str) -> str:
    """Return a region's name in one spelling: headers, consoles and command lines of a cloud differ in it.

    >>> spelt("East US 2"), spelt("eastus2"), spelt("US-East-1"), spelt("us_east_1")
    ('eastus2', 'eastus2', 'useast1', 'useast1')
    """
    return re.sub(r"[\s_-]+", "", name.casefold())
