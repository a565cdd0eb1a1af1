"""OpenTelemetry's names: spans, attributes and the client metrics of the GenAI conventions."""

from collections.abc import Mapping
from typing import Final

from probes import timing
from probes.target import KINDS

# The GenAI conventions are in development and rename things: their names stand here, and nowhere else.

SERVICE_NAME: Final = "nephoscope"

OPERATIONS: Mapping[str, str] = {
    **dict.fromkeys(KINDS, "chat"),
    "models": "list_models",
    "embeddings": "embeddings",
}
"""`gen_ai.operation.name` by kind of probe: what generates is a chat, whatever it is asked for."""

PROVIDER_NAMES: Mapping[str, str] = {
    "azure": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "gemini": "gcp.gemini",
    "mistral": "mistral_ai",
    "nim": "nvidia.nim",
    "oci": "oci.generative_ai",
    "ray": "ray.serve",
    "vertex": "gcp.vertex_ai",
}
"""`gen_ai.provider.name` by provider, where it is not the provider's own name."""

OPERATION_NAME: Final = "gen_ai.operation.name"
PROVIDER_NAME: Final = "gen_ai.provider.name"
REQUEST_MODEL: Final = "gen_ai.request.model"
REQUEST_STREAM: Final = "gen_ai.request.stream"
REQUEST_MAX_TOKENS: Final = "gen_ai.request.max_tokens"
RESPONSE_MODEL: Final = "gen_ai.response.model"
RESPONSE_ID: Final = "gen_ai.response.id"
RESPONSE_FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
RESPONSE_FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"
USAGE_INPUT: Final = "gen_ai.usage.input_tokens"
USAGE_OUTPUT: Final = "gen_ai.usage.output_tokens"
USAGE_REASONING: Final = "gen_ai.usage.reasoning.output_tokens"
USAGE_CACHED: Final = "gen_ai.usage.cache_read.input_tokens"
OPENAI_TIER: Final = "openai.response.service_tier"
OPENAI_FINGERPRINT: Final = "openai.response.system_fingerprint"
SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"
ERROR_TYPE: Final = "error.type"
SYNTHETIC_TYPE: Final = "user_agent.synthetic.type"
SYNTHETIC: Final = "test"
HTTP_METHOD: Final = "http.request.method"
HTTP_STATUS: Final = "http.response.status_code"
PROTOCOL_NAME: Final = "network.protocol.name"
PROTOCOL_VERSION: Final = "network.protocol.version"
PEER_ADDRESS: Final = "network.peer.address"
PEER_PORT: Final = "network.peer.port"
TOKEN_TYPE: Final = "gen_ai.token.type"  # noqa: S105 - the name of an attribute, not a secret

OUR_TARGET: Final = "nephoscope.target"
OUR_PROBE: Final = "nephoscope.probe"
OUR_VANTAGE: Final = "nephoscope.vantage"
OUR_ATTEMPT: Final = "nephoscope.attempt"
OUR_SPEED: Final = "nephoscope.output_tokens_per_second"
OUR_OUTCOME: Final = "nephoscope.outcome"
OUR_SIMULATED: Final = "nephoscope.simulated"

CHILD_SPANS: Mapping[str, tuple[str, str]] = {
    "auth": (timing.AUTH_START, timing.AUTH_END),
    "dns_wait": (timing.DNS_WAIT_START, timing.DNS_START),
    "dns": (timing.DNS_START, timing.DNS_END),
    "connect": (timing.CONNECT_START, timing.CONNECT_END),
    "proxy": (timing.PROXY_START, timing.PROXY_END),
    "tls": (timing.TLS_START, timing.TLS_END),
    "request": (timing.SENT, timing.FIRST_BYTE),
    "first_token": (timing.FIRST_BYTE, timing.FIRST_TOKEN),
    "stream": (timing.FIRST_TOKEN, timing.END),
}
"""Child spans and the marks that they lie between; TTFT is `request` and `first_token` together."""

OPERATION_DURATION: Final = "gen_ai.client.operation.duration"
TIME_TO_FIRST_CHUNK: Final = "gen_ai.client.operation.time_to_first_chunk"
TIME_PER_OUTPUT_CHUNK: Final = "gen_ai.client.operation.time_per_output_chunk"
TOKEN_USAGE: Final = "gen_ai.client.token.usage"  # noqa: S105 - the name of a metric, not a secret
