"""JSON from strangers: the wanted type where it is there, its empty value where it is not, never an exception."""

import json
import re
from collections.abc import Mapping
from typing import Any

_GLIMPSE = 16 * 1024


def parsed(text: str | bytes) -> Any:
    """Return what the JSON says, or None where it is none.

    >>> parsed(b'{"a": 1}'), parsed("<html>")
    ({'a': 1}, None)
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def mapping(value: Any) -> Mapping[str, Any]:
    """Return the object, or an empty one."""
    return value if isinstance(value, dict) else {}


def mappings(value: Any) -> list[Mapping[str, Any]]:
    """Return the objects in the array."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def string(value: Any) -> str:
    """Return the string, or an empty one."""
    return value if isinstance(value, str) else ""


def count(value: Any) -> int | None:
    """Return the number of things that a four-byte column holds too, or None.

    >>> count(7), count(-1), count(True), count("7"), count(2**31)
    (7, None, None, None, None)
    """
    whole = isinstance(value, int) and not isinstance(value, bool)
    return value if whole and 0 <= value < 2**31 else None


def duration(value: Any) -> float | None:
    """Return the number that is a length of time, whatever its unit, or None.

    >>> duration(0.25), duration(3), duration(-1), duration("7"), duration(float("nan"))
    (0.25, 3.0, None, None, None)
    """
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if number and 0 <= value < 2**31 else None


def clean(text: str, length: int) -> str:
    r"""Return the text without what no database or terminal takes (NUL, lone surrogates), cut to a length.

    >>> clean("a\x00b\ud800c" + "d" * 9, 6)
    'a b cd'
    """
    return re.sub(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]", " ", text)[:length]


def glimpse(body: bytes | bytearray | str) -> str:
    """Return the beginning of a body on one line, to say what it was instead.

    It is far longer than what is shown in the end: secrets are blotted out before the text is cut, and a secret
    that was cut here already would not be known for one.
    """
    start = body[:_GLIMPSE]
    return " ".join((start if isinstance(start, str) else start.decode(errors="replace")).split())
