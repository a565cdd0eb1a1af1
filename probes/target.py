"""What is asked of whom: targets and workloads, as the expanded plan carries them."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Final, Literal, Self, get_args

Kind = Literal[
    "chat", "chat-sync", "models", "responses", "embeddings", "tools", "json", "throughput", "long-context"
]
"""What a probe asks for: `chat-sync` is a chat that is answered in one piece, `models` a list of what is served."""

_WHOLE: Final = frozenset({"chat-sync", "models", "embeddings"})
_UNGENERATED: Final = frozenset({"models", "embeddings"})

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
STREAMED: Final = frozenset(KINDS) - _WHOLE
"""Kinds whose answer comes as it is generated, so that it has a first token."""

Connection = Literal["cold", "warm"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """USD per million tokens, and where the figure comes from (a name and a date)."""

    input: float
    output: float
    source: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """The way out to a target.

    `proxy` is `environment` (the usual variables decide), `none`, or a URL that may hold references; `resolve` maps a host to the
    address that is used in place of what the resolver says; `source_address` is the address of this machine to
    go out from. `intercepted` says that TLS ends at somebody on the way, who shows a certificate of their own.
    """

    proxy: str = "environment"
    ca: str | None = None
    cert: str | None = None
    key: str | None = None
    server_name: str | None = None
    resolve: Mapping[str, str] = dataclasses.field(default_factory=dict)
    source_address: str | None = None
    intercepted: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """A host at the far end of a way out: being reached proves the way, and it is asked nothing.

    `tls` and `tcp` connect to it; `dns` only looks its name up, and has no port.
    """

    kind: Literal["tls", "tcp", "dns"]
    host: str
    port: int = 0

    @property
    def name(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.kind}:{host}" if self.kind == "dns" else f"{self.kind}:{host}:{self.port}"

    @classmethod
    def named(cls, name: str) -> Self:
        """Return the witness of such a name.

        >>> one = Witness(kind="tls", host="::1", port=443)
        >>> one.name, Witness.named(one.name) == one, Witness.named("dns:www.example.com").host
        ('tls:[::1]:443', True, 'www.example.com')
        """
        kind, _, rest = name.partition(":")
        if kind == "dns":
            return cls(kind="dns", host=rest)
        host, _, port = rest.rpartition(":")
        return cls(kind="tls" if kind == "tls" else "tcp", host=host.strip("[]"), port=int(port))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A way out by its name, and what bears witness to it."""

    name: str
    path: Path = dataclasses.field(default_factory=Path)
    witnesses: tuple[Witness, ...] = ()

    def carries(self, target: "Target") -> bool:
        """Return whether a target goes exactly this way: one with a proxy of its own goes another."""
        own, its = self.path, target.path
        return (self.name, own.proxy, own.source_address) == (target.network, its.proxy, its.source_address)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One endpoint that serves one model.

    `credentials` and `headers` hold references (`${NAME}`), never secrets: they are resolved when a request
    is signed. `group` is what shares its instant in a comparison (the logical model, else the name).
    `api` names one of the provider's ways of being spoken to, None is its first; `project` (Google) and
    `compartment` (Oracle) say on whose account. `served_in` are the regions in which its answers may be served. `network` names the way out; targets with one `quota` share its limits; `capacity` says what was bought.
    """

    name: str
    provider: str
    cloud: str
    model: str
    model_id: str
    endpoint: str
    group: str
    region: str | None = None
    served_in: tuple[str, ...] = ()
    api: str | None = None
    api_version: str | None = None
    project: str | None = None
    compartment: str | None = None
    fips: bool = False
    credentials: Mapping[str, str] = dataclasses.field(default_factory=dict)
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    network: str = "internet"
    path: Path = dataclasses.field(default_factory=Path)
    team: str | None = None
    quota: str | None = None
    model_class: str | None = None
    capacity: Literal["shared", "provisioned"] | None = None
    critical: bool = False
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict)
    count_throttled: Literal["excluded", "bad"] | None = None
    traceparent: bool = False
    price: Price | None = None
    simulated: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What one probe sends, how often, and how long it waits; durations in seconds."""

    name: str
    kind: Kind = "chat"
    every_s: float = 30.0
    first_token_s: float = 8.0
    stall_s: float = 10.0
    timeout_s: float = 30.0
    connection: Connection = "cold"
    max_tokens: int = 256
    reasoning: str | None = None
    prompt: str = "Reply with the single word: pong"
    expect_contains: str | None = None
    schema: Mapping[str, Any] | None = None
    """What a `json` probe's answer must be, as a JSON Schema; None is the one of `probes.tasks`."""
    prompt_tokens: int | None = None
    """About how many tokens a `long-context` probe's prompt is filled up to."""

    @property
    def every_ns(self) -> int:
        return round(self.every_s * 1e9)

    @property
    def streamed(self) -> bool:
        """Return whether the answer comes as it is generated."""
        return self.kind in STREAMED

    @property
    def generates(self) -> bool:
        """Return whether a model generates something, for which tokens are paid and `max_tokens` counts."""
        return self.kind not in _UNGENERATED
