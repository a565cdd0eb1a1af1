"""Which answers are what their probe asked for, and what is said of those that are not."""

import json
from typing import Any

import pytest

from probes import tasks
from probes.base import Reading, ToolCall
from probes.judging import Mismatch, checked, mismatch
from probes.result import StreamVerdict
from probes.target import Kind, Workload

ARGUMENTS = '{"city": "Oslo", "celsius": 21}'
RIGHT = ToolCall("report_temperature", ARGUMENTS)


def judged(kind: Kind, text: str = "", finish: str = "stop", *calls: ToolCall, **of: Any) -> Mismatch | None:
    reading = Reading(stream=StreamVerdict.COMPLETE, text=text, finish_reason=finish, calls=calls)
    return mismatch(Workload(name="p", kind=kind, **of), reading)


def called(*calls: ToolCall, finish: str = "tool_calls") -> Mismatch | None:
    return judged("tools", "", finish, *calls)


def test_the_tool_with_arguments_under_its_schema_is_right() -> None:
    assert called(RIGHT) is None


@pytest.mark.parametrize(
    ("calls", "code", "said"),
    [
        ((), "no_tool_call", "calls no tool, though probe p has report_temperature called: see whether"),
        ((RIGHT, RIGHT), "tool_calls", "calls 2 tools where one was asked for, report_temperature"),
        ((ToolCall("get_weather", "{}"),), "wrong_tool", "calls `get_weather` in place of"),
        ((RIGHT._replace(arguments='{"city": "Oslo"'),), "bad_arguments", "with arguments that are no JSON"),
        ((RIGHT._replace(arguments=""),), "bad_arguments", "with arguments that are no JSON"),
        (
            (RIGHT._replace(arguments='{"city": "Oslo", "celsius": "21"}'),),
            "bad_arguments",
            'break its schema: `celsius` breaks type: "integer"',
        ),
        ((RIGHT._replace(arguments='{"city": "Oslo"}'),), "bad_arguments", "schema: it lacks `celsius`"),
        (
            (RIGHT._replace(arguments='{"city": "Oslo", "celsius": 21, "sky": "blue"}'),),
            "bad_arguments",
            "schema: it breaks additionalProperties: false",
        ),
    ],
)
def test_any_other_call_says_what_was_wrong(calls: tuple[ToolCall, ...], code: str, said: str) -> None:
    wrong = called(*calls)
    assert wrong is not None
    assert wrong.code == code
    assert said in wrong.said


@pytest.mark.parametrize(
    ("kind", "text"), [("tools", ""), ("json", '{"city": "Os'), ("long-context", "quartz-"), ("chat", "pi")]
)
def test_an_answer_that_the_cap_cut_is_not_judged(kind: Kind, text: str) -> None:
    expect: dict[str, Any] = {"expect_contains": "pong"} if kind == "chat" else {}
    cut = ToolCall("report_temperature", '{"city": "Os')
    assert judged(kind, text, "length", cut, **expect) is None
    assert judged(kind, text, "stop", cut, **expect) is not None
    workload = Workload(name="p", kind=kind, **expect)
    answers = [Reading(stream=StreamVerdict.COMPLETE, finish_reason=finish) for finish in ("length", "stop")]
    assert [checked(workload, answer) for answer in answers] == [False, True]


def test_json_under_the_schema_is_right_however_it_is_spaced() -> None:
    assert judged("json", f" {ARGUMENTS}\n") is None


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        (f"```json\n{ARGUMENTS}\n```", "no_json", "has its JSON in a code fence"),
        (f"Here you are: {ARGUMENTS}", "no_json", "is no JSON: see whether"),
        ('{"city": "Oslo", "celsius": NaN}', "no_json", "is no JSON"),
        ("[" * 100_000, "no_json", "is no JSON"),
        ('["Oslo", 21]', "bad_json", 'the schema of probe p: it breaks type: "object"'),
        ('{"city": "Oslo", "celsius": 21.5}', "bad_json", '`celsius` breaks type: "integer"'),
    ],
)
def test_any_other_text_says_what_was_wrong(text: str, code: str, said: str) -> None:
    wrong = judged("json", text)
    assert wrong is not None
    assert wrong.code == code
    assert said in wrong.said


def test_a_probes_own_schema_is_judged_by() -> None:
    own = {"type": "array", "items": {"type": "string"}}
    assert judged("json", '["a"]', schema=own) is None
    wrong = judged("json", '["a", 1]', schema=own)
    assert wrong is not None
    assert wrong.said.endswith('`[1]` breaks type: "string"')


def test_json_may_have_to_contain_a_text_too() -> None:
    assert judged("json", ARGUMENTS, expect_contains="oslo") is None
    wrong = judged("json", ARGUMENTS, expect_contains="Bergen")
    assert wrong == Mismatch(None, "does not contain the text that probe p expects")


def test_the_needle_is_found_whatever_stands_around_it() -> None:
    assert judged("long-context", f"It is **{tasks.NEEDLE.upper()}**.") is None
    wrong = judged("long-context", "I cannot find one.")
    assert wrong == Mismatch("needle", "does not name what it was to find in the long text that was sent")


@pytest.mark.parametrize("kind", ["chat", "responses", "throughput", "models", "embeddings"])
def test_of_other_kinds_any_answer_will_do(kind: Kind) -> None:
    assert judged(kind, "anything") is None
    assert checked(Workload(name="p", kind=kind), Reading(stream=StreamVerdict.COMPLETE)) is None


def test_what_an_answer_says_is_not_quoted() -> None:
    """It may be anything, a key that it was trained on included; names are cut."""
    secret = "sk-planted-0123456789" * 20
    wrongs = [
        judged("json", secret),
        judged("json", json.dumps({"city": secret, "celsius": secret})),
        judged("long-context", secret),
        called(RIGHT._replace(arguments=secret)),
        called(RIGHT._replace(arguments=json.dumps({"city": [secret], "celsius": 2}))),
    ]
    assert all(wrong and "planted" not in wrong.said for wrong in wrongs)
    named = called(ToolCall("x" * 1000, ""))
    assert named is not None
    assert len(named.said) < 150
