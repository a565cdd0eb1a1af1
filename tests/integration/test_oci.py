"""OCI's targets over the real wire, against an endpoint that verifies each signature with the public key."""

import dataclasses
import pathlib

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

import support.identity_libraries  # noqa: F401 - loaded before anybody waits for a token
from probes.result import Outcome, ProbeResult
from probes.target import Kind, Target
from support.clouds.oci import (
    COMPARTMENT,
    TENANCY,
    USER,
    OciServer,
    Verifier,
    profile,
    refusal,
    session_token,
)
from support.clouds.wired import PATIENT, probed

NOW_S = 1_795_860_000.0
TARGET = Target(
    name="t",
    provider="oci",
    cloud="oci",
    model="llama",
    model_id="meta.llama-3.3-70b-instruct",
    endpoint="",
    group="t",
    region="eu-frankfurt-1",
    compartment=COMPARTMENT,
    credentials={"oci": "default"},
)
BY_KEY = dataclasses.replace(TARGET, credentials={"api_key": "${KEY}"})
KEY = "sk-oci-planted"


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def verifier(tmp_path: pathlib.Path, key: rsa.RSAPrivateKey, monkeypatch: pytest.MonkeyPatch) -> Verifier:
    monkeypatch.setenv("OCI_CONFIG_FILE", str(tmp_path / "config"))
    # The row's signer keeps an identity by its profile and file: each test has a file of its own.
    monkeypatch.delenv("OCI_CONFIG_PROFILE", raising=False)
    monkeypatch.delenv("OCI_CLI_PROFILE", raising=False)
    fingerprint = profile(tmp_path, key)
    return Verifier(key.public_key(), f"{TENANCY}/{USER}/{fingerprint}")


def ask(server: OciServer, target: Target = TARGET, kind: Kind = "chat", root: str = "") -> ProbeResult:
    workload = dataclasses.replace(PATIENT, kind=kind)
    return probed(server, target, workload, secrets={"KEY": KEY}, root=root)[0]


@pytest.mark.parametrize("model", ["meta.llama-3.3-70b-instruct", "cohere.command-a-03-2025"])
@pytest.mark.parametrize("kind", ["chat", "chat-sync", "models"])
def test_each_kind_is_asked_once_and_signed_as_oracle_verifies_it(
    verifier: Verifier, model: str, kind: Kind
) -> None:
    server = OciServer(verifier)
    result = ask(server, dataclasses.replace(TARGET, model_id=model), kind)
    assert (result.outcome, result.error) == (Outcome.OK, None)
    assert len(server.asked) == 1
    assert result.provider_request_id in {"R2", "R3/S/I", None}
    if kind != "models":
        assert (result.output_tokens, result.finish_reason) == (2, "stop")
        assert len(result.chunks) == (2 if kind == "chat" else 0)
    assert result.auth_s is not None


def test_a_tool_is_called_and_a_dedicated_endpoint_is_named(verifier: Verifier) -> None:
    endpoint = "ocid1.generativeaiendpoint.oc1.eu-frankfurt-1.amaaaa"
    server = OciServer(verifier)
    result = ask(server, dataclasses.replace(TARGET, model_id=endpoint), "tools")
    assert (result.outcome, result.finish_reason) == (Outcome.OK, "tool_calls")
    assert b'"endpointId":"' + endpoint.encode() in server.asked[0].body


@pytest.mark.parametrize("root", ["", "/20231130/actions/v1"])
def test_the_compatible_api_takes_a_signature_or_a_key_and_names_the_compartment(
    verifier: Verifier, root: str
) -> None:
    for server, target in ((OciServer(verifier), TARGET), (OciServer(api_key=KEY), BY_KEY)):
        result = ask(server, dataclasses.replace(target, api="openai"), root=root)
        assert (result.outcome, result.error) == (Outcome.OK, None)


def test_a_wrong_key_is_configuration_and_asked_once(verifier: Verifier, key: rsa.RSAPrivateKey) -> None:
    server = OciServer(Verifier(key.public_key(), f"{TENANCY}/{USER}/00:11"))
    result = ask(server)
    assert (result.outcome, result.error_code, len(server.asked)) == (Outcome.CONFIG, "NotAuthenticated", 1)
    assert result.error is not None
    assert "check credentials.oci of target t, that its key is still listed" in result.error


def test_a_clock_that_is_wrong_is_said_in_oracles_words(verifier: Verifier, key: rsa.RSAPrivateKey) -> None:
    server = OciServer(Verifier(key.public_key(), verifier.key_id, lambda: NOW_S - 86_400 * 365))
    result = ask(server)
    assert result.outcome is Outcome.CONFIG
    assert result.error is not None
    assert "this machine's clock is right" in result.error
    assert "is not within allowed clock skew" in result.error


