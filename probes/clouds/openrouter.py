"""OpenRouter, a gateway that somebody else runs: it chooses who serves, and tells whom it chose."""

from collections.abc import Mapping
from typing import Final

from probes.clouds.compatible import openai_api
from probes.dialects.models_list import ModelsList
from probes.dialects.openai_chat import OpenAIChat
from probes.provider import ANYWHERE, Call, Provider
from probes.signers.bearer import Bearer

_CHAT: Final = OpenAIChat(cap="max_tokens", backend={"provider": "upstream"})

ROWS: Final[Mapping[str, Provider]] = {
    "openrouter": Provider(
        cloud="openrouter",
        apis={
            "openai": openai_api(
                _CHAT,
                "/api/v1",
                responses=True,
                embeddings=True,
                # The list of all models is open to anybody: only that of the key's owner proves a key.
                models=Call(ModelsList(), "/models/user"),
            )
        },
        signer=Bearer(),
        endpoints={"eu": "https://eu.openrouter.ai/api/v1", ANYWHERE: "https://openrouter.ai/api/v1"},
        otel="openrouter",
        environment={"api_key": "OPENROUTER_API_KEY"},
        backend={"cf-ray": "edge"},
        request_id=("x-generation-id", "x-request-id"),
        remedies={
            "402": "the credits behind {credential} are spent, or the limit of the key is reached",
            "404": "no provider serves model {model} under the data policy and routing of the account: see both",
            "502": "the provider that it chose failed: `backend.upstream` of good answers tells who serves {model}",
            "503": "no provider of model {model} meets the account's routing, see it, and the provider's status",
        },
    ),
}
