"""One entry with `for` to many: the combinations, those left out, and `{key}` in texts; pure."""

import itertools
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from agent.config.durations import shown
from agent.config.findings import BadValueError, Path
from agent.config.nearest import nearest

MAX_COMBINATIONS: Final = 10_000
"""A plan of 500 targets is large: a product that is twenty times that is a mistake, and told before it is built."""

Value = str | int | float

Combination = Mapping[str, Value]

_WITHIN = re.compile(r"\$\$|\$\{|\{([^{}]*)\}|\{|\}")
_PIECE = re.compile(rf"\{{\{{|\}}\}}|{_WITHIN.pattern}")
"""Within a reference, as in `${KEY_{region}}`, two braces are two ends."""

_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")


_HIDDEN = frozenset({"credentials", "headers", "proxy"})
"""Keys whose texts are not quoted: they may be spelled-out secrets."""


class AtError(ValueError):
    """What is wrong within an entry, and where: a path from the entry's top."""

    def __init__(self, path: Path, sentence: str) -> None:
        super().__init__(sentence)
        self.path = path


def combinations(times: Any, left_out: Any) -> list[Combination]:
    """Return every combination of `for` that `except` leaves; AtError says what is wrong.

    >>> combinations({"region": ["eu", "us"], "model": ["a", "b"]}, [{"region": "us", "model": "b"}])
    [{'region': 'eu', 'model': 'a'}, {'region': 'eu', 'model': 'b'}, {'region': 'us', 'model': 'a'}]
    """
    keys = _keys(times)
    if math.prod(len(values) for values in keys.values()) > MAX_COMBINATIONS:
        raise AtError(("for",), f"makes more than {MAX_COMBINATIONS} entries; write less")
    product = [dict(zip(keys, values, strict=True)) for values in itertools.product(*keys.values())]
    outs = _outs(left_out, keys)
    for at, out in enumerate(outs):
        if not any(_covers(out, one) for one in product):
            raise AtError(
                ("except", at), "leaves nothing out, for it is empty; name keys of `for`, or take it out"
            )
    kept: list[Combination] = [one for one in product if not any(_covers(out, one) for out in outs)]
    if not kept:
        raise AtError(
            ("except",),
            "leaves every combination out, so nothing is left; take the entry or a part of it out",
        )
    return kept


def filled(data: Any, values: Combination, path: Path = ()) -> Any:
    """Return plain data with each `{key}` of its texts put in, at every depth; AtError where one is not known."""
    match data:
        case str():
            try:
                return fill(data, values)
            except BadValueError as error:
                hidden = path[:1] and path[0] in _HIDDEN
                raise AtError(path, _unquoted(values) if hidden else str(error)) from None
        case list():
            return [filled(value, values, (*path, at)) for at, value in enumerate(data)]
        case dict():
            return {key: filled(value, values, (*path, key)) for key, value in data.items()}
        case _:
            return data


def fill(text: str, values: Combination) -> str:
    """Return a text with each `{key}` put in; `{{` and `}}` are braces, and `${...}` stays a reference.

    >>> fill("https://{region}.example/{{x}}", {"region": "eu"}), fill("${KEY_{region}}", {"region": "eu"})
    ('https://eu.example/{x}', '${KEY_eu}')
    """
    return "".join(_filled(text, values))


def _filled(text: str, values: Combination) -> Iterator[str]:
    end, references = 0, 0
    while match := (_WITHIN if references else _PIECE).search(text, end):
        yield text[end : match.start()]
        piece, end = match[0], match.end()
        if piece in {"$$", "${"} or (piece == "}" and references):
            references += {"${": 1, "}": -1}.get(piece, 0)
            yield piece
        elif piece in {"{{", "}}"}:
            yield piece[0]
        else:
            yield str(_value(match[1], values))
    yield text[end:]


def _unquoted(values: Combination) -> str:
    known = ", ".join(f"{{{name}}}" for name in values)
    return f"holds a brace without a key of `for`; known are {known}; write {{{{ or }}}} for the sign itself"


def _value(key: str | None, values: Combination) -> Value:
    if key is None:
        raise BadValueError(
            "a brace stands alone; write {key} with a key of `for`, and {{ or }} for the sign itself"
        )
    if key not in values:
        known = ", ".join(f"{{{name}}}" for name in values)
        raise BadValueError(
            f"`{{{key}}}` is no key of `for`; known are {known}; write {{{{{key}}}}} for the text itself"
        )
    return values[key]


def _keys(times: Any) -> dict[str, list[Value]]:
    if not isinstance(times, dict) or not times:
        raise AtError(("for",), "a map of lists belongs here, as in for: {region: [eastus2, swedencentral]}")
    for key, values in times.items():
        if not _KEY.fullmatch(key):
            raise AtError(
                ("for", key), f"{shown(key)} cannot stand in braces; use letters, digits and underscores"
            )
        if values == []:
            raise AtError(("for", key), "is empty, so nothing would be made; write a list of values")
        if not isinstance(values, list):
            raise AtError(("for", key), f"a list of values belongs here, not {shown(values)}")
        for at, value in enumerate(values):
            if not _may_stand(value):
                raise AtError(
                    ("for", key, at), f"{shown(value)} is neither a text nor a number; put it in quotes"
                )
            if value in values[:at]:
                raise AtError(("for", key, at), f"{shown(value)} stands twice; keep one")
    return dict(times)


def _may_stand(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, (str, int)) and not isinstance(value, bool) and value != ""


def _outs(left_out: Any, keys: Mapping[str, list[Value]]) -> list[dict[str, list[Value]]]:
    if left_out is None:
        return []
    if not isinstance(left_out, list):
        raise AtError(
            ("except",), f"a list of maps belongs here, not {shown(left_out)}; as in except: [{{region: x}}]"
        )
    return [_out(("except", at), out, keys) for at, out in enumerate(left_out)]


def _out(path: Path, out: Any, keys: Mapping[str, list[Value]]) -> dict[str, list[Value]]:
    """Return a partial map with a list for each key; what is no key or value of `for` is refused."""
    if not isinstance(out, dict):
        raise AtError(path, f"a map of keys of `for` belongs here, not {shown(out)}")
    found = {key: value if isinstance(value, list) else [value] for key, value in out.items()}
    for key, values in found.items():
        if key not in keys:
            raise AtError(
                (*path, key), f"`{key}` is no key of `for`{nearest(key, keys)}; known are {', '.join(keys)}"
            )
        for value in values:
            if value not in keys[key]:
                known = [str(one) for one in keys[key]]
                close = nearest(str(value), known) or f"; known are {', '.join(known)}"
                raise AtError(
                    (*path, key), f"{shown(value)} is no value of {key}, so nothing is left out{close}"
                )
    return found


def _covers(out: Mapping[str, list[Value]], one: Combination) -> bool:
    return bool(out) and all(one[key] in values for key, values in out.items())
