"""What AWS refuses is told with the remedy in its own words, and asked once; an identity that ended is got anew once."""

import asyncio
from collections.abc import Iterator
from pathlib import Path as File

import pytest

import support.identity_libraries  # noqa: F401 - loaded before anybody waits for a token
from probes.result import MEANING, Blame, Outcome, ProbeResult
from support.clouds.aws import CONTAINED, CONVERSE
from support.clouds.aws_asking import (
    API_KEY,
    MODEL,
    REGION,
    SAGEMAKER,
    SECRET,
    answered,
    ask,
    lone_profile,
    target,
)
from support.clouds.aws_identity import Service
from support.clouds.aws_server import Answer, Cloud, refusal, streamed, whole


@pytest.fixture
def profile(monkeypatch: pytest.MonkeyPatch, tmp_path: File) -> str:
    return lone_profile(monkeypatch, tmp_path)


REFUSED: list[tuple[Answer, Outcome, str | None, str]] = [
    # answer, outcome, error code, what the sentence says
    (
        refusal("403 Forbidden", "InvalidSignatureException", "Signature expired: 20261128T1 is now earlier than 2"),
        Outcome.CONFIG,
        "InvalidSignatureException",
        "set this machine's clock",
    ),
    (
        refusal("400 Bad Request", "RequestExpired", "Signature not yet current: 20261128T1"),
        Outcome.CONFIG,
        "RequestExpired",
        "set this machine's clock",
    ),
    (
        refusal("403 Forbidden", "InvalidSignatureException", "The request signature we calculated does not match"),
        Outcome.CONFIG,
        "InvalidSignatureException",
        "check the secret key behind credentials.aws of target t",
    ),
    (
        refusal("403 Forbidden", "InvalidSignatureException", "Credential should be scoped to a valid region."),
        Outcome.CONFIG,
        "InvalidSignatureException",
        "signed for another region",
    ),
    (
        refusal("403 Forbidden", "AccessDeniedException", "User: arn:aws:iam::1:user/x is not authorized to perform: bedrock:InvokeModel"),
        Outcome.CONFIG,
        "AccessDeniedException",
        "allow bedrock:InvokeModelWithResponseStream for streams",
    ),
    (
        refusal("403 Forbidden", "AccessDeniedException", "You don't have access to the model with the specified model ID."),
        Outcome.CONFIG,
        "AccessDeniedException",
        f"model {MODEL} is not enabled for this account in {REGION}",
    ),
    (
        refusal("400 Bad Request", "ValidationException", "Invocation of model ID x with on-demand throughput isn\u2019t supported."),
        Outcome.CONFIG,
        "ValidationException",
        "write id: with an inference profile",
    ),
    (
        refusal("400 Bad Request", "ValidationException", "The provided model identifier is invalid."),
        Outcome.CONFIG,
        "ValidationException",
        f"model {MODEL} is unknown in {REGION}",
    ),
    (
        refusal("404 Not Found", "ResourceNotFoundException", "Model use case details have not been submitted for this account."),
        Outcome.CONFIG,
        "ResourceNotFoundException",
        "submit the use case details",
    ),
    (
        refusal("404 Not Found", "ResourceNotFoundException", "This model version has reached the end of its life."),
        Outcome.CONFIG,
        "ResourceNotFoundException",
        "move to an active one",
    ),
    (
        refusal("429 Too Many Requests", "ThrottlingException", "Too many tokens per day, please wait."),
        Outcome.QUOTA,
        "ThrottlingException",
        "raise the quota in Service Quotas",
    ),
    (
        refusal("400 Bad Request", "ServiceQuotaExceededException", "Too many."),
        Outcome.QUOTA,
        "ServiceQuotaExceededException",
        "raise it in Service Quotas",
    ),
    (
        refusal("429 Too Many Requests", "ThrottlingException", "Too many requests, please wait."),
        Outcome.THROTTLED,
        "ThrottlingException",
        f"the quota of {MODEL} in {REGION} is reached",
    ),
    (
        refusal("429 Too Many Requests", "ModelNotReadyException", "Model is not ready for inference."),
        Outcome.OVERLOADED,
        "ModelNotReadyException",
        "is imported and cold",
    ),
    (refusal("408 Request Timeout", "ModelTimeoutException", "late"), Outcome.SERVER_ERROR, "ModelTimeoutException", "408"),
    (refusal("424 Failed Dependency", "ModelErrorException", "no"), Outcome.SERVER_ERROR, "ModelErrorException", "424"),
    (refusal("500 Internal", "InternalServerException", "no"), Outcome.SERVER_ERROR, "InternalServerException", "500"),
    (
        refusal("503 Service Unavailable", "ServiceUnavailableException", "no"),
        Outcome.OVERLOADED,
        "ServiceUnavailableException",
        "Bedrock has no capacity",
    ),
    (Answer(b'{"__type":"com.amazon.coral#UnknownOperationException"}', "404 Not Found"), Outcome.CONFIG, "UnknownOperationException", "404"),
    (Answer(b'{"Message":"gone"}', "529 Overloaded"), Outcome.OVERLOADED, None, "gone"),
]  # fmt: skip


