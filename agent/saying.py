"""What people say on the command line of maintenance and corrections: who, why, and when."""

import getpass
from datetime import datetime

from agent.errors import ConfigError

LONGEST_REASON = 500


def author(given: str | None) -> str:
    """Return who says it: by default the login name, and where there is none it has to be given."""
    if given is not None:
        return _line("--author", given)
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        raise ConfigError("--author: nobody is logged in by a name; say who you are") from None


def reason(given: str | None) -> str:
    """Return why; without a reason nothing is excluded from a promise."""
    if given is None or not given.strip():
        raise ConfigError(
            '--reason: is missing; say why, as in --reason "upgrade to vLLM 0.12": it is stored and reported'
        )
    return _line("--reason", given)


def instant_ns(flag: str, text: str) -> int:
    """Return an instant that says its offset, as UTC nanoseconds; ConfigError that names the flag.

    >>> instant_ns("--since", "2026-11-28T10:00Z") == instant_ns("--since", "2026-11-28T11:00+01:00")
    True
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"{flag} {text}: is no instant; write one as in 2026-11-28T10:00Z") from None
    if at.tzinfo is None:
        raise ConfigError(
            f"{flag} {text}: says no offset, and none is assumed; write {text}Z for UTC, or its offset, as in {text}+01:00"
        )
    return round(at.timestamp() * 1_000_000) * 1000


def _line(flag: str, text: str) -> str:
    said = " ".join(text.split())
    if not said.isprintable() or not said:
        raise ConfigError(f"{flag}: is empty or holds what cannot be seen; write plain words")
    if len(said) > LONGEST_REASON:
        raise ConfigError(f"{flag}: is {len(said)} characters long; write {LONGEST_REASON} at most")
    return said
