"""Streams of Amazon Bedrock and SageMaker, as their service models have them."""

import json
from collections.abc import Mapping
from typing import Any, Final

from probes.framing.aws import write_chunk, write_error, write_event, write_exception, write_message


def event(kind: str, **payload: Any) -> bytes:
    """Return one event of ConverseStream; AWS pads its payloads with a member `p`."""
    return write_event(kind, json.dumps({**payload, "p": "abcdefgh"}).encode())


def delta(at: int = 0, **block: Any) -> bytes:
    return event("contentBlockDelta", contentBlockIndex=at, delta=block)


def stop(reason: str) -> bytes:
    return event("messageStop", stopReason=reason)


def metadata(output: int = 3, **more: Any) -> bytes:
    usage = {
        "inputTokens": 21,
        "outputTokens": output,
        "totalTokens": 21 + output,
        "cacheReadInputTokens": 4,
        "cacheWriteInputTokens": 0,
    }
    return event("metadata", usage=usage, metrics={"latencyMs": 512}, **more)


START: Final = event("messageStart", role="assistant")
CLOSE: Final = event("contentBlockStop", contentBlockIndex=0)
PONG: Final = delta(text="po") + delta(text="ng")
TOOL: Final = (
    event("contentBlockStart", contentBlockIndex=1, start={"toolUse": {"toolUseId": "tu_1", "name": "f"}})
    + delta(1, toolUse={"input": '{"city":'})
    + delta(1, toolUse={"input": '"Bern"}'})
    + event("contentBlockStop", contentBlockIndex=1)
)

CONVERSE: Final[Mapping[str, bytes]] = {
    "normal": START
    + PONG
    + CLOSE
    + stop("end_turn")
    + metadata(serviceTier={"type": "default"}, performanceConfig={"latency": "optimized"}),
    "reasoning": START
    + delta(reasoningContent={"text": "hm"})
    + delta(reasoningContent={"signature": "sig"})
    + CLOSE
    + delta(1, text="pong")
    + stop("end_turn")
    + metadata(),
    "redacted": START
    + delta(reasoningContent={"redactedContent": "c2VjcmV0"})
    + delta(1, text="pong")
    + stop("end_turn")
    + metadata(),
    "tool": START + TOOL + stop("tool_use") + metadata(),
    "capped": START + stop("max_tokens") + metadata(256),
    "filtered": START + delta(text="I can") + stop("content_filtered") + metadata(),
    "guarded": START + delta(text="Blocked.") + stop("guardrail_intervened") + metadata(),
    "malformed_tool": START + delta(text="x") + stop("malformed_tool_use") + metadata(),
    "routed": START
    + PONG
    + stop("stop_sequence")
    + metadata(trace={"promptRouter": {"invokedModelId": "arn:aws:bedrock:us-east-1::model/x"}}),
    "throttled": write_exception("throttlingException", "Too many requests, please wait."),
    "unavailable": START + delta(text="po") + write_exception("serviceUnavailableException", "no capacity"),
    "invalid": write_exception("validationException", "The model is wrong."),
    "model_error": START + delta(text="po") + write_exception("modelStreamErrorException", "broken"),
    "failed": START + delta(text="po") + write_exception("internalServerException", "gone"),
    "unmodelled": START + write_error("InternalFailure", "gone"),
    "empty": START + stop("end_turn") + metadata(0),
    "no_metadata": START + PONG + CLOSE + stop("end_turn"),
    "truncated": START + PONG,
    "unknown_events": event("somethingNew", x=1) + START + PONG + stop("end_turn") + metadata(),
    "nothing": b"",
}
"""By name; the frames are those of ConverseStream."""


def chunk(text: str, finish: str | None = None, **more: Any) -> str:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    body = {"id": "c1", "object": "chat.completion.chunk", "model": "gpt-oss", "choices": [choice], **more}
    return json.dumps(body, ensure_ascii=False)


METRICS: Final = {
    "inputTokenCount": 21,
    "outputTokenCount": 2,
    "invocationLatency": 480,
    "firstByteLatency": 120,
}

INVOKED: Final[Mapping[str, bytes]] = {
    "normal": write_chunk(chunk("po"))
    + write_chunk(chunk("ng"))
    + write_chunk(chunk("", "stop", **{"amazon-bedrock-invocationMetrics": METRICS})),
    "done": write_chunk(chunk("pong")) + write_chunk(chunk("", "stop")) + write_chunk("[DONE]"),
    "timeout": write_chunk(chunk("po")) + write_exception("modelTimeoutException", "took too long"),
    "truncated": write_chunk(chunk("po")),
}
"""By name; the frames are those of InvokeModelWithResponseStream, around the chunks of chat completions."""

_SSE = "".join(f"data: {data}\n\n" for data in (chunk("pö"), chunk("ng", "stop"), "[DONE]")).encode()


def parts(body: bytes, every: int) -> bytes:
    """Return the body as SageMaker's `PayloadPart` frames, cut without regard to what it says."""
    return b"".join(
        write_event("PayloadPart", body[at : at + every], "application/octet-stream")
        for at in range(0, len(body), every)
    )


def ended(kind: str, **payload: str) -> bytes:
    """Return an exception of SageMaker, whose members begin with capitals."""
    headers = {":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}
    return write_message(headers, json.dumps(payload).encode())


CONTAINED: Final[Mapping[str, bytes]] = {
    "normal": parts(_SSE, 7),
    "broken": parts(_SSE[:40], 9)
    + ended(
        "ModelStreamError",
        Message="Your model primary sent an inference response late",
        ErrorCode="ModelInvocationTimeExceeded",
    ),
    "failed": parts(_SSE[:40], 9) + ended("InternalStreamFailure", Message="gone"),
    "truncated": parts(_SSE[:-14], 30),
}
"""By name; the frames are those of InvokeEndpointWithResponseStream, around a container's server-sent events."""
