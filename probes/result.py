"""The one message that flows through everything: what one attempt at one endpoint showed."""

import dataclasses
import json
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Self


class Outcome(StrEnum):
    """What became of one attempt; exactly one holds."""

    OK = "ok"
    AGENT_FAULT = "agent_fault"
    CONFIG = "config"
    IDENTITY_SERVICE = "identity_service"
    QUOTA = "quota"
    THROTTLED = "throttled"
    CONTENT_FILTER = "content_filter"
    DNS = "dns"
    CONNECT_REFUSED = "connect_refused"
    CONNECT_TIMEOUT = "connect_timeout"
    TLS = "tls"
    DISCONNECTED = "disconnected"
    OVERLOADED = "overloaded"
    SERVER_ERROR = "server_error"
    FIRST_TOKEN_TIMEOUT = "first_token_timeout"  # noqa: S105 - a token of text, not a secret
    STALLED = "stalled"
    TOTAL_TIMEOUT = "total_timeout"
    TRUNCATED = "truncated"
    MALFORMED = "malformed"
    EMPTY = "empty"
    MISMATCH = "mismatch"


class Blame(StrEnum):
    """Whose it looks like from this attempt alone; the incident's verdict is called fault."""

    PROVIDER = "provider"
    NETWORK = "network"
    CONFIG = "config"
    QUOTA = "quota"
    AGENT = "agent"
    NONE = "none"


class EventClass(StrEnum):
    """What one slot counts as for one objective."""

    GOOD = "good"
    BAD = "bad"
    EXCLUDED = "excluded"
    INVALID = "invalid"


class Fault(StrEnum):
    """What settlement says of a confirmed failure, after confirmations and path witnesses."""

    NONE = "none"
    NOT_OURS = "not_ours"
    OURS = "ours"
    UNDETERMINED = "undetermined"


class StreamVerdict(StrEnum):
    """How a response body ended."""

    COMPLETE = "complete"
    TRUNCATED = "truncated"
    ERRORED = "errored"
    STALLED = "stalled"
    EMPTY = "empty"


@dataclasses.dataclass(frozen=True, slots=True)
class Meaning:
    """What follows from an outcome."""

    good: bool | None
    availability: EventClass
    blame: Blame
    confirm: bool


_PROVIDER_BAD = Meaning(good=False, availability=EventClass.BAD, blame=Blame.PROVIDER, confirm=True)
_NETWORK_BAD = Meaning(good=False, availability=EventClass.BAD, blame=Blame.NETWORK, confirm=True)


def _no_verdict(blame: Blame, availability: EventClass = EventClass.INVALID) -> Meaning:
    return Meaning(good=None, availability=availability, blame=blame, confirm=False)


MEANING: Mapping[Outcome, Meaning] = {
    Outcome.OK: Meaning(good=True, availability=EventClass.GOOD, blame=Blame.NONE, confirm=False),
    Outcome.AGENT_FAULT: _no_verdict(Blame.AGENT),
    Outcome.CONFIG: _no_verdict(Blame.CONFIG),
    Outcome.IDENTITY_SERVICE: _PROVIDER_BAD,
    Outcome.QUOTA: _no_verdict(Blame.QUOTA),
    Outcome.THROTTLED: _no_verdict(Blame.PROVIDER, EventClass.EXCLUDED),
    Outcome.CONTENT_FILTER: _no_verdict(Blame.PROVIDER, EventClass.EXCLUDED),
    Outcome.DNS: _NETWORK_BAD,
    Outcome.CONNECT_REFUSED: _NETWORK_BAD,
    Outcome.CONNECT_TIMEOUT: _NETWORK_BAD,
    Outcome.TLS: _NETWORK_BAD,
    Outcome.DISCONNECTED: _NETWORK_BAD,
    Outcome.OVERLOADED: _PROVIDER_BAD,
    Outcome.SERVER_ERROR: _PROVIDER_BAD,
    Outcome.FIRST_TOKEN_TIMEOUT: _PROVIDER_BAD,
    Outcome.STALLED: _PROVIDER_BAD,
    Outcome.TOTAL_TIMEOUT: _PROVIDER_BAD,
    Outcome.TRUNCATED: _PROVIDER_BAD,
    Outcome.MALFORMED: _PROVIDER_BAD,
    Outcome.EMPTY: _PROVIDER_BAD,
    Outcome.MISMATCH: Meaning(good=False, availability=EventClass.GOOD, blame=Blame.PROVIDER, confirm=False),
}

