"""Vendors that serve open models, and their own, as OpenAI does. A new one is one row here."""

from collections.abc import Mapping
from typing import Final

from probes.clouds.compatible import openai_api, responses_api
from probes.dialects.models_list import ModelsList
from probes.dialects.openai_chat import OpenAIChat
from probes.provider import ANYWHERE, Call, Provider
from probes.signers.bearer import Bearer

_CHAT: Final = OpenAIChat()
_OLDER: Final = OpenAIChat(cap="max_tokens")

ROWS: Final[Mapping[str, Provider]] = {
    "xai": Provider(
        cloud="xai",
        apis={"openai": openai_api(_CHAT, "/v1", responses=True), "responses": responses_api(_CHAT, "/v1")},
        signer=Bearer(),
        endpoints={"us": "https://us.api.x.ai/v1", ANYWHERE: "https://api.x.ai/v1"},
        otel="x_ai",
        environment={"api_key": "XAI_API_KEY"},
        backend={"cf-ray": "edge"},
        remedies={
            "400": (
                "the request was refused: check {credential} (a wrong key is told so too), model {model} and the "
                "probe's `reasoning`, which not every model takes"
            ),
            "403": (
                "access is denied: check that {credential} is open to model {model}, and the credits and the spending "
                "limit of its team"
            ),
        },
    ),
    "groq": Provider(
        cloud="groq",
        apis={"openai": openai_api(_CHAT, "/openai/v1", responses=True)},
        signer=Bearer(),
        endpoints={ANYWHERE: "https://api.groq.com/openai/v1"},
        otel="groq",
        environment={"api_key": "GROQ_API_KEY"},
        backend={"x-groq-region": "region", "cf-ray": "edge"},
        remedies={
            "capacity_exceeded": "its flex tier has no room: wait, or choose another service tier",
            "403": "access is denied: see the model permissions of the organization and project of {credential}",
        },
    ),
    "together": Provider(
        cloud="together",
        apis={
            "openai": openai_api(
                _OLDER, "/v1", embeddings=True, models=Call(ModelsList(bare=True), "/models")
            )
        },
        signer=Bearer(),
        endpoints={ANYWHERE: "https://api.together.ai/v1"},
        otel="together",
        environment={"api_key": "TOGETHER_API_KEY"},
        backend={"cf-ray": "edge"},
        remedies={"402": "the credit of the account behind {credential} is spent, or its limit is reached"},
    ),
    "fireworks": Provider(
        cloud="fireworks",
        apis={"openai": openai_api(_OLDER, "/inference/v1", responses=True, embeddings=True)},
        signer=Bearer(),
        endpoints={ANYWHERE: "https://api.fireworks.ai/inference/v1"},
        otel="fireworks",
        environment={"api_key": "FIREWORKS_API_KEY"},
        backend={"cf-ray": "edge"},
        server_ms=("fireworks-server-processing-time", "fireworks-server-time-to-first-token"),
        remedies={
            "404": "model {model} is unknown there, or not deployed: its name is accounts/ACCOUNT/models/MODEL",
            "412": "the account behind {credential} is suspended: see its bills and spending limit",
        },
    ),
    "cerebras": Provider(
        cloud="cerebras",
        apis={"openai": openai_api(_CHAT, "/v1")},
        signer=Bearer(),
        endpoints={ANYWHERE: "https://api.cerebras.ai/v1"},
        otel="cerebras",
        environment={"api_key": "CEREBRAS_API_KEY"},
        backend={"cf-ray": "edge"},
        remedies={"402": "the account behind {credential} needs a means of payment, or its credit is spent"},
    ),
}
