"""Which keys exist where, what each may hold, and which belong to later versions."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from agent.config.fields import (
    AMOUNT,
    AlertFields,
    Count,
    Dollars,
    Flag,
    Headers,
    Interval,
    JsonSchema,
    Labels,
    Method,
    Money,
    Name,
    Patterns,
    Period,
    Plain,
    Plains,
    Pool,
    Port,
    PromptTokens,
    Ratio,
    Referring,
    Referrings,
    Regions,
    Seconds,
    Selector,
    Shed,
    Size,
    Span,
    Speed,
    Text,
    Threshold,
    Tokens,
    When,
    Window,
    maps,
    one_of,
)
from agent.config.model import SHED
from agent.config.selecting import EVERYTHING
from agent.feeds import kinds as feeds
from exporters import receivers
from probes.events import Sli
from probes.target import KINDS, Kind


class Section(BaseModel):
    """A map of the file.

    `later` names keys that this version refuses with "not yet"; `before` names those that expansion has taken out
    already; `elsewhere` tells of words that newcomers write here, and what is meant.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    later: ClassVar[frozenset[str]] = frozenset()
    before: ClassVar[frozenset[str]] = frozenset()
    elsewhere: ClassVar[Mapping[str, str]] = {}

    @classmethod
    def keys(cls) -> frozenset[str]:
        """Return the keys as the file says them."""
        return cls.before | {field.alias or name for name, field in cls.model_fields.items()}


class Credentials(Section):
    api_key: Referring | None = None
    token: Referring | None = None
    token_file: Text | None = None
    entra: Referring | None = None
    aws: Referring | None = None
    google: Referring | None = None
    oci: Referring | None = None
    scope: Plain | None = None


class Count429(Section):
    throttled: Annotated[Literal["excluded", "bad"] | None, BeforeValidator(one_of("excluded", "bad"))] = None


class Tls(Section):
    ca: Text | None = None
    cert: Text | None = None
    key: Text | None = None
    server_name: Plain | None = None


class WitnessSection(Section):
    """One of these, never several."""

    tls: Text | None = None
    tcp: Text | None = None
    dns: Text | None = None


class NetworkSection(Section):
    """A way out that targets name."""

    proxy: Referring | None = None
    ca: Text | None = None
    intercepted: Flag = False
    tls: Tls = Tls()
    source_address: Text | None = None
    resolve: dict[str, Plain] = {}
    witnesses: Annotated[tuple[WitnessSection, ...], BeforeValidator(maps)] = ()


class PriceSection(Section):
    input: Money
    output: Money


class TargetSection(Section):
    before = frozenset({"for", "except", "override"})
    elsewhere = {
        "api_key": "belongs under credentials: write credentials: {api_key: ...}",
        "class": "belongs to the model: write models: {NAME: {class: ...}} at the top of the file",
        "deployment": "is called `id` here: write id: and the name of the deployment",
        "url": "is called `endpoint` here",
        "base_url": "is called `endpoint` here",
    }
    name: Name
    provider: Plain
    model: Plain
    id: Plain | None = None
    endpoint: Text | None = None
    region: Plain | None = None
    served_in: Regions = ()
    api: Plain | None = None
    api_version: Plain | None = None
    project: Text | None = None
    compartment: Text | None = None
    fips: Flag = False
    cloud: Name | None = None
    credentials: Credentials = Credentials()
    network: Plain = "internet"
    headers: Headers = {}
    traceparent: Flag = False
    count: Count429 = Count429()
    team: Name | None = None
    quota: Name | None = None
    capacity: Annotated[
        Literal["shared", "provisioned"] | None, BeforeValidator(one_of("shared", "provisioned"))
    ] = None
    critical: Flag = False
    labels: Labels = {}
    tls: Tls = Tls()
    proxy: Referring | None = None
    resolve: dict[str, Plain] = {}
    simulated: Flag = False
    price: PriceSection | None = None


class Expect(Section):
    later = frozenset({"matches", "equals"})
    elsewhere = dict.fromkeys(
        ("schema", "json"), "is not expected but asked for: write kind: json, and schema: in the probe"
    )
    contains: Plain


class Asking(Section):
    """What of a probe may differ from target to target; what is left out is as usual for the kind."""

    every: Interval | None = None
    first_token: Seconds | None = None
    stall: Seconds | None = None
    timeout: Seconds | None = None
    max_tokens: Count | None = None
    reasoning: Plain | None = None
    prompt: Plain | None = None
    prompt_tokens: PromptTokens | None = None
    schema_: JsonSchema | None = Field(None, alias="schema")
    expect: Expect | None = None


