"""DeepSeek's own platform."""

from collections.abc import Mapping
from typing import Final

from probes.clouds.anthropic import COMPATIBLE, messages_api
from probes.clouds.compatible import openai_api
from probes.dialects.openai_chat import OpenAIChat
from probes.provider import ANYWHERE, Provider
from probes.signers.bearer import Bearer

ROWS: Final[Mapping[str, Provider]] = {
    "deepseek": Provider(
        cloud="deepseek",
        apis={
            "openai": openai_api(OpenAIChat(cap="max_tokens"), ""),
            "anthropic": messages_api("/anthropic/v1", COMPATIBLE),
        },
        signer=Bearer(),
        endpoints={ANYWHERE: "https://api.deepseek.com"},
        otel="deepseek",
        environment={"api_key": "DEEPSEEK_API_KEY"},
        backend={"cf-ray": "edge"},
        request_id=("x-ds-trace-id", "x-request-id"),
        remedies={
            "402": "the balance of the account behind {credential} is spent: top it up",
            "422": "it does not take a field that was sent: see what {model} takes, and the probe's `reasoning`",
        },
    ),
}
