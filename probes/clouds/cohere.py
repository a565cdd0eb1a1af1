"""Cohere itself."""

from collections.abc import Mapping
from typing import Final

from probes.dialects.cohere_chat import CohereChat
from probes.dialects.models_list import ModelsList
from probes.dialects.openai_chat import OpenAIChat
from probes.provider import ANYWHERE, Api, Call, Provider, generating
from probes.signers.bearer import Bearer

_MODELS: Final = Call(ModelsList(holds="models"), "/models", root="/v1")

ROWS: Final[Mapping[str, Provider]] = {
    "cohere": Provider(
        cloud="cohere",
        apis={
            "cohere": Api(
                root="/v2",
                calls={**generating(CohereChat(), "/chat"), "models": _MODELS},
                reasoning=False,
            ),
            "openai": Api(
                root="/compatibility/v1",
                calls={
                    **generating(OpenAIChat(cap="max_tokens"), "/chat/completions"),
                    "models": _MODELS,
                },
            ),
        },
        signer=Bearer(),
        endpoints={ANYWHERE: "https://api.cohere.com"},
        otel="cohere",
        environment={"api_key": "CO_API_KEY"},
        backend={"cf-ray": "edge"},
        request_id=("x-debug-trace-id", "x-request-id"),
        remedies={
            "401": "check {credential} under API keys of Cohere's dashboard",
            "402": "the account's credit or spending limit is used up: see Billing in Cohere's dashboard",
            "404": "model {model} is unknown there or no longer served: see Cohere's list of models",
            "429": (
                "the rate limit of the key is reached (a trial key has 20 chats a minute and 1,000 calls a month): probe "
                "less often, or use a production key"
            ),
            "498": "the token is invalid: check {credential} under API keys of Cohere's dashboard",
        },
    ),
}
