"""What is seen of one attempt while it runs, and the result that it adds up to."""

import dataclasses
import itertools
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from probes import catalog, errors, headers, judging, outcome, quality, timing
from probes.base import Clock, Read, Reader, Reading, Secrets, Slot, Unit, Wire, WireRequest
from probes.gateways import FAILED_AT, Failing
from probes.loose import clean
from probes.outcome import Verdict
from probes.result import ANSWERED, DEGRADED, Outcome, ProbeResult, StreamVerdict
from probes.target import Price, Target, Workload
from probes.unread import Encoded, Refusal

ERROR_LENGTH: Final = 300
"""Characters of an error text that a result carries at most; what else is text is cut to `_TEXT_LENGTH`."""

CHUNKS: Final = 10_000
"""Arrivals that a result carries at most (120 kB): a flood of them would be a record too large for the journal."""

_TEXT_LENGTH = 200
_BY_ITSELF = frozenset({StreamVerdict.COMPLETE, StreamVerdict.EMPTY, StreamVerdict.ERRORED})
"""Verdicts of a body that came to its own end, so that its total time was observed."""


class Attempt:
    """A notebook that the exchange fills: what is not written down was not observed."""

    def __init__(self, target: Target, workload: Workload, slot: Slot, vantage: str, clock: Clock) -> None:
        self.target = target
        self._provider = catalog.PROVIDERS[target.provider]
        self.workload = workload
        self.slot = slot
        self.vantage = vantage
        self._clock = clock
        self.marks = timing.Marks()
        self.started_ns = clock.wall_ns()
        self.origin_ns = clock.mono_ns()
        self.url = ""
        self.configured: Mapping[str, str] = {}
        self.signed: Mapping[str, str] = {}
        """The headers that proved identity, and those that the file gives a target."""
        self.wanted: WireRequest | None = None
        self.identity_refused = False
        """Whether the answer was a refusal that another identity might mend."""
        self.wire: Wire | None = None
        self.status: int | None = None
        self.headers: Mapping[str, str] = {}
        self._reader: Reader | None = None
        self._reading: Reading | None = None
        self._ended = False
        self._failing: Failing | None = None
        self._retry_after_s: float | None = None
        self._reads: list[Read] = []
        self._arrivals: list[int] = []
        self._uncertainty_s: float | None = None
        self._last_uncertainty_s: float | None = None

    def again(self) -> "Attempt":
        """Return a notebook for asking once more; what this attempt took counts as proving identity."""
        fresh = Attempt(self.target, self.workload, self.slot, self.vantage, self._clock)
        fresh.started_ns, fresh.origin_ns = self.started_ns, self.origin_ns
        fresh.marks.mark(timing.AUTH_START, self.marks.at.get(timing.AUTH_START, self.origin_ns))
        return fresh

    def head(self, status: int, lower_headers: Mapping[str, str], event_bytes: int) -> Reader:
        """Note the response head and return who reads the body."""
        self.status, self.headers = status, lower_headers
        coding = headers.coding(lower_headers)
        if not 200 <= status <= 299:
            self._reader = Refusal(encoded=coding is not None)
        elif coding is not None:
            self._reader = Encoded(coding)
        else:
            dialect = catalog.dialect(self.target, self.workload.kind)
            self._reader = dialect.read(self.workload, lower_headers, event_bytes)
        return self._reader

    def read(self, units: Iterable[Unit], read: Read, *, followed: bool = False) -> bool:
        """Note what one read brought and when it arrived; return whether it brought generated units.

        `followed` says that the read went on behind the first of the units, so that they may have come before
        the instant that it bears.
        """
        found, at = list(units), self.marks.at
        self._reads.append(read)
        for unit in found:
            at.setdefault(timing.FIRST_TOKEN, read.at_ns)
            if unit.kind == "output":
                at.setdefault(timing.FIRST_OUTPUT, read.at_ns)
            at[timing.LAST_TOKEN] = read.at_ns
        if found:
            self._last_uncertainty_s = self._width(read) if followed else 0.0
            if not self._arrivals:
                self._uncertainty_s = self._last_uncertainty_s
        self._arrivals += [read.at_ns] * len(found)
        return bool(found)

    def _width(self, read: Read) -> float | None:
        """Return in how many seconds before its stamp the first part of a read may have come; None if untold.

        The stamp is that of the newest segment; what lies before it in the read came after the read before,
        and no answer comes before its request.
        """
        bounds = [at_ns for at_ns in (read.after_ns, self.marks.at.get(timing.SENT)) if at_ns is not None]
        return max(0, read.at_ns - max(bounds)) / 1e9 if bounds else None

    def ended(self) -> Verdict:
        """Return what became of it: the body came to an end, its own or that of the connection."""
        return self._conclude(closed=True)

    def overflowed(self, limit: int) -> Verdict:
        """Return what became of it: the body was left unfinished past the limit, in bytes."""
        return self._conclude(closed=False, malformed=True, error=f"the body is longer than {limit} bytes")

    def broke(self, kind: Outcome, sentence: str, reason: str | None = None) -> Verdict:
        """Return what became of it: the wire broke, before the head or after it."""
        if self._reader is None:
            return outcome.of_wire(self.target, kind, sentence, reason)
        if kind is Outcome.MALFORMED:
            return self._conclude(closed=False, malformed=True, sentence=sentence)
        return self._conclude(closed=False, sentence=sentence)

    def struck(self, limit: Outcome, lag_s: float) -> Verdict:
        """Return what became of it: a deadline passed; a refusal whose body did not come is a refusal all the same."""
        if isinstance(self._reader, Refusal):
            return self._conclude(closed=False)
        if self._reader is not None:
            self._reading = self._reader.finish(closed=False)
        came = self._came(self._reading)
        return outcome.of_deadline(self.target, self.workload, limit, self.marks.at, lag_s, came)

    def _came(self, reading: Reading | None) -> str:
        """Return, for a sentence, how much of an answer came."""
        if self.status is None or reading is None:
            begun = timing.FIRST_BYTE in self.marks.at
            return "only the beginning of a head came" if begun else "nothing at all came"
        if self._arrivals:
            return f"{len(self._arrivals)} piece{'s' * (len(self._arrivals) > 1)} of text came"
        if not self._reads:
            return f"only the head came ({self.status})"
        if not self.workload.streamed:
            whole = reading.stream is StreamVerdict.EMPTY
            return "only a body without text came" if whole else "only a part of the body came"
        spoke = reading.response_id or reading.response_model or reading.finish_reason
        return "only chunks without text came" if spoke else "only keep-alives or comments came"

    def _conclude(self, *, closed: bool, **known: Any) -> Verdict:
        """Return the verdict of the body; `known` are fields of its reading that the reader cannot know."""
        if self._reader is None or self.status is None:
            raise RuntimeError("an attempt without a response head has nothing to conclude")
        reading = dataclasses.replace(self._reader.finish(closed=closed), **known)
        self._ended = reading.stream in _BY_ITSELF and not reading.malformed
        if self._ended and self._reads:
            self.marks.mark(timing.END, self._reads[-1].at_ns)
        if isinstance(self._reader, Refusal):
            error = errors.error_body(bytes(self._reader.body), self.headers)
            error = error._replace(
                type=self._located(error.message) or error.type,
                inner=self._provider.named(error.message) or error.inner,
            )
            self._retry_after_s = error.retry_after_s
            self.identity_refused = self.status == 401 or not errors.OUTDATED.isdisjoint(error.names)
            return outcome.of_status(
                self.target, self.status, self.headers, error, self._failing, self._provider.remedies
            )
        if reading.stream is StreamVerdict.ERRORED:
            reading = dataclasses.replace(
                reading, error_type=self._located(reading.error) or reading.error_type
            )
        self._reading = reading
        came = self._came(reading)
        return outcome.of_reading(
            self.target, self.workload, reading, self.status, came, self._failing, self._provider.remedies
        )

    def _located(self, message: str | None) -> str | None:
        """Note what a gateway tells of where a failing happened; return the error's name where its text alone has it."""
        gateway, text = self._provider.gateway, message or ""
        if gateway is None:
            return None
        self._failing = gateway.failing(self.headers, text)
        return gateway.named(text)

    def result(
        self,
        identity: uuid.UUID,
        verdict: Verdict,
        ended_ns: int,
        lag_s: float,
        secrets: Secrets,
        disturbed: Sequence[str] = (),
    ) -> ProbeResult:
        """Return the one message; its error text is redacted first and cut afterwards."""
        target, workload, asks_model = self.target, self.workload, self.workload.kind != "models"
        self.marks.at.setdefault(timing.END, ended_ns)
        code, error = (text and secrets.redact(text) for text in (verdict.code, verdict.sentence))
        return ProbeResult(
            id=identity,
            probe=workload.name,
            kind=workload.kind,
            target=target.name,
            provider=target.provider,
            cloud=target.cloud,
            region=target.region,
            model=target.model,
            vantage=self.vantage,
            labels=target.labels,
            simulated=target.simulated,
            scheduled_ns=self.slot.scheduled_ns,
            attempt=self.slot.attempt,
            started_ns=self.started_ns,
            outcome=verdict.outcome,
            request_model=target.model_id if asks_model else None,
            max_tokens=workload.max_tokens if workload.generates else None,
            error_code=code and clean(code, _TEXT_LENGTH),
            error=error and clean(error, ERROR_LENGTH),
            marks=self.marks.since(self.origin_ns),
            loop_lag_s=lag_s,
            **self._connected(),
            **self._said(verdict, secrets),
            **self._timed(lag_s, disturbed),
        )

    def _connected(self) -> dict[str, Any]:
        parts = urlsplit(self.url)
        # A certificate that was put in on the way says nothing of the endpoint's own.
        expires_s = None if self.wire is None or self.wire.intercepted else self.wire.tls_expires_s
        return {
            "server_address": parts.hostname,
            "server_port": parts.port or {"https": 443, "http": 80}.get(parts.scheme),
            "peer": self.wire and self.wire.peer,
            "reused": self.wire and self.wire.reused,
            "tls_expires_at": None if expires_s is None else datetime.fromtimestamp(expires_s, UTC),
        }

    def _said(self, verdict: Verdict, secrets: Secrets) -> dict[str, Any]:
        """Return what head and body said; an endpoint that echoes our key does so in any field."""
        provider, reading = self._provider, self._reading
        said: dict[str, Any] = {
            "http_status": self.status,
            "provider_request_id": headers.first_of(self.headers, provider.request_id),
            "server_s": headers.server_s(self.headers, provider.server_ms),
            "gateway_s": headers.server_s(self.headers, provider.gateway_ms),
            "ratelimit": headers.ratelimit(self.headers),
            "retry_after_s": headers.retry_after_s(self.headers, self.started_ns / 1e9),
        }
        if said["retry_after_s"] is None:
            said["retry_after_s"] = reading.retry_after_s if reading else self._retry_after_s
        backend = headers.backend(self.headers, provider.backend)
        if self.wire is not None and self.wire.intercepted:
            backend["tls_intercepted"] = "true"
        if self._failing:
            backend[FAILED_AT] = self._failing.place
        if reading is not None:
            said |= {name: getattr(reading, name) for name in _FROM_READING}
            backend |= reading.backend
            if reading.server_s is not None:
                said["server_s"] = reading.server_s
            said["stream"] = _stream(verdict.outcome, reading)
            if verdict.outcome in ANSWERED:
                said["checked"] = judging.checked(self.workload, reading)
            said |= _cost(self.target.price, reading)
        if (shows := next((name for name in provider.degraded if name in backend), None)) is not None:
            backend[DEGRADED] = shows

        def shown(value: Any) -> Any:
            return clean(secrets.redact(value), _TEXT_LENGTH) if type(value) is str else value

        return {
            "backend": {name: shown(value) for name, value in backend.items()},
            **{name: shown(value) for name, value in said.items()},
        }

    def _itl_s(self) -> float | None:
        """Return the mean time a token; None, rather than a wrong one, where tokens or instants are not sure."""
        tokens = self._reading and self._reading.tokens_after_first
        if not tokens or self._uncertainty_s is None or self._last_uncertainty_s is None:
            return None
        if (self._uncertainty_s + self._last_uncertainty_s) / tokens > quality.ITL_S:
            return None
        # Whole nanoseconds, as every duration: what is stored then lies on the same side of any threshold.
        return round((self._arrivals[-1] - self._arrivals[0]) / tokens) / 1e9

    def _tokens_per_s(self) -> float | None:
        """Return the speed of a long answer from its first unit to its last; None where it is short or not sure."""
        tokens = self._reading and self._reading.tokens_streamed
        if not tokens or tokens < quality.SPEED_TOKENS:
            return None
        if self._uncertainty_s is None or self._last_uncertainty_s is None:
            return None
        took_s = (self._arrivals[-1] - self._arrivals[0]) / 1e9
        if self._uncertainty_s + self._last_uncertainty_s >= quality.SPEED_SHARE * took_s:
            return None
        return tokens / took_s

    def _timed(self, lag_s: float, disturbed: Sequence[str]) -> dict[str, Any]:
        """Return durations and how far they are to be believed; a total is observed where the body ended by itself."""
        timed: dict[str, Any] = dict(self.marks.durations())
        if not self._ended:
            timed.pop("total_s", None)
        if self._reads:
            timed["stamp"] = "kernel" if all(read.kernel for read in self._reads) else "user"
            timed["stamp_uncertainty_s"] = self._uncertainty_s
        sent, at = self.marks.at.get(timing.SENT), self._arrivals
        if sent is not None:
            timed["chunks"] = tuple((arrival - sent) / 1e9 for arrival in at[:CHUNKS])
        if len(at) > 1:
            timed["gap_max_s"] = max(later - earlier for earlier, later in itertools.pairwise(at)) / 1e9
            timed["itl_s"] = self._itl_s()
            timed["tokens_per_s"] = self._tokens_per_s()
        # A deadline that struck before any unit needs no stamp: it stays a bad event however late we were.
        if at or self._ended:
            gateway = self._provider.gateway
            sent_by = self.marks.at.get(timing.SENT_BY)
            timed["quality_reasons"] = quality.reasons(
                stamp=timed.get("stamp"),
                uncertainty_s=self._uncertainty_s,
                send_s=None if sent is None or sent_by is None else (sent_by - sent) / 1e9,
                stepped=any(read.stepped for read in self._reads),
                lag_s=lag_s,
                attempt=self.slot.attempt,
                lateness_s=(self.started_ns - self.slot.scheduled_ns) / 1e9,
                disturbed=disturbed,
                cached=gateway is not None and gateway.cached(self.headers),
            )
        return timed


_FROM_READING = (
    "finish_reason",
    "response_id",
    "response_model",
    "fingerprint",
    "service_tier",
    "input_tokens",
    "output_tokens",
    "reasoning_tokens",
    "cached_tokens",
)


def _stream(kind: Outcome, reading: Reading) -> StreamVerdict | None:
    """Return the body's verdict; None where we left it, by a limit of ours, or where it was no such body."""
    if kind is Outcome.STALLED:
        return StreamVerdict.STALLED
    left = kind in {Outcome.FIRST_TOKEN_TIMEOUT, Outcome.TOTAL_TIMEOUT, Outcome.AGENT_FAULT}
    return None if left or reading.malformed else reading.stream


def _cost(price: Price | None, reading: Reading) -> dict[str, Any]:
    if price is None or reading.input_tokens is None or reading.output_tokens is None:
        return {}
    cost_usd = (reading.input_tokens * price.input + reading.output_tokens * price.output) / 1e6
    return {"cost_usd": cost_usd, "price_source": price.source}
