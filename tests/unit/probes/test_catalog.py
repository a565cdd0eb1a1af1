"""Each provider is one row, and its URLs are those that the vendor's own SDK would call."""

import dataclasses
from urllib.parse import urlsplit

import pytest

from probes import catalog
from probes.target import Kind, Target


def target(
    provider: str,
    endpoint: str,
    model_id: str = "m",
    api_version: str | None = None,
    *,
    api: str | None = None,
    region: str = "europe-west4",
) -> Target:
    return Target(
        name="t",
        provider=provider,
        cloud="c",
        model="m",
        model_id=model_id,
        endpoint=endpoint,
        group="m",
        compartment="ocid1.compartment.oc1..c",
        api_version=api_version,
        api=api,
        project="p-1",
        region=region,
    )


@pytest.mark.parametrize(
    ("provider", "endpoint", "kind", "expected"),
    [
        ("openai", "https://api.openai.com/v1", "chat", "https://api.openai.com/v1/chat/completions"),
        ("openai", "https://eu.api.openai.com", "chat", "https://eu.api.openai.com/v1/chat/completions"),
        (
            "openai",
            "https://eu.api.openai.com/",
            "chat-sync",
            "https://eu.api.openai.com/v1/chat/completions",
        ),
        ("openai", "https://api.openai.com/v1/", "models", "https://api.openai.com/v1/models"),
        (
            "azure",
            "https://r.openai.azure.com",
            "chat",
            "https://r.openai.azure.com/openai/v1/chat/completions",
        ),
        (
            "azure",
            "https://r.openai.azure.com/openai",
            "models",
            "https://r.openai.azure.com/openai/v1/models",
        ),
        (
            "azure",
            "https://r.openai.azure.us/openai/v1/",
            "models",
            "https://r.openai.azure.us/openai/v1/models",
        ),
        ("azure", "https://apim.bank/llm", "models", "https://apim.bank/llm/openai/v1/models"),
        ("openai-compatible", "http://h:4000", "chat", "http://h:4000/v1/chat/completions"),
        ("openai-compatible", "http://h/gw/v1?tenant=3", "models", "http://h/gw/v1/models?tenant=3"),
        ("vllm", "http://[::1]:8000/v1", "models", "http://[::1]:8000/v1/models"),
        ("ray", "http://h:8000", "chat", "http://h:8000/v1/chat/completions"),
        (
            "nim",
            "https://integrate.api.nvidia.com/v1",
            "models",
            "https://integrate.api.nvidia.com/v1/models",
        ),
        ("deepseek", "https://api.deepseek.com", "chat", "https://api.deepseek.com/chat/completions"),
        ("deepseek", "https://api.deepseek.com/v1", "chat", "https://api.deepseek.com/v1/chat/completions"),
        ("deepseek", "https://api.deepseek.com/beta", "models", "https://api.deepseek.com/beta/models"),
        (
            "qwen",
            "https://dashscope-us.aliyuncs.com",
            "models",
            "https://dashscope-us.aliyuncs.com/compatible-mode/v1/models",
        ),
        (
            "qwen",
            "https://w.x.maas.aliyuncs.com/compatible-mode",
            "models",
            "https://w.x.maas.aliyuncs.com/compatible-mode/v1/models",
        ),
        ("mistral", "https://api.eu.mistral.ai", "chat", "https://api.eu.mistral.ai/v1/chat/completions"),
        ("openai", "https://api.openai.com", "responses", "https://api.openai.com/v1/responses"),
        ("openai", "https://api.openai.com/v1", "embeddings", "https://api.openai.com/v1/embeddings"),
        (
            "azure",
            "https://r.openai.azure.com",
            "responses",
            "https://r.openai.azure.com/openai/v1/responses",
        ),
        ("vllm", "http://h:8000", "responses", "http://h:8000/v1/responses"),
        ("nim", "http://h:8000", "responses", "http://h:8000/v1/responses"),
        ("ray", "http://h:8000/v1", "embeddings", "http://h:8000/v1/embeddings"),
        ("litellm", "http://h:4000", "embeddings", "http://h:4000/v1/embeddings"),
        ("groq", "https://api.groq.com", "chat", "https://api.groq.com/openai/v1/chat/completions"),
        ("fireworks", "https://h/inference/v1", "chat", "https://h/inference/v1/chat/completions"),
        ("openrouter", "https://openrouter.ai/api/v1", "models", "https://openrouter.ai/api/v1/models/user"),
        ("github", "https://models.github.ai/inference", "models", "https://models.github.ai/catalog/models"),
        ("github", "https://models.github.ai", "models", "https://models.github.ai/catalog/models"),
        (
            "github",
            "https://models.github.ai/orgs/bank/inference",
            "chat",
            "https://models.github.ai/orgs/bank/inference/chat/completions",
        ),
        ("anthropic", "https://api.anthropic.com", "chat", "https://api.anthropic.com/v1/messages"),
        ("anthropic", "https://gw.bank/claude/v1/", "models", "https://gw.bank/claude/v1/models"),
    ],
)
def test_a_base_url_is_taken_with_or_without_its_version(
    provider: str, endpoint: str, kind: Kind, expected: str
) -> None:
    assert catalog.url(target(provider, endpoint), kind) == expected


