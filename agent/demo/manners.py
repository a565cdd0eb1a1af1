"""Each vendor's own manners: its headers, what it sends before the first token, and how it refuses."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from agent.demo.meter import Left
from agent.demo.vendors import Cloud
from probes.framing import sse

Chunk = dict[str, Any]

_REFUSALS: Mapping[int, tuple[str, str, str]] = {
    401: ("invalid_api_key", "UNAUTHENTICATED", "Incorrect API key provided"),
    404: ("not_found", "NOT_FOUND", "There is no such simulated cloud"),
    429: ("rate_limit_exceeded", "RESOURCE_EXHAUSTED", "Rate limit reached, please try again later"),
    500: ("server_error", "INTERNAL", "The server had an error while processing your request"),
    503: ("server_is_overloaded", "UNAVAILABLE", "The engine is currently overloaded, please try again later"),
}  # fmt: skip
"""Status -> OpenAI's code, Google's status, and the message."""


def headers(
    cloud: Cloud, left: Left | None, request_id: str, *, rerouted: bool, took_ms: int
) -> dict[str, str]:
    """Return what a vendor says beside the answer; `left` is None where it says nothing of limits."""
    served_from = cloud.served_from[rerouted]
    match cloud.vendor:
        case "openai":
            own = {
                "x-request-id": f"req_{request_id}",
                "openai-processing-ms": str(took_ms),
                "cf-ray": f"{request_id[:16]}-{served_from}",
            }
        case "azure":
            own = {
                "apim-request-id": request_id,
                "x-ms-region": served_from,
                "x-ms-deployment-name": cloud.model,
                "x-envoy-upstream-service-time": str(took_ms),
            }
        case "aws":
            own = {"x-amzn-requestid": request_id, "x-request-id": request_id}
        case "google":
            own = {"server-timing": f"gfet4t7; dur={took_ms}", "x-request-id": request_id}
        case "mistral":
            own = {
                "mistral-correlation-id": request_id,
                "x-envoy-upstream-service-time": str(took_ms),
                "cf-ray": f"{request_id[:16]}-{served_from}",
            }
        case "deepseek":
            own = {"x-ds-trace-id": request_id, "cf-ray": f"{request_id[:16]}-{served_from}"}
        case "qwen":
            own = {"x-request-id": request_id, "x-envoy-upstream-service-time": str(took_ms)}
        case "vllm" | "ray" | "nim":
            own = {"x-request-id": request_id}
    return own | (_limits(cloud, left) if left is not None else {})


def _limits(cloud: Cloud, left: Left) -> dict[str, str]:
    """Return the rate limit as the vendor spells it: Mistral by the minute, OpenAI's durations as Go writes them."""
    minute = "-minute" if cloud.vendor == "mistral" else ""
    of_requests = "req-minute" if cloud.vendor == "mistral" else "requests"
    said = {
        f"x-ratelimit-limit-{of_requests}": str(left.limits.requests),
        f"x-ratelimit-remaining-{of_requests}": str(max(0, left.requests)),
        f"x-ratelimit-limit-tokens{minute}": str(left.limits.tokens),
        f"x-ratelimit-remaining-tokens{minute}": str(max(0, left.tokens)),
    }
    match cloud.vendor:
        case "openai":
            return said | dict.fromkeys(_RESETS, f"{left.reset_s * 1000:.0f}ms")
        case "azure":
            return said | dict.fromkeys(_RESETS, str(left.wait_s))
        case _:
            return said


_RESETS = ("x-ratelimit-reset-requests", "x-ratelimit-reset-tokens")


def opening(cloud: Cloud, frame: Chunk) -> Iterator[bytes | Chunk]:
    """Yield what a vendor sends before its first token, as bytes or as chunks; `frame` is a chunk without choices."""
    match cloud.vendor:
        case "azure":
            unfiltered = {"hate": {"filtered": False, "severity": "safe"}}
            results = [{"prompt_index": 0, "content_filter_results": unfiltered}]
            yield {"id": "", "model": "", "choices": [], "prompt_filter_results": results}
        case "deepseek":
            yield sse.write_comment("keep-alive")
            yield with_delta(frame, {"role": "assistant", "content": None, "reasoning_content": ""})
            return
        case "google":
            return  # its first chunk has text
    yield with_delta(frame, {"role": "assistant", "content": ""})


def ending(cloud: Cloud, frame: Chunk, reason: str, usage: Mapping[str, int]) -> Iterator[Chunk]:
    """Yield what a vendor sends after its last token: Mistral and Google tell the usage with the reason."""
    last = with_delta(frame, {}, reason)
    if cloud.vendor in {"mistral", "google"}:
        yield last | {"usage": usage}
        return
    yield last
    yield frame | {"choices": [], "usage": usage}


def with_delta(frame: Chunk, delta: Mapping[str, Any], reason: str | None = None) -> Chunk:
    return frame | {"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}


def fingerprint(cloud: Cloud, *, rerouted: bool) -> str:
    """Return what names the build that answers; another one serves after a reroute."""
    seed = f"{cloud.vendor}/{cloud.model}/{rerouted}"
    return f"fp_{hashlib.blake2b(seed.encode(), digest_size=5).hexdigest()}"


def refusal(cloud: Cloud | None, status: int) -> Any:
    """Return the body of a refusal as the vendor writes it."""
    code, google, message = _REFUSALS[status]
    match cloud.vendor if cloud else None:
        case "google":
            return [{"error": {"code": status, "message": message, "status": google}}]
        case "azure":
            return {"error": {"code": code, "message": message}}
        case "vllm" | "ray" | "nim":
            return {"error": {"message": message, "type": code, "param": None, "code": status}}
        case "mistral":
            return {"object": "error", "message": message, "type": code, "param": None, "code": code}
        case _:
            return {"error": {"message": message, "type": code, "param": None, "code": code}}
