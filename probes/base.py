"""The protocols of the room: what a dialect, a signer, a probe and the wire promise each other."""

import dataclasses
import json
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, Protocol

from probes.result import Outcome, ProbeResult, StreamVerdict
from probes.target import Target, Workload

MARKS = "nephoscope.marks"
"""Request extension: the `timing.Marks` that the transport fills as things happen, failure or not."""

PATH = "nephoscope.path"
"""Request extension: the `target.Path` to take."""

KEEP = "nephoscope.keep"
"""Request extension: under which name the connection is kept for the next request; absent means cold."""

READS = "nephoscope.reads"
"""Response extension: a list of `Read`; its n-th entry describes the n-th chunk that the body yields."""

WIRE = "nephoscope.wire"
"""Response extension: the `Wire` that carried it."""


class Read(NamedTuple):
    """When one piece of the body arrived.

    `at_ns` is monotonic, the instant of the newest segment that the read carried. Whatever else it carried came
    after `after_ns`: the previous drained read, or `at_ns` itself where it was one segment; None is unknown.
    `kernel` says whose stamp it is; `stepped`, that the wall clock was set since the connection's last read;
    `trailing`, that something else than body came behind the body's bytes: the end of its framing, a farewell.
    """

    at_ns: int
    kernel: bool
    after_ns: int | None
    stepped: bool = False
    trailing: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Wire:
    """What is known of a connection: peer as `address:port`, the certificate's end as UTC seconds.

    `intercepted` says that the certificate is that of somebody on the way, by what the path says of itself.
    """

    peer: str | None
    reused: bool
    tls_expires_s: int | None = None
    intercepted: bool = False


class Clock(Protocol):
    """Both clocks in nanoseconds: the wall's (UTC since the epoch) and the monotonic one."""

    def wall_ns(self) -> int: ...

    def mono_ns(self) -> int: ...


@dataclasses.dataclass(frozen=True, slots=True)
class WireRequest:
    """One request as a dialect wants it sent: headers without identity, which a signer adds."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    streamed: bool


def posted(
    url: str,
    body: Mapping[str, Any],
    *,
    streamed: bool = False,
    accept: str = "text/event-stream",
    headers: Mapping[str, str] = MappingProxyType({}),
) -> WireRequest:
    """Return a request that posts JSON; `accept` is what a stream comes as, and anything else comes as JSON."""
    return WireRequest(
        method="POST",
        url=url,
        headers={
            "content-type": "application/json",
            "accept": accept if streamed else "application/json",
            **headers,
        },
        body=json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode(),
        streamed=streamed,
    )


class Unit(NamedTuple):
    """One generated unit found in the body: `output` is what a user would see, `reasoning` is not."""

    kind: Literal["output", "reasoning"]
    text: str


class ToolCall(NamedTuple):
    """One tool that an answer calls; `arguments` is the JSON text as it was generated."""

    name: str
    arguments: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a whole body said, once it ended or was cut.

    `finish_reason` is in OpenAI's words wherever these have one for it (`stop`, `length`, `tool_calls`,
    `content_filter`, `error`), else in the vendor's own.
    """

    stream: StreamVerdict
    text: str = ""
    finish_reason: str | None = None
    error_type: str | None = None
    error_code: str | None = None
    error: str | None = None
    retry_after_s: float | None = None
    """How long to wait before asking again, where the body says it."""
    malformed: bool = False
    sentence: str | None = None
    """What is wrong with the body and what to do, where more is known than that it is another protocol's."""
    response_id: str | None = None
    response_model: str | None = None
    fingerprint: str | None = None
    service_tier: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    cached_tokens: int | None = None
    tokens_after_first: int | None = None
    """Tokens generated after the first unit's chunk, where the body shows it; a chunk is not a token."""
    tokens_streamed: float | None = None
    """The same where it is known or, for the first chunk's small part of a long text, told from that part."""
    calls: tuple[ToolCall, ...] = ()
    """Tools that the answer calls, in their order."""
    backend: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """What the body tells of who served, beside the facts of the headers and named like them."""
    server_s: float | None = None
    """The server's own account of its time, where the body has it."""


class Reader(Protocol):
    """Reads one body incrementally: units as they come, the verdict at the end."""

    def feed(self, data: bytes) -> Iterable[Unit]: ...

    def finish(self, *, closed: bool) -> Reading:
        """Return the verdict; `closed` is false where the connection broke before the body's own end."""
        ...

    @property
    def done(self) -> bool:
        """Return whether the protocol's own end mark was seen, so that nothing more need be awaited."""
        ...


class Dialect(Protocol):
    """One wire format, without I/O."""

    def request(self, url: str, target: Target, workload: Workload, nonce: str) -> WireRequest: ...

    def read(self, workload: Workload, headers: Mapping[str, str], event_bytes: int) -> Reader:
        """Return a reader for a 2xx answer with these lower-cased headers; a longer event is malformed."""
        ...


class Tried(NamedTuple):
    """What became of one try to reach a witness.

    `resolved` says whether a name was resolved on the way, None where none was looked up; `says` is why it was not
    reached, or where it was.
    """

    reached: bool
    resolved: bool | None
    says: str


class Secrets(Protocol):
    """Turns references into secrets, and keeps secrets out of texts."""

    def resolve(self, text: str) -> str:
        """Return the text with its references (`${NAME}`, `${file:/path}`, `${secret:a/b}`) replaced, or raise `SigningError`."""
        ...

    def resolve_url(self, text: str) -> str:
        """Return the URL likewise; what comes into its user or password is percent-encoded."""
        ...

    def forget(self) -> None:
        """Have what stands on disk read anew at its next use, whether it looks changed or not."""
        ...

    def learn(self, secret: str) -> None:
        """Have a secret that was got elsewhere (a token) blotted out from now on as well."""
        ...

    def redact(self, text: str) -> str:
        """Return the text with every secret that was ever resolved or learnt blotted out."""
        ...


class Signer(Protocol):
    """One way of proving identity."""

    async def sign(self, request: WireRequest, target: Target, secrets: Secrets) -> Mapping[str, str]:
        """Return the identity headers to add, or raise `SigningError`."""
        ...

    async def renewed(
        self, signed: Mapping[str, str], request: WireRequest, target: Target, secrets: Secrets
    ) -> bool:
        """Return whether identity is something else by now than when `sign` returned these headers.

        Asked once after a refusal: what is kept (a token) is not believed any longer, and got anew.
        Raises `SigningError` where identity cannot be proven.
        """
        ...


class SigningError(Exception):
    """Identity could not be proven; the message is a sentence with the remedy.

    `code` names the trouble in a word. `outcome` is `config` unless the vendor's own identity service failed us.
    """

    def __init__(self, sentence: str, code: str | None = None, outcome: Outcome = Outcome.CONFIG) -> None:
        super().__init__(sentence)
        self.code = code
        self.outcome = outcome


@dataclasses.dataclass(frozen=True, slots=True)
class Slot:
    """When a probe was due (UTC nanoseconds) and which attempt this is."""

    scheduled_ns: int
    attempt: int


class Probe(Protocol):
    """Asks one target once. Never raises for the endpoint's failings: those are results."""

    async def ask(self, target: Target, workload: Workload, slot: Slot) -> ProbeResult: ...