@pytest.mark.parametrize(
    ("endpoint", "kind", "expected"),
    [
        (
            "https://r.openai.azure.com/",
            "chat",
            "https://r.openai.azure.com/openai/deployments/a%2Fb/chat/completions?api-version=2024-10-21",
        ),
        (
            "https://r.openai.azure.com/openai/v1",
            "chat-sync",
            "https://r.openai.azure.com/openai/deployments/a%2Fb/chat/completions?api-version=2024-10-21",
        ),
        (
            "https://r.openai.azure.com",
            "embeddings",
            "https://r.openai.azure.com/openai/deployments/a%2Fb/embeddings?api-version=2024-10-21",
        ),
        (
            "https://apim.bank/llm?x=1",
            "models",
            "https://apim.bank/llm/openai/models?x=1&api-version=2024-10-21",
        ),
    ],
)
def test_an_api_version_selects_azures_dated_urls(endpoint: str, kind: Kind, expected: str) -> None:
    assert catalog.url(target("azure", endpoint, "a/b", "2024-10-21"), kind) == expected


VERTEX = "https://europe-west4-aiplatform.googleapis.com"
GEMINI = "https://generativelanguage.googleapis.com"
PLACE = "projects/p-1/locations/europe-west4"


@pytest.mark.parametrize(
    ("provider", "endpoint", "api", "kind", "model", "expected"),
    [
        (
            "vertex",
            VERTEX,
            None,
            "chat",
            "google/g-1",
            f"{VERTEX}/v1/{PLACE}/endpoints/openapi/chat/completions",
        ),
        (
            "vertex",
            f"{VERTEX}/v1",
            None,
            "chat",
            "m",
            f"{VERTEX}/v1/{PLACE}/endpoints/openapi/chat/completions",
        ),
        ("vertex", VERTEX, None, "models", "openai/oss-1", f"{VERTEX}/v1/publishers/openai/models/oss-1"),
        (
            "vertex",
            f"{VERTEX}/v1beta1/",
            "generate",
            "chat",
            "g-1",
            f"{VERTEX}/v1beta1/{PLACE}/publishers/google/models/g-1:streamGenerateContent?alt=sse",
        ),
        (
            "vertex",
            "https://psc.bank/llm?x=1",
            "generate",
            "chat-sync",
            "meta/l-1",
            f"https://psc.bank/llm/v1/{PLACE}/publishers/meta/models/l-1:generateContent?x=1",
        ),
        (
            "vertex",
            VERTEX,
            "endpoint",
            "chat",
            "77",
            f"{VERTEX}/v1beta1/{PLACE}/endpoints/77/chat/completions",
        ),
        ("vertex", VERTEX, "endpoint", "models", "77", f"{VERTEX}/v1/{PLACE}/endpoints/77"),
        ("gemini", GEMINI, None, "chat", "g-1", f"{GEMINI}/v1beta/models/g-1:streamGenerateContent?alt=sse"),
        (
            "gemini",
            f"{GEMINI}/v1",
            None,
            "chat-sync",
            "models/g-1",
            f"{GEMINI}/v1/models/g-1:generateContent",
        ),
        ("gemini", GEMINI, None, "models", "g-1", f"{GEMINI}/v1beta/models?pageSize=1"),
        ("gemini", GEMINI, "openai", "chat", "g-1", f"{GEMINI}/v1beta/openai/chat/completions"),
        ("gemini", f"{GEMINI}/v1beta/openai/", "openai", "models", "g-1", f"{GEMINI}/v1beta/openai/models"),
        ("gemini", f"{GEMINI}/v1beta", "openai", "chat", "g-1", f"{GEMINI}/v1beta/openai/chat/completions"),
    ],
)
def test_googles_urls_name_project_place_publisher_and_model(
    provider: str, endpoint: str, api: str | None, kind: Kind, model: str, expected: str
) -> None:
    assert catalog.url(target(provider, endpoint, model, api=api), kind) == expected


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("europe-west4", VERTEX),
        ("global", "https://aiplatform.googleapis.com"),
        ("us", "https://aiplatform.us.rep.googleapis.com"),
        ("eu", "https://aiplatform.eu.rep.googleapis.com"),
        ("us-east5", "https://us-east5-aiplatform.googleapis.com"),
        (None, None),
    ],
)
def test_vertexs_host_follows_from_the_region(region: str | None, host: str | None) -> None:
    assert catalog.default_endpoint("vertex", region) == host


