"""Every name that Prometheus, its rules and its dashboards hold on to: metrics, labels, bucket edges."""

import dataclasses
from collections.abc import Mapping
from typing import Final, Literal

# --- Metrics on /metrics ---------------------------------------------------------------------------------

PREFIX: Final = "nephoscope_"

MEASURED: Final = ("target", "probe", "vantage")
SLO: Final = ("slo", "objective", *MEASURED)
QUOTA: Final = ("quota", "vantage")
SERVICE: Final = ("service", "vantage")


@dataclasses.dataclass(frozen=True, slots=True)
class Family:
    """One metric: its name with the prefix, as it stands in a query, and the order of its label values."""

    name: str
    kind: Literal["counter", "gauge", "histogram", "summary", "info"]
    help: str
    labels: tuple[str, ...] = ()


FAMILIES: dict[str, Family] = {}
"""All families by name, in the order in which the page shows them."""


def _family(
    name: str,
    kind: Literal["counter", "gauge", "histogram", "summary", "info"],
    text: str,
    labels: tuple[str, ...] = (),
) -> Family:
    family = Family(PREFIX + name, kind, text, labels)
    FAMILIES[family.name] = family
    return family


TARGET_INFO = _family(
    "target_info",
    "info",
    "What stands behind a target; the user's labels carry the prefix label_.",
    ("target",),
)

PROBE_RESULTS = _family(
    "probe_results_total", "counter", "Settled scheduled attempts by outcome.", (*MEASURED, "outcome")
)
PROBE_TTFT = _family(
    "probe_ttft_seconds",
    "histogram",
    "Request sent to first generated unit; trusted, settled, scheduled attempts.",
    MEASURED,
)
PROBE_TTFO = _family(
    "probe_ttfo_seconds",
    "histogram",
    "Request sent to first visible (non-reasoning) unit; trusted, settled, scheduled attempts.",
    MEASURED,
)
PROBE_INTER_TOKEN = _family(
    "probe_inter_token_seconds",
    "histogram",
    "Mean time per token after the first chunk; trusted, settled, scheduled attempts.",
    MEASURED,
)
PROBE_DURATION = _family(
    "probe_duration_seconds",
    "histogram",
    "Request sent to the end of a whole answer; trusted, settled, scheduled attempts.",
    MEASURED,
)
PROBE_SPEED = _family(
    "probe_output_tokens_per_second",
    "histogram",
    "Tokens a second after the first one of long answers; trusted, settled, scheduled attempts.",
    MEASURED,
)
PROBE_PHASE = _family(
    "probe_phase_seconds",
    "summary",
    "Time per phase where it was observed; trusted, settled, scheduled attempts.",
    (*MEASURED, "phase"),
)
PROBE_UNTRUSTED = _family(
    "probe_untrusted_total",
    "counter",
    "Settled scheduled attempts left out of every latency, by reason; one may have several.",
    (*MEASURED, "reason"),
)
TARGET_STATE = _family(
    "target_state",
    "gauge",
    "1 for the state that the last settled attempt shows; unknown until there is one.",
    (*MEASURED, "state"),
)
TARGET_WARM = _family(
    "target_warm",
    "gauge",
    "1 once the target was probed for as long as alerts.page.warm_up says; until then it pages nobody.",
    ("target", "vantage"),
)
PROBE_LAST_RESULT = _family(
    "probe_last_result_timestamp_seconds", "gauge", "Start of the newest attempt, unix time.", MEASURED
)
PROBE_TOKENS = _family(
    "probe_tokens_total",
    "counter",
    "Tokens that probing used, confirmations included.",
    (*MEASURED, "direction"),
)
PROBE_COST = _family(
    "probe_estimated_cost_usd_total",
    "counter",
    "Estimated US dollars that probing cost, confirmations included.",
    MEASURED,
)
TLS_NOT_AFTER = _family(
    "tls_certificate_not_after_timestamp_seconds",
    "gauge",
    "When the certificate that the endpoint showed last expires, unix time.",
    MEASURED,
)
PROBE_BACKEND = _family(
    "probe_backend",
    "gauge",
    "1 for who served the newest good answer, as its headers and body say.",
    (*MEASURED, "backend", "fingerprint"),
)
RATELIMIT: Mapping[str, Family] = {
    f"{what}_{unit}": _family(
        f"ratelimit_{what}_{unit}", "gauge", f"Rate limit: {what} {unit}, as the endpoint said last.", QUOTA
    )
    for what in ("remaining", "limit")
    for unit in ("requests", "tokens")
}
"""By the key in `ProbeResult.ratelimit`."""

