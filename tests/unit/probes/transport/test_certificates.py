"""Who a certificate is made out to, and by whom, read from its bytes."""

from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from probes.transport.certificates import certificate


def issued(**more: Any) -> tuple[x509.Certificate, bytes]:
    pem = trustme.CA(organization_name="Bank", organization_unit_name="PKI").issue_cert("llm.bank", **more)
    loaded = x509.load_pem_x509_certificate(pem.cert_chain_pems[0].bytes())
    return loaded, loaded.public_bytes(Encoding.DER)


def test_the_common_name_is_told() -> None:
    _, der = issued(common_name="llm.bank")
    found = certificate(der)
    assert found is not None
    assert found.subject == "llm.bank"


def test_without_a_common_name_the_organisation_is_told() -> None:
    loaded, der = issued(organization_name="Models Ltd")
    found = certificate(der)
    assert found is not None
    assert (found.subject, found.issuer) == ("Models Ltd", "Bank")
    assert found.expires_s == int(loaded.not_valid_after_utc.timestamp())


@pytest.mark.parametrize("cut", [0, 1, 10, 60])
def test_what_is_no_certificate_is_none(cut: int) -> None:
    assert certificate(issued()[1][:cut]) is None