DEADLINES = frozenset({Outcome.FIRST_TOKEN_TIMEOUT, Outcome.STALLED, Outcome.TOTAL_TIMEOUT})
"""Outcomes of a passed deadline: bad for the latency and throughput SLIs too."""

REFUSALS = frozenset({Outcome.CONFIG, Outcome.IDENTITY_SERVICE, Outcome.QUOTA})
"""Outcomes of an identity or a quota that is refused."""

ON_THE_WAY = frozenset(
    {
        Outcome.DNS,
        Outcome.CONNECT_REFUSED,
        Outcome.CONNECT_TIMEOUT,
        Outcome.TLS,
        Outcome.DISCONNECTED,
        Outcome.FIRST_TOKEN_TIMEOUT,
        Outcome.STALLED,
        Outcome.TOTAL_TIMEOUT,
        Outcome.TRUNCATED,
    }
)
"""Outcomes that a broken way out may have; any other is a server's answer, so the way is whole."""

ANSWERED = frozenset({Outcome.OK, Outcome.MISMATCH})
"""Outcomes that came to their end, so that their total is the duration of an answer."""

SCHEDULED = 0
"""The attempt that a slot asked for, the only one that enters an SLI."""

MANUAL = -1
"""An attempt that a person asked for."""

DRILL = -2
"""An attempt of a drill, which nobody counts; its confirmations are -3 and below."""


DEGRADED = "degraded"
"""The backend fact that a good answer was not served as it was bought; its value names the fact that shows it."""

FLEETING = frozenset({"session"})
"""Backend facts that change with nearly every answer, so that they tell no backends apart."""