def test_a_session_that_was_refreshed_meanwhile_is_used_for_a_second_try(
    verifier: Verifier, key: rsa.RSAPrivateKey, tmp_path: pathlib.Path
) -> None:
    old, new = session_token(4_000_000_000.0), session_token(4_000_000_001.0)
    profile(tmp_path, key, "SSO", token=old)
    target = dataclasses.replace(TARGET, credentials={"oci": "session:SSO"})
    before = OciServer(Verifier(key.public_key(), f"ST${old}"))
    assert ask(before, target).outcome is Outcome.OK
    after = OciServer(Verifier(key.public_key(), f"ST${new}"))
    assert ask(after, target).outcome is Outcome.CONFIG
    assert len(after.asked) == 1
    (tmp_path / "SSO.token").write_text(new)
    result = ask(after, target)
    assert (result.outcome, len(after.asked)) == (Outcome.OK, 3)
    assert new not in f"{result}"


def fault(status: str, code: str, message: str = "no", **headers: str) -> bytes:
    return refusal(status, code, message, {name.replace("_", "-"): text for name, text in headers.items()})


@pytest.mark.parametrize(
    ("answer", "outcome", "code", "says"),
    [
        (
            fault("404 Not Found", "NotAuthorizedOrNotFound"),
            Outcome.CONFIG,
            "NotAuthorizedOrNotFound",
            '"allow group GROUP to use generative-ai-family in compartment NAME"',
        ),
        (
            fault("400 Bad Request", "InvalidParameter", "model X does not support TextGeneration"),
            Outcome.CONFIG,
            "InvalidParameter",
            "check model meta.llama-3.3-70b-instruct",
        ),
        (
            fault("400 Bad Request", "QuotaExceeded"),
            Outcome.QUOTA,
            "QuotaExceeded",
            "a quota policy of the compartment is used up in eu-frankfurt-1",
        ),
        (
            fault("400 Bad Request", "LimitExceeded"),
            Outcome.QUOTA,
            "LimitExceeded",
            "request a service limit increase",
        ),
        (
            fault("400 Bad Request", "400", "Inappropriate output content detected in output blocklist"),
            Outcome.CONTENT_FILTER,
            None,
            "its content filter refused the prompt",
        ),
        (
            fault("429 Too Many Requests", "TooManyRequests"),
            Outcome.THROTTLED,
            "TooManyRequests",
            "the limit of requests to model meta.llama-3.3-70b-instruct",
        ),
        (
            fault("500 Internal Server Error", "InternalServerError"),
            Outcome.SERVER_ERROR,
            "InternalServerError",
            "it failed on its side",
        ),
        (
            fault("503 Service Unavailable", "ServiceUnavailable"),
            Outcome.OVERLOADED,
            "ServiceUnavailable",
            "it is overloaded",
        ),
    ],
)
def test_a_refusal_is_its_own_outcome_with_oracles_remedy(
    verifier: Verifier, answer: bytes, outcome: Outcome, code: str | None, says: str
) -> None:
    server = OciServer(verifier, faults=[answer])
    result = ask(server)
    assert (result.outcome, result.error_code, len(server.asked)) == (outcome, code, 1)
    assert result.error is not None
    assert says in result.error
    assert result.provider_request_id == "R1/S1/I1"


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [({"retry_after": "7"}, 7.0), ({"retry_after": "0.5"}, 0.5), ({"retry_after_ms": "1500"}, 1.5)],
)
def test_a_wait_is_read_in_each_form(verifier: Verifier, headers: dict[str, str], wait_s: float) -> None:
    throttled = fault("429 Too Many Requests", "TooManyRequests", **headers)
    result = ask(OciServer(verifier, faults=[throttled]))
    assert (result.outcome, result.retry_after_s) == (Outcome.THROTTLED, wait_s)


def test_a_wrong_compartment_is_the_missing_policy(verifier: Verifier) -> None:
    result = ask(OciServer(verifier), dataclasses.replace(TARGET, compartment="ocid1.compartment.oc1..other"))
    assert (result.outcome, result.error_code) == (Outcome.CONFIG, "NotAuthorizedOrNotFound")


def test_what_cannot_be_asked_sends_nothing(verifier: Verifier) -> None:
    cohere = dataclasses.replace(TARGET, model_id="cohere.command-a-03-2025")
    asked: list[tuple[Target, Kind, str | None, str]] = [
        (cohere, "tools", None, "target t cannot be asked for kind tools"),
        (BY_KEY, "models", "needs_iam", "takes no API key"),
        (dataclasses.replace(TARGET, credentials={"oci": "NONE"}), "chat", "no_profile", "no profile NONE"),
    ]
    for target, kind, code, says in asked:
        server = OciServer(verifier)
        result = ask(server, target, kind)
        assert (result.outcome, result.error_code, server.asked) == (Outcome.CONFIG, code, [])
        assert result.error is not None
        assert says in result.error
