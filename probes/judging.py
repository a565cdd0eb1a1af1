"""Whether an answer is what its probe asked for: the word, the tool, the JSON, the needle."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, NoReturn

from probes import shapes, tasks
from probes.base import Reading, ToolCall
from probes.loose import clean
from probes.target import Kind, Workload

_NAME_LENGTH = 60


class Mismatch(NamedTuple):
    """What is wrong with an answer, in a word and as the rest of a sentence on it; of its text nothing is quoted."""

    code: str | None
    said: str


def expects(workload: Workload) -> bool:
    """Return whether a probe expects anything of what an answer says.

    >>> expects(Workload(name="w")), expects(Workload(name="w", expect_contains="pong"))
    (False, True)
    >>> expects(Workload(name="w", kind="tools"))
    True
    """
    return bool(workload.expect_contains) or workload.kind in _JUDGED


def checked(workload: Workload, reading: Reading) -> bool | None:
    """Return whether an answer that ended in order was judged, None where its probe expects nothing of it."""
    return reading.finish_reason != "length" if expects(workload) else None


def mismatch(workload: Workload, reading: Reading) -> Mismatch | None:
    """Return what is wrong with an answer that ended in order; one that the cap cut is not judged."""
    if not checked(workload, reading):
        return None
    judged = _JUDGED.get(workload.kind, _fits)
    return judged(workload, reading) or _of_text(workload, reading)


def _fits(_workload: Workload, _reading: Reading) -> None:
    """Any answer will do."""


def _of_text(workload: Workload, reading: Reading) -> Mismatch | None:
    wanted = workload.expect_contains
    if wanted and wanted.casefold() not in reading.text.casefold():
        return Mismatch(None, f"does not contain the text that probe {workload.name} expects")
    return None


def _of_tools(workload: Workload, reading: Reading) -> Mismatch | None:
    """Judge that exactly the tool was called, with arguments that its schema allows."""
    name, calls = tasks.TOOL.name, reading.calls
    if not calls:
        said = f"calls no tool, though probe {workload.name} has {name} called"
        return Mismatch("no_tool_call", f"{said}: see whether the model and its server can call tools")
    if len(calls) > 1:
        return Mismatch("tool_calls", f"calls {len(calls)} tools where one was asked for, {name}")
    return _of_call(calls[0])


def _of_call(call: ToolCall) -> Mismatch | None:
    name = tasks.TOOL.name
    if call.name != name:
        return Mismatch("wrong_tool", f"calls `{clean(call.name, _NAME_LENGTH)}` in place of {name}")
    try:
        arguments = _strict(call.arguments)
    except ValueError:
        return Mismatch("bad_arguments", f"calls {name} with arguments that are no JSON")
    if fault := shapes.fault(arguments, tasks.TOOL.parameters):
        return Mismatch("bad_arguments", f"calls {name} with arguments that break its schema: {fault}")
    return None


def _of_json(workload: Workload, reading: Reading) -> Mismatch | None:
    """Judge that the whole text is JSON under the schema: what a program could read as it came."""
    try:
        value = _strict(reading.text)
    except ValueError:
        fenced = reading.text.lstrip().startswith("```")
        said = "has its JSON in a code fence, which no program reads" if fenced else "is no JSON"
        return Mismatch("no_json", f"{said}: see whether the model and its server have structured output")
    if fault := shapes.fault(value, tasks.schema(workload)):
        return Mismatch("bad_json", f"breaks the schema of probe {workload.name}: {fault}")
    return None


def _of_needle(_workload: Workload, reading: Reading) -> Mismatch | None:
    if tasks.NEEDLE in reading.text.casefold():
        return None
    return Mismatch("needle", "does not name what it was to find in the long text that was sent")


def _strict(text: str) -> Any:
    """Return what the JSON says; ValueError where it is none, NaN and Infinity included."""
    try:
        return json.loads(text, parse_constant=_no_json)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _no_json(constant: str) -> NoReturn:
    raise ValueError(constant)


_JUDGED: Final[Mapping[Kind, Callable[[Workload, Reading], Mismatch | None]]] = {
    "tools": _of_tools,
    "json": _of_json,
    "long-context": _of_needle,
}
"""Kinds that expect something by themselves."""
