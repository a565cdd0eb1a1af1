"""Maps laid over each other, the later wins, with where each value was written; pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from agent.config.findings import Path

WHOLE: Final = frozenset({"credentials", "expect", "price", "probes", "targets", "under"})
"""Keys whose map is one value: half of one identity and half of another are neither."""

Layer = tuple[Mapping[str, Any], Path]
"""A map, and where it was written."""


def laid(layers: Sequence[Layer]) -> tuple[dict[str, Any], dict[Path, Path]]:
    """Return the sum of maps, maps in them summed as well, and path within it -> where that was written.

    >>> laid([({"a": 1, "b": {"c": 1, "d": 1}}, ("defaults",)), ({"b": {"d": 2}}, ("entry",))])[0]
    {'a': 1, 'b': {'c': 1, 'd': 2}}
    """
    data: dict[str, Any] = {}
    origins: dict[Path, Path] = {}
    for key in dict.fromkeys(key for layer, _ in layers for key in layer):
        said = [(layer[key], (*path, key)) for layer, path in layers if key in layer]
        value, origin = said[-1]
        if isinstance(value, dict) and key not in WHOLE:
            maps = [one for one in said if isinstance(one[0], dict)]
            value, inner = laid(maps)
            origins |= {(key, *path): place for path, place in inner.items()}
        data[key] = value
        origins[(key,)] = origin
    return data, origins
