import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import structlog

from agent.config.model import Config
from agent.telling.counting import MetricsFollower
from agent.telling.standings import Standings
from exporters.board import Board
from exporters.metrics import Metrics
from probes.result import Fault, Outcome, SlotKey
from storage.base import Batch, Record
from storage.records import Kind, Skipped
from support.alerting import service
from support.told import (
    EVERY_NS,
    SECOND_NS,
    START_NS,
    beat,
    configuration,
    drill,
    drilled,
    plan,
    record,
    result,
    settled,
)

CONFIG = configuration()
OTHER = configuration("openai", "azure")
BAD = Outcome.SERVER_ERROR
SKIPPED = Skipped(slot=SlotKey("openai", "chat", "here", START_NS), reason="in_flight")

JOURNAL: list[Any] = [
    plan(config_hash=CONFIG.hash),
    beat(0, lateness={"0.001": 3, "+Inf": 1}, lateness_sum_s=0.5),
    result(0, ttft_s=0.3, input_tokens=5),
    result(1, BAD),
    result(1, attempt=1, input_tokens=7),
    SKIPPED,
    beat(41),
    settled(1, Fault.NOT_OURS),
    result(2, BAD),
    result(3, ttft_s=2.5),
    plan(
        ("openai", "azure"),
        config_hash=OTHER.hash,
        valid_from_ns=START_NS + 5 * EVERY_NS,
        reason="reload",
    ),
    result(4, ttft_s=0.4),
    result(5, target="azure", ttft_s=0.5),
    beat(700, boot="b", dropped={"disk": 2}),
    result(6, target="azure"),
]
RECORDS = [record(seq, message) for seq, message in enumerate(JOURNAL, 1)]


class Told:
    """A follower over metrics of its own, as one process has it."""

    def __init__(self, folder: Path, known: Mapping[str, Config] | None = None) -> None:
        self.metrics = Metrics("test")
        self.board = Board("test")
        self.standings = Standings()
        self.switched: list[str] = []
        self.now_ns = 0
        self.maintained: set[tuple[str, int]] = set()
        configs = {config.hash: config for config in (CONFIG, OTHER)} if known is None else known
        self.follower = MetricsFollower(
            self.metrics,
            self.board,
            self.standings,
            folder / "readers" / "metrics.snapshot",
            configured=configs.get,
            switch=lambda config: self.switched.append(config.hash),
            beaten=lambda _: None,
            mono_ns=lambda: self.now_ns,
            maintained=lambda target, at_ns: (target, at_ns) in self.maintained,
        )
        self.position = self.follower.begin(CONFIG)

    def fold(self, records: list[Record], lost: int = 0) -> None:
        self.follower.fold(Batch(tuple(records), lost))

    def page(self) -> list[str]:
        return sorted(self.metrics.render()[1].decode().splitlines())

    def value(self, name: str, **labels: str) -> float:
        """Return the sum of the samples of a name that carry these labels."""
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        return sum(
            float(line.rsplit(" ", 1)[1])
            for line in self.page()
            if line.split("{")[0].split(" ")[0] == f"nephoscope_{name}"
            and all(label in line for label in wanted)
        )


def straight(folder: Path) -> Told:
    told = Told(folder / "straight")
    told.fold(RECORDS)
    return told


def test_what_fails_after_the_clock_was_set_back_is_seen_though_its_slots_were_asked_before(
    tmp_path: Path,
) -> None:
    told = Told(tmp_path)
    down = dataclasses.replace(settled(1), confirmations_bad=3)
    told_of = [result(0), result(1), result(2), beat(61), beat(1), result(1, BAD), down]
    told.fold([record(seq, message) for seq, message in enumerate(told_of, 1)])
    assert told.standings.standings()["openai", "chat"].state == "bad"
    assert told.value("sli_events_total", objective="available") == 3


def test_every_series_of_the_plan_stands_at_0_before_the_first_result(tmp_path: Path) -> None:
    told = Told(tmp_path)
    page = "\n".join(told.page())
    assert 'nephoscope_sli_events_total{objective="available"' in page
    assert told.value("sli_events_total") == 0
    assert told.switched == [CONFIG.hash]


