"""The tables, as SQLAlchemy Core knows them; migrations/ brings a database to them.

One file, however long: a table that stood in another would be missing from the metadata wherever that is not imported.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    Identity,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_INSTANT = DateTime(timezone=True)

DAILY = ("results",)
MONTHLY = ("failures", "verdicts")
PARTITIONED = DAILY + MONTHLY
"""Tables split by scheduled_at; their partitions come and go at run time and are in no migration."""


def is_partition(name: str) -> bool:
    """Say whether a table is a partition made at run time.

    >>> is_partition("results_20261122"), is_partition("verdicts_default"), is_partition("results")
    (True, True, False)
    """
    table, _, rest = name.rpartition("_")
    return table in PARTITIONED and (rest.isdigit() or rest == "default")


def _dictionary(name: str, width: type[SmallInteger] | type[Integer]) -> Table:
    """Return a table of texts that repeat: rows elsewhere hold the id."""
    return Table(
        name,
        metadata,
        Column("id", width, Identity(always=True), primary_key=True, autoincrement=True),
        Column("name", Text, nullable=False, unique=True),
    )


targets = _dictionary("targets", Integer)
probes = _dictionary("probes", SmallInteger)
vantages = _dictionary("vantages", SmallInteger)
models = _dictionary("models", Integer)  # as the answers name them
peers = _dictionary("peers", Integer)
error_codes = _dictionary("error_codes", Integer)
backends = _dictionary("backends", Integer)  # canonical JSON
fingerprints = _dictionary("fingerprints", Integer)

DICTIONARIES = (targets, probes, vantages, models, peers, error_codes, backends, fingerprints)

revisions = Table(
    # What was asked of whom: the target as the plan had it then, labels included. A change is a new row.
    "revisions",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True, autoincrement=True),
    Column("target_id", Integer, nullable=False),
    Column("max_tokens", Integer),
    Column("server_port", Integer),
    Column("simulated", Boolean, nullable=False),
    Column("digest", Text, nullable=False, unique=True),  # of all that follows and of the above
    Column("kind", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("cloud", Text, nullable=False),
    Column("region", Text),
    Column("model", Text, nullable=False),
    Column("request_model", Text),
    Column("server_address", Text),
    Column("price_source", Text),
    Column("labels", JSONB, nullable=False),
)


def _slot_columns() -> Iterator[Column[Any]]:
    """Yield the columns that say which attempt of which slot a row is about, in the order of the key."""
    yield Column("target_id", Integer, nullable=False)
    yield Column("probe_id", SmallInteger, nullable=False)
    yield Column("vantage_id", SmallInteger, nullable=False)


_ATTEMPT_KEY = ("target_id", "scheduled_at", "probe_id", "vantage_id", "attempt")

results = Table(
    # 8 bytes, 4, 2, 1, then what varies, so that nothing is padded. What was not observed takes no room.
    # Durations are whole microseconds rounded up, so that `ttft_us <= 1500000` is exactly `ttft_s <= 1.5`.
    "results",
    metadata,
    Column("scheduled_at", _INSTANT, nullable=False),
    Column("started_ns", BigInteger, nullable=False),
    Column("tls_expires_at", _INSTANT),
    Column("cost_usd", Double),
    Column("target_id", Integer, nullable=False),
    Column("revision_id", Integer, nullable=False),
    Column("response_model_id", Integer),
    Column("peer_id", Integer),
    Column("error_code_id", Integer),
    Column("backend_id", Integer),
    Column("fingerprint_id", Integer),
    Column("auth_us", Integer),
    Column("dns_wait_us", Integer),
    Column("dns_us", Integer),
    Column("proxy_us", Integer),
    Column("connect_us", Integer),
    Column("tls_us", Integer),
    Column("ttfb_us", Integer),
    Column("ttft_us", Integer),
    Column("ttfo_us", Integer),
    Column("itl_us", Integer),
    Column("gap_max_us", Integer),
    Column("last_token_us", Integer),
    Column("total_us", Integer),
    Column("server_us", Integer),
    Column("stamp_uncertainty_us", Integer),
    Column("loop_lag_us", Integer),
    Column("retry_after_ms", Integer),
    Column("input_tokens", Integer),
    Column("output_tokens", Integer),
    Column("reasoning_tokens", Integer),
    Column("cached_tokens", Integer),
    Column("probe_id", SmallInteger, nullable=False),
    Column("vantage_id", SmallInteger, nullable=False),
    Column("attempt", SmallInteger, nullable=False),
    Column("http_status", SmallInteger),
    Column("reused", Boolean),
    Column("id", Uuid, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("stream", Text),
    Column("finish_reason", Text),
    Column("service_tier", Text),
    Column("stamp", Text),
    Column("quality_reasons", Text),  # joined by commas; NULL is trusted
    # Added later, so behind the others: most rows have none and are not padded for it.
    Column("tokens_per_s", Double),
    Column("checked", Boolean),
    PrimaryKeyConstraint(*_ATTEMPT_KEY),
    postgresql_partition_by="RANGE (scheduled_at)",
)


def _detailed(name: str, **options: Any) -> Table:
    """Return a table of whole results: `row` is the journal's form, `detail` what `results` does not keep."""
    return Table(
        name,
        metadata,
        Column("scheduled_at", _INSTANT, nullable=False),
        Column("target_id", Integer, nullable=False),
        Column("probe_id", SmallInteger, nullable=False),
        Column("vantage_id", SmallInteger, nullable=False),
        Column("attempt", SmallInteger, nullable=False),
        Column("row", JSONB, nullable=False),
        Column("detail", JSONB, nullable=False),
        PrimaryKeyConstraint(*_ATTEMPT_KEY),
        **options,
    )


