"""Amazon Bedrock and Amazon SageMaker, in every partition of AWS."""

from collections.abc import Mapping
from typing import Final

from probes.clouds.anthropic import bedrock_invoke, messages_api
from probes.clouds.compatible import openai_api
from probes.dialects.bedrock_converse import BedrockConverse
from probes.dialects.models_list import ModelsList
from probes.dialects.openai_chat import OpenAIChat
from probes.dialects.sagemaker_endpoint import SageMakerEndpoint
from probes.framing.aws import chunk_frames, payload_frames
from probes.provider import Api, Call, Provider, generating
from probes.signers.sigv4 import SigV4

_COMMERCIAL: Final = r"[a-z]+(-[a-z]+)+-\d+"
_GOVERNMENT: Final = r"us-gov-.+"

_SUFFIXES: Final[Mapping[str, str]] = {
    r"cn-.+": "amazonaws.com.cn",
    r"eusc-.+": "amazonaws.eu",
    r"us-iso-.+": "c2s.ic.gov",
    r"us-isob-.+": "sc2s.sgov.gov",
    r"eu-isoe-.+": "cloud.adc-e.uk",
    r"us-isof-.+|eu-isof-.+": "csp.hci.ic.gov",
}
"""Regions, and how the hosts of their partition end where they do not end as everywhere."""

_RUNTIME: Final = {
    r"us-(east-[12]|west-2)|ca-central-1|us-gov-(east|west)-1": "https://bedrock-runtime{fips}.{region}.amazonaws.com",
    **{
        regions: f"https://bedrock-runtime.{{region}}.{suffix}"
        for regions, suffix in {**_SUFFIXES, _COMMERCIAL: "amazonaws.com"}.items()
    },
}
"""Validated cryptography is where botocore's endpoints.json lists a host with it; its rules would make one up anywhere."""

_SAGEMAKER: Final = {
    **{
        regions: f"https://runtime.sagemaker{{fips}}.{{region}}.{suffix}"
        for regions, suffix in _SUFFIXES.items()
    },
    # All of GovCloud's have validated cryptography, and none says so by its name.
    _GOVERNMENT: "https://runtime.sagemaker.{region}.amazonaws.com",
    _COMMERCIAL: "https://runtime{fips}.sagemaker.{region}.amazonaws.com",
}

_MANTLE: Final = {
    r"(?!cn-|eusc-|us-iso|eu-iso)[a-z]+(-[a-z]+)+-\d+": "https://bedrock-mantle.{region}.api.aws"
}
"""Where Bedrock's second engine is; in GovCloud unconfirmed, and with validated cryptography nowhere."""

_LISTED: Final = Call(
    ModelsList(holds="modelSummaries"),
    "/foundation-models",
    root="",
    host=(r"^bedrock-runtime(-fips)?\.", r"bedrock\1."),
)
"""The control plane's list, which takes the same identity: the runtime has none."""

_INVOKED: Final = OpenAIChat(frames=chunk_frames, stream_options=None, end_mark="implicit", named=False)
_CONTAINED: Final = OpenAIChat(cap="max_tokens", frames=payload_frames, named=False)

_REACHED: Final[Mapping[str, str]] = {
    "clock_skew": (
        "its signature's time is off by more than 5 minutes: set this machine's clock (run NTP), and look at the clock "
        "of a virtual machine that slept"
    ),
    "wrong_region": "it was signed for another region than the host's: write region: as the host has it",
    "unrecognizedclientexception": (
        "its access key is unknown there, deleted or of another partition: check {credential}"
    ),
    "invalidsignatureexception": (
        "its signature does not fit: check the secret key behind {credential}, region {region}, and that no proxy changes "
        "path, host or body"
    ),
    "incompletesignature": "its signature is incomplete: check {credential}",
    "missingauthenticationtokenexception": "it came without a signature: see what a proxy on the way takes out",
    "expiredtokenexception": "its session token has ended: get new temporary credentials for {credential}",
    "bad_api_key": (
        "its API key is invalid, of another region, or has ended (a short-term one lives 12 hours at most): renew what "
        "{credential} refers to"
    ),
}
"""What to do where identity is refused, at any service of AWS."""

_REMEDIES: Final[Mapping[str, str]] = {
    **_REACHED,
    "no_permission": (
        "its identity lacks an IAM permission: allow bedrock:InvokeModelWithResponseStream for streams, "
        "bedrock:InvokeModel for whole answers, bedrock:ListFoundationModels for kind models, and look at service "
        "control policies"
    ),
    "no_model_access": "model {model} is not enabled for this account in {region}: request model access in Bedrock's console",
    "needs_inference_profile": (
        "model {model} is not served on demand by its bare id: write id: with an inference profile of {region}, such as "
        "us.{model} or global.{model}"
    ),
    "unknown_model": "model {model} is unknown in {region}: check the id, and which regions serve it",
    "retired_model": "model {model} has reached the end of its life: move to an active one",
    "use_case_form": "the use-case form of this model's maker is not filled: submit the use case details in Bedrock's console",
    "ftuformnotfilled": "the use-case form of this model's maker is not filled: submit the use case details in Bedrock's console",
    "wrong_route": (
        "model {model} is not on this route: end the endpoint in /v1 or /openai/v1, as the page of the model says"
    ),
    "quota_exhausted": "the tokens of the day are spent: raise the quota in Service Quotas, or probe less",
    "servicequotaexceededexception": "a quota of the account is spent: raise it in Service Quotas",
    "throttlingexception": "the quota of {model} in {region} is reached: probe less often, or raise it in Service Quotas",
    "accessdeniedexception": (
        "access is denied: check bedrock:InvokeModelWithResponseStream and model access to {model} for {credential}"
    ),
    "resourcenotfoundexception": "model {model} is unknown in {region}, or not for this account: check the id and the region",
    "modelnotreadyexception": "model {model} is imported and cold: ask it more often, or buy provisioned throughput",
    "serviceunavailableexception": "Bedrock has no capacity for {model} in {region}: see AWS's status, or use an inference profile",
}

