"""YAML 1.2 core text to plain data, with the line of every value; nothing in it can be misread silently."""

import dataclasses
import re
from collections.abc import Iterator
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from agent.config.findings import Path, dotted

MAX_NODES = 100_000
"""Values a file may hold, each use of an alias counted anew: ten anchors of ten uses are 10^10 values."""

MAX_DEPTH = 40

_NULL = re.compile(r"~|null|Null|NULL|")
_TRUE = re.compile(r"true|True|TRUE")
_FALSE = re.compile(r"false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]{1,300}")
_OCTAL = re.compile(r"0o[0-7]{1,300}")
_HEX = re.compile(r"0x[0-9a-fA-F]{1,300}")
_FLOAT = re.compile(
    r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)

_REMEDIES = (
    (
        "mapping values are not allowed",
        "a `: ` stands where none may be; put the value in quotes, or mend the indentation",
    ),
    ("<block mapping start>", "the indentation does not match: keys of one map start in one column"),
    (
        "<block end>",
        (
            "the indentation does not match, or a value that begins with a brace or a quote goes on behind it: "
            "entries of one list or map start in one column, and such a value needs quotes as a whole"
        ),
    ),
    ("'\\t'", "a tab stands where spaces are needed; indent with spaces"),
    (
        "cannot start any token",
        "a value begins with a character that YAML keeps for itself; put it in quotes",
    ),
    ("expected ',' or ']'", "a list opened with `[` is not closed, or lacks a comma"),
    (
        "expected ',' or '}'",
        'a map opened with `{` is not closed, or lacks a comma; within braces a reference needs quotes: "${NAME}"',
    ),
    ("unexpected end of stream", "a quote is opened and never closed"),
    ("could not find expected ':'", "a key without its `:`; every line of a map reads `key: value`"),
)


@dataclasses.dataclass(frozen=True, slots=True)
class Document:
    """`data` is None, bool, int, float, str, list or dict[str, ...]; `faults` are (line, sentence)s."""

    data: Any
    lines: dict[Path, int]
    faults: tuple[tuple[int, str], ...]


def parse(text: str) -> Document:
    r"""Return the one document of a text; what is wrong with it stands in `faults`, and then `data` is partial.

    >>> parse("a: no\nb: 22:30\nc: 2026-01-01\nd: 0o17").data
    {'a': 'no', 'b': '22:30', 'c': '2026-01-01', 'd': 15}
    """
    builder = _Builder()
    try:
        data = builder.document(text)
    except _StopError as stop:
        return Document(None, builder.lines, (*builder.faults, (stop.line, str(stop))))
    except (YAMLError, ValueError) as error:
        return Document(None, builder.lines, (*builder.faults, _syntax(error)))
    return Document(data, builder.lines, tuple(builder.faults))


class _StopError(Exception):
    def __init__(self, line: int, sentence: str) -> None:
        super().__init__(sentence)
        self.line = line


@dataclasses.dataclass(frozen=True, slots=True)
class _Alias:
    """An alias with what its anchor held at that point of the file; None where there is no such anchor."""

    event: AliasEvent
    held: list["_Step"] | None


_Step = Event | _Alias


