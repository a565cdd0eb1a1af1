"""Requests to AWS are signed as AWS writes it down, with whatever keys its own chain finds."""

import asyncio
import datetime as dt
import string
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

import botocore.auth
import pytest
from hypothesis import given
from hypothesis import strategies as st

import support.identity_libraries  # noqa: F401 - loaded before anybody waits for a token
from probes.base import SigningError, WireRequest
from probes.kept import Fetched, Kept
from probes.signers.sigv4 import Keys, SigV4
from probes.target import Target
from support.clouds import sigv4
from support.secrets import FakeSecrets

ACCESS, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
AT = dt.datetime(2025, 1, 2, 3, 4, 5)  # noqa: DTZ001 - as botocore has it
RUNTIME = "https://bedrock-runtime.us-east-1.amazonaws.com"
GOVERNMENT = "https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com"


def target(credentials: Mapping[str, str] | None = None, region: str | None = None) -> Target:
    return Target(
        name="t",
        provider="bedrock",
        cloud="aws",
        model="m",
        model_id="m",
        endpoint=RUNTIME,
        group="m",
        region=region,
        credentials={"aws": "default"} if credentials is None else credentials,
    )


def request(url: str = RUNTIME + "/model/m/converse", body: bytes = b"{}", **headers: str) -> WireRequest:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    content = {"content-type": "application/json"} if body else {}
    return WireRequest(
        method="POST" if body else "GET", url=url, headers={**content, **named}, body=body, streamed=False
    )


def holding(*keys: Keys, ends_s: float | None = None) -> Kept[Keys]:
    """Return what has fetched keys already, and fetches these others one after the other."""
    kept: Kept[Keys] = Kept()
    waiting = iter(keys)

    class Given(Kept[Keys]):
        async def get(self, key: str, fetch: object, *, anew: bool = False) -> Keys:
            del fetch
            return await kept.get(key, lambda: Fetched(next(waiting), ends_s), anew=anew)

    return Given()


def signed(
    signer: SigV4, asked: WireRequest, of: Target | None = None, secrets: FakeSecrets | None = None
) -> Mapping[str, str]:
    return asyncio.run(signer.sign(asked, of or target(), secrets or FakeSecrets({})))


def wrong(asked: WireRequest, headers: Mapping[str, str], keys: Keys, scope: tuple[str, str]) -> str | None:
    """Return what a server that follows the specification finds wrong."""
    parts = urlsplit(asked.url)
    arrived = {**asked.headers, **headers, "host": parts.netloc, "accept": "*/*", "x-request-id": "1"}
    line = parts.path + (f"?{parts.query}" if parts.query else "")
    known = {keys.access_key: (keys.secret_key, keys.token)}
    return sigv4.verify(asked.method, line, arrived, asked.body, known, scope)


@pytest.fixture
def _then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: AT)


GOLDEN = [
    # service, region, URL, body, session token, signature
    (
        "bedrock-mantle",
        "us-east-1",
        "https://bedrock-mantle.us-east-1.api.aws/openai/v1/responses",
        b'{"model":"gpt-4o","input":"hello"}',
        "fixture-session-token",
        "dc20c8fbe516daf0ccae7e5b7a78fc2936870413a9f1af6e1b2d44b970ce411f",
    ),
    (
        "bedrock",
        "us-east-1",
        RUNTIME + "/model/openai.gpt-oss-20b-1%3A0/converse-stream",
        b"{}",
        None,
        "eea4e27ebf4da2836763e450d1beae8a2f11f0af748875013e4b58013582fe9e",
    ),
    (
        "bedrock",
        "us-gov-west-1",
        GOVERNMENT + "/model/arn%3Aaws-us-gov%3Abedrock%3Aus-gov-west-1%3A1%3Ainference-profile%2Fx/converse",
        b"{}",
        "token",
        "d80963b5b763892e305c29cd73f756d3fc93ab3c0b2f71b2cb8396e17946b20e",
    ),
    (
        "sagemaker",
        "cn-north-1",
        "https://runtime.sagemaker.cn-north-1.amazonaws.com.cn/endpoints/e/invocations",
        b"{}",
        None,
        "84cde79a399a1c34402d3069b0effc136c4f1847aea2a7430bf9b67d6eb3b69c",
    ),
    (
        "bedrock",
        "eu-central-1",
        "https://bedrock.eu-central-1.amazonaws.com/foundation-models",
        b"",
        None,
        "3bd8dd361ea205636677b358601635633336a3ad7207638d7cf844fc07bea0f6",
    ),
]


@pytest.mark.usefixtures("_then")
@pytest.mark.parametrize(("service", "region", "url", "body", "token", "signature"), GOLDEN)
def test_the_golden_vectors_are_signed_exactly(
    service: str, region: str, url: str, body: bytes, token: str | None, signature: str
) -> None:
    """The first is another client's vector; the others were computed from the specification alone."""
    keys = Keys(ACCESS, SECRET, token)
    headers = signed(SigV4(service, holding(keys)), request(url, body))
    scope = f"20250102/{region}/{service}/aws4_request"
    assert headers["authorization"].startswith(f"AWS4-HMAC-SHA256 Credential={ACCESS}/{scope}, ")
    assert headers["authorization"].endswith(f"Signature={signature}")
    expected = {"authorization", "x-amz-date", "x-amz-content-sha256"}
    assert headers.keys() == expected | ({"x-amz-security-token"} if token else set())
    assert wrong(request(url, body), headers, keys, (region, service)) is None


