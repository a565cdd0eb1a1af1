"""Marks (name, nanoseconds) to durations: the definitions of docs/accuracy.md in code."""

from collections.abc import Mapping
from typing import Final

AUTH_START: Final = "auth_start"
AUTH_END: Final = "auth_end"
DNS_WAIT_START: Final = "dns_wait_start"
DNS_START: Final = "dns_start"
DNS_END: Final = "dns_end"
CONNECT_START: Final = "connect_start"
CONNECT_END: Final = "connect_end"
PROXY_START: Final = "proxy_start"
PROXY_END: Final = "proxy_end"
TLS_START: Final = "tls_start"
TLS_END: Final = "tls_end"
SENT: Final = "sent"
SENT_BY: Final = "sent_by"
"""When the call that sent was over: how far `sent` is to be believed."""
FIRST_BYTE: Final = "first_byte"
FIRST_TOKEN: Final = "first_token"  # noqa: S105 - a token of text, not a secret
FIRST_OUTPUT: Final = "first_output"
LAST_TOKEN: Final = "last_token"  # noqa: S105 - a token of text, not a secret
END: Final = "end"

_SPANS: Mapping[str, tuple[str, str]] = {
    "auth_s": (AUTH_START, AUTH_END),
    "dns_wait_s": (DNS_WAIT_START, DNS_START),
    "dns_s": (DNS_START, DNS_END),
    "connect_s": (CONNECT_START, CONNECT_END),
    "proxy_s": (PROXY_START, PROXY_END),
    "tls_s": (TLS_START, TLS_END),
    "ttfb_s": (SENT, FIRST_BYTE),
    "ttft_s": (SENT, FIRST_TOKEN),
    "ttfo_s": (SENT, FIRST_OUTPUT),
    "last_token_s": (SENT, LAST_TOKEN),
    "total_s": (SENT, END),
}


class Marks:
    """Instants of one attempt, monotonic nanoseconds; the last mark of a name wins."""

    __slots__ = ("at",)

    def __init__(self) -> None:
        self.at: dict[str, int] = {}

    def mark(self, name: str, instant_ns: int) -> None:
        self.at[name] = instant_ns

    def since(self, origin_ns: int) -> tuple[tuple[str, int], ...]:
        """Return (name, nanoseconds since the origin), in order of time."""
        return tuple(
            sorted(((name, at - origin_ns) for name, at in self.at.items()), key=lambda mark: mark[1])
        )

    def durations(self) -> dict[str, float]:
        """Return the seconds of every phase whose both ends were seen; what was not observed is absent.

        A server that answers before it was asked (a full one, at the door) shows no time that it took.

        >>> marks = Marks()
        >>> marks.mark(SENT, 1_000); marks.mark(FIRST_TOKEN, 2_001_000)
        >>> marks.durations()
        {'ttft_s': 0.002}
        """
        return {
            name: (self.at[end] - self.at[start]) / 1e9
            for name, (start, end) in _SPANS.items()
            if start in self.at and self.at.get(end, -1) >= self.at[start]
        }
