"""Every key of the file, from the schema and its descriptions, as text and as a page of Markdown."""

import builtins
import dataclasses
import types
import typing
from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal, get_args, get_origin

from agent.config import fields
from agent.config.described import KEYS, SHAPES
from agent.config.schema import Settings
from agent.config.schema_base import Section
from exporters import durations, words

_WORDS: Final[tuple[tuple[Any, str], ...]] = (
    (fields.Name, "name"),
    (fields.Text, "text"),
    (fields.Plain, "text"),
    (fields.Referring, "text, may be a secret"),
    (fields.Flag, "true or false"),
    (fields.Count, "whole number"),
    (fields.PromptTokens, "whole number"),
    (fields.Port, "port"),
    (fields.Money, "number"),
    (fields.Seconds, "duration"),
    (fields.Span, "duration"),
    (fields.Interval, "duration"),
    (fields.Threshold, "duration"),
    (fields.Speed, "number"),
    (fields.JsonSchema, "map"),
    (fields.Window, "duration"),
    (fields.Period, "duration, or map"),
    (fields.Method, "occurrences, or map"),
    (fields.Pool, "target, all, or list"),
    (fields.Size, "size"),
    (fields.Ratio, "percentage"),
    (fields.Selector, "selector"),
    (fields.Headers, "map of texts"),
    (fields.Labels, "map of texts"),
    (fields.Plains, "list of texts"),
    (fields.Referrings, "list of texts, may be secrets"),
    (fields.Regions, "list of texts"),
    (fields.AlertFields, "list of texts"),
    (fields.When, "map of fields"),
)

_UNITS: Final = (("GiB", 1024**3), ("MiB", 1024**2), ("KiB", 1024))

_HEAD = """# Reference of the configuration

Every key, as `nephoscope config reference --markdown` prints it. `[]` stands for each entry of a list, NAME for a name
that you choose; `-` is "no default": the key may be left out.
"""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key; `what` and `example` are empty where nobody described it."""

    path: str
    type: str
    default: str
    what: str
    example: str


def keys() -> list[Key]:
    """Return every key that this version takes, in the order of the schema."""
    return list(_section(Settings, ""))


def not_yet() -> list[str]:
    """Return the paths of keys of later versions."""
    return list(_later(Settings, ""))


def text() -> str:
    """Return the reference for a terminal."""
    blocks = [
        f"{key.path}\n    {key.what}\n    {key.type}; default: {key.default}; example: {key.example}\n"
        for key in keys()
    ]
    return "\n".join([*blocks, f"not yet: {', '.join(not_yet())}", ""])


def markdown() -> str:
    """Return the reference as a page: one table for each section of the top."""
    parts: dict[str, list[Key]] = {}
    for key in keys():
        parts.setdefault(_top(key.path), []).append(key)
    single = [key for found in parts.values() if len(found) == 1 for key in found]
    tables = [*_table("The top", single)] if single else []
    for top, found in parts.items():
        if len(found) > 1:
            tables += _table(f"`{top}`", found)
    later = ", ".join(f"`{path}`" for path in not_yet())
    return "\n".join(
        [_HEAD, *tables, "## Not yet", "", f"Refused until a later version has them: {later}.", ""]
    )


def _table(title: str, found: list[Key]) -> Iterator[str]:
    yield from (f"## {title}", "", "| key | type | default | what it is | example |", "|---|---|---|---|---|")
    for key in found:
        cells = (f"`{key.path}`", key.type, key.default, key.what, f"`{key.example}`")
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
    yield ""


def _top(path: str) -> str:
    return path.partition(".")[0].removesuffix("[]")


def _section(model: type[Section], prefix: str) -> Iterator[Key]:
    for name in sorted(getattr(model, "before", ())):
        yield _key(f"{prefix}{name}", "map" if name == "for" else "list", "-")
    hints = typing.get_type_hints(model, include_extras=True)
    for attribute, field in model.model_fields.items():
        path = f"{prefix}{field.alias or attribute}"
        word, suffix, inner = _shape(path, hints[attribute])
        # An override leaves alone what it does not name.
        free = field.is_required() or ".override[]." in path
        default = "-" if free else _default(word, field.default)
        default = "required" if field.is_required() else default
        yield _key(path, word, default)
        if inner is not None:
            yield from _section(inner, f"{path}{suffix}.")


def _key(path: str, word: str, default: str) -> Key:
    what, example = KEYS.get(path, ("", ""))
    return Key(path=path, type=word, default=default, what=what, example=example)


def _later(model: type[Section], prefix: str) -> Iterator[str]:
    yield from (f"{prefix}{name}" for name in sorted(model.later))
    hints = typing.get_type_hints(model, include_extras=True)
    for attribute, field in model.model_fields.items():
        path = f"{prefix}{field.alias or attribute}"
        _, suffix, inner = _shape(path, hints[attribute])
        if inner is not None:
            yield from _later(inner, f"{path}{suffix}.")


def _shape(path: str, hint: Any) -> tuple[str, str, type[Section] | None]:
    """Return a key's type in words, how its entries are written, and the section that they are."""
    if hint is Any:
        word, inner = SHAPES.get(path, ("", None))
        return word, "[]" if word == "list" else ".NAME", inner
    known = _alternatives(hint)
    word = next((word for one in known for alias, word in _WORDS if alias == one), "")
    return (word, "", None) if word else _bare_shape(known)


def _bare_shape(known: list[Any]) -> tuple[str, str, type[Section] | None]:
    """Return the same of a key that is none of the values with a name of their own."""
    bare = get_args(known[0])[0] if get_origin(known[0]) is Annotated else known[0]
    inner = next((kind for kind in (bare, *_parts(bare)) if _is_section(kind)), None)
    match get_origin(bare):
        case builtins.tuple:
            return "list", "[]" if inner else "", inner
        case builtins.dict:
            return ("map", ".NAME", inner) if inner else ("map of texts", "", None)
    choices = [value for one in _alternatives(bare) if get_origin(one) is Literal for value in get_args(one)]
    word = "number" if bare in {int, float} else "text"
    return "map" if inner else " or ".join(choices) or word, "", inner


def _alternatives(hint: Any) -> list[Any]:
    """Return what a key may hold beside nothing."""
    if get_origin(hint) in {types.UnionType, typing.Union}:
        return [one for one in get_args(hint) if one is not type(None)]
    return [hint]


def _parts(bare: Any) -> tuple[Any, ...]:
    return tuple(get_args(one)[0] if get_origin(one) is Annotated else one for one in get_args(bare))


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Section)


def _default(word: str, value: Any) -> str:
    if word in {"occurrences, or map", "target, all, or list"}:
        return word.partition(",")[0]
    if value is None or isinstance(value, Section) or value in ((), {}):
        return "-"
    match word:
        case "duration" | "duration, or map":
            shown = durations.write(value)
        case "percentage":
            shown = words.goal(value).removesuffix(" %")
        case "size":
            shown = next(f"{value // size}{unit}" for unit, size in _UNITS if value % size == 0)
        case "selector":
            shown = "all"
        case "true or false":
            shown = str(value).lower()
        case _ if isinstance(value, tuple):
            shown = f"[{', '.join(map(str, value))}]"
        case _:
            shown = f'"{value}"' if ": " in str(value) else str(value)
    return shown
