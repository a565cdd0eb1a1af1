"""OpenAI itself."""

from collections.abc import Mapping
from typing import Final

from probes.clouds.compatible import openai_api, responses_api
from probes.dialects.openai_chat import OpenAIChat
from probes.provider import ANYWHERE, Provider
from probes.signers.bearer import Bearer

_CHAT: Final = OpenAIChat(stream_options={"include_usage": True, "include_obfuscation": False})

_SPENT = (
    "the credit of its organization is spent, or a monthly budget is reached: see Billing and Limits of the "
    "organization and of the project that {credential} belongs to"
)

ROWS: Final[Mapping[str, Provider]] = {
    "openai": Provider(
        cloud="openai",
        apis={
            "openai": openai_api(_CHAT, "/v1", responses=True, embeddings=True),
            "responses": responses_api(_CHAT, "/v1"),
        },
        signer=Bearer(),
        endpoints={
            "us|eu|ae|au|in|jp": "https://{region}.api.openai.com/v1",
            ANYWHERE: "https://api.openai.com/v1",
        },
        otel="openai",
        environment={"api_key": "OPENAI_API_KEY"},
        backend={"cf-ray": "edge"},
        server_ms=("openai-processing-ms",),
        remedies={
            "invalid_api_key": "the key is refused, check {credential}: it may be revoked, or cut when it was copied",
            "incorrect_hostname": (
                "the project of {credential} is kept in another region: write region: us, eu, ae, au, in or jp as in "
                "the project's settings, or no region where it is global"
            ),
            "data_residency_mismatch": (
                "the project of {credential} is kept in another region: write region: as in the project's settings"
            ),
            "unsupported_country_region_territory": (
                "it serves nobody in the country that the request came from: give the target a network whose way "
                "out is in a supported country"
            ),
            "ip_not_authorized": (
                "the project of {credential} is open to listed addresses alone: add the one that this agent goes out from"
            ),
            "model_not_found": (
                "model {model} does not exist, or the project of {credential} may not use it: see Limits of the project"
            ),
            "insufficient_quota": _SPENT,
            "credit_balance_exhausted": _SPENT,
            "slow_down": (
                "its traffic rose too fast: keep the rate level for 15 minutes, then raise it slowly, and see what else "
                "shares the project"
            ),
            "server_is_overloaded": (
                "it is overloaded, see the provider's status: another service tier may have room"
            ),
        },
    ),
}
