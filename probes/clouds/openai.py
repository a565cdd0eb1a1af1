"""OpenAI itself."""

from collections.abc import Mapping
from typing import Final

from probes.clouds.compatible import openai_api
from probes.dialects.openai_chat import OpenAIChat
from probes.provider import ANYWHERE, Provider
from probes.signers.bearer import Bearer

_CHAT: Final = OpenAIChat(stream_options={"include_usage": True, "include_obfuscation": False})

ROWS: Final[Mapping[str, Provider]] = {
    "openai": Provider(
        cloud="openai",
        apis={"openai": openai_api(_CHAT, "/v1")},
        signer=Bearer(),
        endpoints={ANYWHERE: "https://api.openai.com/v1"},
        otel="openai",
        environment={"api_key": "OPENAI_API_KEY"},
        backend={"cf-ray": "edge"},
        server_ms=("openai-processing-ms",),
    ),
}
