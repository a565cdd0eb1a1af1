"""Whatever speaks as OpenAI does: servers of the user's own, and gateways. A new one is one row here."""

import dataclasses
from collections.abc import Mapping
from typing import Final

from probes.clouds.anthropic import COMPATIBLE, LISTED, messages_api
from probes.dialects.anthropic_messages import AnthropicMessages
from probes.dialects.embeddings import Embeddings
from probes.dialects.models_list import ModelsList
from probes.dialects.openai_chat import OpenAIChat
from probes.dialects.openai_responses import OpenAIResponses
from probes.gateways import ANY, LITELLM, PORTKEY
from probes.provider import Api, Call, Provider, generating
from probes.signers.bearer import Bearer


def openai_api(
    chat: OpenAIChat,
    root: str,
    *,
    responses: bool = False,
    embeddings: bool = False,
    models: Call | None = None,
) -> Api:
    """Return the API of who speaks OpenAI's chat completions, and maybe more of what OpenAI speaks."""
    calls = generating(chat, "/chat/completions") | {"models": models or Call(ModelsList(), "/models")}
    if responses:
        calls["responses"] = Call(_responses(chat), "/responses")
    if embeddings:
        calls["embeddings"] = Call(Embeddings(extra=chat.extra), "/embeddings")
    return Api(root=root, calls=calls, reasoning=chat.reasoning)


def responses_api(chat: OpenAIChat, root: str) -> Api:
    """Return the API of who is asked by OpenAI's responses whatever the kind; `chat` tells of the vendor's deviations."""
    responses = _responses(chat)
    calls = generating(responses, "/responses")
    calls |= {"responses": calls["chat"], "models": Call(ModelsList(), "/models")}
    return Api(root=root, calls=calls, reasoning=responses.reasoning)


def _responses(chat: OpenAIChat) -> OpenAIResponses:
    """Return the dialect of responses with the deviations of a vendor's chat; the usage comes there unasked."""
    options = {name: value for name, value in (chat.stream_options or {}).items() if name != "include_usage"}
    return OpenAIResponses(reasoning=chat.reasoning, stream_options=options, extra=chat.extra)


def _self_hosted(
    otel: str,
    environment: Mapping[str, str] | None = None,
    chat: OpenAIChat | None = None,
    *,
    responses: bool = True,
    embeddings: bool = True,
) -> Provider:
    """Return a row for servers of the user's own: any host, credentials if wanted, trace context allowed."""
    return Provider(
        cloud="self-hosted",
        apis={
            "openai": openai_api(
                chat or OpenAIChat(cap="max_tokens"), "/v1", responses=responses, embeddings=embeddings
            )
        },
        signer=Bearer(optional=True),
        otel=otel,
        anonymous=True,
        environment=environment or {},
        traceparent=True,
    )


_UNCACHED: Final = {"cache": {"no-cache": True}}


def _and_anthropic(row: Provider, dialect: AnthropicMessages = COMPATIBLE) -> Provider:
    """Return the row of who speaks Anthropic's messages beside OpenAI's."""
    return dataclasses.replace(
        row, apis={**row.apis, "anthropic": messages_api("/v1", dialect, models=LISTED)}
    )


ROWS: Final[Mapping[str, Provider]] = {
    "openai-compatible": dataclasses.replace(
        _self_hosted("openai"),
        backend={
            "x-litellm-model-id": "deployment",
            "x-litellm-model-region": "region",
            "x-litellm-model-api-base": "upstream",
            "x-portkey-provider": "upstream",
            "x-portkey-last-used-option-index": "option",
            "cf-ray": "edge",
        },
        request_id=("x-request-id", "x-litellm-call-id", "x-portkey-trace-id"),
        server_ms=("x-litellm-response-duration-ms", "openai-processing-ms", "x-envoy-upstream-service-time"),
        gateway_ms=("x-litellm-overhead-duration-ms",),
        gateway=ANY,
    ),
    "litellm": dataclasses.replace(
        # Each prompt is new to an exact cache, but like the one before it to a semantic one.
        _and_anthropic(
            _self_hosted("litellm", chat=OpenAIChat(cap="max_tokens", extra=_UNCACHED)),
            dataclasses.replace(COMPATIBLE, extra=_UNCACHED),
        ),
        # Its own retries, two by default, would hide the first failure.
        headers={"x-litellm-num-retries": "0"},
        id_headers=("x-litellm-call-id",),
        backend={
            "x-litellm-model-id": "deployment",
            "x-litellm-model-group": "group",
            "x-litellm-model-name": "model",
            "x-litellm-model-region": "region",
            "x-litellm-model-api-base": "upstream",
            "x-litellm-attempted-retries": "retries",
            "x-litellm-attempted-fallbacks": "fallbacks",
            "x-litellm-version": "version",
        },
        request_id=("llm_provider-x-request-id", "request-id", "x-litellm-call-id"),
        server_ms=("x-litellm-response-duration-ms",),
        gateway_ms=("x-litellm-overhead-duration-ms",),
        gateway=LITELLM,
        environment={"api_key": "LITELLM_API_KEY"},
    ),
    "portkey": dataclasses.replace(
        _self_hosted("portkey", chat=OpenAIChat()),
        headers={"x-portkey-cache-force-refresh": "true"},
        id_headers=("x-portkey-trace-id",),
        backend={
            "x-portkey-provider": "upstream",
            "x-portkey-last-used-option-index": "option",
            "x-portkey-retry-attempt-count": "retries",
            "x-portkey-cache-status": "cache",
        },
        request_id=("x-request-id", "x-portkey-trace-id"),
        server_ms=("openai-processing-ms", "x-envoy-upstream-service-time"),
        gateway=PORTKEY,
    ),
    "vllm": _and_anthropic(_self_hosted("vllm")),
    "ray": _self_hosted("ray", responses=False),
    "nim": _and_anthropic(
        _self_hosted("nvidia.nim", environment={"api_key": "NVIDIA_API_KEY"}, embeddings=False)
    ),
}