class ProbeOverride(Asking):
    elsewhere = dict.fromkeys(
        ("kind", "connection", "targets", "name"),
        "is the probe's own: what has another one is another probe, so write that beside it",
    )
    when: Selector


class ProbeSection(Asking):
    before = frozenset({"for", "except"})
    elsewhere = {
        "interval": "is called `every` here",
        "deadline": "is called `timeout` here",
        "expensive": "is said by the kind: throughput and long-context are, and `once` asks them by name or with "
        "--expensive",
    }
    name: Name
    kind: Annotated[Kind, BeforeValidator(one_of(*KINDS))] = "chat"
    connection: Annotated[Literal["cold", "warm"], BeforeValidator(one_of("cold", "warm"))] = "cold"
    targets: Selector = EVERYTHING
    override: Annotated[tuple[ProbeOverride, ...], BeforeValidator(maps)] = ()


class ObjectiveSection(Section):
    later = frozenset({"override"})
    before = frozenset({"for", "except"})
    elsewhere = {
        "served_in": "belongs to the targets: write served_in: [REGION] in each of them",
        "threshold": "is called `under` here, and `at_least` for sli: throughput",
        "target": "is called `percent` here, or `targets` where you mean who is judged",
    }
    name: Name
    sli: Annotated[Sli, BeforeValidator(one_of(*get_args(Sli)))]
    percent: Ratio
    window: Period = 28 * 86400.0
    under: Threshold | None = None
    at_least: Speed | None = None
    method: Method = None
    probes: Patterns | None = None
    targets: Selector = EVERYTHING
    per: Pool = None
    count: Count429 = Count429()


class HealthyWhen(Section):
    """How much of a service must be well."""

    at_least: Count = 1
    of: Annotated[
        Literal["target", "cloud", "region"], BeforeValidator(one_of("target", "cloud", "region"))
    ] = "cloud"


class ServiceObjective(Section):
    percent: Ratio = 0.999
    window: Window = 28 * 86400.0


class ServiceSection(Section):
    """What a consumer buys: targets of which so many must be well."""

    before = frozenset({"for", "except"})
    elsewhere = {
        "targets": "is called `members` here",
        "at_least": "belongs under healthy_when: write healthy_when: {at_least: 2, of: cloud}",
        "percent": "belongs under objective: write objective: {percent: 99.95, window: 28d}",
    }
    name: Name
    members: Selector = EVERYTHING
    team: Name | None = None
    healthy_when: HealthyWhen = HealthyWhen()
    objective: ServiceObjective = ServiceObjective()


class MaintenanceSection(Section):
    """When what is seen of some targets counts neither way."""

    elsewhere = {
        "until": "is said by its length here: write for: 2h",
        "duration": "is called `for` here",
        "every": "is written as a rule: rrule: FREQ=WEEKLY;BYDAY=SU",
        "zone": "is called `timezone` here",
    }
    targets: Selector
    start: Plain
    timezone: Plain
    for_: Seconds = Field(alias="for")
    reason: Plain
    rrule: Plain | None = None


class Keep(Section):
    later = frozenset({"rollups"})
    results: Seconds = 120 * 86400.0
    failures: Seconds = 7 * 365 * 86400.0


_SSLMODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")


class StorageSection(Section):
    url: Referring | None = None
    host: Text | None = None
    port: Port | None = None
    database: Text | None = None
    user: Text | None = None
    password: Referring | None = None
    sslmode: Annotated[str | None, BeforeValidator(one_of(*_SSLMODES))] = None
    sslrootcert: Text | None = None
    migrate: Flag = True
    keep: Keep = Keep()


class JournalSection(Section):
    max_size: Size = 2 * 1024**3
    max_age: Seconds = 86400.0


class HeartbeatSection(Section):
    url: Referring
    every: Seconds = 60.0


class QuorumSection(Section):
    """How many vantages that share a database must find a trouble before it pages."""

    at_least: Count
    of: Annotated[Literal["vantage"], BeforeValidator(one_of("vantage"))] = "vantage"


class PageSection(Section):
    after: Seconds = 120.0
    warm_up: Span = 3600.0
    hold: Span = 600.0
    quorum: QuorumSection | None = None


