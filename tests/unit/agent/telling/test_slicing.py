"""Which slices are over, and what they were."""

import dataclasses
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from agent.config.model import Config
from agent.slo.slices import Slices
from agent.telling.counting import MetricsFollower
from agent.telling.standings import Standings
from exporters import conventions
from exporters.board import Board
from exporters.metrics import Metrics
from probes.result import Fault, Outcome
from storage.base import Batch
from support.told import EVERY_NS, SECOND_NS, START_NS, beat, configuration, plan, record, result, settled

SLICE_S = 300.0
BAD = Outcome.SERVER_ERROR
PLAIN = configuration("openai", "azure")
STEADY = dataclasses.replace(
    PLAIN.objectives[0], name="steady", ratio=0.99, slices=Slices(SLICE_S, 0.95), pairs=(("openai", "chat"),)
)
POOLED = dataclasses.replace(STEADY, name="pooled", per=(), pairs=PLAIN.objectives[0].pairs)
CONFIG = configuration("openai", "azure", objectives=(STEADY, POOLED))
BOTH = ("openai", "azure")


class Told:
    """A follower over metrics of its own; its snapshot lies in a folder, so that another may go on from it."""

    def __init__(self, folder: Path, *configs: Config) -> None:
        self.metrics = Metrics("test")
        self.seq = 0
        known = configs or (CONFIG,)
        self.follower = MetricsFollower(
            self.metrics,
            Board("test"),
            Standings(),
            folder / "metrics.snapshot",
            configured={config.hash: config for config in known}.get,
            switch=lambda _: None,
            beaten=lambda _: None,
            mono_ns=lambda: 0,
        )
        self.follower.begin(known[0])

    def fold(self, *messages: Any) -> None:
        for message in messages:
            self.seq += 1
            self.follower.fold(Batch((record(self.seq, message),)))

    def slices(self, slo: str = "openai-chat-steady") -> Counter[str]:
        """Return how many slices of an SLO are counted, by result."""
        rows = self.metrics._series.values[conventions.SLO_SLICES.name]
        return Counter({labels[-1]: int(count) for labels, count in rows.items() if labels[0] == slo})


def slots(first: int, last: int, bad: tuple[int, ...] = (), target: str = "openai") -> list[Any]:
    """Return what the journal says of slots up to a last one, of which some failed and were settled."""
    said: list[Any] = []
    for slot in range(first, last + 1):
        said.append(result(slot, BAD if slot in bad else Outcome.OK, target=target))
        if slot in bad:
            said.append(settled(slot, target=target))
    return said


def first_plan(config: Config = CONFIG, **fields: Any) -> Any:
    return plan(BOTH, config_hash=config.hash, **fields)


def test_a_slice_counts_once_it_is_over_and_the_grace_has_passed(tmp_path: Path) -> None:
    """Ten slots of 30 s: one failure spoils it at 95 %. The plan's grace is 40 s."""
    told = Told(tmp_path)
    assert told.slices() == {"good": 0, "bad": 0, "unknown": 0}
    told.fold(first_plan(), *slots(0, 9, bad=(4,)), beat(339.9))
    assert told.slices().total() == 0
    told.fold(beat(340), beat(342))
    assert told.slices() == {"good": 0, "bad": 1, "unknown": 0}
    told.fold(*slots(10, 19), beat(640))
    assert told.slices() == {"good": 1, "bad": 1, "unknown": 0}


def test_a_slice_waits_for_its_last_failure_to_be_settled(tmp_path: Path) -> None:
    """Longer than the grace, where the asker never says: 60 s of beats after its end."""
    told = Told(tmp_path)
    late = [result(slot, BAD, total_s=20.0) for slot in (9, 19)]
    told.fold(first_plan(), beat(1), *slots(0, 8), late[0], *slots(10, 11), beat(341))
    assert told.slices().total() == 0
    told.fold(settled(9, Fault.OURS), beat(342))
    assert told.slices() == {"good": 1, "bad": 0, "unknown": 0}
    told.fold(*slots(12, 18), late[1], beat(649))
    assert told.slices().total() == 1
    told.fold(beat(650))
    assert told.slices() == {"good": 1, "bad": 1, "unknown": 0}


def test_slices_of_which_nothing_valid_is_seen_are_unknown(tmp_path: Path) -> None:
    """Throttled all through, spoilt by us, skipped, and an hour without agent: each was to be seen."""
    told = Told(tmp_path)
    throttled = [result(slot, Outcome.THROTTLED) for slot in range(10)]
    verdicts = [settled(slot) for slot in range(10)]
    spoilt = [
        result(slot, quality_reasons=("loop_lag",), outcome=Outcome.SERVER_ERROR) for slot in range(10, 20)
    ]
    ours = [settled(slot, Fault.OURS) for slot in range(10, 20)]
    told.fold(first_plan(), *throttled, *verdicts, *spoilt, *ours, beat(640))
    assert told.slices() == {"good": 0, "bad": 0, "unknown": 2}
    told.fold(beat(640 + 3600))
    assert told.slices() == {"good": 0, "bad": 0, "unknown": 14}


def test_a_pool_s_slice_is_judged_once_by_the_events_of_all(tmp_path: Path) -> None:
    """One failure of twenty does not spoil it at 95 %, two do."""
    told = Told(tmp_path)
    told.fold(first_plan(), *slots(0, 9, bad=(4,)), *slots(0, 9, target="azure"), beat(340))
    assert told.slices("all-pooled") == {"good": 1, "bad": 0, "unknown": 0}
    told.fold(*slots(10, 19, bad=(14,)), *slots(10, 19, bad=(11,), target="azure"), beat(640))
    assert told.slices("all-pooled") == {"good": 1, "bad": 1, "unknown": 0}


