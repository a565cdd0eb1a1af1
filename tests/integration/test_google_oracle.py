"""Google's own library reads the recorded streams as we do, and asks as we do."""

import functools
import json
import re
from pathlib import Path
from typing import Any

import pytest

from probes.base import Reading
from probes.dialects.vertex_generate import VertexGenerate
from probes.errors import error_body
from probes.target import Target, Workload
from probes.tasks import SCHEMA, TOOL
from support.clouds.google import refusal
from support.oracles import consult, needs

pytestmark = [pytest.mark.heavy, needs("google_genai")]

STREAMS = Path(__file__).parents[1] / "streams" / "google"
ARRAYS = {path.name for path in STREAMS.glob("array*.json")}
"""The library always asks for events, and takes nothing else."""
RECORDED = sorted(path.name for path in STREAMS.iterdir() if path.name not in ARRAYS)
TARGET = Target(
    name="t", provider="gemini", cloud="gcp", model="m", model_id="g-1", endpoint="https://h", group="m"
)
CONFIGS: dict[str, tuple[Workload, dict[str, Any]]] = {
    "chat": (Workload(name="w"), {"max_output_tokens": 256}),
    "none": (
        Workload(name="w", reasoning="none"),
        {"max_output_tokens": 256, "thinking_config": {"thinking_budget": 0}},
    ),
    "low": (
        Workload(name="w", reasoning="low"),
        {"max_output_tokens": 256, "thinking_config": {"thinking_level": "LOW"}},
    ),
    "tools": (
        Workload(name="w", kind="tools", max_tokens=64),
        {
            "max_output_tokens": 64,
            "tools": [
                {
                    "function_declarations": [
                        {
                            "name": TOOL.name,
                            "description": TOOL.description,
                            "parameters_json_schema": TOOL.parameters,
                        }
                    ]
                }
            ],
            "tool_config": {
                "function_calling_config": {"mode": "ANY", "allowed_function_names": [TOOL.name]}
            },
        },
    ),
    "json": (
        Workload(name="w", kind="json"),
        {
            "max_output_tokens": 256,
            "response_mime_type": "application/json",
            "response_json_schema": SCHEMA,
        },
    ),
}
REFUSED = [
    (429, "RESOURCE_EXHAUSTED", False),
    (404, "NOT_FOUND", True),
    (503, "UNAVAILABLE", True),
    (400, "INVALID_ARGUMENT", False),
]


def recorded(name: str) -> dict[str, Any]:
    whole = name.endswith(".json")
    kind = "application/json" if whole else "text/event-stream"
    return {"body": (STREAMS / name).read_bytes().decode(), "content_type": kind, "streamed": not whole}


def refused(code: int, status: str, *, array: bool) -> dict[str, Any]:
    body = refusal(code, status, f"no: {status}", array=array).partition(b"\r\n\r\n")[2].decode()
    return {"body": body, "status": code, "content_type": "application/json"}


@functools.cache
def told() -> dict[str, Any]:
    """Return what the library says of everything, asked at once: its environment takes seconds to start."""
    questions: dict[str, dict[str, Any]] = {name: recorded(name) for name in RECORDED}
    questions |= {f"{code}": refused(code, status, array=array) for code, status, array in REFUSED}
    questions |= {name: {**recorded("vertex.sse"), "config": config} for name, (_, config) in CONFIGS.items()}
    return dict(zip(questions, consult("google_genai", list(questions.values())), strict=True))


def ours(name: str) -> Reading:
    question = recorded(name)
    workload = Workload(name="w", kind="chat" if question["streamed"] else "chat-sync")
    reader = VertexGenerate().read(workload, {"content-type": question["content_type"]}, 1 << 20)
    for at in range(0, len(question["body"].encode()), 50):
        list(reader.feed(question["body"].encode()[at : at + 50]))
    return reader.finish(closed=True)


FINISHED = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
}


@pytest.mark.parametrize("name", [name for name in RECORDED if name != "other_protocol.sse"])
def test_text_calls_finish_usage_and_errors_are_those_of_the_library(name: str) -> None:
    theirs, reading = told()[name], ours(name)
    assert reading.text == theirs["text"]
    assert (reading.response_id, reading.response_model) == (theirs["id"], theirs["model"])
    assert [[call.name, json.loads(call.arguments)] for call in reading.calls] == theirs["calls"]
    usage = theirs["usage"]
    answered, thought = usage.get("candidates_token_count"), usage.get("thoughts_token_count")
    total = usage.get("total_token_count")
    assert reading.reasoning_tokens == thought
    if total is not None and (answered, thought) != (None, None):
        assert (reading.input_tokens or 0) + (reading.output_tokens or 0) == total
    assert reading.cached_tokens == usage.get("cached_content_token_count")
    assert reading.backend.get("traffic") == usage.get("traffic_type")
    finish = theirs["finish"] and FINISHED.get(theirs["finish"], theirs["finish"].lower())
    if theirs["blocked"]:
        finish = "content_filter"
    if finish == "stop" and theirs["calls"]:
        finish = "tool_calls"
    assert reading.finish_reason == finish
    error = theirs["error"] or {"code": None, "status": None, "message": None}
    code = reading.error_code and int(reading.error_code)
    assert (code, reading.error_type, reading.error) == (error["code"], error["status"], error["message"])


@pytest.mark.parametrize(("code", "status", "array"), REFUSED)
def test_a_refusal_is_understood_alike_whether_it_stands_in_an_array_or_not(
    code: int,
    status: str,
    array: bool,  # noqa: FBT001 - pytest passes by name
) -> None:
    error = error_body(refused(code, status, array=array)["body"].encode(), {})
    theirs = told()[f"{code}"]["error"]
    assert (error.type, error.message) == (theirs["status"], theirs["message"])
    assert theirs["code"] == code


def camel(value: Any) -> Any:
    """Return what the library sends with the names that JSON has for them; servers take both."""
    if isinstance(value, list):
        return [camel(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        re.sub(r"_([a-z])", lambda found: found[1].upper(), name): item
        if name.endswith("schema")
        else camel(item)
        for name, item in value.items()
    }


@pytest.mark.parametrize("name", CONFIGS)
def test_a_request_is_the_librarys_own(name: str) -> None:
    workload, _ = CONFIGS[name]
    request = VertexGenerate().request("https://h", TARGET, workload, "n0nce")
    mine, theirs = json.loads(request.body), camel(told()[name]["asked"]["body"])
    assert mine.pop("contents")[0]["parts"][0].keys() == theirs.pop("contents")[0]["parts"][0].keys()
    assert mine == theirs