@dataclasses.dataclass(frozen=True, slots=True)
class SlotKey:
    """One due probe of one target from one vantage; the instant is UTC nanoseconds since the epoch."""

    target: str
    probe: str
    vantage: str
    scheduled_ns: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ProbeResult:
    """One attempt, flat.

    Instants end in ``_ns`` (UTC nanoseconds since the epoch), durations in ``_s`` (float seconds),
    ``None`` is "not observed" and never 0. ``marks`` are (name, nanoseconds since ``started_ns``) on the
    monotonic clock (probes/timing.py names them); ``chunks`` are arrival instants of the body's first units in
    seconds since ``sent``.
    ``tokens_per_s`` is the speed of a long answer: tokens after the first unit's, from that to the last.
    ``checked`` says whether an answer was held against what its probe expects: not where its cap had cut it.
    """

    id: uuid.UUID
    probe: str
    kind: str
    target: str
    provider: str
    cloud: str
    model: str
    vantage: str
    scheduled_ns: int
    started_ns: int
    outcome: Outcome
    attempt: int = SCHEDULED
    region: str | None = None
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict)
    simulated: bool = False
    # What was asked of whom
    request_model: str | None = None
    max_tokens: int | None = None
    server_address: str | None = None
    server_port: int | None = None
    peer: str | None = None
    reused: bool | None = None
    # What came back
    http_status: int | None = None
    error_code: str | None = None
    error: str | None = None
    stream: StreamVerdict | None = None
    finish_reason: str | None = None
    checked: bool | None = None
    response_id: str | None = None
    response_model: str | None = None
    fingerprint: str | None = None
    service_tier: str | None = None
    backend: Mapping[str, str] = dataclasses.field(default_factory=dict)
    provider_request_id: str | None = None
    server_s: float | None = None
    gateway_s: float | None = None
    ratelimit: Mapping[str, float] = dataclasses.field(default_factory=dict)
    retry_after_s: float | None = None
    tls_expires_at: datetime | None = None
    # When: durations, seconds
    auth_s: float | None = None
    dns_wait_s: float | None = None
    dns_s: float | None = None
    proxy_s: float | None = None
    connect_s: float | None = None
    tls_s: float | None = None
    ttfb_s: float | None = None
    ttft_s: float | None = None
    ttfo_s: float | None = None
    itl_s: float | None = None
    gap_max_s: float | None = None
    last_token_s: float | None = None
    total_s: float | None = None
    tokens_per_s: float | None = None
    marks: tuple[tuple[str, int], ...] = ()
    chunks: tuple[float, ...] = ()
    # How much
    input_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    cached_tokens: int | None = None
    cost_usd: float | None = None
    price_source: str | None = None
    # How far to be believed
    quality_reasons: tuple[str, ...] = ()
    stamp: str | None = None
    stamp_uncertainty_s: float | None = None
    loop_lag_s: float | None = None

    @property
    def key(self) -> SlotKey:
        return SlotKey(self.target, self.probe, self.vantage, self.scheduled_ns)

    @property
    def meaning(self) -> Meaning:
        return MEANING[self.outcome]

    @property
    def degraded(self) -> bool:
        """Return whether it was served by what stands in for what was bought, as a spill-over deployment."""
        return DEGRADED in self.backend

    @property
    def lasting(self) -> dict[str, str]:
        """Return what tells who served from others who might have: the backend's facts without the fleeting ones."""
        return {name: fact for name, fact in self.backend.items() if name not in FLEETING}

    @property
    def lateness_s(self) -> float:
        return (self.started_ns - self.scheduled_ns) / 1e9

    @property
    def trusted(self) -> bool:
        return not self.quality_reasons

    @property
    def trace_id(self) -> str:
        """Return the id's 128 bits as 32 hex digits; its last 16 are the root span's id."""
        return self.id.hex

    def encode(self) -> bytes:
        """Return the journal's form: compact JSON without what was not observed."""
        return json.dumps(
            {
                field: _plain(value)
                for field in _FIELDS
                if (value := getattr(self, field)) is not None and value not in ((), {})
            },
            separators=(",", ":"),
            ensure_ascii=False,
        ).encode()

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """Return the result that `encode` wrote; unknown keys, a newer writer's, are ignored."""
        known = {key: value for key, value in json.loads(payload).items() if key in _FIELDS}
        for field, revive in _REVIVE.items():
            if field in known:
                known[field] = revive(known[field])
        return cls(**known)

    def public(self) -> dict[str, Any]:
        """Return the documented flat object: RFC 3339 instants with nanoseconds, null for not observed."""
        shown = {field: _plain(getattr(self, field)) for field in _FIELDS if field not in _INSIDE}
        return shown | {
            "scheduled_at": rfc3339(self.scheduled_ns),
            "started_at": rfc3339(self.started_ns),
            "lateness_s": self.lateness_s,
            "blame": self.meaning.blame.value,
            "good": self.meaning.good,
            "quality": "trusted" if self.trusted else "untrusted",
            "trace_id": self.trace_id,
        }


def ended_ns(result: ProbeResult) -> int:
    """Return when an attempt ended, UTC nanoseconds: its last mark, or as long as `total_s` says."""
    if result.marks:
        return result.started_ns + max(offset for _, offset in result.marks)
    return result.started_ns + round((result.total_s or 0.0) * 1e9)


def rfc3339(instant_ns: int) -> str:
    """Return UTC nanoseconds as RFC 3339 with nine decimals.

    >>> rfc3339(1_700_000_000_000_000_001)
    '2023-11-14T22:13:20.000000001Z'
    """
    seconds, nanoseconds = divmod(instant_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}Z"


def _plain(value: Any) -> Any:
    if type(value) in _PLAIN:  # most of them
        return value
    match value:
        case uuid.UUID():
            return str(value)
        case StrEnum():
            return value.value
        case datetime():
            return value.isoformat()
        case Mapping():
            return dict(value)
        case _:
            return value


_PLAIN = frozenset({str, float, int, bool, tuple, type(None)})
_FIELDS = dict.fromkeys(field.name for field in dataclasses.fields(ProbeResult))
_INSIDE = frozenset({"scheduled_ns", "started_ns", "marks"})
_REVIVE: Mapping[str, Callable[[Any], Any]] = {
    "id": uuid.UUID,
    "outcome": Outcome,
    "stream": StreamVerdict,
    "tls_expires_at": datetime.fromisoformat,
    "marks": lambda marks: tuple((name, offset) for name, offset in marks),
    "chunks": tuple,
    "quality_reasons": tuple,
}
