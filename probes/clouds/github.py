"""GitHub Models."""

from collections.abc import Mapping
from typing import Final

from probes.clouds.compatible import openai_api
from probes.dialects.models_list import ModelsList
from probes.dialects.openai_chat import OpenAIChat
from probes.provider import ANYWHERE, Call, Provider
from probes.signers.bearer import Bearer

_DENIED = "access is denied: {credential} needs the permission models: read, and its organization must allow the model"

ROWS: Final[Mapping[str, Provider]] = {
    "github": Provider(
        cloud="github",
        apis={
            "openai": openai_api(
                OpenAIChat(cap="max_tokens", reasoning=False),
                "/inference",
                embeddings=True,
                models=Call(ModelsList(bare=True), "/models", root="/catalog"),
            )
        },
        signer=Bearer(),
        endpoints={ANYWHERE: "https://models.github.ai/inference"},
        otel="github",
        environment={"api_key": "GITHUB_TOKEN"},
        headers={"x-github-api-version": "2022-11-28"},
        request_id=("x-github-request-id", "x-request-id"),
        remedies={"401": _DENIED, "403": _DENIED, "unknown_model": "model {model} is not in its catalogue"},
    ),
}