SLI_EVENTS = _family(
    "sli_events_total", "counter", "Settled slots by what they count as for the SLO.", (*SLO, "result")
)
SLI_EXPECTED = _family(
    "sli_expected_events_total", "counter", "Slots that were due under the stored plan.", SLO
)
SLO_SLICES = _family(
    "slo_slices_total",
    "counter",
    "Slices of time that are over and settled, by what they are for the SLO.",
    (*SLO, "result"),
)
SLO_OBJECTIVE = _family("slo_objective_ratio", "gauge", "Share of valid events that has to be good.", SLO)
SLI_RATIO = _family(
    "sli_ratio", "gauge", "Share of valid events that were good in the window.", (*SLO, "window")
)
SLO_BUDGET = _family(
    "slo_error_budget_remaining_ratio",
    "gauge",
    "Share of the error budget left in the objective's window; negative when overspent.",
    SLO,
)
SLO_BURN = _family(
    "slo_burn_rate",
    "gauge",
    "How fast the budget burns; 1 spends it exactly at the end of the objective's window.",
    (*SLO, "window"),
)
SLO_MET = _family(
    "slo_met_probability_ratio", "gauge", "Probability that the objective is met, given the data.", SLO
)
SLO_COVERAGE = _family("slo_coverage_ratio", "gauge", "Observed slots over due slots in the window.", SLO)
SLO_CORRECTED = _family(
    "slo_corrected_events",
    "gauge",
    "Events of the window that corrections made count otherwise than on sli_events_total.",
    SLO,
)
SLO_STATE = _family("slo_state", "gauge", "1 for the state that the last evaluation saw.", (*SLO, "state"))
SLO_EVALUATED = _family(
    "slo_evaluated_timestamp_seconds", "gauge", "When the SLO was evaluated last, unix time.", SLO
)

SERVICE_HEALTHY = _family(
    "service_healthy_members",
    "gauge",
    "Members of the service that are well: targets, or the clouds or regions that it counts by.",
    SERVICE,
)
SERVICE_AT_LEAST = _family(
    "service_healthy_members_required", "gauge", "How many of them must be well.", SERVICE
)

RUNS_SKIPPED = _family(
    "agent_runs_skipped_total", "counter", "Due slots that were not asked, by reason.", ("reason",)
)
RESULTS_SPOILT = _family(
    "agent_results_spoilt_total",
    "counter",
    "Settled scheduled attempts that our own fault spoilt, by reason: our delay, or our way out.",
    ("reason",),
)
SCHEDULE_LATENESS = _family(
    "agent_schedule_lateness_seconds", "histogram", "Actual start of an attempt minus its slot."
)
LOOP_LAG = _family("agent_event_loop_lag_seconds", "histogram", "How late the asker's event loop woke.")
CALIBRATION = _family(
    "agent_calibration_error_seconds",
    "gauge",
    "Our own error against a loopback server that knows when it wrote; trusted samples, absent if not known.",
    ("stat", "tls"),
)
CLOCK_OFFSET = _family(
    "agent_clock_offset_seconds",
    "gauge",
    "What the kernel's time discipline still has to correct; absent where nothing disciplines the clock.",
)
BUDGET_LEFT: Mapping[str, Family] = {
    unit: _family(
        f"agent_budget_remaining_{unit}",
        "gauge",
        f"What is left of {what} that probing may spend in the UTC day; negative when passed.",
    )
    for unit, what in (("usd", "the US dollars"), ("tokens", "the tokens"))
}
"""By unit, as the asker says."""
BUDGET_USED = _family(
    "agent_budget_used_ratio",
    "gauge",
    "Share of a budget that is spent in the UTC day; of all targets or probes the fullest.",
    ("scope", "unit"),
)
WITNESS_UP = _family(
    "witness_up",
    "gauge",
    "Whether a witness of a way out was reached when it was last tried; absent until then.",
    ("network", "witness"),
)
LAST_BEAT = _family(
    "agent_last_beat_timestamp_seconds", "gauge", "When the asker reported of itself last, unix time."
)
JOURNAL_BYTES = _family("agent_journal_bytes", "gauge", "Size of the journal on disk.")
JOURNAL_OLDEST = _family(
    "agent_journal_oldest_timestamp_seconds", "gauge", "Time of the journal's oldest record, unix time."
)
JOURNAL_DROPPED = _family(
    "agent_journal_records_dropped_total",
    "counter",
    "Records that the asker could not keep, by its own account.",
    ("reason",),
)
RESULTS_DROPPED = _family(
    "agent_results_dropped_total",
    "counter",
    "Records missing from the journal's sequence, so from this page.",
    ("reason",),
)
RESULTS_DUPLICATE = _family(
    "agent_results_duplicate_total", "counter", "Results that the store had already and refused."
)
SPANS_DROPPED = _family(
    "agent_spans_dropped_total", "counter", "Spans that did not reach the collector: queue full or refused."
)
DATABASE_UP = _family("agent_database_up", "gauge", "1 while the database takes what it is given.")
DEFAULT_PARTITION_ROWS = _family(
    "agent_default_partition_rows",
    "gauge",
    "Rows that no partition of theirs took; anything but 0 is a fault.",
)
NOTIFICATIONS = _family(
    "agent_notifications_total", "counter", "Notifications by receiver and state.", ("receiver", "state")
)
CONFIG_RELOAD_OK = _family(
    "agent_config_last_reload_successful", "gauge", "1 when the last configuration read was taken."
)
CONFIG_RELOAD_AT = _family(
    "agent_config_last_reload_success_timestamp_seconds",
    "gauge",
    "When a configuration was taken last, unix time.",
)
CONFIG_INFO = _family(
    "agent_config_info",
    "info",
    "Hashes of the running configuration, and of the rules that it makes.",
    ("hash", "rules"),
)
TASK_SUCCESS = _family(
    "agent_task_last_success_timestamp_seconds",
    "gauge",
    "When a side task succeeded last, unix time.",
    ("task",),
)
BUILD_INFO = _family("build_info", "info", "The release that is running.", ("version", "python"))

