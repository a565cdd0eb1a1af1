"""Alibaba Cloud's Model Studio (DashScope), which serves Qwen."""

from collections.abc import Mapping
from typing import Final

from probes.clouds.compatible import openai_api
from probes.dialects.openai_chat import OpenAIChat
from probes.provider import Provider
from probes.signers.bearer import Bearer

_PATH: Final = "/compatible-mode/v1"

_REFUSED = (
    "the key is refused: a key belongs to one region, so check that {credential} was made in the region of the "
    "endpoint, and that region: says which that is"
)
_CLOSED = "model {model} is not open to the account: activate Model Studio in {region}, and the model there"

ROWS: Final[Mapping[str, Provider]] = {
    "qwen": Provider(
        cloud="alibaba",
        apis={"openai": openai_api(OpenAIChat(cap="max_tokens", reasoning=False), _PATH, embeddings=True)},
        signer=Bearer(),
        # A workspace has a host of its own, which only its owner knows: that is an endpoint.
        endpoints={
            "us|us-east-1": f"https://dashscope-us.aliyuncs.com{_PATH}",
            "cn|cn-beijing": f"https://dashscope.aliyuncs.com{_PATH}",
            "cn-hongkong": f"https://cn-hongkong.dashscope.aliyuncs.com{_PATH}",
            "|intl|ap-southeast-1": f"https://dashscope-intl.aliyuncs.com{_PATH}",
        },
        otel="alibaba.dashscope",
        environment={"api_key": "DASHSCOPE_API_KEY"},
        server_ms=("x-envoy-upstream-service-time",),
        remedies={
            "invalid_api_key": _REFUSED,
            "401": _REFUSED,
            "model_not_found": "model {model} is unknown in {region}: each region serves its own list",
            "accessdenied.unpurchased": _CLOSED,
            "model.accessdenied": _CLOSED,
            "arrearage": "the account behind {credential} owes money: settle its bill",
        },
    ),
}