def test_what_a_plan_changes_beside_its_hash_is_taken_with_the_next_records(tmp_path: Path) -> None:
    """A service has series of its own, and no record tells of it: what is probed and judged stayed."""
    known = {CONFIG.hash: CONFIG}
    told = Told(tmp_path, known)
    told.fold(RECORDS[:2])
    before = told.value("agent_config_info")
    served = dataclasses.replace(CONFIG, services=(service("openai"),))
    assert served.hash == CONFIG.hash
    known[CONFIG.hash] = served
    told.fold(RECORDS[2:3])
    assert told.switched == [CONFIG.hash]
    told.follower.reread()
    told.fold(RECORDS[3:4])
    assert told.switched == [CONFIG.hash] * 2
    assert told.metrics._plan is not None
    assert [slo.service for slo in told.metrics._plan.services] == ["nano"]
    assert before == told.value("agent_config_info") == 1


def test_slots_are_counted_once_settled_and_tokens_at_once(tmp_path: Path) -> None:
    told = straight(tmp_path)
    assert told.value("probe_results_total", target="openai", outcome="server_error") == 2
    assert told.value("probe_results_total", target="openai", outcome="ok") == 3
    assert told.value("sli_events_total", slo="openai-chat-available", result="bad") == 2
    assert told.value("sli_events_total", slo="openai-chat-quick", result="bad") == 1
    assert told.value("probe_tokens_total", direction="input") == 12
    assert told.value("agent_runs_skipped_total", reason="in_flight") == 1


def test_slots_of_the_askers_absence_are_expected_when_beats_go_on(tmp_path: Path) -> None:
    """The beat at 700 s, 40 s of grace before it: slots 0 to 600 s ... 22 of the old target, 17 of the new."""
    told = straight(tmp_path)
    assert told.value("sli_expected_events_total", slo="openai-chat-available") == 22
    assert told.value("sli_expected_events_total", slo="openai-chat-quick") == 22
    assert told.value("sli_expected_events_total", slo="azure-chat-available") == 17


@pytest.mark.parametrize("cut", range(len(RECORDS) + 1))
def test_a_restart_at_any_point_counts_what_a_straight_fold_counts(cut: int, tmp_path: Path) -> None:
    first = Told(tmp_path)
    first.fold(RECORDS[:cut])
    first.follower.keep(cut, last=True)
    second = Told(tmp_path)
    assert second.position == cut
    second.fold(RECORDS[cut:])
    assert second.page() == straight(tmp_path).page()
    now_ns = START_NS + 7 * EVERY_NS
    assert second.board.page(now_ns).targets == straight(tmp_path).board.page(now_ns).targets


def test_a_kill_takes_back_what_came_after_the_snapshot_and_counts_it_anew(tmp_path: Path) -> None:
    first = Told(tmp_path)
    for seq in range(1, len(RECORDS) + 1):
        first.fold(RECORDS[seq - 1 : seq])
        first.now_ns += 3 * SECOND_NS
        first.follower.keep(seq, last=False)
    second = Told(tmp_path)
    assert second.position == 13
    second.fold(RECORDS[13:])
    assert second.page() == straight(tmp_path).page()


def test_a_snapshot_is_written_every_ten_seconds_and_at_the_end(tmp_path: Path) -> None:
    told = Told(tmp_path)
    assert told.follower.keep(1, last=False) == 1
    assert told.follower.keep(2, last=False) is None
    told.now_ns = 10 * SECOND_NS
    assert told.follower.keep(2, last=False) == 2
    assert told.follower.keep(2, last=True) is None
    assert told.follower.keep(3, last=True) == 3