class ReceiverSection(Section):
    """Who is told of alerts; which keys it needs is a matter of its kind."""

    elsewhere = {
        "type": "is called `kind` here",
        "webhook_url": "is called `url` here",
        "token": "is called `routing_key` with PagerDuty, and `api_key` with Jira Service Management",
        "password": "belongs into the URL: write smtp: smtps://user:${PASSWORD}@mail",
    }
    name: Name
    kind: Annotated[str, BeforeValidator(one_of(*receivers.KINDS))]
    urls: Referrings = ()
    url: Referring | None = None
    routing_key: Referring | None = None
    api_key: Referring | None = None
    secret: Referring | None = None
    smtp: Referring | None = None
    to: Plains = ()
    from_: Plain | None = Field(None, alias="from")
    ca: Text | None = None

    @classmethod
    def options(cls) -> frozenset[str]:
        """Return the keys that not every kind takes, as the file says them."""
        return cls.keys() - {"name", "kind"}

    def option(self, key: str) -> str | tuple[str, ...] | None:
        value: str | tuple[str, ...] | None = getattr(self, "from_" if key == "from" else key)
        return value


class RouteSection(Section):
    """Which alerts go to whom; the first route that takes an alert has it."""

    elsewhere = {
        "match": "is called `when` here",
        "receiver": "is called `to` here, and is a list",
        "receivers": "is called `to` here",
        "repeat_interval": "is called `repeat` here",
    }
    when: When = ()
    to: Plains
    group_by: AlertFields = ()
    repeat: Seconds | None = None


class StatusFeedSection(Section):
    """Where a vendor tells of its own incidents."""

    elsewhere = {"type": "is called `kind` here", "components": "is called `match` here"}
    cloud: Plain
    url: Text
    kind: Annotated[str, BeforeValidator(one_of(*feeds.KINDS))]
    match: Plains = ()
    network: Name = "internet"


class AlertsSection(Section):
    engine: Annotated[
        Literal["agent", "prometheus"] | None, BeforeValidator(one_of("agent", "prometheus"))
    ] = None
    page: PageSection = PageSection()
    receivers: Annotated[tuple[ReceiverSection, ...], BeforeValidator(maps)] = ()
    routes: Annotated[tuple[RouteSection, ...], BeforeValidator(maps)] = ()
    status_feeds: Annotated[tuple[StatusFeedSection, ...], BeforeValidator(maps)] = ()
    heartbeat: HeartbeatSection | None = None
    runbook: Text | None = None


class OtlpSection(Section):
    later = frozenset({"headers", "tls", "compression"})
    endpoint: Text
    protocol: Annotated[
        Literal["grpc", "http/protobuf"], BeforeValidator(one_of("grpc", "http/protobuf"))
    ] = "grpc"


class ExportSection(Section):
    later = frozenset({"web_listen", "remote_write"})
    listen: Text = "127.0.0.1:9464"
    otlp: OtlpSection | None = None


class LimitsSection(Section):
    event: Size = 8 * 1024**2
    body: Size = 64 * 1024**2
    in_flight: Count = 500


class ModelSection(Section):
    """What is compared across clouds: its class, and what each provider calls it."""

    class_: Name | None = Field(None, alias="class")
    ids: dict[str, Plain] | None = None


class AllowanceSection(Section):
    usd: Dollars | None = None
    tokens: Tokens | None = None


class PerSection(Section):
    target: Annotated[AllowanceSection, AMOUNT] = AllowanceSection()
    probe: Annotated[AllowanceSection, AMOUNT] = AllowanceSection()


class BudgetSection(Section):
    usd_per_day: Dollars | None = None
    tokens_per_day: Tokens | None = None
    per: PerSection = PerSection()
    shed: Shed = SHED


class SecretsSection(Section):
    dir: Text | None = None


class Settings(Section):
    """The top of the file, its networks and its lists apart."""

    later = frozenset({"prices", "contracts", "report"})
    vantage: Name | None = None
    state_dir: Text | None = None
    storage: StorageSection | None = None
    journal: JournalSection = JournalSection()
    alerts: AlertsSection = AlertsSection()
    export: ExportSection = ExportSection()
    limits: LimitsSection = LimitsSection()
    models: dict[Plain, ModelSection] = {}
    include: Any = None
    defaults: Any = None
    budget: BudgetSection | None = None
    secrets: SecretsSection = SecretsSection()
    networks: Any = None
    targets: Any = None
    probes: Any = None
    objectives: Any = None
    services: Any = None
    maintenance: Any = None