failures = _detailed("failures", postgresql_partition_by="RANGE (scheduled_at)")
recent = _detailed("recent")

verdicts = Table(
    # What settlement said of a slot's bad outcome; results stay as they are, and questions join this.
    "verdicts",
    metadata,
    Column("scheduled_at", _INSTANT, nullable=False),
    Column("settled_ns", BigInteger, nullable=False),
    *_slot_columns(),
    Column("confirmations", SmallInteger, nullable=False),
    Column("confirmations_bad", SmallInteger, nullable=False),
    Column("fault", Text, nullable=False),
    Column("witness", Text),
    PrimaryKeyConstraint("target_id", "scheduled_at", "probe_id", "vantage_id"),
    postgresql_partition_by="RANGE (scheduled_at)",
)

plans = Table(
    # Slots of one probe of one target that are due in [valid_from, valid_to).
    "plans",
    metadata,
    Column("valid_from_ns", BigInteger, nullable=False),
    Column("valid_to_ns", BigInteger),
    Column("every_ns", BigInteger, nullable=False),
    Column("phase_ns", BigInteger, nullable=False),
    *_slot_columns(),
    Column("config_hash", Text, nullable=False),
    Column("reason", Text, nullable=False),
    PrimaryKeyConstraint("vantage_id", "target_id", "probe_id", "valid_from_ns"),
)

