"""Alibaba Cloud's Model Studio (DashScope), which serves Qwen."""

from collections.abc import Mapping
from typing import Final

from probes.clouds.anthropic import COMPATIBLE, messages_api
from probes.clouds.compatible import openai_api
from probes.dialects.openai_chat import OpenAIChat
from probes.provider import Provider
from probes.signers.bearer import Bearer

_PATH: Final = "/compatible-mode/v1"

_HOSTS: Final = {
    "us|us-east-1": "https://dashscope-us.aliyuncs.com",
    "cn|cn-beijing": "https://dashscope.aliyuncs.com",
    "cn-hongkong": "https://cn-hongkong.dashscope.aliyuncs.com",
    "|intl|ap-southeast-1": "https://dashscope-intl.aliyuncs.com",
}
"""By region; a workspace has a host of its own, which only its owner knows: that is an endpoint."""

_REFUSED = (
    "the key is refused: a key belongs to one region, so check that {credential} was made in the region of the "
    "endpoint, and that region: says which that is"
)
_CLOSED = "model {model} is not open to the account: activate Model Studio in {region}, and the model there"

ROWS: Final[Mapping[str, Provider]] = {
    "qwen": Provider(
        cloud="alibaba",
        apis={
            "openai": openai_api(OpenAIChat(cap="max_tokens", reasoning=False), _PATH, embeddings=True),
            "anthropic": messages_api("/apps/anthropic/v1", COMPATIBLE, endpoints=_HOSTS),
        },
        signer=Bearer(),
        endpoints={region: host + _PATH for region, host in _HOSTS.items()},
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
