import datetime as dt
import ssl

import pytest
import trustme

from probes.result import Outcome
from probes.target import Path
from probes.transport import tls


@pytest.mark.parametrize("year", [2026, 2049, 2050, 2150])
def test_a_certificates_end_is_read_from_its_bytes(year: int) -> None:
    """UTCTime up to 2049, GeneralizedTime from 2050 on."""
    end = dt.datetime(year, 11, 22, 10, 30, tzinfo=dt.UTC)
    start = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
    issued = trustme.CA().issue_cert("localhost", not_before=start, not_after=end)
    der = ssl.PEM_cert_to_DER_cert(issued.cert_chain_pems[0].bytes().decode())
    assert tls.not_after(der) == end.timestamp()


@pytest.mark.parametrize("junk", [b"", b"\x30", b"\x30\x03\x02\x01\x01", b"not a certificate at all"])
def test_bytes_that_are_no_certificate_have_no_end(junk: bytes) -> None:
    """Not observed is None."""
    assert tls.not_after(junk) is None


@pytest.mark.parametrize(
    ("code", "reason", "words"),
    [
        ("WRONG_VERSION_NUMBER", "not tls", "does not answer in TLS"),
        ("NO_PROTOCOLS_AVAILABLE", "no protocols available", "check which TLS versions"),
    ],
)
def test_a_refused_handshake_says_why_and_what_to_do(code: str, reason: str, words: str) -> None:
    """OpenSSL's words become sentences."""
    error = ssl.SSLError(1, code)
    error.reason = code
    failed = tls.failure(error, "host:443", Path())
    assert failed.reason == reason
    assert words in str(failed)


@pytest.mark.parametrize(
    ("code", "cert", "reason", "words"),
    [
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", None, "client certificate", "set tls.cert and tls.key"),
        ("TLSV1_ALERT_UNKNOWN_CA", None, "client certificate", "wants a client certificate"),
        (
            "TLSV1_ALERT_UNKNOWN_CA",
            "c.pem",
            "client certificate refused",
            "does not take the client certificate c.pem",
        ),
        ("SSLV3_ALERT_CERTIFICATE_EXPIRED", "c.pem", "client certificate expired", "renew it, and its key"),
    ],
)
def test_an_alert_about_our_certificate_is_an_identity_refused(
    code: str, cert: str | None, reason: str, words: str
) -> None:
    """As a 401 would be: a matter of configuration, never the endpoint's failing."""
    error = ssl.SSLError(1, code)
    error.reason = code
    failed = tls.failure(error, "host:443", Path(cert=cert, key=cert))
    assert (failed.outcome, failed.reason) == (Outcome.CONFIG, reason)
    assert words in str(failed)


@pytest.mark.parametrize(("number", "remedy"), [(20, "set the network's ca"), (10, "ask its operators")])
def test_a_certificate_of_an_intercepting_proxy_is_called_that(number: int, remedy: str) -> None:
    error = ssl.SSLCertVerificationError(1, "no")
    error.verify_code, error.verify_message = number, "no"
    failed = tls.failure(error, "host:443", Path(intercepted=True))
    assert "the certificate that the intercepting proxy shows for host:443" in str(failed)
    assert remedy in str(failed)
