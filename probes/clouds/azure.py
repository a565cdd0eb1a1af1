"""Azure OpenAI and Microsoft Foundry, in the public cloud, Azure Government and China alike: their hosts differ, no more."""

from collections.abc import Mapping
from typing import Final

from probes.clouds.anthropic import messages_api
from probes.clouds.compatible import openai_api
from probes.dialects.embeddings import Embeddings
from probes.dialects.models_list import ModelsList
from probes.dialects.openai_chat import OpenAIChat
from probes.provider import DATED, Api, Call, Provider, generating
from probes.signers.entra import MODES, Entra

_CHAT: Final = OpenAIChat()
_INFERENCE: Final = OpenAIChat(cap="max_tokens", stream_options=None, reasoning=False)
"""The older inference API refuses what it does not know, and sends the usage unasked."""

_V1: Final = "/openai/v1"

_FOUNDRY_SCOPE: Final = "https://ai.azure.com/.default"

_DEPLOYMENT = "deployment {model} is unknown to this resource: make it in the Foundry portal, or write its name as id; a new one takes some minutes"
_ROLE = "the identity lacks the data action: assign it the role Cognitive Services OpenAI User (Foundry models: Cognitive Services User) on the resource, and wait five minutes"

ROWS: Final[Mapping[str, Provider]] = {
    "azure": Provider(
        cloud="azure",
        apis={
            "openai": openai_api(_CHAT, _V1, responses=True, embeddings=True),
            DATED: Api(
                root="/openai",
                calls=generating(_CHAT, "/deployments/{model}/chat/completions?api-version={version}")
                | {
                    "embeddings": Call(Embeddings(), "/deployments/{model}/embeddings?api-version={version}"),
                    "models": Call(ModelsList(), "/models?api-version={version}"),
                },
                version="2024-10-21",
                versions=True,
            ),
            "models": Api(
                root="/models",
                calls=generating(_INFERENCE, "/chat/completions?api-version={version}")
                | {"models": Call(ModelsList(), "/models", root=_V1)},
                version="2024-05-01-preview",
                versions=True,
                reasoning=False,
            ),
            "anthropic": messages_api(
                "/anthropic/v1", signer=Entra(key_header="x-api-key", scope=_FOUNDRY_SCOPE)
            ),
        },
        signer=Entra(),
        otel="azure.ai.openai",
        credentials=("api_key", "entra", "token", "token_file"),
        choices={"entra": MODES},
        environment={"endpoint": "AZURE_OPENAI_ENDPOINT", "api_key": "AZURE_OPENAI_API_KEY"},
        extra="azure",
        backend={
            "x-ms-region": "region",
            "x-ms-deployment-name": "deployment",
            "azureml-model-session": "session",
            "x-ms-spillover-from-deployment": "spillover_from",
            "x-ms-spillover-error": "spillover_error",
        },
        degraded=("spillover_from",),
        request_id=("apim-request-id", "x-request-id", "x-ms-request-id", "request-id"),
        id_headers=("x-ms-client-request-id",),
        server_ms=("openai-processing-ms", "x-envoy-upstream-service-time"),
        remedies={
            "deploymentnotfound": _DEPLOYMENT,
            "unknown_model": _DEPLOYMENT,
            "permissiondenied": _ROLE,
            "authenticationtypedisabled": "the resource takes no keys (disableLocalAuth): write credentials: {{entra: ...}}",
            "operationnotsupported": "the model behind deployment {model} does not do this kind of probe: choose another deployment or kind",
            "401": "{credential} is refused: a key must be of this very resource (Keys and Endpoint), a token of its tenant and for its scope (credentials.scope)",
            "403": "the resource lets nobody in from here, or is suspended: look at its Networking (selected networks, private endpoint and its DNS), and at the identity's role",
            "404": "there is nothing at this path: check endpoint, api and api_version, and that deployment {model} is there",
            "429": "deployment {model} is at its limit: raise its tokens per minute (Quotas); with provisioned throughput (PTU) add units or spill over to a standard deployment",
        },
    ),
}
