"""Which keys say what is asked of whom, and by which way."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from agent.config.fields import (
    Count,
    Flag,
    Headers,
    Interval,
    JsonSchema,
    Labels,
    Money,
    Name,
    Plain,
    PromptTokens,
    Referring,
    Regions,
    Seconds,
    Selector,
    Text,
    maps,
    one_of,
)
from agent.config.schema_base import Count429, Section
from agent.config.selecting import EVERYTHING
from probes.target import KINDS, Kind


class Credentials(Section):
    api_key: Referring | None = None
    token: Referring | None = None
    token_file: Text | None = None
    entra: Referring | None = None
    aws: Referring | None = None
    google: Referring | None = None
    oci: Referring | None = None
    scope: Plain | None = None


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


class ModelSection(Section):
    """What is compared across clouds: its class, and what each provider calls it."""

    class_: Name | None = Field(None, alias="class")
    ids: dict[str, Plain] | None = None
