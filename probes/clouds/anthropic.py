"""Anthropic itself, and the ways in which the clouds serve its models."""

from collections.abc import Mapping
from typing import Final

from probes.base import Signer
from probes.dialects.anthropic_messages import VERSION, VERSION_HEADER, AnthropicMessages
from probes.dialects.models_list import ModelsList
from probes.framing.aws import chunk_frames
from probes.provider import ANYWHERE, Api, Call, Provider, generating
from probes.signers.bearer import Bearer
from probes.target import Kind

KEY: Final = Bearer(key_header="x-api-key")

COMPATIBLE: Final = AnthropicMessages(schema="tool", reasoning=False)
"""What servers of others understand of it; whether one knows output formats and efforts is not confirmed for any."""

LISTED: Final = Call(ModelsList(version=(VERSION_HEADER, VERSION)), "/models")


def messages_api(
    root: str = "/v1",
    dialect: AnthropicMessages | None = None,
    *,
    models: Call | None = None,
    endpoints: Mapping[str, str] | None = None,
    signer: Signer | None = None,
    families: str | None = None,
) -> Api:
    """Return the API of who takes Anthropic's messages under its own path; `models` is how its models are listed."""
    dialect = dialect or AnthropicMessages()
    calls = _with(generating(dialect, "/messages"), models)
    return Api(
        root=root,
        calls=calls,
        endpoints=endpoints or {},
        signer=signer,
        versions=True,
        reasoning=dialect.reasoning,
        families=families,
    )


def bedrock_invoke(models: Call | None = None) -> Api:
    """Return the API of Anthropic's models that Bedrock invokes, where the path says model and streaming."""
    dialect = AnthropicMessages(
        version="bedrock-2023-05-31", in_body=True, unsaid=frozenset({"model", "stream"}), frames=chunk_frames
    )
    path = "/model/{model}/invoke"
    calls = generating(dialect, f"{path}-with-response-stream", path)
    return Api(root="", calls=_with(calls, models), versions=True, families=r".*anthropic\..*")


def raw_predict() -> Api:
    """Return the API of Anthropic's models on Vertex AI."""
    dialect = AnthropicMessages(version="vertex-2023-10-16", in_body=True, unsaid=frozenset({"model"}))
    model = "/publishers/anthropic/models/{name}"
    path = f"/projects/{{project}}/locations/{{region}}{model}"
    calls = generating(dialect, f"{path}:streamRawPredict", f"{path}:rawPredict")
    calls = _with(calls, Call(ModelsList(holds="name"), model))
    return Api(root="/v1", calls=calls, versions=True, families="(anthropic/)?claude.*")


def _with(calls: dict[Kind, Call], models: Call | None) -> dict[Kind, Call]:
    return calls if models is None else calls | {"models": models}


ROWS: Final[Mapping[str, Provider]] = {
    "anthropic": Provider(
        cloud="anthropic",
        apis={
            "anthropic": messages_api(models=LISTED),
            "aws": messages_api(
                models=LISTED, endpoints={".+": "https://aws-external-anthropic.{region}.api.aws"}
            ),
        },
        signer=KEY,
        endpoints={ANYWHERE: "https://api.anthropic.com"},
        otel="anthropic",
        environment={"api_key": "ANTHROPIC_API_KEY"},
        backend={"cf-ray": "edge"},
        geo=True,
        request_id=("request-id", "x-request-id"),
        server_ms=("x-envoy-upstream-service-time",),
        remedies={
            "authentication_error": "the API key was refused, check {credential} in the Console under API keys",
            "permission_error": "the API key may not use this, check the workspace of {credential} in the Console",
            "not_found_error": "model {model} is unknown to this workspace, take an id that GET /v1/models lists",
            "request_too_large": "the request is over the size that the API takes, shorten the probe's prompt",
            "credit_balance_too_low": "the prepaid credit is spent, buy credits in the Console under Billing",
            "billing_error": "the account cannot be billed, look at the Console under Billing",
            "enforced_spend_limit_reached": (
                "the monthly spend limit of its usage tier is reached, raise it in the Console under Limits"
            ),
            "contract_spend_limit_reached": "the spend limit of its contract is reached, talk to Anthropic",
            "organization_on_hold": "Anthropic has put the organization on hold, appeal as its message says",
        },
    ),
}
