"""How Cohere's models say that an answer ended, under whichever roof they run, in OpenAI's words; Oracle took the words over."""

from collections.abc import Mapping
from typing import Final

from probes.errors import ErrorObject

_WORDS: Final[Mapping[str, str]] = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
    "TOOL_CALLS": "tool_calls",
    "CONTENT_FILTERED": "content_filter",
    "ERROR_TOXIC": "content_filter",
}

_FAILURES: Final = frozenset({"ERROR", "ERROR_LIMIT", "TIMEOUT", "USER_CANCEL"})
"""Ends that are failures at 200; nobody of ours cancels an answer."""


def finish(reason: str) -> str:
    """Return a finish reason in OpenAI's words where these have one for it, else lower-cased.

    >>> finish("MAX_TOKENS"), finish("stop"), finish("ODD")
    ('length', 'stop', 'odd')
    """
    return _WORDS.get(reason.upper(), reason.lower())


def failure(reason: str, message: str | None) -> ErrorObject | None:
    """Return the failure that a finish reason tells of, None where it is no failure.

    >>> failure("ERROR", "the model died")
    ErrorObject(type='error', code=None, message='the model died', inner=None, retry_after_s=None)
    """
    if reason.upper() not in _FAILURES:
        return None
    return ErrorObject(type=reason.lower(), message=message or f"the finish reason is {reason}")
