"""Which probes of which targets make one SLO."""

import dataclasses
from typing import Any

from agent.config.model import Config
from agent.slo.objective import Field, Objective
from agent.slo.service import Member, Service
from exporters.signals import SloKey
from probes.result import EventClass
from support.told import configuration

PAIRS = tuple((name, "chat") for name in ("aws-eu", "aws-us", "azure"))


def config(per: tuple[Field, ...] | None, **changes: Any) -> Config:
    plain = configuration("aws-eu", "aws-us", "azure")
    targets = (
        dataclasses.replace(plain.targets[0], cloud="aws", region="eu"),
        dataclasses.replace(plain.targets[1], cloud="aws", region="us"),
        dataclasses.replace(plain.targets[2], cloud="azure", region="eu"),
    )
    available = dataclasses.replace(plain.objectives[0], per=per)
    return dataclasses.replace(plain, targets=targets, objectives=(available,), **changes)


def ids(per: tuple[Field, ...] | None) -> dict[str, int]:
    return {slo.key.id: len(slo.parts) for slo in config(per).slos()}


def test_targets_that_are_alike_are_one_slo() -> None:
    assert ids(None) == {f"{name}-chat-available": 1 for name, _ in PAIRS}
    assert ids(("cloud",)) == {"aws-available": 2, "azure-available": 1}
    assert ids(("cloud", "model")) == {"aws-nano-available": 2, "azure-nano-available": 1}
    assert ids(("region", "cloud")) == {"eu-aws-available": 1, "us-aws-available": 1, "eu-azure-available": 1}
    assert ids(()) == {"all-available": 3}


def test_a_pool_is_asked_as_often_as_all_its_probes() -> None:
    (everything,) = config(()).slos()
    assert everything.every_ns == 10_000_000_000


def test_thresholds_may_differ_within_a_pool() -> None:
    """Objectives of one name that hold for pairs of their own are parts of one pool."""
    quick = Objective(
        name="quick", sli="ttft", ratio=0.99, window_s=86400.0, pairs=PAIRS[:2], threshold_s=1.0, per=()
    )
    slow = dataclasses.replace(quick, pairs=PAIRS[2:], threshold_s=6.0)
    (slo,) = dataclasses.replace(config(()), objectives=(quick, slow)).slos()
    assert slo.key == SloKey(objective="quick", pool="all")
    assert [part.objective.threshold_s for part in slo.parts] == [1.0, 1.0, 6.0]


def test_a_service_s_own_slo_counts_its_members_as_their_first_availability_objective_does() -> None:
    members = tuple(
        Member(target=name, probe=probe, cloud="x", region=None, every_s=30.0) for name, probe in PAIRS[1:]
    )
    nano = Service(name="nano", members=members, ratio=0.9995, window_s=7 * 86400.0)
    strict = dataclasses.replace(config(None).objectives[0], throttled=EventClass.BAD, pairs=PAIRS[2:])
    known = config(None, services=(nano,))
    (slo,) = dataclasses.replace(known, objectives=(strict, *known.objectives)).service_slos()
    assert slo.key.id == "nano-service"
    assert [part.pair for part in slo.parts] == list(PAIRS[1:])
    assert (slo.objective.ratio, slo.objective.window_s, slo.objective.per) == (0.9995, 7 * 86400.0, None)
    assert [part.objective.throttled for part in slo.parts] == [None, EventClass.BAD]
