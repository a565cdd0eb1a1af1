"""Keys come from wherever AWS's own chain finds them, and no service that gives them can hold a probe up."""

import asyncio
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import support.identity_libraries  # noqa: F401 - loaded before anybody waits for a token
from probes.base import SigningError, WireRequest
from probes.kept import Kept
from probes.result import Outcome
from probes.signers.sigv4 import SigV4
from probes.target import Target
from support.clouds import sigv4
from support.clouds.aws_identity import Service
from support.secrets import FakeSecrets

HOST, PATH = "bedrock-runtime.us-east-1.amazonaws.com", "/model/m/converse"
REQUEST = WireRequest(
    method="POST",
    url=f"https://{HOST}{PATH}",
    headers={"content-type": "application/json"},
    body=b"{}",
    streamed=False,
)


def target(aws: str = "default", region: str | None = None) -> Target:
    return Target(
        name="t",
        provider="bedrock",
        cloud="aws",
        model="m",
        model_id="m",
        endpoint=f"https://{HOST}",
        group="m",
        region=region,
        credentials={"aws": aws},
    )


def signed(signer: SigV4, of: Target | None = None) -> Mapping[str, str]:
    return asyncio.run(signer.sign(REQUEST, of or target(), FakeSecrets({})))


def holds(
    headers: Mapping[str, str], key: str, secret: str, token: str | None = None, region: str = "us-east-1"
) -> bool:
    """Return whether a server that knows these keys accepts the headers."""
    arrived = {**REQUEST.headers, **headers, "host": HOST}
    known = {key: (secret, token)}
    return sigv4.verify("POST", PATH, arrived, REQUEST.body, known, (region, "bedrock")) is None


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """Take away what this machine may have, its metadata server included."""
    for name in (
        "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION",
        "AWS_DEFAULT_REGION", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_BEARER_TOKEN_BEDROCK", "HTTP_PROXY", "http_proxy",
    ):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return monkeypatch


@pytest.fixture
def service() -> Iterator[Service]:
    served = Service()
    yield served
    served.close()


@pytest.fixture
def metadata(environ: pytest.MonkeyPatch, service: Service) -> Service:
    environ.setenv("AWS_EC2_METADATA_DISABLED", "false")
    environ.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", service.url)
    return service


@pytest.fixture
def web_identity(environ: pytest.MonkeyPatch, service: Service, tmp_path: Path) -> Service:
    (tmp_path / "token").write_text("the-jwt")
    environ.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/prober")
    environ.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    environ.setenv("AWS_ENDPOINT_URL_STS", service.url)
    return service


def chain(now_s: float = 0.0, limit_s: float = 20.0) -> SigV4:
    return SigV4("bedrock", Kept(lambda: now_s, limit_s))


def refusal(signer: SigV4, of: Target | None = None) -> SigningError:
    with pytest.raises(SigningError) as caught:
        signed(signer, of)
    return caught.value


def test_variables_are_signed_with(environ: pytest.MonkeyPatch) -> None:
    environ.setenv("AWS_ACCESS_KEY_ID", "AKID")
    environ.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    environ.setenv("AWS_SESSION_TOKEN", "token")
    # What the SDKs would take before all else says nothing here: the target names the chain.
    environ.setenv("AWS_BEARER_TOKEN_BEDROCK", "stale")
    headers = signed(chain())
    assert holds(headers, "AKID", "secret", "token")


