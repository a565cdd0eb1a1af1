"""Mistral's own platform."""

from collections.abc import Mapping
from typing import Final

from probes.clouds.compatible import openai_api
from probes.dialects.openai_chat import OpenAIChat
from probes.provider import ANYWHERE, Provider
from probes.signers.bearer import Bearer

ROWS: Final[Mapping[str, Provider]] = {
    "mistral": Provider(
        cloud="mistral",
        # The usage comes unasked in the last chunk, and unknown fields are refused with 422.
        apis={
            "openai": openai_api(OpenAIChat(cap="max_tokens", stream_options=None), "/v1", embeddings=True)
        },
        signer=Bearer(),
        endpoints={"eu|us": "https://api.{region}.mistral.ai/v1", ANYWHERE: "https://api.mistral.ai/v1"},
        otel="mistral_ai",
        environment={"api_key": "MISTRAL_API_KEY"},
        backend={"cf-ray": "edge"},
        request_id=("mistral-correlation-id", "x-request-id"),
        server_ms=("x-envoy-upstream-service-time",),
        remedies={
            "401": "the key is refused, check {credential}: it belongs to one workspace, and may have expired",
            "402": "the workspace has no means left: see Billing in its console",
            "422": "it does not take a field that was sent: take `reasoning` out of the probe for {model}",
            "invalid_model": "model {model} does not exist, or the workspace of {credential} may not use it",
        },
    ),
}