def test_a_snapshot_that_takes_long_is_written_less_often(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Told(tmp_path)
    written = told.metrics.snapshot

    def slow() -> bytes:
        told.now_ns += SECOND_NS
        return written()

    monkeypatch.setattr(told.metrics, "snapshot", slow)
    assert told.follower.keep(1, last=False) == 1
    told.now_ns += 49 * SECOND_NS
    assert told.follower.keep(2, last=False) is None
    told.now_ns += SECOND_NS
    assert told.follower.keep(2, last=False) == 2


def test_a_snapshot_that_cannot_be_read_begins_counting_afresh(tmp_path: Path) -> None:
    told = Told(tmp_path)
    told.fold(RECORDS)
    told.follower.keep(len(RECORDS), last=True)
    file = tmp_path / "readers" / "metrics.snapshot"
    for damaged in (b"", b"garbage", file.read_bytes()[:-20]):
        file.write_bytes(damaged)
        again = Told(tmp_path)
        assert again.position is None
        again.fold(RECORDS)
        assert again.page() == straight(tmp_path).page()


def test_a_gap_in_the_journal_and_an_unreadable_record_are_counted_as_dropped(tmp_path: Path) -> None:
    told = Told(tmp_path)
    told.fold([Record(5, Kind.BEAT, b"[]")], lost=4)
    assert told.value("agent_results_dropped_total", reason="journal_gap") == 4
    assert told.value("agent_results_dropped_total", reason="unreadable") == 1


def test_a_plan_whose_file_is_gone_leaves_the_one_before_in_place(tmp_path: Path) -> None:
    told = Told(tmp_path, known={CONFIG.hash: CONFIG})
    told.fold(RECORDS)
    assert told.switched == [CONFIG.hash]
    assert told.value("probe_results_total", target="openai", outcome="ok") == 3


def test_a_snapshot_that_cannot_be_written_stops_no_counting(tmp_path: Path) -> None:
    (tmp_path / "readers").write_text("a file where the folder should be")
    told = Told(tmp_path / "nowhere")
    told.follower._file = tmp_path / "readers" / "metrics.snapshot"
    told.fold(RECORDS)
    assert told.follower.keep(1, last=True) is None
    assert told.value("probe_results_total", target="openai", outcome="ok") == 3


def test_what_becomes_of_a_target_is_logged_at_each_change_and_not_in_between(tmp_path: Path) -> None:
    """Down, down again, good: two lines; a target that is good from the start has none."""
    told = Told(tmp_path)
    messages = [
        plan(config_hash=CONFIG.hash),
        result(0),
        result(1, BAD),
        settled(1, Fault.NOT_OURS),
        result(2, BAD),
        settled(2, Fault.NOT_OURS),
        result(3),
    ]
    with structlog.testing.capture_logs() as lines:
        told.follower.fold(Batch(tuple(record(seq, message) for seq, message in enumerate(messages, 1))))
    said = [line["event"] for line in lines if line["event"].startswith("target.")]
    assert said == ["target.degraded", "target.good"]


def test_what_is_known_to_be_maintenance_is_counted_as_excluded(tmp_path: Path) -> None:
    """By the slot's own instant; it says nothing of how the target stands, and its outcome is counted as it was."""
    told = Told(tmp_path)
    told.maintained = {("openai", START_NS + EVERY_NS)}
    confirmed = dataclasses.replace(settled(1), confirmations_bad=3)
    told.fold(
        [
            record(seq, message)
            for seq, message in enumerate((plan(), result(0), result(1, BAD), confirmed), 1)
        ]
    )
    assert told.value("sli_events_total", slo="openai-chat-available", result="excluded") == 1
    assert told.value("sli_events_total", slo="openai-chat-available", result="bad") == 0
    assert told.value("sli_events_total", slo="openai-chat-available", result="good") == 1
    assert told.value("probe_results_total", outcome="server_error") == 1
    assert told.standings.standings()["openai", "chat"].state == "good"


def test_a_drill_moves_no_number(tmp_path: Path) -> None:
    """Nor what the page shows; the snapshot keeps it, for a restart in its midst."""
    told = Told(tmp_path)
    told.fold(RECORDS)
    numbers, page = told.metrics.snapshot(), told.board.snapshot()
    steps = [step for slot in range(7, 10) for step in drilled(drill(), slot)]
    told.fold([record(len(RECORDS) + seq, step) for seq, step in enumerate(steps, 1)])
    assert (told.metrics.snapshot(), told.board.snapshot()) == (numbers, page)
    now_ns = START_NS + 300 * SECOND_NS
    assert list(told.standings.drill(now_ns)[1]) == [("openai", "chat")]
    told.follower.keep(99, last=True)
    assert Told(tmp_path).standings.drill(now_ns) == told.standings.drill(now_ns)


def test_a_skipped_slot_is_known_of_its_probe(tmp_path: Path) -> None:
    told = Told(tmp_path)
    told.fold(RECORDS)
    assert told.standings.seen()["openai", "chat"].skipped == ("in_flight", START_NS)