PHASES: Final = ("auth", "dns_wait", "dns", "proxy", "connect", "tls", "ttfb")
TARGET_STATES: Final = ("good", "degraded", "down", "unknown")
SLO_STATES: Final = ("good", "bad", "unknown")
SLICE_RESULTS: Final = ("good", "bad", "unknown")
SPOILT_REASONS: Final = ("delay", "egress")
SKIP_REASONS: Final = ("in_flight", "overlap", "late", "budget", "shutdown", "bug")

_TTFT_EDGES = (0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0, 13.0, 20.0, 30.0, 60.0)
EDGES: Mapping[str, tuple[float, ...]] = {
    PROBE_TTFT.name: _TTFT_EDGES,
    PROBE_TTFO.name: _TTFT_EDGES,
    PROBE_INTER_TOKEN.name: (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0),
    PROBE_DURATION.name: (*_TTFT_EDGES, 120.0, 300.0),
    PROBE_SPEED.name: (
        5.0,
        10.0,
        15.0,
        20.0,
        30.0,
        40.0,
        50.0,
        75.0,
        100.0,
        150.0,
        200.0,
        300.0,
        500.0,
        1000.0,
        2000.0,
    ),
}
"""Upper bucket edges in seconds (and tokens a second), before the objectives' thresholds are added."""

THRESHOLD_OF: Mapping[str, Family] = {
    "ttft": PROBE_TTFT,
    "ttfo": PROBE_TTFO,
    "itl": PROBE_INTER_TOKEN,
    "total": PROBE_DURATION,
    "throughput": PROBE_SPEED,
}
"""The histogram that an SLI's threshold must be an edge of, by the SLI's name."""

TRACE_ID: Final = "trace_id"
SPAN_ID: Final = "span_id"
"""Labels of an exemplar: 63 characters with their values, of the 128 that OpenMetrics allows."""


# --- Rules for Prometheus --------------------------------------------------------------------------------
# Sloth's names and labels to the letter: dashboards and silences made for it work on ours.

SLI_ERROR: Final = "slo:sli_error:ratio_rate"
"""Followed by the window: `slo:sli_error:ratio_rate5m`."""

OBJECTIVE_RATIO: Final = "slo:objective:ratio"
ERROR_BUDGET: Final = "slo:error_budget:ratio"
PERIOD_DAYS: Final = "slo:time_period:days"
CURRENT_BURN: Final = "slo:current_burn_rate:ratio"
PERIOD_BURN: Final = "slo:period_burn_rate:ratio"
PERIOD_BUDGET: Final = "slo:period_error_budget_remaining:ratio"
SLO_INFO: Final = "sloth_slo_info"

SLOTH_ID: Final = "sloth_id"
SLOTH_SERVICE: Final = "sloth_service"
SLOTH_SLO: Final = "sloth_slo"
SLOTH_WINDOW: Final = "sloth_window"
SLOTH_SEVERITY: Final = "sloth_severity"
BURN_TIER: Final = "burn_tier"
AGREEMENT: Final = "agreement"
"""`fast` or `slow`, so that an inhibition can name the fast tier and quiet the slow one."""

AGENTS: Final = "agents"
"""`none` where an alert is about every agent, so that it is not taken for that about one."""

SERVICE_DOWN: Final = "nephoscope:service_units_well:under"
"""Of a service under its healthy minimum: how many units are well. There is none while enough are."""

WARM_ERROR: Final = "nephoscope:warm_sli_error:ratio_rate"
"""Followed by the window, as `SLI_ERROR`: of a service without the members that are too new to page."""

AGENT_BLIND: Final = "nephoscope:agent:blind"
"""Of an agent, by instance, that does not see: 1 where it is silent, 2 where its answers are spoilt by its own fault."""

NONE_SEES: Final = "nephoscope:agents:none_sees"
"""There while no agent sees; what nothing is heard of is told once then, and not of each target."""

BURN_ALERT: Final = "NephoscopeBudgetBurn"
SERVICE_ALERT: Final = "NephoscopeServiceDown"
ABSENCE_ALERT: Final = "NephoscopeNoResults"
BLIND_ALERT: Final = "NephoscopeAgentBlind"
RULES_ALERT: Final = "NephoscopeRulesOutdated"
