"""Google: Vertex AI, and the Gemini API."""

from collections.abc import Mapping
from typing import Final

from probes.clouds.anthropic import raw_predict
from probes.dialects.models_list import ModelsList
from probes.dialects.openai_chat import OpenAIChat
from probes.dialects.vertex_generate import VertexGenerate
from probes.provider import ANYWHERE, Api, Call, Provider, generating
from probes.secret_header import AUTHORIZATION
from probes.signers.google import Google

_GOOGLE: Final = Google()
_GENERATE: Final = VertexGenerate()
_CHAT: Final = OpenAIChat(cap="max_tokens", end_mark="implicit")

_PLACE: Final = "/projects/{project}/locations/{region}"
_MODEL: Final = "/publishers/{publisher}/models/{name}"
_SYNC: Final = ":generateContent"
_STREAM: Final = ":streamGenerateContent?alt=sse"

_BOTH: Final[Mapping[str, str]] = {
    "api_key_invalid": "the API key is not valid, look at {credential}, and at its restrictions in Credentials of APIs & Services",
    "unauthenticated": "Google did not take the identity, look at {credential}",
    "billing_disabled": "billing is off, link a billing account to the project",
    "consumer_suspended": "the project is suspended, see its page in the console",
    "user_project_denied": "its quota project refuses: grant the identity Service Usage Consumer "
    "(roles/serviceusage.serviceUsageConsumer) there, or take the quota project out",
    "resource_exhausted": "its quota is reached, or shared capacity has run short: see Quotas in IAM & Admin, probe less "
    "often, or buy Provisioned Throughput",
}

ROWS: Final[Mapping[str, Provider]] = {
    "vertex": Provider(
        cloud="gcp",
        apis={
            "openai": Api(
                root="/v1",
                calls=generating(_CHAT, f"{_PLACE}/endpoints/openapi/chat/completions")
                | {"models": Call(ModelsList(holds="name"), _MODEL)},
                families="(?!anthropic/|claude).*",
            ),
            "generate": Api(
                root="/v1",
                calls=generating(_GENERATE, f"{_PLACE}{_MODEL}{_STREAM}", f"{_PLACE}{_MODEL}{_SYNC}")
                | {"models": Call(ModelsList(holds="name"), _MODEL)},
                families="google/.*|gemini.*|gemma.*",
            ),
            "anthropic": raw_predict(),
            # What stands in `model` is the endpoint's number; the container has one model, whatever it is called.
            "endpoint": Api(
                root="/v1beta1",
                calls=generating(
                    OpenAIChat(cap="max_tokens", end_mark="implicit", extra={"model": ""}),
                    f"{_PLACE}/endpoints/{{model}}/chat/completions",
                )
                | {"models": Call(ModelsList(holds="name"), f"{_PLACE}/endpoints/{{model}}", root="/v1")},
            ),
        },
        signer=_GOOGLE,
        endpoints={
            "global": "https://aiplatform.googleapis.com",
            "us|eu": "https://aiplatform.{region}.rep.googleapis.com",
            ".+": "https://{region}-aiplatform.googleapis.com",
        },
        needs=("project", "region"),
        credentials=("google", "api_key", "token", "token_file"),
        extra="google",
        otel="gcp.vertex_ai",
        request_id=("x-goog-request-id", "x-request-id"),
        server_ms=("server-timing: gfet4t7",),
        remedies={
            **_BOTH,
            "iam_permission_denied": "grant the identity Vertex AI User (roles/aiplatform.user) in the project, or a role with "
            "aiplatform.endpoints.predict",
            "permission_denied": "grant the identity Vertex AI User (roles/aiplatform.user) in the project, or a role with "
            "aiplatform.endpoints.predict; a VPC Service Controls perimeter refuses in the same way",
            "access_token_scope_insufficient": "the token lacks the scope cloud-platform: set it in the machine's access scopes",
            "service_disabled": "the Vertex AI API is off in the project: gcloud services enable aiplatform.googleapis.com",
            "not_found": "model {model} is not served in {region}, or not enabled for the project: see its page in Model Garden",
            "invalid_argument": "the request was refused: check that the model is written publisher/name, as in "
            "google/gemini-2.5-flash, and takes the probe's reasoning and max_tokens",
            "failed_precondition": "the project is not ready for model {model} in {region}: enable it in Model Garden",
        },
    ),
    "gemini": Provider(
        cloud="gcp",
        apis={
            "generate": Api(
                root="/v1beta",
                calls=generating(_GENERATE, f"/models/{{name}}{_STREAM}", f"/models/{{name}}{_SYNC}")
                | {"models": Call(ModelsList(holds="models"), "/models?pageSize=1")},
            ),
            "openai": Api(
                root="/v1beta/openai",
                calls=generating(_CHAT, "/chat/completions") | {"models": Call(ModelsList(), "/models")},
                signer=Google(AUTHORIZATION, _GOOGLE.kept),
            ),
        },
        signer=_GOOGLE,
        endpoints={ANYWHERE: "https://generativelanguage.googleapis.com"},
        credentials=("api_key", "google", "token", "token_file"),
        environment={"api_key": "GEMINI_API_KEY"},
        otel="gcp.gemini",
        request_id=("x-goog-request-id", "x-request-id"),
        server_ms=("server-timing: gfet4t7",),
        remedies={
            **_BOTH,
            "permission_denied": "{credential} has no right to model {model}, or its project no Gemini API: enable "
            "generativelanguage.googleapis.com",
            "service_disabled": "the Gemini API is off in the project: enable generativelanguage.googleapis.com",
            "not_found": "model {model} is unknown to the Gemini API: list the models at /v1beta/models",
            "failed_precondition": "the Gemini API is not offered in this country, or only with billing: see its available regions",
        },
    ),
}
