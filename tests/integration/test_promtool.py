"""The metrics page before Prometheus's own linter."""

import shutil
import subprocess
from datetime import UTC, datetime

import pytest

from exporters import conventions
from exporters.metrics import Metrics
from exporters.signals import Judged, SelfReport, SeriesPlan, SloKey, SloStatus, TargetInfo
from probes.result import EventClass, Fault
from support.results import STARTED_NS, a_result

AVAILABLE = SloKey(objective="available", target="openai", probe="chat")


def a_full_page() -> bytes:
    metrics = Metrics("0.1.0")
    target = TargetInfo(
        target="openai",
        provider="openai",
        cloud="openai",
        region="us",
        model="nano",
        team="sre",
        simulated=True,
        labels={"costCentre": "42"},
    )
    metrics.plan(
        SeriesPlan(
            config_hash="0",
            vantage="fra-1",
            targets=(target,),
            probes=(("openai", "chat"),),
            slos=((AVAILABLE, 0.999),),
        )
    )
    limits = dict.fromkeys(conventions.RATELIMIT, 1.0)
    result = a_result(ratelimit=limits, tls_expires_at=datetime(2027, 1, 1, tzinfo=UTC))
    metrics.take(result)
    metrics.settle(Judged(result=result, fault=Fault.NONE, classes={"available": EventClass.GOOD}))
    metrics.settle(Judged(result=a_result(quality_reasons=("loop_lag",)), fault=Fault.NONE))
    metrics.beat(
        SelfReport(
            at_ns=STARTED_NS,
            boot="one",
            lateness={"0.001": 3, "+Inf": 1},
            lateness_sum_s=0.5,
            loop_lag={"0.001": 7, "+Inf": 0},
            loop_lag_sum_s=0.002,
            journal_bytes=4096,
            journal_oldest_ns=STARTED_NS,
            dropped={"disk_full": 1},
        )
    )
    metrics.show(
        (
            SloStatus(
                slo=AVAILABLE,
                vantage="fra-1",
                objective_ratio=0.999,
                window_s=86400.0,
                state="good",
                period="1d",
                sli={"5m": 1.0},
                burn={"5m": 0.0},
                budget_remaining=1.0,
                met_probability=0.5,
                coverage=1.0,
                evaluated_ns=STARTED_NS,
            ),
        )
    )
    metrics.dropped("journal_gap", 1)
    metrics.duplicate(1)
    metrics.spans_dropped(1)
    metrics.database_up(up=True)
    metrics.default_partition_rows(0)
    metrics.notified("heartbeat", "sent")
    metrics.reloaded(STARTED_NS, taken=True)
    metrics.task_succeeded("retention", STARTED_NS)
    return metrics.render()[1]


@pytest.mark.heavy
@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_finds_nothing_to_say_about_the_page() -> None:
    ran = subprocess.run(
        ["promtool", "check", "metrics"], input=a_full_page(), capture_output=True, check=False
    )
    assert (ran.returncode, ran.stdout + ran.stderr) == (0, b"")