def test_what_comes_of_a_slice_that_is_counted_counts_no_more(tmp_path: Path) -> None:
    """The clock steps an hour ahead and back: twelve slices are gone by, and are not counted again."""
    told = Told(tmp_path)
    told.fold(first_plan(), *slots(0, 9), beat(340 + 3600))
    assert told.slices() == {"good": 1, "bad": 0, "unknown": 12}
    told.fold(beat(350), *slots(10, 19, bad=(11, 12)), beat(640), *slots(20, 129), beat(340 + 3600))
    assert told.slices() == {"good": 1, "bad": 0, "unknown": 12}
    told.fold(*slots(130, 139), beat(640 + 3600))
    assert told.slices() == {"good": 2, "bad": 0, "unknown": 12}


@pytest.mark.parametrize("cut", range(0, 66, 5))
def test_a_restart_at_any_point_counts_each_slice_once(cut: int, tmp_path: Path) -> None:
    said = [
        first_plan(),
        *slots(0, 9, bad=(4,)),
        beat(340),
        *slots(10, 29),
        beat(940),
        *slots(30, 49),
        beat(1540),
    ]
    first = Told(tmp_path)
    first.fold(*said[:cut])
    first.follower.keep(cut, last=True)
    second = Told(tmp_path)
    second.fold(*said[cut:])
    assert second.slices() == {"good": 4, "bad": 1, "unknown": 0}


def test_a_snapshot_of_a_release_that_counted_no_slices_is_gone_on_from(tmp_path: Path) -> None:
    """What was seen of the slice under way is not known any more: the one after it is the first."""
    first = Told(tmp_path)
    first.fold(first_plan(), *slots(0, 14), beat(450))
    first.follower.keep(1, last=True)
    file = tmp_path / "metrics.snapshot"
    file.write_bytes(file.read_bytes().replace(b'"slicing"', b'"another"', 1))
    second = Told(tmp_path)
    assert second.slices() == {"good": 1, "bad": 0, "unknown": 0}
    second.fold(beat(452), *slots(15, 29), beat(940))
    assert second.slices() == {"good": 2, "bad": 0, "unknown": 0}


def test_a_target_that_is_new_counts_from_its_first_slice_though_that_began_before_it(tmp_path: Path) -> None:
    told = Told(tmp_path)
    since_ns = START_NS + 5 * EVERY_NS
    told.fold(first_plan(valid_from_ns=since_ns), *slots(5, 9, bad=(6,)), beat(340))
    assert told.slices() == {"good": 0, "bad": 1, "unknown": 0}


def test_an_objective_that_is_new_counts_from_the_first_slice_that_it_sees_whole(tmp_path: Path) -> None:
    told = Told(tmp_path, PLAIN, CONFIG)
    told.fold(first_plan(PLAIN), *slots(0, 4, bad=(3,)), beat(152))
    told.fold(first_plan(CONFIG, valid_from_ns=START_NS + 153 * SECOND_NS), *slots(5, 19), beat(640))
    assert told.slices() == {"good": 1, "bad": 0, "unknown": 0}


def test_where_the_journals_beginning_is_gone_the_first_whole_slice_counts(tmp_path: Path) -> None:
    told = Told(tmp_path)
    told.fold(first_plan(snapshot=True), *slots(4, 9, bad=(4,)), beat(200), *slots(10, 19), beat(640))
    assert told.slices() == {"good": 1, "bad": 0, "unknown": 0}


def test_slices_of_another_length_begin_anew_and_another_percent_judges_what_is_under_way(
    tmp_path: Path,
) -> None:
    lenient = dataclasses.replace(STEADY, slices=Slices(SLICE_S, 0.5))
    longer = dataclasses.replace(STEADY, slices=Slices(2 * SLICE_S, 0.95))
    others = [configuration(*BOTH, objectives=(one,)) for one in (lenient, longer)]
    told = Told(tmp_path, CONFIG, *others)
    told.fold(first_plan(), *slots(0, 4, bad=(3,)))
    told.fold(first_plan(others[0], valid_from_ns=START_NS + 130 * SECOND_NS), *slots(5, 11), beat(340))
    assert told.slices() == {"good": 1, "bad": 0, "unknown": 0}
    told.fold(first_plan(others[1], valid_from_ns=START_NS + 350 * SECOND_NS), *slots(12, 39), beat(1240))
    assert told.slices() == {"good": 2, "bad": 0, "unknown": 0}


def test_another_place_begins_anew(tmp_path: Path) -> None:
    """What the journal still holds of the place before is none of its slices."""
    first = Told(tmp_path)
    first.fold(first_plan(), *slots(0, 14), beat(450))
    first.follower.keep(1, last=True)
    second = Told(tmp_path, dataclasses.replace(CONFIG, vantage="there"))
    moved = first_plan(vantage="there", valid_from_ns=START_NS + 480 * SECOND_NS)
    there = [result(slot, vantage="there") for slot in range(16, 20)]
    second.fold(result(15, BAD), settled(15), moved, *there, beat(640, boot="b", vantage="there"))
    assert second.slices() == {"good": 1, "bad": 0, "unknown": 0}
