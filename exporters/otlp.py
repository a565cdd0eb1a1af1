"""How a collector is told: the one place that loads the parts its protocol needs, when one is configured."""

import platform
from collections.abc import Callable
from typing import Literal

from exporters import semconv
from exporters.base import RemoteSink


def open_sinks(
    endpoint: str,
    protocol: Literal["grpc", "http/protobuf"],
    *,
    vantage: str,
    version: str,
    wall_ns: Callable[[], int],
    lost: Callable[[int], None],
) -> tuple[RemoteSink, ...]:
    """Return the sinks for spans and for the `gen_ai.client` metrics; nothing is sent before they are told.

    `lost` is told, from any thread, how many spans did not arrive. The collector's own settings (headers,
    certificates, timeout) are OpenTelemetry's usual `OTEL_EXPORTER_OTLP_*` variables.
    """
    # Imported here because grpcio and the SDK cost tens of megabytes, which only a configured collector is
    # worth, and gRPC is not worth to one that speaks HTTP.
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - see above

    from exporters import genai, traces  # noqa: PLC0415 - see above

    if protocol == "grpc":
        from exporters import otlp_grpc as wire  # noqa: PLC0415 - see above
    else:
        from exporters import otlp_http as wire  # type: ignore[no-redef]  # noqa: PLC0415 - see above
    resource = Resource.create(
        {
            "service.name": semconv.SERVICE_NAME,
            "service.version": version,
            "host.name": platform.node(),
            semconv.OUR_VANTAGE: vantage,
        }
    )
    return (
        traces.Traces(wire.span_exporter(endpoint), resource, wall_ns, lost),
        genai.GenAi(wire.metric_exporter(endpoint), resource, wall_ns),
    )
