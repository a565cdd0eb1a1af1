"""The only file that calls a model: signs, sends, reads, times and hands over to be judged."""

import asyncio
import dataclasses
import functools
import importlib.metadata
import re
import uuid
from collections.abc import Callable, Sequence
from secrets import token_hex
from typing import Final, Self, cast

import httpx

from probes import catalog, timing
from probes.attempt import Attempt
from probes.base import KEEP, MARKS, PATH, READS, WIRE, Clock, Read, Reader, Secrets, SigningError, Slot, Wire
from probes.deadline import Deadline
from probes.framing.base import EVENT_BYTES
from probes.outcome import Verdict, of_request
from probes.result import Outcome, ProbeResult
from probes.target import Target, Workload

BODY_BYTES: Final = 64 * 1024**2
"""How long a body may be before it counts as malformed, unless the configuration says otherwise."""

USER_AGENT: Final = f"nephoscope/{importlib.metadata.version('nephoscope')}"

_TAIL = 4
"""Bytes, of any framing, that belong to its last event: a unit found before them was followed by something."""

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")
_SENDABLE = re.compile(r"[\t\x20-\x7e]*")

_parsed = functools.lru_cache(maxsize=1024)(httpx.URL)


def new_nonce() -> str:
    """Return sixteen hex digits: a prompt that begins with them is in no cache."""
    return token_hex(8)


def undisturbed(_since_ns: int, _until_ns: int) -> Sequence[str]:
    """Return that nothing is known of what the machine suffered."""
    return ()


