"""Who serves, under which URL, with which identity and by which way."""

from pathlib import Path

import pytest

from probes.target import Price, Target
from support.configuration import ENVIRON, OPENAI, findings, loaded


def one(text: str) -> Target:
    return loaded(f"targets:\n  - {text}").config.targets[0]


def warnings(text: str) -> tuple[str, ...]:
    return loaded(f"targets:\n  - {text}").warnings


def test_the_catalogue_gives_endpoint_and_cloud_and_the_name_is_the_group() -> None:
    target = one(OPENAI)
    assert (target.endpoint, target.cloud, target.group, target.model_id) == (
        "https://api.openai.com/v1",
        "openai",
        "openai",
        "gpt-5-nano",
    )


def test_the_file_overrides_what_the_catalogue_says() -> None:
    target = one(
        "{name: a, provider: azure, model: nano, id: nano-prod, cloud: azure-gov, region: usgov, api_version: 2024-10-21, "
        'endpoint: "${BASE}", credentials: {token: "${OPENAI_API_KEY}"}}'
    )
    assert (target.endpoint, target.cloud, target.model_id, target.region, target.api_version) == (
        ENVIRON["BASE"],
        "azure-gov",
        "nano-prod",
        "usgov",
        "2024-10-21",
    )


def test_a_way_out_of_its_own_is_kept() -> None:
    target = one(
        "{name: a, provider: vllm, model: m, endpoint: https://h, proxy: 'socks5://p:1', resolve: {H: '::1'}, "
        "tls: {server_name: other}}"
    )
    assert (target.path.proxy, target.path.resolve, target.path.server_name) == (
        "socks5://p:1",
        {"h": "::1"},
        "other",
    )


def test_a_tokens_file_is_kept_as_an_absolute_path(tmp_path: Path) -> None:
    (tmp_path / "a$b").touch()
    target = one(
        f"{{name: a, provider: vllm, model: m, endpoint: https://h, credentials: {{token_file: {tmp_path}/a$$b}}}}"
    )
    assert target.credentials == {"token_file": f"{tmp_path}/a$$b"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            '{name: a, provider: vllm, model: m, endpoint: http://h, credentials: {token: "${OPENAI_API_KEY}"}}',
            "2: targets[0].endpoint: sends credentials without encryption",
        ),
        (
            "{name: a, provider: openai, model: m, credentials: {api_key: sk-1}}",
            "2: targets[0].credentials.api_key: is spelled out in the file; write ${NAME}, ${file:/path} or ${secret:a/b} instead",
        ),
    ],
)
def test_a_risk_is_a_warning(text: str, told: str) -> None:
    assert [warning for warning in warnings(text) if told in warning], warnings(text)


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("provider: sagemaker, region: us-east-1, credentials: {aws: default}", "the name of an endpoint"),
        (
            "provider: vertex, api: endpoint, region: us-east1, project: p, credentials: {google: default}",
            "the number of an endpoint",
        ),
    ],
)
def test_an_endpoint_that_its_buyer_named_wants_an_id(text: str, sent: str) -> None:
    (warning,) = warnings(f"{{name: a, model: gemma, {text}}}")
    assert f"targets[0].model: `gemma` is sent as {sent}; write both, model: " in warning
    assert not warnings(f"{{name: a, model: gemma, id: '7', {text}}}")
    assert not warnings(
        f"{{name: a, model: gemma, {text.replace('api: endpoint', 'api: generate')}, id: gemma-3}}"
    )


@pytest.mark.parametrize("api", ["dated", "models", "anthropic"])
def test_an_api_with_versions_takes_one(api: str) -> None:
    target = one(
        "{name: a, provider: azure, endpoint: https://h, model: m, id: n, credentials: {entra: workload}, "
        f"api: {api}, api_version: '2024-10-21'}}"
    )
    assert (target.api, target.api_version) == (api, "2024-10-21")


def test_a_server_on_this_machine_may_be_asked_with_a_plain_key() -> None:
    assert (
        warnings(
            "{name: a, provider: openai, model: m, endpoint: http://127.0.0.1:1, credentials: {api_key: k}}"
        )
        == ()
    )


def test_a_configured_price_wins_over_the_table() -> None:
    price = "price: {input: 1, output: 2.5}"
    target = one(
        f'{{name: a, provider: openai, model: gpt-5-nano, credentials: {{api_key: "${{BASE}}"}}, {price}}}'
    )
    assert target.price == Price(input=1.0, output=2.5, source="configured")


@pytest.mark.parametrize(
    "query",
    ["key=", "a=b&key=", "API_KEY=", "api-key=", "token=", "access_token=", "subscription-key=", "sig="],
)
@pytest.mark.parametrize("no_secrets", [False, True])
def test_a_key_in_the_query_of_an_endpoint_is_refused_and_not_quoted(query: str, *, no_secrets: bool) -> None:
    for endpoint in (f"http://127.0.0.1/v1beta?{query}planted-0123", "${URL}"):
        text = f'targets: [{{name: a, provider: gemini, model: m, endpoint: "{endpoint}", credentials: {{token: "${{T}}"}}}}]'
        environ = {"URL": f"http://127.0.0.1/v1beta?{query}planted-0123", "T": "t-0123"}
        (found,) = findings(text, environ, no_secrets=no_secrets)
        assert found == (
            "nephoscope.yaml:1: targets[0].endpoint: holds a key in its query; write it under credentials, and the "
            "endpoint without it"
        )


def test_a_query_that_holds_no_key_is_kept() -> None:
    target = one("{name: a, provider: vllm, model: m, endpoint: 'http://127.0.0.1/v1?tenant=a&monkey=b'}")
    assert target.endpoint == "http://127.0.0.1/v1?tenant=a&monkey=b"