@pytest.mark.parametrize(
    ("provider", "endpoint", "expected"),
    [
        ("azure", "https://r.services.ai.azure.com", "https://r.services.ai.azure.com/anthropic/v1/messages"),
        (
            "azure",
            "https://r.services.ai.azure.com/anthropic/",
            "https://r.services.ai.azure.com/anthropic/v1/messages",
        ),
        ("deepseek", "https://api.deepseek.com", "https://api.deepseek.com/anthropic/v1/messages"),
        ("qwen", "https://w.x.maas.aliyuncs.com", "https://w.x.maas.aliyuncs.com/apps/anthropic/v1/messages"),
        ("litellm", "http://h:4000", "http://h:4000/v1/messages"),
        ("vllm", "http://h:8000/v1", "http://h:8000/v1/messages"),
        ("nim", "http://h:8000", "http://h:8000/v1/messages"),
    ],
)
def test_anthropics_messages_are_an_api_of_others_too(provider: str, endpoint: str, expected: str) -> None:
    asked = dataclasses.replace(target(provider, endpoint), api="anthropic")
    assert catalog.url(asked, "chat") == expected


@pytest.mark.parametrize("model_id", ["claude-haiku-4-5@20251001", "anthropic/claude-haiku-4-5@20251001"])
def test_claude_at_vertex_is_found_with_and_without_its_publisher(model_id: str) -> None:
    asked = dataclasses.replace(
        target("vertex", "https://europe-west1-aiplatform.googleapis.com", model_id),
        api="anthropic",
        project="bank",
        region="europe-west1",
    )
    model = "publishers/anthropic/models/claude-haiku-4-5%4020251001"
    assert catalog.url(asked, "models").endswith(f".com/v1/{model}")
    assert catalog.url(asked, "chat").endswith(
        f".com/v1/projects/bank/locations/europe-west1/{model}:streamRawPredict"
    )


def test_an_api_with_addresses_of_its_own_does_not_take_its_providers() -> None:
    assert catalog.default_endpoint("qwen", None, "anthropic") == "https://dashscope-intl.aliyuncs.com"
    assert (
        catalog.default_endpoint("anthropic", "us-west-2", "aws")
        == "https://aws-external-anthropic.us-west-2.api.aws"
    )
    assert catalog.default_endpoint("anthropic", None, "aws") is None


