"""What an endpoint says went wrong: the shapes that errors come in, and what their names mean."""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from probes.loose import glimpse, mapping, string
from probes.result import Outcome
from probes.rpc import details


class ErrorObject(NamedTuple):
    """What an endpoint says went wrong, in whichever of the usual shapes; `retry_after_s` is in seconds."""

    type: str | None = None
    code: str | None = None
    message: str | None = None
    inner: str | None = None
    retry_after_s: float | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Return what it is called, the most telling name first, lower-cased."""
        return tuple(name.lower() for name in (self.code, self.inner, self.type) if name)


_SPENT = re.compile(
    r"insufficient_(user_)?(quota|balance|credits?|funds)"
    r"|(credits?|quota|balance)(_balance)?_(exhausted|depleted|insufficient|too_low)"
    r"|billing_\w+|arrearage|payment_required|out_of_credits?|budget_exceeded"
    r"|servicequotaexceededexception|limitexceeded|quotaexceeded|[\w-]*perday[\w-]*"
    r"|\w+_spend_limit_reached|\w+_billing_unavailable"
)
_UNNAMED: Mapping[str, str] = {"your credit balance is too low": "credit_balance_too_low"}
"""How the text of an error begins, lower-cased, that is no other's, though its names are: Anthropic's spent credit
is a 400 by the name of any request that is wrong."""

_UNSEEN = re.compile(r"<(?:script|style)\b", re.IGNORECASE)
_SEEN_AGAIN = re.compile(r"</(?:script|style)\s*>", re.IGNORECASE)

_NOT_READY = frozenset(
    {"modelnotreadyexception", "all_deployments_in_cooldown", "capacity_exceeded", "server_is_overloaded"}
)
"""Codes of a 4xx that is no limit of ours: Bedrock's cold model, LiteLLM's servers that all failed before, Groq's 498."""

_TOO_FAST = frozenset({"slow_down"})
"""Codes of a limit of ours, whatever the status: OpenAI's for a rate that rose too fast was a 503 once."""

_MODERATED = "content_policy_violation"

_FILTERED = frozenset(
    {"content_filter", "responsibleaipolicyviolation", "content_policy_violation", "datainspectionfailed"}
    | {"data_inspection_failed", "contentpolicyviolationerror"}
)

_FILTERED_TEXT = re.compile(r"inappropriate (input |output )?content detected", re.IGNORECASE)
"""How a content filter's refusal reads where no name tells of it: Oracle's, whose code is 400."""

OUTDATED = frozenset(
    {"expiredtoken", "expiredtokenexception", "unrecognizedclientexception", "api_key_invalid"}
)
"""Names of a refusal, whatever its status, that a new token may mend."""

_NAMES: Mapping[str, Outcome] = {
    **dict.fromkeys(_NOT_READY, Outcome.OVERLOADED),
    "overloaded_error": Outcome.OVERLOADED,
    "server_is_overloaded": Outcome.OVERLOADED,
    "service_unavailable_error": Outcome.OVERLOADED,
    "serviceunavailable": Outcome.OVERLOADED,
    "serviceunavailableerror": Outcome.OVERLOADED,
    "serviceunavailableexception": Outcome.OVERLOADED,
    "rate_limit_error": Outcome.THROTTLED,
    "rate_limit_exceeded": Outcome.THROTTLED,
    "limit_burst_rate": Outcome.THROTTLED,
    "limit_requests": Outcome.THROTTLED,
    "requests": Outcome.THROTTLED,
    "slow_down": Outcome.THROTTLED,
    "throttling": Outcome.THROTTLED,
    "throttling.allocationquota": Outcome.THROTTLED,
    "throttling.burstrate": Outcome.THROTTLED,
    "throttling.ratequota": Outcome.THROTTLED,
    "throttling_error": Outcome.THROTTLED,
    "throttlingexception": Outcome.THROTTLED,
    "tokens": Outcome.THROTTLED,
    "too_many_requests": Outcome.THROTTLED,
    "accessdeniedexception": Outcome.CONFIG,
    "toomanyrequests": Outcome.THROTTLED,
    "authentication_error": Outcome.CONFIG,
    "badrequesterror": Outcome.CONFIG,
    "data_residency_mismatch": Outcome.CONFIG,
    "conflict_error": Outcome.CONFIG,
    "invalid_api_key": Outcome.CONFIG,
    "invalid_prompt": Outcome.CONFIG,
    "invalid_request_error": Outcome.CONFIG,
    "error_limit": Outcome.CONFIG,
    "invalidparameter": Outcome.CONFIG,
    "model_not_found": Outcome.CONFIG,
    "not_found_error": Outcome.CONFIG,
    "notauthenticated": Outcome.CONFIG,
    "notauthorizedornotfound": Outcome.CONFIG,
    "notfounderror": Outcome.CONFIG,
    "permission_error": Outcome.CONFIG,
    "resourcenotfoundexception": Outcome.CONFIG,
    "request_too_large": Outcome.CONFIG,
    "unprocessableentityerror": Outcome.CONFIG,
    "validationexception": Outcome.CONFIG,
    # google.rpc's
    "resource_exhausted": Outcome.THROTTLED,
    "unavailable": Outcome.OVERLOADED,
    **dict.fromkeys(
        ("internal", "deadline_exceeded", "cancelled", "unknown", "aborted"), Outcome.SERVER_ERROR
    ),
    **dict.fromkeys(("permission_denied", "unauthenticated", "not_found"), Outcome.CONFIG),
    **dict.fromkeys(("invalid_argument", "failed_precondition", "out_of_range"), Outcome.CONFIG),
}
"""Types and codes, lower-cased, that stand for a status where the status itself is not to be seen."""