objective_revisions = Table(
    # What an objective promised of one probe of one target in [valid_from, valid_to).
    "objective_revisions",
    metadata,
    Column("valid_from_ns", BigInteger, nullable=False),
    Column("valid_to_ns", BigInteger),
    Column("vantage", Text, nullable=False),
    Column("objective", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("probe", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("rule", JSONB, nullable=False),
    PrimaryKeyConstraint("vantage", "objective", "target", "probe", "valid_from_ns"),
)

corrections = Table(
    # A person's word on what events in [since, until) count as, with its author and reason.
    "corrections",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True, autoincrement=True),
    Column("since_at", _INSTANT, nullable=False),
    Column("until_at", _INSTANT, nullable=False),
    Column("made_at", _INSTANT, nullable=False),
    Column("target_id", Integer, nullable=False),
    Column("probe_id", SmallInteger),
    Column("vantage_id", SmallInteger),
    Column("class", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Index(None, "target_id", "since_at"),
    Index(None, "until_at"),
)

withdrawals = Table(
    # A correction that was taken back, as if it had never been made.
    "withdrawals",
    metadata,
    Column("correction_id", BigInteger, primary_key=True, autoincrement=False),
    Column("made_at", _INSTANT, nullable=False),
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
)

maintenances = Table(
    # Maintenance of a target as it took place or was called for; `key` names it, the same for all its targets.
    "maintenances",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True, autoincrement=True),
    Column("since_at", _INSTANT, nullable=False),
    Column("until_at", _INSTANT, nullable=False),
    Column("made_at", _INSTANT, nullable=False),
    Column("target_id", Integer, nullable=False),
    Column("key", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
    UniqueConstraint("key", "target_id"),
    Index(None, "until_at"),
)

maintenance_ends = Table(
    # Maintenance that was over before its time.
    "maintenance_ends",
    metadata,
    Column("ended_at", _INSTANT, nullable=False),
    Column("made_at", _INSTANT, nullable=False),
    Column("key", Text, primary_key=True),
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
)

alerts = Table(
    # One occurrence of a trouble from its first finding to its end; `id` is its key and when it fired.
    "alerts",
    metadata,
    Column("since_ns", BigInteger, nullable=False),
    Column("fired_ns", BigInteger, nullable=False),
    Column("quiet_ns", BigInteger),
    Column("ended_ns", BigInteger),
    Column("seq", Integer, nullable=False),
    Column("id", Text, nullable=False),
    Column("vantage", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("labels", JSONB, nullable=False),
    Column("facts", JSONB, nullable=False),
    Column("acknowledged", JSONB),
    PrimaryKeyConstraint("vantage", "id"),
    Index("ix_alerts_alive", "vantage", postgresql_where=text("ended_ns IS NULL")),
    Index(None, "fired_ns"),
)

alert_changes = Table(
    # What became of an alert, each change once, with the facts of its instant; `seq` is that of its notice.
    "alert_changes",
    metadata,
    Column("at_ns", BigInteger, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("vantage", Text, nullable=False),
    Column("alert", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("facts", JSONB, nullable=False),
    PrimaryKeyConstraint("vantage", "alert", "seq"),
)

acknowledgements = Table(
    # Somebody's word that an alert is in hands, until an instant or, NULL, its end; `severity` is what it was then.
    "acknowledgements",
    metadata,
    Column("made_ns", BigInteger, nullable=False),
    Column("until_ns", BigInteger),
    Column("vantage", Text, nullable=False),
    Column("alert", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
    PrimaryKeyConstraint("vantage", "alert", "made_ns"),
)

drills = Table(
    # What drills asked, apart from `results`: nothing that counts reads this. `settled` stands on a slot's own attempt.
    "drills",
    metadata,
    Column("scheduled_ns", BigInteger, nullable=False),
    Column("attempt", SmallInteger, nullable=False),
    Column("vantage", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("probe", Text, nullable=False),
    Column("drill", Text, nullable=False),
    Column("row", JSONB, nullable=False),
    Column("settled", JSONB),
    PrimaryKeyConstraint("vantage", "target", "probe", "scheduled_ns", "attempt", "drill"),
)

notices = Table(
    # The outbox: one notice of an alert for one receiver. `due_ns` is when it is told next, NULL where never again;
    # `lease_ns` until when somebody is telling it; `bundle` joins notices to one message.
    "notices",
    metadata,
    Column("made_ns", BigInteger, nullable=False),
    Column("due_ns", BigInteger),
    Column("lease_ns", BigInteger),
    Column("told_ns", BigInteger),
    Column("repeat_ns", BigInteger),
    Column("seq", Integer, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("ends", Boolean, nullable=False),
    Column("urgent", Boolean, nullable=False),
    Column("vantage", Text, nullable=False),
    Column("receiver", Text, nullable=False),
    Column("alert", Text, nullable=False),
    Column("bundle", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("error", Text),
    Column("payload", JSONB, nullable=False),
    PrimaryKeyConstraint("vantage", "receiver", "alert", "seq"),
    Index("ix_notices_due", "vantage", "due_ns", postgresql_where=text("due_ns IS NOT NULL")),
)

sli_closed = Table(
    # One row: hours before `until_at` may have been counted, so whoever writes rows into them says so in sli_stale.
    "sli_closed",
    metadata,
    Column("until_at", _INSTANT, nullable=False),
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
)

sli_series = Table(
    # One rule over the slots of one probe of one target from one vantage: all hours of [since, until) are counted.
    "sli_series",
    metadata,
    Column("since_at", _INSTANT, nullable=False),
    Column("until_at", _INSTANT, nullable=False),
    Column("asked_at", _INSTANT, nullable=False),
    Column("id", Integer, Identity(always=True), primary_key=True, autoincrement=True),
    *_slot_columns(),
    Column("rule", Text, nullable=False),  # canonical JSON
    UniqueConstraint("target_id", "probe_id", "vantage_id", "rule"),
)

sli_hours = Table(
    # What one hour came to, to be summed over weeks; an hour of a series without a row came to nothing.
    "sli_hours",
    metadata,
    Column("at", _INSTANT, nullable=False),
    Column("series_id", Integer, nullable=False),
    *(Column(name, Integer, nullable=False) for name in ("good", "bad", "excluded", "invalid")),
    PrimaryKeyConstraint("series_id", "at"),
)

sli_minutes = Table(
    # The same hour minute by minute, sixty figures a class, for the edges of windows; NULL is sixty times nothing.
    "sli_minutes",
    metadata,
    Column("at", _INSTANT, nullable=False),
    Column("series_id", Integer, nullable=False),
    *(Column(name, ARRAY(SmallInteger)) for name in ("good", "bad", "excluded", "invalid")),
    PrimaryKeyConstraint("series_id", "at"),
)

sli_stale = Table(
    # An hour of a target that was written into after it may have been counted. Rows are only added and removed, so
    # that no writer waits for another.
    "sli_stale",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True, autoincrement=True),
    Column("at", _INSTANT, nullable=False),
    Column("target_id", Integer, nullable=False),
)

standings = Table(
    # How each target stands as each vantage sees it, said anew every few seconds; `asks` names what is asked of whom.
    "standings",
    metadata,
    Column("told_at", _INSTANT, nullable=False),
    Column("vantage", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("asks", Text, nullable=False),
    Column("state", Text, nullable=False),
    PrimaryKeyConstraint("vantage", "target"),
)