@pytest.mark.parametrize(
    "endpoint", ["", "api.openai.com", "ftp://h", "https://", "http://h:port", "http://[::1"]
)
def test_an_endpoint_that_is_no_url_is_a_sentence(endpoint: str) -> None:
    with pytest.raises(ValueError, match="of target t is no URL: write https://host"):
        catalog.url(target("openai", endpoint), "chat")


def test_every_default_endpoint_gives_a_url_for_every_call() -> None:
    for name, row in catalog.PROVIDERS.items():
        endpoint = catalog.default_endpoint(name, "eu-frankfurt-1") or "http://localhost:8000"
        for kind, call in row.api(None, None).calls.items():
            called = urlsplit(catalog.url(target(name, endpoint), kind))
            assert call.host is not None or called.netloc == urlsplit(endpoint).netloc


def test_a_kind_that_a_provider_is_not_asked_by_is_a_sentence() -> None:
    with pytest.raises(ValueError, match="target t has no kind embeddings: provider deepseek"):
        catalog.url(target("deepseek", "http://h"), "embeddings")


@pytest.mark.parametrize(
    ("provider", "region", "endpoint"),
    [
        ("openai", None, "https://api.openai.com/v1"),
        ("openai", "eu", "https://eu.api.openai.com/v1"),
        ("openai", "jp", "https://jp.api.openai.com/v1"),
        ("openai", "global", "https://api.openai.com/v1"),
        ("mistral", "us", "https://api.us.mistral.ai/v1"),
        ("mistral", "fr", "https://api.mistral.ai/v1"),
        ("qwen", None, "https://dashscope-intl.aliyuncs.com/compatible-mode/v1"),
        ("qwen", "us-east-1", "https://dashscope-us.aliyuncs.com/compatible-mode/v1"),
        ("qwen", "cn-hongkong", "https://cn-hongkong.dashscope.aliyuncs.com/compatible-mode/v1"),
        ("qwen", "ap-northeast-1", None),
        ("xai", "us", "https://us.api.x.ai/v1"),
        ("openrouter", "eu", "https://eu.openrouter.ai/api/v1"),
        ("vllm", None, None),
    ],
)
def test_a_region_chooses_the_host_where_the_vendor_has_one_for_it(
    provider: str, region: str | None, endpoint: str | None
) -> None:
    """Qwen's keys are bound to their region: where the host is not known, another region's is no answer."""
    assert catalog.default_endpoint(provider, region) == endpoint


@pytest.mark.parametrize("provider", ["openai", "xai"])
def test_every_kind_may_be_asked_by_way_of_responses(provider: str) -> None:
    asked = dataclasses.replace(target(provider, "https://h/v1"), api="responses")
    kinds: tuple[Kind, ...] = ("chat", "chat-sync", "tools", "json", "responses")
    assert {catalog.url(asked, kind) for kind in kinds} == {"https://h/v1/responses"}
    assert catalog.url(asked, "models") == "https://h/v1/models"


def test_the_providers_are_those_that_the_documents_name() -> None:
    assert set(catalog.PROVIDERS) == {
        "openai",
        "azure",
        "bedrock",
        "sagemaker",
        "anthropic",
        "openai-compatible",
        "vllm",
        "ray",
        "nim",
        "deepseek",
        "qwen",
        "mistral",
        "oci",
        "cohere",
        "litellm",
        "portkey",
        "vertex",
        "gemini",
        "xai",
        "groq",
        "together",
        "fireworks",
        "cerebras",
        "openrouter",
        "github",
    }


def test_only_servers_of_ones_own_are_asked_anonymously_and_traced() -> None:
    own = {name for name, row in catalog.PROVIDERS.items() if row.anonymous}
    assert own == {"openai-compatible", "litellm", "portkey", "vllm", "ray", "nim"}
    assert own == {name for name, row in catalog.PROVIDERS.items() if row.traceparent}
