import datetime as dt
import os
import ssl
from pathlib import Path as File

import pytest
import trustme

from probes.target import Path
from probes.transport import errors, tls
from support.certificates import Authority


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


def test_a_context_is_built_once_and_again_when_its_file_changed(tmp_path: File) -> None:
    """Contexts cost 20 ms; a renewed certificate must still be seen."""
    authority = Authority(tmp_path)
    contexts = tls.Contexts()
    path = Path(ca=authority.ca)
    first = contexts.get(path)
    assert contexts.get(Path(ca=authority.ca, proxy="none")) is first
    renewed = File(authority.ca).stat().st_mtime_ns + 1_000_000
    os.utime(authority.ca, ns=(renewed, renewed))
    assert contexts.get(path) is not first


def test_a_context_checks_names_and_issuers() -> None:
    """The default trusts the system's store and demands both."""
    context = tls.Contexts().get(Path())
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.get_ca_certs() or ssl.get_default_verify_paths().capath


def test_certifi_stands_in_where_the_system_trusts_nobody(
    tmp_path: File, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bare image has an empty store."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    assert tls.Contexts().get(Path()).get_ca_certs()


@pytest.mark.parametrize("missing", ["absent.pem", "junk.pem"])
def test_files_that_cannot_be_read_are_named_with_the_remedy(tmp_path: File, missing: str) -> None:
    """A wrong path in the configuration is a sentence, before anything is connected."""
    (tmp_path / "junk.pem").write_text("junk")
    with pytest.raises(errors.Misconfigured, match=rf"{missing}.* failed .*: set tls\.ca"):
        tls.Contexts().get(Path(ca=str(tmp_path / missing)))


@pytest.mark.parametrize(
    ("code", "reason", "words"),
    [
        ("WRONG_VERSION_NUMBER", "not tls", "does not answer in TLS"),
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "client certificate", "set tls.cert and tls.key"),
        ("NO_PROTOCOLS_AVAILABLE", "no protocols available", "check which TLS versions"),
    ],
)
def test_a_refused_handshake_says_why_and_what_to_do(code: str, reason: str, words: str) -> None:
    """OpenSSL's words become sentences."""
    error = ssl.SSLError(1, code)
    error.reason = code
    failed = tls.failure(error, "host:443", None)
    assert failed.reason == reason
    assert words in str(failed)
