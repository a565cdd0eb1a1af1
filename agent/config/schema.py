"""Which keys stand at the top of the file and in the sections of the agent itself."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from agent.config.fields import (
    AMOUNT,
    Count,
    Dollars,
    Flag,
    Name,
    Plain,
    Port,
    Referring,
    Seconds,
    Shed,
    Size,
    Text,
    Tokens,
    one_of,
)
from agent.config.model import SHED
from agent.config.schema_alerts import AlertsSection
from agent.config.schema_asked import ModelSection
from agent.config.schema_base import Section


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