IDS = st.text(string.ascii_letters + string.digits + ":/.-_~ +%ö", min_size=1, max_size=30)


@given(
    model=IDS,
    region=st.sampled_from(
        ["us-east-1", "us-gov-east-1", "cn-northwest-1", "eusc-de-east-1", "ap-southeast-3"]
    ),
    service=st.sampled_from(["bedrock", "bedrock-mantle", "sagemaker"]),
    body=st.binary(max_size=50),
    token=st.none() | st.text(string.ascii_letters + "+/=", min_size=1, max_size=40),
    query=st.dictionaries(st.text(string.ascii_letters, min_size=1, max_size=3), IDS, max_size=3),
    secret=st.text(string.ascii_letters + "+/", min_size=1, max_size=40),
    port=st.sampled_from(["", ":8443"]),
)
def test_a_server_that_follows_the_specification_accepts_any_request(
    *,
    model: str,
    region: str,
    service: str,
    body: bytes,
    token: str | None,
    query: dict[str, str],
    secret: str,
    port: str,
) -> None:
    asked_for = "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())
    url = f"https://host.example{port}/model/{quote(model, safe='')}/converse?{asked_for}"
    keys = Keys(ACCESS, secret, token)
    asked = request(url, body, x_amz_target="SageMaker.DescribeEndpoint")
    headers = signed(SigV4(service, holding(keys)), asked, target(region=region))
    assert wrong(asked, headers, keys, (region, service)) is None
    damaged = {**headers, "authorization": headers["authorization"][:-1] + "x"}
    assert wrong(asked, damaged, keys, (region, service)) is not None


@pytest.mark.parametrize(
    ("url", "region", "expected"),
    [
        ("https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com/x", None, "us-gov-west-1"),
        ("https://vpce-1.bedrock-runtime.ap-northeast-2.vpce.amazonaws.com/x", None, "ap-northeast-2"),
        ("https://bedrock-mantle.eu-south-1.api.aws/v1/x", None, "eu-south-1"),
        ("https://bedrock-runtime.us-iso-east-1.c2s.ic.gov/x", None, "us-iso-east-1"),
        ("https://gateway.bank/x", "eu-west-1", "eu-west-1"),
        (RUNTIME, "us-west-2", "us-west-2"),
    ],
)
def test_the_region_is_the_targets_else_the_hosts(url: str, region: str | None, expected: str) -> None:
    headers = signed(SigV4("bedrock", holding(Keys(ACCESS, SECRET))), request(url), target(region=region))
    assert f"/{expected}/bedrock/aws4_request" in headers["authorization"]


@pytest.mark.parametrize(
    ("of", "url", "sentence"),
    [
        (
            target({}),
            RUNTIME,
            r"target t has no credentials: give it credentials: \{aws: default\} or \{api_key",
        ),
        (target(), "https://gateway.bank", "target t has no region, and its endpoint names none"),
        (target({"api_key": "${EMPTY}"}), RUNTIME, "credentials.api_key of target t is empty"),
    ],
)
def test_an_identity_that_cannot_be_proven_is_a_sentence(of: Target, url: str, sentence: str) -> None:
    with pytest.raises(SigningError, match=sentence):
        signed(SigV4("bedrock", holding()), request(url), of, FakeSecrets({"EMPTY": ""}))


def test_a_key_of_bedrock_goes_behind_bearer_and_is_another_once_it_changed() -> None:
    known = {"KEY": "bedrock-api-key-1"}
    secrets, of, signer = FakeSecrets(known), target({"api_key": "${KEY}"}), SigV4("bedrock", holding())
    headers = signed(signer, request(), of, secrets)
    assert headers == {"authorization": "Bearer bedrock-api-key-1"}
    assert not asyncio.run(signer.renewed(headers, request(), of, secrets))
    known["KEY"] = "bedrock-api-key-2"
    assert asyncio.run(signer.renewed(headers, request(), of, secrets))
    with pytest.raises(SigningError, match=r"\{aws: default\}$"):
        signed(SigV4("sagemaker", holding(), bearer=False), request(), of, secrets)


def test_keys_are_got_anew_after_a_refusal_and_blotted_out() -> None:
    one, two, three = (Keys("A1", f"secret-{nth}", f"token-{nth}") for nth in (1, 2, 3))
    clock = [0.0]
    secrets, signer = FakeSecrets({}), SigV4("bedrock", holding(one, two, three), now_s=lambda: clock[0])
    headers = signed(signer, request(), secrets=secrets)
    assert secrets.redact("secret-1 token-1 A1") == "*** *** A1"
    assert asyncio.run(signer.renewed(headers, request(), target(), secrets))
    again = signed(signer, request(), secrets=secrets)
    assert again["x-amz-security-token"] == "token-2"
    assert asyncio.run(signer.renewed(headers, request(), target(), secrets)), (
        "another target got them already"
    )
    assert not asyncio.run(signer.renewed(again, request(), target(), secrets)), "so soon after the last time"
    clock[0] = 301.0
    assert asyncio.run(signer.renewed(again, request(), target(), secrets))
