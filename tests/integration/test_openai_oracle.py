"""Each recorded stream of chat completions and of responses says to OpenAI's own library what it says to us."""

import base64
import pathlib
from typing import Any

import pytest

from probes.base import Dialect, Unit
from probes.dialects.openai_chat import OpenAIChat
from probes.dialects.openai_responses import OpenAIResponses
from probes.result import StreamVerdict
from probes.target import Workload
from support.oracles import consult, needs

pytestmark = [pytest.mark.heavy, needs("openai")]

STREAMS = pathlib.Path(__file__).parents[1] / "streams"
CHAT = {path.stem: path.read_bytes() for path in sorted(STREAMS.glob("*.sse"))}
RESPONSES = {path.stem: path.read_bytes() for path in sorted((STREAMS / "responses").glob("*.sse"))}

OF_OTHERS = {
    # What OpenAI's library does not know of: what vendors added.
    "error_event": {"error"},
    "groq": {"usage"},
    "groq_error": {"error"},
    "json_error_at_200": {"error"},
    "mistral_error": {"error"},
    "mistral_thinking": {"text", "reasoning"},
    "openrouter_choice_error": {"error", "finish"},
}
BEHIND = {"openrouter_error": " (Azure)", "openrouter_moderated": " (OpenAI)"}
"""What our message says beside the error's own: who is behind the gateway."""

FINISHED = {"max_output_tokens": "length", "failed": None}


def ours(dialect: Dialect, workload: Workload, body: bytes) -> dict[str, Any]:
    reader = dialect.read(workload, {}, 1 << 20)
    units: list[Unit] = list(reader.feed(body))
    reading = reader.finish(closed=True)
    failed = reading.stream is StreamVerdict.ERRORED
    return {
        "text": reading.text,
        "reasoning": "".join(unit.text for unit in units if unit.kind == "reasoning"),
        "finish": reading.finish_reason,
        "usage": [
            reading.input_tokens,
            reading.output_tokens,
            reading.reasoning_tokens,
            reading.cached_tokens,
        ],
        "calls": [list(call) for call in reading.calls],
        "model": reading.response_model,
        "tier": reading.service_tier,
        "error": {"code": reading.error_code, "message": reading.error} if failed else None,
    }


def theirs(said: dict[str, Any], names: tuple[str, str]) -> dict[str, Any]:
    """Return what the library said in our words; `names` are what the API calls input and output."""
    asked, answered = names
    usage, error = said["usage"], said["error"]
    cached = usage.get(f"{asked}_tokens_details", {}).get("cached_tokens")
    return said | {
        "usage": [
            usage.get(f"{asked}_tokens"),
            usage.get(f"{answered}_tokens"),
            usage.get(f"{answered}_tokens_details", {}).get("reasoning_tokens"),
            usage.get("prompt_cache_hit_tokens") if cached is None else cached,
        ],
        "model": said["model"] or None,
        "tier": None if said["tier"] == "auto" else said["tier"],
        "error": error and {**error, "code": None if error["code"] is None else str(error["code"])},
    }


def asked(api: str, bodies: dict[str, bytes], cut: int) -> dict[str, dict[str, Any]]:
    questions = [
        {"api": api, "body": base64.b64encode(body).decode(), "cut": cut} for body in bodies.values()
    ]
    return dict(zip(bodies, consult("openai", questions), strict=True))


@pytest.mark.parametrize("cut", [11, 1 << 20])
def test_chat_completions_say_the_same_to_both(cut: int) -> None:
    """Also where it ends early or fails: what came before is the same, and so is the error."""
    workload = Workload(name="chat")
    for name, said in asked("chat", CHAT, cut).items():
        expected = theirs(said, ("prompt", "completion"))
        found = ours(OpenAIChat(), workload, CHAT[name])
        if name in BEHIND:
            found["error"]["message"] = found["error"]["message"].removesuffix(BEHIND[name])
        if name.startswith("mistral"):
            expected["tier"] = said["usage"].get("service_tier")  # beside the tokens there
        if expected["error"]:
            found["finish"] = expected["finish"]  # it leaves the chunk that bears an error unread
        unlike = {field for field in found if found[field] != expected[field]}
        assert unlike == OF_OTHERS.get(name, set()), (name, found, expected)


@pytest.mark.parametrize("cut", [11, 1 << 20])
def test_responses_say_the_same_to_both(cut: int) -> None:
    """The library takes what was called from the whole answer at the end, and we from its pieces."""
    workload = Workload(name="responses", kind="responses")
    for name, said in asked("responses", RESPONSES, cut).items():
        expected = theirs(said, ("input", "output"))
        found = ours(OpenAIResponses(), workload, RESPONSES[name])
        finish = "tool_calls" if expected["calls"] else "stop"
        expected["finish"] = (
            finish if said["finish"] == "completed" else FINISHED.get(said["finish"], said["finish"])
        )
        if said["finish"] is None or expected["error"]:  # told with its end, which we do not wait for
            found["finish"], found["model"] = expected["finish"], expected["model"]
        assert found == {field: expected[field] for field in found}, name
