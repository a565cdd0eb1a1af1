"""A secret goes into the right header, and what cannot be sent is said."""

import asyncio
from collections.abc import Mapping

import pytest

from probes.base import SigningError, WireRequest
from probes.signers.bearer import Bearer
from probes.target import Target
from support.secrets import FakeSecrets

REQUEST = WireRequest(method="GET", url="https://h", headers={}, body=b"", streamed=False)
KNOWN = {"KEY": "sk-1", "EMPTY": "", "SPACED": "sk 1", "LINES": "sk-1\nx-evil: 1", "file:/run/token": "t-1\n"}


def target(credentials: Mapping[str, str]) -> Target:
    return Target(
        name="t",
        provider="openai",
        cloud="c",
        model="m",
        model_id="m",
        endpoint="https://h",
        group="m",
        credentials=credentials,
    )


def sign(signer: Bearer, credentials: Mapping[str, str]) -> Mapping[str, str]:
    return asyncio.run(signer.sign(REQUEST, target(credentials), FakeSecrets(KNOWN)))


def renewed(signer: Bearer, signed: Mapping[str, str], asked: Target, secrets: FakeSecrets) -> bool:
    return asyncio.run(signer.renewed(signed, REQUEST, asked, secrets))


@pytest.mark.parametrize(
    ("signer", "credentials", "expected"),
    [
        (Bearer(), {"api_key": "${KEY}"}, {"authorization": "Bearer sk-1"}),
        (Bearer(), {"token": "${KEY}"}, {"authorization": "Bearer sk-1"}),
        (Bearer(), {"token_file": "/run/token"}, {"authorization": "Bearer t-1"}),
        (Bearer(key_header="api-key"), {"api_key": "${KEY}"}, {"api-key": "sk-1"}),
        (Bearer(key_header="api-key"), {"token": "${KEY}"}, {"authorization": "Bearer sk-1"}),
        (Bearer(optional=True), {}, {}),
        (Bearer(optional=True), {"api_key": "${KEY}"}, {"authorization": "Bearer sk-1"}),
    ],
)
def test_a_credential_goes_into_its_header(
    signer: Bearer, credentials: dict[str, str], expected: dict[str, str]
) -> None:
    assert sign(signer, credentials) == expected


@pytest.mark.parametrize(
    ("credentials", "sentence"),
    [
        ({}, "target t has no credentials"),
        ({"api_key": "${MISSING}"}, "MISSING is not set"),
        ({"api_key": "${EMPTY}"}, r"credentials.api_key of target t is empty"),
        ({"api_key": "${SPACED}"}, r"credentials.api_key of target t holds spaces"),
        ({"token": "${LINES}"}, r"credentials.token of target t holds spaces"),
        ({"token_file": "/run/none"}, "file:/run/none is not set"),
    ],
)
def test_an_identity_that_cannot_be_proven_is_a_sentence(credentials: dict[str, str], sentence: str) -> None:
    with pytest.raises(SigningError, match=sentence) as caught:
        sign(Bearer(), credentials)
    assert "sk" not in str(caught.value)


def test_a_signature_is_outdated_once_its_secret_is_another() -> None:
    """Of whatever kind the credential is, a token's file included."""
    known = dict(KNOWN)
    secrets = FakeSecrets(known)
    for credentials, name in (
        ({"api_key": "${KEY}"}, "KEY"),
        ({"token_file": "/run/token"}, "file:/run/token"),
    ):
        asked = target(credentials)
        signed = asyncio.run(Bearer().sign(REQUEST, asked, secrets))
        assert not renewed(Bearer(), signed, asked, secrets)
        known[name] = "another"
        assert renewed(Bearer(), signed, asked, secrets)
    assert not renewed(Bearer(optional=True), {}, target({}), secrets)
