import httpx
import pytest

from probes.base import Wire
from probes.result import Outcome
from probes.transport import errors


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        (errors.Misconfigured, Outcome.CONFIG),
        (errors.ProxyDenied, Outcome.CONFIG),
        (errors.ClientRefused, Outcome.CONFIG),
        (errors.Exhausted, Outcome.AGENT_FAULT),
        (errors.SourceMissing, Outcome.AGENT_FAULT),
        (errors.ResolveFailed, Outcome.DNS),
        (errors.ConnectRefused, Outcome.CONNECT_REFUSED),
        (errors.ProxyRefused, Outcome.CONNECT_REFUSED),
        (errors.ConnectTimeout, Outcome.CONNECT_TIMEOUT),
        (errors.TlsFailed, Outcome.TLS),
        (errors.Disconnected, Outcome.DISCONNECTED),
        (errors.Broken, Outcome.TRUNCATED),
        (errors.Malformed, Outcome.MALFORMED),
    ],
)
def test_each_failing_has_its_outcome(kind: type[errors.WireError], outcome: Outcome) -> None:
    """Whoever catches httpx's family finds the outcome on it."""
    assert kind.outcome is outcome
    assert issubclass(kind, httpx.TransportError)


def test_a_failing_tells_what_is_known_of_the_connection() -> None:
    """None where there was none."""
    wire = Wire("192.0.2.1:443", reused=False, tls_expires_s=1)
    assert errors.TlsFailed("It failed.", reason="expired", wire=wire).wire is wire
    assert errors.ResolveFailed("It failed.").wire is None