class _Builder:
    """Builds data from parser events; an alias is built anew from the events of its anchor."""

    def __init__(self) -> None:
        self.lines: dict[Path, int] = {}
        self.faults: list[tuple[int, str]] = []
        self._nodes = 0

    def document(self, text: str) -> Any:
        events = iter(YAML(typ="safe", pure=True).parse(text))
        next(events)
        if isinstance(next(events), StreamEndEvent):
            return None
        data = self._node(_subtree(events), ())
        next(events)
        if not isinstance(event := next(events), StreamEndEvent):
            raise _StopError(_line(event), "a second document begins here; keep one to a file")
        return data

    def _node(self, steps: list[_Step], path: Path) -> Any:
        events = iter(steps)
        return self._value(events, next(events), path)

    def _value(self, events: Iterator[_Step], event: _Step, path: Path) -> Any:
        self.lines.setdefault(path, _line(event))
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise _StopError(
                _line(event), f"more than {MAX_NODES} values, aliases counted at each use; write less"
            )
        if len(path) > MAX_DEPTH:
            raise _StopError(_line(event), f"nested deeper than {MAX_DEPTH} levels; nothing here needs that")
        match event:
            case _Alias():
                return self._alias(event, path)
            case SequenceStartEvent():
                return self._list(events, path)
            case MappingStartEvent():
                return self._map(events, path)
            case ScalarEvent():
                return self._scalar(event)
            case _:
                raise _StopError(_line(event), "this is not YAML that can be read")

    def _alias(self, alias: _Alias, path: Path) -> Any:
        if alias.held is None:
            name = alias.event.anchor
            self.faults.append(
                (_line(alias), f"`*{name}` names no anchor above it; put it in quotes where a glob is meant")
            )
            return None
        return self._node(alias.held, path)

    def _list(self, events: Iterator[_Step], path: Path) -> list[Any]:
        found: list[Any] = []
        while not isinstance(event := next(events), SequenceEndEvent):
            found.append(self._value(events, event, (*path, len(found))))
        return found

    def _map(self, events: Iterator[_Step], path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(event := next(events), MappingEndEvent):
            key = self._key(event)
            inner = (*path, key)
            if key in found:
                first = self.lines[inner]
                self.faults.append(
                    (_line(event), f"{dotted(inner)}: said twice, first on line {first}; keep one")
                )
                inner = (*path, f"{key} (line {_line(event)})")
            self.lines[inner] = _line(event)
            value = self._value(events, next(events), inner)
            found.setdefault(key, value)
        return found

    def _key(self, event: _Step) -> str:
        if not isinstance(event, ScalarEvent):
            raise _StopError(_line(event), "a key has to be a plain word, not a list, a map or an alias")
        if event.value == "<<" and event.style is None:
            raise _StopError(_line(event), "`<<` (merge) is not part of YAML 1.2; repeat the keys instead")
        return _whole(event)

    def _scalar(self, event: ScalarEvent) -> Any:
        if event.tag not in (None, "!", "tag:yaml.org,2002:str"):
            self.faults.append((_line(event), f"the tag `{event.tag}` is not supported; take it out"))
        if event.style is not None or event.tag is not None:
            return _whole(event)
        return scalar(_whole(event))


def scalar(text: str) -> bool | int | float | str | None:
    """Return what a plain scalar is under the core schema of YAML 1.2.

    >>> scalar("yes"), scalar("0x1F"), scalar("1_000"), scalar("5."), scalar("~")
    ('yes', 31, '1_000', 5.0, None)
    """
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text) or _FALSE.fullmatch(text):
        return text[0] in "tT"
    for pattern, base in ((_INT, 10), (_OCTAL, 8), (_HEX, 16)):
        if pattern.fullmatch(text):
            return int(text, base)
    if _FLOAT.fullmatch(text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text


def _subtree(events: Iterator[Event]) -> list[_Step]:
    """Return the steps of the next node, each alias bound to what its anchor held there."""
    found: list[_Step] = []
    anchors: dict[str, list[_Step]] = {}
    starts: list[tuple[str | None, int]] = []
    while True:
        event = next(events)
        found.append(_Alias(event, anchors.get(event.anchor)) if isinstance(event, AliasEvent) else event)
        if isinstance(event, (SequenceStartEvent, MappingStartEvent)):
            starts.append((event.anchor, len(found) - 1))
        elif isinstance(event, (SequenceEndEvent, MappingEndEvent)):
            anchor, start = starts.pop()
            if anchor is not None:
                anchors[anchor] = found[start:]
        elif isinstance(event, ScalarEvent) and event.anchor is not None:
            anchors[event.anchor] = [event]
        if not starts:
            return found


def _whole(event: ScalarEvent) -> str:
    """Return a scalar's text, its surrogate pairs (as JSON escapes them) made characters."""
    try:
        return str(event.value).encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise _StopError(
            _line(event), "an escape stands for half a character; write the character itself"
        ) from None


def _line(step: _Step) -> int:
    event = step.event if isinstance(step, _Alias) else step
    return int(event.start_mark.line) + 1


def _syntax(error: Exception) -> tuple[int, str]:
    if not isinstance(error, MarkedYAMLError):
        return 1, "the file holds a character that YAML does not allow; save it as UTF-8 text"
    mark = error.problem_mark or error.context_mark
    problem = str(error.problem or error)
    remedy = next((remedy for part, remedy in _REMEDIES if part in problem), f"{problem}; mend the YAML here")
    opened = error.context_mark
    since = f" (begun on line {opened.line + 1})" if opened and mark and opened.line < mark.line else ""
    return (mark.line + 1 if mark else 1), f"cannot be read as YAML: {remedy}{since}"
