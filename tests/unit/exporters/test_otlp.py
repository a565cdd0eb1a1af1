import subprocess
import sys

import pytest

_OPEN = """
import sys
from exporters import otlp
{call}
print(*sorted(name for name in ("grpc", "requests", "opentelemetry.sdk") if name in sys.modules))
sys.stdout.flush()
"""
_CALL = """
for sink in otlp.open_sinks(
    "http://127.0.0.1:9", "{protocol}", vantage="v", version="0", wall_ns=lambda: 0, lost=lambda count: None
):
    sink.close(1)
"""


@pytest.mark.parametrize(
    ("call", "loaded"),
    [
        ("from exporters import metrics, memory", ""),
        (_CALL.format(protocol="http/protobuf"), "opentelemetry.sdk requests"),
        (_CALL.format(protocol="grpc"), "grpc opentelemetry.sdk"),
    ],
    ids=["no collector", "http", "grpc"],
)
def test_only_what_the_configured_protocol_needs_is_imported(call: str, loaded: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _OPEN.format(call=call)], capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == loaded, ran.stderr