_TOLD: Final = (
    (r"Signature (expired|not yet current)", "clock_skew"),
    (r"scoped to a valid region", "wrong_region"),
    (r"(?i)\bAPI key\b|bearer token", "bad_api_key"),
    (r"not authorized to perform", "no_permission"),
    (r"(?i)don.t have access to the model|access to this model is not|not been granted access", "no_model_access"),
    (r"on-demand throughput isn.t supported", "needs_inference_profile"),
    (r"model identifier is invalid|not supported in (this|your) region", "unknown_model"),
    (r"end of its life|marked by provider as Legacy", "retired_model"),
    (r"use case details", "use_case_form"),
    (r"isn.t supported on this route", "wrong_route"),
    (r"(?i)too many tokens per day", "quota_exhausted"),
)  # fmt: skip
"""What AWS says in the text alone: one name of an error means many things."""

_NOT_CLAUDE: Final = r"(?!.*anthropic\.).*"
"""Claude is asked by Converse, or by messages of its own."""

ROWS: Final[Mapping[str, Provider]] = {
    "bedrock": Provider(
        cloud="aws",
        apis={
            "converse": Api(
                root="",
                calls=generating(
                    BedrockConverse(), "/model/{model}/converse-stream", "/model/{model}/converse"
                )
                | {"models": _LISTED},
            ),
            "openai": Api(
                root="/openai/v1",
                calls=generating(OpenAIChat(), "/chat/completions") | {"models": _LISTED},
                families=_NOT_CLAUDE,
            ),
            "invoke": Api(
                root="",
                calls=generating(
                    _INVOKED, "/model/{model}/invoke-with-response-stream", "/model/{model}/invoke"
                )
                | {"models": _LISTED},
                families=r".*openai\..*",
            ),
            "mantle": Api(
                root="/v1",
                calls=openai_api(OpenAIChat(), "/v1").calls,
                endpoints=_MANTLE,
                signer=SigV4("bedrock-mantle"),
                families=_NOT_CLAUDE,
            ),
            "anthropic-invoke": bedrock_invoke(_LISTED),
            "anthropic": messages_api(
                "/anthropic/v1",
                endpoints=_MANTLE,
                signer=SigV4("bedrock-mantle"),
                families=r".*anthropic\..*",
            ),
        },
        signer=SigV4("bedrock"),
        endpoints=_RUNTIME,
        fips=True,
        credentials=("aws", "api_key", "token", "token_file"),
        environment={"api_key": "AWS_BEARER_TOKEN_BEDROCK"},
        extra="aws",
        otel="aws.bedrock",
        backend={
            "x-amzn-bedrock-service-tier": "tier",
            "x-amzn-bedrock-performanceconfig-latency": "performance",
        },
        request_id=("x-amzn-requestid", "x-request-id"),
        server_ms=("x-amzn-bedrock-invocation-latency",),
        told=_TOLD,
        remedies=_REMEDIES,
    ),
    "sagemaker": Provider(
        cloud="aws",
        apis={
            "openai": Api(
                root="",
                calls=generating(
                    _CONTAINED,
                    "/endpoints/{model}/invocations-response-stream",
                    "/endpoints/{model}/invocations",
                )
                | {
                    "models": Call(
                        SageMakerEndpoint(), "/", host=(r"^runtime(-fips)?\.sagemaker", r"api\1.sagemaker")
                    )
                },
            ),
        },
        signer=SigV4("sagemaker", bearer=False),
        endpoints=_SAGEMAKER,
        fips=True,
        validated=_GOVERNMENT,
        credentials=("aws",),
        extra="aws",
        otel="aws.sagemaker",
        backend={"x-amzn-invoked-production-variant": "variant"},
        request_id=("x-amzn-requestid",),
        told=(
            *_TOLD[:2],
            (r"not authorized to perform", "no_permission"),
            (r"(?i)(endpoint .* not found|could not find endpoint)", "no_endpoint"),
            (r"Received client error", "container_refused"),
        ),
        remedies={
            **_REACHED,
            "no_permission": (
                "its identity lacks an IAM permission: allow sagemaker:InvokeEndpoint, "
                "sagemaker:InvokeEndpointWithResponseStream and, for kind models, sagemaker:DescribeEndpoint on endpoint "
                "{model}"
            ),
            "no_endpoint": "endpoint {model} is unknown in {region}: write id: with the endpoint's name, and check the region",
            "container_refused": "the container of endpoint {model} refused the request: look at the endpoint's log in CloudWatch",
            "modelerror": "the container of endpoint {model} failed: look at the endpoint's log in CloudWatch",
        },
    ),
}