def test_a_profile_is_read_anew_once_its_keys_were_refused(
    environ: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "credentials"
    file.write_text("[probe]\naws_access_key_id = A1\naws_secret_access_key = s1\n")
    of, signer = target("probe"), chain()
    headers = signed(signer, of)
    assert holds(headers, "A1", "s1")
    file.write_text("[probe]\naws_access_key_id = A2\naws_secret_access_key = s2\n")
    assert signed(signer, of)["authorization"].startswith("AWS4-HMAC-SHA256 Credential=A1/")
    assert asyncio.run(signer.renewed(headers, REQUEST, of, FakeSecrets({})))
    assert holds(signed(signer, of), "A2", "s2")


@pytest.mark.parametrize(
    ("files", "profile", "code", "sentence"),
    [
        (
            "",
            "default",
            "no_credentials",
            "AWS's credential chain found no credentials: set AWS_ACCESS_KEY_ID",
        ),
        (
            "",
            "nobody",
            "ProfileNotFound",
            "config: write credentials: {aws: default}, or the name of one that is",
        ),
        (
            "[default]\naws_access_key_id = A\n",
            "default",
            "PartialCredentialsError",
            "set both AWS_ACCESS_KEY_ID",
        ),
    ],
)
def test_a_chain_without_credentials_is_a_sentence(
    environ: pytest.MonkeyPatch, tmp_path: Path, files: str, profile: str, code: str, sentence: str
) -> None:
    (tmp_path / "credentials").write_text(files)
    error = refusal(chain(), target(profile))
    assert (error.code, error.outcome) == (code, Outcome.CONFIG)
    assert sentence in str(error)
    assert str(error).startswith("there is no profile nobody in ") is (profile == "nobody")


def test_a_missing_botocore_is_said_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "botocore.exceptions", None)
    error = refusal(chain())
    assert (str(error), error.code) == (
        "target t needs nephoscope[aws]: pip install 'nephoscope[aws]'",
        "missing_extra",
    )


def test_the_instances_role_is_fetched_once_and_again_when_its_keys_have_ended(metadata: Service) -> None:
    clock = [0.0]
    signer = SigV4("bedrock", Kept(lambda: clock[0], 20.0))
    first, again = (signed(signer)["x-amz-security-token"] for _ in range(2))
    assert first == again == "imds-token-3"
    assert len(metadata.asked) == 3
    clock[0] = 1e11
    assert signed(signer)["x-amz-security-token"] == "imds-token-6"


@pytest.mark.parametrize("status", [404, 500])
def test_a_metadata_server_without_a_role_is_a_chain_without_credentials(
    metadata: Service, status: int
) -> None:
    metadata.status = status
    assert refusal(chain()).code == "no_credentials"


def test_an_unreachable_metadata_server_is_tried_once(environ: pytest.MonkeyPatch) -> None:
    environ.setenv("AWS_EC2_METADATA_DISABLED", "false")
    environ.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:9")
    error = refusal(chain())
    assert (error.code, error.outcome) == ("no_credentials", Outcome.CONFIG)
    assert "metadata server" in str(error)


def test_a_metadata_server_that_hangs_holds_no_probe_up(metadata: Service) -> None:
    metadata.gate.clear()
    assert refusal(chain(limit_s=0.05)).code == "identity_timeout"


def test_a_metadata_server_that_is_switched_off_is_not_asked(
    metadata: Service, environ: pytest.MonkeyPatch
) -> None:
    environ.setenv("AWS_EC2_METADATA_DISABLED", "true")
    assert refusal(chain()).code == "no_credentials"
    assert metadata.asked == []


def test_a_pods_role_is_taken_on_in_the_region_of_the_target(web_identity: Service) -> None:
    headers = signed(chain(), target(region="us-gov-west-1"))
    assert headers["x-amz-security-token"] == "sts-token-1"
    assert holds(headers, "ASIA1", "sts-secret-1", "sts-token-1", "us-gov-west-1")
    (asked,) = web_identity.asked
    assert "WebIdentityToken=the-jwt" in asked


@pytest.mark.parametrize(
    ("status", "code", "outcome", "sentence"),
    [
        (400, "InvalidIdentityToken", Outcome.CONFIG, "check the role's trust policy"),
        (500, "identity_service", Outcome.SERVER_ERROR, "see AWS's status"),
    ],
)
def test_an_identity_service_that_declines_is_asked_once_and_blamed_rightly(
    web_identity: Service, status: int, code: str, outcome: Outcome, sentence: str
) -> None:
    web_identity.status = status
    error = refusal(chain())
    assert (error.code, error.outcome) == (code, outcome)
    assert sentence in str(error)
    assert len(web_identity.asked) == 1


def test_an_identity_service_that_is_gone_is_a_broken_way(web_identity: Service) -> None:
    web_identity.close()
    error = refusal(chain())
    assert (error.code, error.outcome) == ("identity_service", Outcome.CONNECT_REFUSED)
