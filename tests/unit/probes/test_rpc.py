"""Google's errors are understood by their status and details, whatever protocol they come in."""

import json
from typing import Any

import pytest

from probes import catalog, outcome
from probes.base import Reading
from probes.errors import ErrorObject, error_body
from probes.result import Outcome, StreamVerdict
from probes.rpc import details
from probes.target import Target, Workload

TARGET = Target(
    name="t",
    provider="vertex",
    cloud="gcp",
    model="flash",
    model_id="google/gemini-2.5-flash",
    endpoint="https://h",
    group="t",
    region="europe-west4",
    credentials={"google": "default"},
)
WAIT = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "38.5s"}


def info(reason: str, **metadata: str) -> dict[str, Any]:
    kind = "type.googleapis.com/google.rpc.ErrorInfo"
    return {"@type": kind, "reason": reason, "domain": "googleapis.com", "metadata": metadata}


def spent(*quotas: str) -> dict[str, Any]:
    violations = [
        {"quotaMetric": "generate_content_free_tier_requests", "quotaId": quota} for quota in quotas
    ]
    return {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": violations}


def error(code: int, status: str, *given: Any) -> bytes:
    return json.dumps({"error": {"code": code, "message": "m", "status": status, "details": given}}).encode()


def refused(body: bytes, status: int, provider: str = "vertex") -> outcome.Verdict:
    remedies = catalog.PROVIDERS[provider].remedies
    return outcome.of_status(TARGET, status, {}, error_body(body, {}), remedies=remedies)


PER_DAY, PER_MINUTE = (
    "GenerateRequestsPerDayPerProjectPerModel-FreeTier",
    "GenerateRequestsPerMinutePerProject",
)


@pytest.mark.parametrize(
    ("body", "status", "expected", "code"),
    [
        (error(429, "RESOURCE_EXHAUSTED", WAIT), 429, Outcome.THROTTLED, "RESOURCE_EXHAUSTED"),
        (
            error(429, "RESOURCE_EXHAUSTED", spent(PER_MINUTE), WAIT),
            429,
            Outcome.THROTTLED,
            "RESOURCE_EXHAUSTED",
        ),
        (
            error(429, "RESOURCE_EXHAUSTED", spent(PER_MINUTE, PER_DAY), WAIT),
            429,
            Outcome.QUOTA,
            "RESOURCE_EXHAUSTED",
        ),
        (
            error(
                429, "RESOURCE_EXHAUSTED", info("RATE_LIMIT_EXCEEDED", quota_limit="TokensPerDayPerProject")
            ),
            429,
            Outcome.QUOTA,
            "RESOURCE_EXHAUSTED",
        ),
        (
            error(429, "RESOURCE_EXHAUSTED", info("RATE_LIMIT_EXCEEDED", quota_limit="RequestsPerMinute")),
            429,
            Outcome.THROTTLED,
            "RESOURCE_EXHAUSTED",
        ),
        (error(400, "INVALID_ARGUMENT"), 400, Outcome.CONFIG, "INVALID_ARGUMENT"),
        (error(403, "PERMISSION_DENIED"), 403, Outcome.CONFIG, "PERMISSION_DENIED"),
        (b"[" + error(404, "NOT_FOUND") + b"]", 404, Outcome.CONFIG, "NOT_FOUND"),
        (error(499, "CANCELLED"), 499, Outcome.SERVER_ERROR, "CANCELLED"),
        (error(500, "INTERNAL"), 500, Outcome.SERVER_ERROR, "INTERNAL"),
        (error(503, "UNAVAILABLE"), 503, Outcome.OVERLOADED, "UNAVAILABLE"),
        (error(504, "DEADLINE_EXCEEDED"), 504, Outcome.SERVER_ERROR, "DEADLINE_EXCEEDED"),
    ],
)
def test_a_refusal_means_what_its_status_says_and_a_days_quota_is_spent(
    body: bytes, status: int, expected: Outcome, code: str
) -> None:
    verdict = refused(body, status)
    assert (verdict.outcome, verdict.code) == (expected, code)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("RESOURCE_EXHAUSTED", Outcome.THROTTLED),
        ("UNAVAILABLE", Outcome.OVERLOADED),
        ("PERMISSION_DENIED", Outcome.CONFIG),
        ("UNAUTHENTICATED", Outcome.CONFIG),
        ("NOT_FOUND", Outcome.CONFIG),
        ("FAILED_PRECONDITION", Outcome.CONFIG),
        ("INTERNAL", Outcome.SERVER_ERROR),
        ("CANCELLED", Outcome.SERVER_ERROR),
    ],
)
def test_an_error_in_a_stream_means_the_same_without_its_number(status: str, expected: Outcome) -> None:
    reading = Reading(stream=StreamVerdict.ERRORED, error_type=status, error="m")
    verdict = outcome.of_reading(TARGET, Workload(name="w"), reading)
    assert (verdict.outcome, verdict.code) == (expected, status)


@pytest.mark.parametrize(
    ("provider", "body", "status", "remedy"),
    [
        ("gemini", error(400, "INVALID_ARGUMENT", info("API_KEY_INVALID")), 400, "the API key is not valid"),
        ("vertex", error(401, "UNAUTHENTICATED"), 401, "look at credentials.google of target t"),
        (
            "vertex",
            error(403, "PERMISSION_DENIED", info("IAM_PERMISSION_DENIED")),
            403,
            "roles/aiplatform.user",
        ),
        (
            "vertex",
            error(403, "PERMISSION_DENIED", info("SERVICE_DISABLED")),
            403,
            "gcloud services enable aiplatform",
        ),
        ("vertex", error(403, "PERMISSION_DENIED", info("USER_PROJECT_DENIED")), 403, "serviceUsageConsumer"),
        ("vertex", error(404, "NOT_FOUND"), 404, "is not served in europe-west4"),
        ("vertex", error(400, "FAILED_PRECONDITION"), 400, "enable it in Model Garden"),
        ("vertex", error(400, "INVALID_ARGUMENT"), 400, "publisher/name"),
        ("vertex", error(429, "RESOURCE_EXHAUSTED"), 429, "Quotas in IAM & Admin"),
        ("gemini", error(400, "FAILED_PRECONDITION"), 400, "not offered in this country"),
        ("gemini", error(404, "NOT_FOUND"), 404, "unknown to the Gemini API"),
    ],
)
def test_a_refusal_is_told_with_the_remedy_in_googles_words(
    provider: str, body: bytes, status: int, remedy: str
) -> None:
    sentence = refused(body, status, provider).sentence
    assert sentence is not None
    assert remedy in sentence
    assert sentence.endswith('(it says: "m")')


@pytest.mark.parametrize(
    "given", [None, 7, "x", {}, [7, None, {"violations": 3, "metadata": []}], [{"reason": 4}]]
)
def test_details_of_any_shape_say_nothing_rather_than_break(given: Any) -> None:
    assert details(given) == (None, None)


def test_a_plain_error_of_another_vendor_is_as_before() -> None:
    body = json.dumps({"error": {"message": "m", "type": "server_error", "code": 500}}).encode()
    assert error_body(body, {}) == ErrorObject("server_error", "500", "m")
