"""The literal table of providers: what they speak, who signs, where they are and where they say who served.

A new gateway that speaks OpenAI is one row here.
"""

import dataclasses
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import SplitResult, quote, urlsplit

from probes.base import Dialect, Signer
from probes.dialects.models_list import ModelsList
from probes.dialects.openai_chat import OpenAIChat
from probes.gateways import ANY, LITELLM, PORTKEY, Gateway
from probes.signers import bearer
from probes.signers.bearer import Bearer
from probes.target import Kind, Target

_MODELS = ModelsList()
_PATHS: Mapping[Kind, str] = {
    "chat": "/chat/completions",
    "chat-sync": "/chat/completions",
    "models": "/models",
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One row.

    `root` is the path below the host at which the API begins; `dated_root` and `dated_paths` are the older
    URL shape that an `api_version` selects. `endpoint` is the default one, None where only the user knows it.
    `backend` maps response headers to what they tell of who served; `request_id` and `server_ms` name headers,
    the first that is there wins, and so does `gateway_ms` (what a gateway took for itself). `headers` go with every
    request, and `id_headers` carry our own id beside `x-request-id`. `gateway` says how an answer tells what a
    gateway did itself; None where none is expected. `environment` says which variable usually holds which credential. `otel` is
    the value of `gen_ai.provider.name`.
    """

    cloud: str
    chat: OpenAIChat
    signer: Signer
    endpoint: str | None
    root: str
    otel: str
    dated_root: str | None = None
    dated_paths: Mapping[Kind, str] = dataclasses.field(default_factory=dict)
    credentials: tuple[str, ...] = bearer.TAKES
    anonymous: bool = False
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)
    traceparent: bool = False
    backend: Mapping[str, str] = dataclasses.field(default_factory=dict)
    request_id: tuple[str, ...] = ("x-request-id",)
    server_ms: tuple[str, ...] = ()
    gateway_ms: tuple[str, ...] = ()
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    id_headers: tuple[str, ...] = ()
    gateway: Gateway | None = None

    def dialect(self, kind: Kind) -> Dialect:
        return _MODELS if kind == "models" else self.chat

    @property
    def reasoning(self) -> bool:
        """Return whether a probe's `reasoning` is sent; elsewhere it has no effect, which `check` says."""
        return self.chat.reasoning


def _self_hosted(otel: str, environment: Mapping[str, str] | None = None) -> Provider:
    """Return a row for servers of the user's own: any host, credentials if wanted, trace context allowed."""
    return Provider(
        cloud="self-hosted",
        chat=OpenAIChat(cap="max_tokens"),
        signer=Bearer(optional=True),
        endpoint=None,
        root="/v1",
        otel=otel,
        anonymous=True,
        environment=environment or {},
        traceparent=True,
    )


PROVIDERS: Final[Mapping[str, Provider]] = {
    "openai": Provider(
        cloud="openai",
        chat=OpenAIChat(stream_options={"include_usage": True, "include_obfuscation": False}),
        signer=Bearer(),
        endpoint="https://api.openai.com/v1",
        root="/v1",
        otel="openai",
        environment={"api_key": "OPENAI_API_KEY"},
        backend={"cf-ray": "edge"},
        server_ms=("openai-processing-ms",),
    ),
    "azure": Provider(
        cloud="azure",
        chat=OpenAIChat(),
        signer=Bearer(key_header="api-key"),
        endpoint=None,
        root="/openai/v1",
        otel="azure.ai.openai",
        dated_root="/openai",
        dated_paths={
            "chat": "/deployments/{deployment}/chat/completions",
            "chat-sync": "/deployments/{deployment}/chat/completions",
            "models": "/models",
        },
        environment={"endpoint": "AZURE_OPENAI_ENDPOINT", "api_key": "AZURE_OPENAI_API_KEY"},
        backend={
            "x-ms-region": "region",
            "x-ms-deployment-name": "deployment",
            "azureml-model-session": "session",
            "x-ms-spillover-from-deployment": "spillover_from",
        },
        request_id=("apim-request-id", "x-request-id", "x-ms-request-id"),
        server_ms=("openai-processing-ms", "x-envoy-upstream-service-time"),
    ),
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
        _self_hosted("litellm"),
        # Each prompt is new to an exact cache, but like the one before it to a semantic one.
        chat=OpenAIChat(extra={"cache": {"no-cache": True}}),
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
        _self_hosted("portkey"),
        chat=OpenAIChat(),
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
    "vllm": _self_hosted("vllm"),
    "ray": _self_hosted("ray"),
    "nim": _self_hosted("nvidia.nim", environment={"api_key": "NVIDIA_API_KEY"}),
    "deepseek": Provider(
        cloud="deepseek",
        chat=OpenAIChat(cap="max_tokens"),
        signer=Bearer(),
        endpoint="https://api.deepseek.com",
        root="",
        otel="deepseek",
        environment={"api_key": "DEEPSEEK_API_KEY"},
        backend={"cf-ray": "edge"},
        request_id=("x-ds-trace-id", "x-request-id"),
    ),
    "qwen": Provider(
        cloud="alibaba",
        chat=OpenAIChat(cap="max_tokens", reasoning=False),
        signer=Bearer(),
        endpoint="https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
        root="/compatible-mode/v1",
        otel="alibaba.dashscope",
        environment={"api_key": "DASHSCOPE_API_KEY"},
        server_ms=("x-envoy-upstream-service-time",),
    ),
    "mistral": Provider(
        cloud="mistral",
        # The usage comes unasked in the last chunk, and unknown fields are refused with 422.
        chat=OpenAIChat(cap="max_tokens", stream_options=None),
        signer=Bearer(),
        endpoint="https://api.mistral.ai/v1",
        root="/v1",
        otel="mistral_ai",
        environment={"api_key": "MISTRAL_API_KEY"},
        backend={"cf-ray": "edge"},
        request_id=("mistral-correlation-id", "x-request-id"),
        server_ms=("x-envoy-upstream-service-time",),
    ),
}


def default_endpoint(provider: str) -> str | None:
    """Return the endpoint that a target of this provider has when it names none; None: it must name one."""
    return PROVIDERS[provider].endpoint


def url(target: Target, kind: Kind) -> str:
    """Return the URL that a probe of this kind calls.

    The endpoint is what the vendor's own SDK takes as base URL, with or without a trailing `/v1`.
    Raises `ValueError`, with a sentence, for an endpoint that is no http(s) URL.

    >>> azure = Target(name="a", provider="azure", cloud="azure", model="nano", model_id="nano-prod",
    ...                endpoint="https://bank.openai.azure.com", group="nano")
    >>> url(azure, "chat")
    'https://bank.openai.azure.com/openai/v1/chat/completions'
    >>> url(dataclasses.replace(azure, api_version="2024-10-21"), "chat")
    'https://bank.openai.azure.com/openai/deployments/nano-prod/chat/completions?api-version=2024-10-21'
    """
    provider = PROVIDERS[target.provider]
    parts = _split(target)
    path, query = parts.path.rstrip("/"), parts.query
    if target.api_version is not None and provider.dated_root is not None:
        below = provider.dated_paths[kind].format(deployment=quote(target.model_id, safe=""))
        path = _rooted(path.removesuffix("/v1"), provider.dated_root) + below
        query = "&".join(filter(None, (query, f"api-version={quote(target.api_version, safe='')}")))
    else:
        path = _rooted(path, provider.root) + _PATHS[kind]
    return parts._replace(path=path, query=query, fragment="").geturl()


def shown_url(target: Target, kind: Kind) -> str:
    """Return the URL for people to read: where the endpoint stands for a variable that is not set, as it is written.

    >>> unset = Target(name="v", provider="vllm", cloud="own", model="m", model_id="m", endpoint="${VLLM}", group="m")
    >>> shown_url(unset, "chat")
    '${VLLM}/v1/chat/completions'
    >>> shown_url(dataclasses.replace(unset, endpoint="https://${HOST}.bank:8000/v1"), "models")
    'https://${HOST}.bank:8000/v1/models'
    """
    references = re.findall(r"\$\{[^}]*\}", target.endpoint)
    stand_ins = [
        f"https://unset-{at}.invalid" if target.endpoint.startswith(text) else f"unset-{at}"
        for at, text in enumerate(references)
    ]
    endpoint = target.endpoint
    for text, stand_in in zip(references, stand_ins, strict=True):
        endpoint = endpoint.replace(text, stand_in, 1)
    shown = url(dataclasses.replace(target, endpoint=endpoint), kind)
    for text, stand_in in zip(references, stand_ins, strict=True):
        shown = shown.replace(stand_in, text, 1)
    return shown


def _split(target: Target) -> SplitResult:
    try:
        parts = urlsplit(target.endpoint.strip())
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError(
            f"endpoint {target.endpoint!r} of target {target.name} is no URL: write https://host or http://host:port"
        )
    return parts


def _rooted(path: str, root: str) -> str:
    """Return the path with what is missing of the root appended; one that ends in a version stands as it is.

    >>> [_rooted(path, "/openai/v1") for path in ("", "/openai", "/openai/v1", "/gateway", "/other/v2")]
    ['/openai/v1', '/openai/v1', '/openai/v1', '/gateway/openai/v1', '/other/v2']
    """
    if re.search(r"/v\d+$", path):
        return path
    steps = root.split("/")[1:]
    for present in range(len(steps), 0, -1):
        head = "/" + "/".join(steps[:present])
        if path.endswith(head):
            return path + root[len(head) :]
    return path + root