def before_status(error: ErrorObject, status: int) -> Outcome | None:
    """Return what an error's names mean whatever its status says; None where the status decides.

    >>> before_status(ErrorObject(code="insufficient_quota"), 429)
    <Outcome.QUOTA: 'quota'>
    >>> before_status(ErrorObject(code="rate_limit_exceeded"), 429) is None
    True
    """
    if status == 402 or any(_SPENT.fullmatch(name) for name in error.names):
        return Outcome.QUOTA
    if status == 403 and _MODERATED in error.names:
        return Outcome.CONTENT_FILTER
    if status == 400 and (
        not _FILTERED.isdisjoint(error.names) or _FILTERED_TEXT.search(error.message or "")
    ):
        return Outcome.CONTENT_FILTER
    if not _NOT_READY.isdisjoint(error.names):
        return Outcome.OVERLOADED
    if not _TOO_FAST.isdisjoint(error.names):
        return Outcome.THROTTLED
    return None


def without_status(error: ErrorObject) -> Outcome:
    """Return what an error's names mean where there is no status; an unknown one is the server's.

    >>> without_status(ErrorObject(type="overloaded_error")), without_status(ErrorObject(type="gremlins"))
    (<Outcome.OVERLOADED: 'overloaded'>, <Outcome.SERVER_ERROR: 'server_error'>)
    """
    return next((_NAMES[name] for name in error.names if name in _NAMES), Outcome.SERVER_ERROR)


def error_object(value: Any) -> ErrorObject | None:
    """Return the error that a chunk or body carries, or None where it carries none.

    >>> error_object({"error": {"message": "no", "type": "server_error", "code": 500}})
    ErrorObject(type='server_error', code='500', message='no', inner=None, retry_after_s=None)
    >>> error_object({"error": None, "choices": []}) is None
    True
    """
    if not isinstance(value, dict) or not ("error" in value or value.get("object") == "error"):
        return None  # almost every chunk
    match value:
        case {"error": dict(error)}:
            inner = mapping(error.get("innererror") or error.get("inner_error"))
            metadata = mapping(error.get("metadata"))
            reason, retry_after_s = details(error.get("details"))
            message = _text(error.get("message"))
            code = error.get("code") or mapping(error.get("details")).get("error_code") or _unnamed(message)
            return ErrorObject(
                _text(error.get("type")) or string(error.get("status")) or _moderated(metadata),
                _text(code),
                _behind(message, metadata),
                _text(inner.get("code")) or reason,
                retry_after_s,
            )
        case {"error": str(message)} if message:
            return ErrorObject(code=_name(value.get("code")), message=message)
        case {"object": "error"}:
            return ErrorObject(
                _text(value.get("type")), _text(value.get("code")), _text(value.get("message"))
            )
    return None


def bare_error(value: Any) -> ErrorObject | None:
    """Return the error that a body is whose only shape is a code and a message, as Oracle's; None where it is none.

    >>> bare_error({"code": "InternalServerError", "message": "no"}).names
    ('internalservererror',)
    """
    match value:
        case {"code": str(code), "message": str(message)} if code:
            return ErrorObject(code=code, message=message or None)
    return None


def error_body(body: bytes, headers: Mapping[str, str]) -> ErrorObject:
    """Return what the body of a refusal says: JSON in the usual shapes, or the beginning of its text.

    `headers` are lower-cased: some vendors name the error there.
    """
    text = body.decode(errors="replace").strip()
    named = headers.get("x-amzn-errortype", "").partition(":")[0] or None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return ErrorObject(named, message=glimpse(_looks(text)) or None)
    if isinstance(value, list) and value:
        value = value[0]
    if found := error_object(value):
        return found
    if isinstance(value, dict):
        detail = value.get("message") or value.get("Message") or value.get("detail") or value.get("msg")
        named = named or (_text(value.get("__type")) or "").rpartition("#")[2] or None
        if isinstance(page := value.get("html-message"), str):  # Portkey's for whatever was no JSON
            detail = glimpse(_looks(page))
        message = detail if isinstance(detail, str) else json.dumps(detail) if detail else None
        return ErrorObject(_text(value.get("type")) or named, _text(value.get("code")), message)
    return ErrorObject(named, message=glimpse(text) or None)


def _behind(message: str | None, metadata: Mapping[str, Any]) -> str | None:
    """Return a message with what OpenRouter passes on of whoever is behind it."""
    said = [text for text in (metadata.get("provider_name"), metadata.get("raw")) if isinstance(text, str)]
    return f"{message or 'error'} ({': '.join(said)})" if said else message


def _moderated(metadata: Mapping[str, Any]) -> str | None:
    """Return the name of a refusal for what a prompt says, which OpenRouter tells by its details alone."""
    return _MODERATED if "flagged_input" in metadata else _name(metadata.get("error_type"))


def _name(value: Any) -> str | None:
    """Return what may be a name: xAI has sentences there."""
    return value if isinstance(value, str) and re.fullmatch(r"[\w.-]+", value) else None


def _looks(page: str) -> str:
    """Return what a page shows; in linear time, as an endless `<<<<` must not hold the event loop up."""
    first, *others = _UNSEEN.split(page)
    seen = [first, *(_SEEN_AGAIN.split(piece, maxsplit=1)[-1] for piece in others)]
    return re.sub(r"<[^<>]*>", " ", " ".join(seen))


def _unnamed(message: str | None) -> str | None:
    text = (message or "").lower()
    return next((name for start, name in _UNNAMED.items() if text.startswith(start)), None)


def _text(value: Any) -> str | None:
    return str(value) if isinstance(value, str | int) and value != "" else None
