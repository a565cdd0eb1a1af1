"""Whatever speaks OpenAI's chat completions: servers of the user's own, gateways, and vendors. A new one is one row here."""

import dataclasses
from collections.abc import Mapping
from typing import Final

from probes.clouds.anthropic import COMPATIBLE, LISTED, messages_api
from probes.dialects.anthropic_messages import AnthropicMessages
from probes.dialects.models_list import ModelsList
from probes.dialects.openai_chat import OpenAIChat
from probes.gateways import ANY, LITELLM, PORTKEY
from probes.provider import ANYWHERE, Api, Call, Provider, generating
from probes.signers.bearer import Bearer


def openai_api(chat: OpenAIChat, root: str) -> Api:
    """Return the API of who speaks OpenAI's chat completions."""
    calls = generating(chat, "/chat/completions") | {"models": Call(ModelsList(), "/models")}
    return Api(root=root, calls=calls, reasoning=chat.reasoning)


def _self_hosted(
    otel: str, environment: Mapping[str, str] | None = None, chat: OpenAIChat | None = None
) -> Provider:
    """Return a row for servers of the user's own: any host, credentials if wanted, trace context allowed."""
    return Provider(
        cloud="self-hosted",
        apis={"openai": openai_api(chat or OpenAIChat(cap="max_tokens"), "/v1")},
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
    "ray": _self_hosted("ray"),
    "nim": _and_anthropic(_self_hosted("nvidia.nim", environment={"api_key": "NVIDIA_API_KEY"})),
    "deepseek": Provider(
        cloud="deepseek",
        apis={
            "openai": openai_api(OpenAIChat(cap="max_tokens"), ""),
            "anthropic": messages_api("/anthropic/v1", COMPATIBLE),
        },
        signer=Bearer(),
        endpoints={ANYWHERE: "https://api.deepseek.com"},
        otel="deepseek",
        environment={"api_key": "DEEPSEEK_API_KEY"},
        backend={"cf-ray": "edge"},
        request_id=("x-ds-trace-id", "x-request-id"),
    ),
    "qwen": Provider(
        cloud="alibaba",
        apis={
            "openai": openai_api(OpenAIChat(cap="max_tokens", reasoning=False), "/compatible-mode/v1"),
            "anthropic": messages_api(
                "/apps/anthropic/v1", COMPATIBLE, endpoints={ANYWHERE: "https://dashscope-intl.aliyuncs.com"}
            ),
        },
        signer=Bearer(),
        endpoints={ANYWHERE: "https://dashscope-intl.aliyuncs.com/compatible-mode/v1"},
        otel="alibaba.dashscope",
        environment={"api_key": "DASHSCOPE_API_KEY"},
        server_ms=("x-envoy-upstream-service-time",),
    ),
    "mistral": Provider(
        cloud="mistral",
        # The usage comes unasked in the last chunk, and unknown fields are refused with 422.
        apis={"openai": openai_api(OpenAIChat(cap="max_tokens", stream_options=None), "/v1")},
        signer=Bearer(),
        endpoints={ANYWHERE: "https://api.mistral.ai/v1"},
        otel="mistral_ai",
        environment={"api_key": "MISTRAL_API_KEY"},
        backend={"cf-ray": "edge"},
        request_id=("mistral-correlation-id", "x-request-id"),
        server_ms=("x-envoy-upstream-service-time",),
    ),
}
