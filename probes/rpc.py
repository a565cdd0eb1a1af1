"""What Google's services tell of an error beside its status: the details of google.rpc."""

from typing import Any, NamedTuple

from probes.headers import seconds
from probes.loose import mapping, mappings, string


class Details(NamedTuple):
    """Why a call failed, in Google's own word, and how long to wait before the next one, in seconds."""

    reason: str | None = None
    retry_after_s: float | None = None


def details(given: Any) -> Details:
    """Return what the details of an error say; a quota that is spent for the day is the most telling reason.

    >>> details([{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "17s"}])
    Details(reason=None, retry_after_s=17.0)
    >>> details([{"reason": "RATE_LIMIT_EXCEEDED"}, {"violations": [{"quotaId": "GenerateRequestsPerDayPerProject"}]}])
    Details(reason='GenerateRequestsPerDayPerProject', retry_after_s=None)
    """
    reasons: list[str] = []
    quotas: list[str] = []
    retry_after_s = None
    for detail in mappings(given):
        reasons.append(string(detail.get("reason")))
        quotas.append(string(mapping(detail.get("metadata")).get("quota_limit")))
        quotas += [string(violation.get("quotaId")) for violation in mappings(detail.get("violations"))]
        if retry_after_s is None:
            retry_after_s = seconds(string(detail.get("retryDelay")))
    spent = [quota for quota in quotas if "perday" in quota.lower()]
    return Details(next(filter(None, (*spent, *reasons)), None), retry_after_s)
