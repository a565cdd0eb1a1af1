"""Contexts of paths, and what is wrong with their files."""

import datetime as dt
import os
import ssl
from pathlib import Path as File

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from probes.target import Path
from probes.transport import contexts, errors
from probes.transport.contexts import Contexts, expiry
from support.certificates import Authority


def test_a_context_is_built_once_and_again_when_its_file_changed(tmp_path: File) -> None:
    """Contexts cost 20 ms; a renewed certificate must still be seen."""
    authority = Authority(tmp_path)
    contexts = Contexts()
    path = Path(ca=authority.ca)
    first = contexts.get(path)
    assert contexts.get(Path(ca=authority.ca, proxy="none")) is first
    renewed = File(authority.ca).stat().st_mtime_ns + 1_000_000
    os.utime(authority.ca, ns=(renewed, renewed))
    assert contexts.get(path) is not first


def test_a_context_checks_names_and_issuers() -> None:
    """The default trusts the system's store and demands both."""
    context = Contexts().get(Path())
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.get_ca_certs() or ssl.get_default_verify_paths().capath


def test_certifi_stands_in_where_the_system_trusts_nobody(
    tmp_path: File, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bare image has an empty store."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    assert Contexts().get(Path()).get_ca_certs()


@pytest.fixture
def pair(tmp_path: File) -> tuple[str, str]:
    """A client certificate and its key."""
    return Authority(tmp_path).client()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, r"the CA file .*ca\.pem cannot be read \(No such file or directory\): mend the path"),
        ("junk", r"the CA file .*ca\.pem holds no certificate in PEM"),
    ],
)
def test_a_ca_file_that_holds_nothing_is_named_with_the_remedy(
    tmp_path: File, content: str | None, told: str
) -> None:
    """A wrong path in the configuration is a sentence, before anything is connected."""
    ca = tmp_path / "ca.pem"
    if content is not None:
        ca.write_text(content)
    with pytest.raises(errors.Misconfigured, match=told):
        Contexts().get(Path(ca=str(ca)))


def refusal(cert: str, key: str) -> str:
    with pytest.raises(errors.Misconfigured) as caught:
        Contexts().get(Path(cert=cert, key=key))
    return str(caught.value)


def test_each_fault_of_a_client_certificate_has_its_own_sentence(
    tmp_path: File, pair: tuple[str, str]
) -> None:
    """Another's key, an encrypted key, files that are no such, files that are not there."""
    cert, key = pair
    other = tmp_path / "other.key"
    other.write_bytes(trustme.CA().issue_cert("a@b.example").private_key_pem.bytes())
    assert f"the client key {other} does not belong to the client certificate {cert}: set" in refusal(
        cert, str(other)
    )
    assert f"the client certificate {key} holds no certificate in PEM" in refusal(key, key)
    assert f"the client key {cert} holds no private key in PEM" in refusal(cert, cert)
    assert "the client key /nope cannot be read" in refusal(cert, "/nope")


@pytest.mark.parametrize(
    "form", [serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL]
)
def test_an_encrypted_key_is_told_and_never_asked_about_on_the_terminal(
    tmp_path: File, pair: tuple[str, str], form: serialization.PrivateFormat
) -> None:
    plain = serialization.load_pem_private_key(File(pair[1]).read_bytes(), None)
    secret = serialization.BestAvailableEncryption(b"hush")
    locked = tmp_path / "locked.key"
    locked.write_bytes(plain.private_bytes(serialization.Encoding.PEM, form, secret))
    assert f"the client key {locked} is encrypted, and nobody is there" in refusal(pair[0], str(locked))


def test_a_rotation_between_certificate_and_key_is_read_once_more(
    tmp_path: File, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first read meets the new certificate and the old key; by the second both are new."""
    cert, key = pair
    Authority(tmp_path).client()
    renewed = File(key).read_bytes()
    File(key).write_bytes(trustme.CA().issue_cert("a@b.example").private_key_pem.bytes())
    real, builds = contexts._build, []

    def build(path: Path) -> ssl.SSLContext:
        builds.append(path)
        try:
            return real(path)
        finally:
            File(key).write_bytes(renewed)

    monkeypatch.setattr(contexts, "_build", build)
    Contexts().get(Path(cert=cert, key=key))
    assert len(builds) == 2


def test_the_end_of_a_certificates_file_is_known(tmp_path: File) -> None:
    """Of what is no certificate it is not."""
    end = dt.datetime(2031, 2, 3, tzinfo=dt.UTC)
    issued = trustme.CA().issue_cert("a@b.example", not_after=end)
    (tmp_path / "c.pem").write_bytes(issued.private_key_and_cert_chain_pem.bytes())
    assert expiry(str(tmp_path / "c.pem")) == end.timestamp()
    assert (expiry("/nope"), expiry(__file__)) == (None, None)