@pytest.mark.parametrize(("respond", "outcome", "code", "sentence"), REFUSED)
def test_a_refusal_of_bedrock_is_told_with_the_remedy_and_asked_once(
    profile: str, respond: Answer, outcome: Outcome, code: str | None, sentence: str
) -> None:
    result, _ = answered(respond, target(profile))
    assert (result.outcome, result.error_code) == (outcome, code)
    assert sentence in (result.error or "")
    assert (MEANING[result.outcome].blame is Blame.CONFIG) == (outcome is Outcome.CONFIG)


def test_a_stale_key_of_bedrock_is_named_where_it_was_sent_and_nowhere_else(profile: str) -> None:
    denied = refusal("403 Forbidden", "AccessDeniedException", "Please make sure your API Key is valid.")
    result, _ = answered(denied, target(None), api_key=API_KEY)
    assert result.outcome is Outcome.CONFIG
    assert "credentials.api_key of target t (${AWS_BEARER_TOKEN_BEDROCK})" in (result.error or "")
    result, _ = answered(refusal("403 Forbidden", "AccessDeniedException", "no"), target(profile))
    assert "AWS_BEARER_TOKEN_BEDROCK" not in (result.error or "")


@pytest.mark.parametrize(
    ("respond", "outcome", "code", "sentence"),
    [
        (
            refusal("400 Bad Request", "ValidationError", "Endpoint vllm-prod of account 1 not found."),
            Outcome.CONFIG,
            "ValidationError",
            "endpoint vllm-prod is unknown in us-east-2",
        ),
        (
            refusal("424 Failed Dependency", "ModelError", "Received client error (400) from primary"),
            Outcome.SERVER_ERROR,
            "ModelError",
            "the container of endpoint vllm-prod refused the request",
        ),
        (
            refusal("530 Internal Dependency", "InternalDependencyException", "no"),
            Outcome.SERVER_ERROR,
            "InternalDependencyException",
            "530",
        ),
        (streamed(CONTAINED["broken"]), Outcome.SERVER_ERROR, "ModelStreamError", "late"),
        (streamed(CONTAINED["failed"]), Outcome.SERVER_ERROR, "InternalStreamFailure", "gone"),
        (streamed(CONTAINED["truncated"]), Outcome.TRUNCATED, None, "before its own end mark"),
    ],
)
def test_what_fails_on_sagemaker_is_told(
    profile: str, respond: Answer, outcome: Outcome, code: str | None, sentence: str
) -> None:
    result, _ = answered(respond, target(profile, **SAGEMAKER), service="sagemaker")
    assert (result.outcome, result.error_code) == (outcome, code)
    assert sentence in (result.error or "")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({"retry_after": "7"}, 7.0), ({"retry_after_ms": "1500"}, 1.5), ({"retry_after": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0.0), ({}, None)],
)  # fmt: skip
def test_every_form_of_waiting_is_heard(profile: str, headers: dict[str, str], seconds: float | None) -> None:
    respond = refusal("429 Too Many Requests", "ThrottlingException", "slow down", **headers)
    result, _ = answered(respond, target(profile))
    assert result.retry_after_s == seconds


@pytest.fixture
def metadata(profile: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    service = Service()
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "false")
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", service.url)
    yield service
    service.close()


@pytest.mark.parametrize("good", [True, False], ids=["the new one holds", "the new one has ended too"])
def test_a_session_token_that_has_ended_is_got_anew_once(metadata: Service, good: bool) -> None:  # noqa: FBT001 - a parameter
    async def run() -> tuple[list[ProbeResult], Cloud]:
        async with Cloud(lambda _asked: streamed(CONVERSE["normal"]), {}, (REGION, "bedrock")) as cloud:
            for nth in range(1, 20):
                cloud.knows(f"AKIA{nth}", f"imds-secret-{nth}", f"imds-token-{nth}")
            cloud.expired = {"imds-token-3"} if good else {f"imds-token-{nth}" for nth in range(20)}
            return await ask(cloud, target("default")), cloud

    (result,), cloud = asyncio.run(run())
    tokens = [asked.headers["x-amz-security-token"] for asked in cloud.asked]
    assert tokens == ["imds-token-3", "imds-token-6"]
    assert cloud.wrong == []
    assert result.outcome is (Outcome.OK if good else Outcome.CONFIG)
    if not good:
        assert result.error_code == "ExpiredTokenException"
        assert "get new temporary credentials" in (result.error or "")


def test_as_many_requests_arrive_as_there_are_slots(profile: str) -> None:
    """The keys are found once for all of them."""

    async def run() -> list[str]:
        async with Cloud(
            lambda _asked: refusal("503 Service Unavailable", "ServiceUnavailableException", "no"),
            {"AKID": (SECRET, None)},
            (REGION, "bedrock"),
        ) as cloud:
            await ask(cloud, target(profile), slots=3)
        return [asked.target for asked in cloud.asked]

    assert len(asyncio.run(run())) == 3


def test_a_probe_without_credentials_asks_nobody_and_names_the_metadata_server(
    profile: str, metadata: Service
) -> None:
    metadata.status = 404

    async def run() -> tuple[list[ProbeResult], Cloud]:
        async with Cloud(lambda _asked: whole({}), {}, (REGION, "bedrock")) as cloud:
            return await ask(cloud, target("default")), cloud

    (result,), cloud = asyncio.run(run())
    assert cloud.asked == []
    assert (result.outcome, result.error_code) == (Outcome.CONFIG, "no_credentials")
    assert "metadata server" in (result.error or "")
