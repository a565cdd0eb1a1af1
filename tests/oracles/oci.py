"""Oracle's own library: how it signs a request, and what it makes of the chunks of an answer."""

import json
import sys
from typing import Any

import oci
from cryptography.hazmat.primitives.asymmetric import rsa
from oci._vendor import requests
from oci._vendor.sseclient import SSEClient
from oci.generative_ai_inference import GenerativeAiInferenceClient, models


def sign(question: dict[str, Any]) -> dict[str, str]:
    """Return the headers that the library would send with a request of this date."""
    signer = oci.signer.Signer(**question["who"], private_key_file_location=None)
    asked = requests.Request(
        question["method"],
        question["url"],
        headers={"date": question["date"], **question["headers"]},
        data=question["body"].encode() if question["body"] else None,
    )
    sent = signer(asked.prepare())
    return {name.lower(): str(value) for name, value in sent.headers.items()}


def answer(question: dict[str, Any]) -> dict[str, Any]:
    """Return what the chunks of a stream add up to, each read as a model of the library."""
    body = question["stream"].encode()
    if question["framing"] == "sse":
        events = [event.data for event in SSEClient(iter([body])).events()]
    else:
        events = [line[5:].strip() for line in body.decode().splitlines() if line.startswith("data:")]
    chunks = [read(json.loads(event), question["model"]) for event in events if event and event != "[DONE]"]
    said: dict[str, Any] = {
        "text": "",
        "reasoning": "",
        "finish": None,
        "error": None,
        "usage": None,
        "calls": {},
    }
    for chunk in chunks:
        add(said, chunk)
    said["calls"] = [call for _, call in sorted(said["calls"].items())]
    return said


def read(chunk: dict[str, Any], model: str) -> Any:
    return CLIENT.deserialize_response_data(json.dumps(chunk).encode(), model)


def add(said: dict[str, Any], chunk: Any) -> None:
    message = getattr(chunk, "message", None)
    if getattr(chunk, "text", None) is not None:
        # The last chunk of this format is the whole answer in the library's own eyes.
        said["text"] = chunk.text if chunk.finish_reason else said["text"] + chunk.text
    if message is not None:
        texts = "".join(part.text or "" for part in message.content or [] if hasattr(part, "text"))
        repeats = isinstance(chunk, models.CohereChatResponseV2) and chunk.finish_reason and texts
        said["text"] = texts if repeats else said["text"] + texts
        said["reasoning"] += getattr(message, "reasoning_content", None) or ""
        for nth, call in enumerate(message.tool_calls or []):
            function = getattr(call, "function", None) or {}
            found = said["calls"].setdefault(nth, {"name": "", "arguments": ""})
            found["name"] += getattr(call, "name", None) or function.get("name") or ""
            found["arguments"] += getattr(call, "arguments", None) or function.get("arguments") or ""
    said["finish"] = chunk.finish_reason or said["finish"]
    said["error"] = getattr(chunk, "error_message", None) or said["error"]
    if chunk.usage is not None:
        details = chunk.usage.completion_tokens_details
        said["usage"] = [
            chunk.usage.prompt_tokens,
            chunk.usage.completion_tokens,
            details and details.reasoning_tokens,
        ]


KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
SIGNER = oci.auth.signers.SecurityTokenSigner("token", KEY)
CLIENT = GenerativeAiInferenceClient({}, signer=SIGNER, service_endpoint="https://localhost").base_client
ASKED = {"sign": sign, "answer": answer}

json.dump([ASKED[question["ask"]](question) for question in json.load(sys.stdin)], sys.stdout)