class Exchange:
    """Asks one target once, over a transport that keeps the promises of `probes.base`.

    `lag` returns the longest stand-still of our own event loop, in seconds, seen between two monotonic
    instants in nanoseconds; `disturbed` returns, of the same, what of `probes.quality` the machine suffered;
    `nonce` returns what makes each prompt unique.
    """

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport,
        secrets: Secrets,
        clock: Clock,
        new_id: Callable[[], uuid.UUID],
        vantage: str,
        lag: Callable[[int, int], float],
        *,
        event_bytes: int = EVENT_BYTES,
        body_bytes: int = BODY_BYTES,
        nonce: Callable[[], str] = new_nonce,
        disturbed: Callable[[int, int], Sequence[str]] = undisturbed,
    ) -> None:
        self._transport = transport
        self._secrets = secrets
        self._clock = clock
        self._new_id = new_id
        self._vantage = vantage
        self._lag = lag
        self._event_bytes = event_bytes
        self._body_bytes = body_bytes
        self._nonce = nonce
        self._disturbed = disturbed

    async def ask(self, target: Target, workload: Workload, slot: Slot) -> ProbeResult:
        """Return what one attempt showed; whatever fails is in the result, only cancellation passes."""
        attempt = Attempt(target, workload, slot, self._vantage, self._clock)
        identity = self._new_id()
        try:
            verdict = await self._attempt(attempt, identity)
            if attempt.identity_refused and await self._rotated(attempt):
                attempt = attempt.again()
                verdict = await self._attempt(attempt, identity)
        except Exception as error:  # noqa: BLE001 - a mistake of ours must neither lose the slot nor blame the endpoint
            sentence = f"the agent itself failed on target {target.name} ({error!r}): please report this"
            verdict = Verdict(Outcome.AGENT_FAULT, type(error).__name__, sentence)
        ended_ns = self._clock.mono_ns()
        lag_s = self._lag(attempt.origin_ns, ended_ns)
        disturbed = self._disturbed(attempt.origin_ns, ended_ns)
        return attempt.result(identity, verdict, ended_ns, lag_s, self._secrets, disturbed)

    async def _attempt(self, attempt: Attempt, identity: uuid.UUID) -> Verdict:
        try:
            request = await self._request(attempt, identity)
        except (SigningError, ValueError, httpx.InvalidURL) as error:
            return of_request(attempt.target, error)
        return await self._converse(attempt, request)

    async def _rotated(self, attempt: Attempt) -> bool:
        """Say whether a refused identity was replaced between its reading and its use; asked once an attempt.

        A refusal that came later than a first token may is a result all the same: the slots must not pile up.
        """
        target, wanted = attempt.target, attempt.wanted
        late = self._clock.mono_ns() - attempt.origin_ns > attempt.workload.first_token_s * 1e9
        if late or wanted is None:
            return False
        self._secrets.forget()
        signer = catalog.signer(target)
        try:
            if self._configured(target) != attempt.configured:
                return True
            return await signer.renewed(attempt.signed, wanted, target, self._secrets)
        except (SigningError, ValueError):
            return False

    async def _request(self, attempt: Attempt, identity: uuid.UUID) -> httpx.Request:
        """Return the signed request; identity is proven before the timed window and timed apart."""
        target, workload = attempt.target, attempt.workload
        provider = catalog.PROVIDERS[target.provider]
        attempt.url = catalog.url(target, workload.kind)
        dialect = catalog.dialect(target, workload.kind)
        wanted = dialect.request(attempt.url, target, workload, self._nonce())
        attempt.wanted = wanted
        began_ns = self._clock.mono_ns()
        signed = await catalog.signer(target).sign(wanted, target, self._secrets)
        attempt.signed, attempt.configured = signed, self._configured(target)
        if signed or timing.AUTH_START in attempt.marks.at:
            attempt.marks.at.setdefault(timing.AUTH_START, began_ns)
            attempt.marks.mark(timing.AUTH_END, self._clock.mono_ns())
        ours = {"user-agent": USER_AGENT, "accept-encoding": "identity", "x-request-id": str(identity)}
        ours |= dict.fromkeys(provider.id_headers, str(identity))
        if target.traceparent:
            ours["traceparent"] = f"00-{identity.hex}-{identity.hex[16:]}-01"
        path = dataclasses.replace(target.path, proxy=self._secrets.resolve_url(target.path.proxy))
        extensions = {MARKS: attempt.marks, PATH: path}
        if workload.connection == "warm":
            extensions[KEEP] = f"{target.name}/{workload.name}"
        return httpx.Request(
            wanted.method,
            _parsed(wanted.url),
            headers={**ours, **catalog.headers(target), **wanted.headers, **attempt.configured, **signed},
            content=wanted.body or None,
            extensions=extensions,
        )

    def _configured(self, target: Target) -> dict[str, str]:
        headers = {name.lower(): self._secrets.resolve(value) for name, value in target.headers.items()}
        for name, value in headers.items():
            if not (_TOKEN.fullmatch(name) and _SENDABLE.fullmatch(value)):
                raise ValueError(
                    f"header {name} of target {target.name} holds signs that HTTP does not carry: look at it"
                )
        return headers

    async def _converse(self, attempt: Attempt, request: httpx.Request) -> Verdict:
        deadline = Deadline(attempt.workload, asyncio.get_running_loop().time())
        began_ns = self._clock.mono_ns()
        response: httpx.Response | None = None
        try:
            async with asyncio.timeout(None) as timer:
                with _Alarm(deadline, timer) as alarm:
                    response = await self._transport.handle_async_request(request)
                    attempt.wire = response.extensions.get(WIRE)
                    reader = attempt.head(response.status_code, dict(response.headers), self._event_bytes)
                    await self._read(attempt, reader, response, alarm.progress)
            return attempt.ended()
        except TimeoutError:
            return attempt.struck(deadline.means, self._lag(began_ns, self._clock.mono_ns()))
        except _OverflowError:
            return attempt.overflowed(self._body_bytes)
        except httpx.TransportError as error:
            attempt.wire = attempt.wire or cast("Wire | None", getattr(error, "wire", None))
            attempt.status = attempt.status or getattr(error, "status", None)
            kind = getattr(error, "outcome", Outcome.DISCONNECTED)
            return attempt.broke(kind, str(error), getattr(error, "reason", None))
        finally:
            if response is not None:
                await response.aclose()

    async def _read(
        self, attempt: Attempt, reader: Reader, response: httpx.Response, progress: Callable[[], None]
    ) -> None:
        """Read up to the protocol's own end; call `progress` for each read that brought a generated unit."""
        stamps: list[Read] = response.extensions.get(READS, [])
        nth = size = 0
        async for data in cast("httpx.AsyncByteStream", response.stream):
            read = (
                stamps[nth] if nth < len(stamps) else Read(self._clock.mono_ns(), kernel=False, after_ns=None)
            )
            nth, size = nth + 1, size + len(data)
            if read.after_ns == read.at_ns:  # all of it came at once
                early, units = [], reader.feed(data)
            else:
                early, units = list(reader.feed(data[:-_TAIL])), reader.feed(data[-_TAIL:])
            if attempt.read([*early, *units], read, followed=bool(early) or read.trailing):
                progress()
            if reader.done:
                return
            if size > self._body_bytes:
                raise _OverflowError


class _Alarm:
    """Lets a timer strike at the deadline.

    Every unit puts the deadline off, some twenty a second: where the alarm rings too early it is set anew, and
    not each time.
    """

    def __init__(self, deadline: Deadline, timer: asyncio.Timeout) -> None:
        self._deadline = deadline
        self._timer = timer
        self._loop = asyncio.get_running_loop()
        self._handle = self._loop.call_at(deadline.at_s, self._ring)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._handle.cancel()

    def progress(self) -> None:
        self._deadline.progress(self._loop.time())
        if self._deadline.at_s < self._handle.when():
            self._handle.cancel()
            self._ring()

    def _ring(self) -> None:
        if self._loop.time() < self._deadline.at_s:
            self._handle = self._loop.call_at(self._deadline.at_s, self._ring)
        else:
            self._timer.reschedule(self._deadline.at_s)


class _OverflowError(Exception):
    """The body went past its limit."""
