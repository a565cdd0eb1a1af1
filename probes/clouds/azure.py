"""Azure OpenAI and Microsoft Foundry."""

from collections.abc import Mapping
from typing import Final

from probes.clouds.anthropic import KEY, messages_api
from probes.clouds.compatible import openai_api
from probes.dialects.models_list import ModelsList
from probes.dialects.openai_chat import OpenAIChat
from probes.provider import DATED, Api, Call, Provider, generating
from probes.signers.bearer import Bearer

_CHAT: Final = OpenAIChat()

ROWS: Final[Mapping[str, Provider]] = {
    "azure": Provider(
        cloud="azure",
        apis={
            "openai": openai_api(_CHAT, "/openai/v1"),
            DATED: Api(
                root="/openai",
                calls=generating(_CHAT, "/deployments/{model}/chat/completions?api-version={version}")
                | {"models": Call(ModelsList(), "/models?api-version={version}")},
            ),
            "anthropic": messages_api("/anthropic/v1", signer=KEY),
        },
        signer=Bearer(key_header="api-key"),
        otel="azure.ai.openai",
        environment={"endpoint": "AZURE_OPENAI_ENDPOINT", "api_key": "AZURE_OPENAI_API_KEY"},
        backend={
            "x-ms-region": "region",
            "x-ms-deployment-name": "deployment",
            "azureml-model-session": "session",
            "x-ms-spillover-from-deployment": "spillover_from",
        },
        request_id=("apim-request-id", "x-request-id", "x-ms-request-id"),
        server_ms=("openai-processing-ms", "x-envoy-upstream-service-time"),
    ),
}
