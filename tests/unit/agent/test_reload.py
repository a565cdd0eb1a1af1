"""A changed file is read once it holds still, and taken or refused whole."""

import asyncio
import dataclasses
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import structlog

from agent.config.model import Config, Export, Heartbeat, JournalLimits, Otlp, Storage
from agent.config.read import Loaded
from agent.errors import ConfigError, NephoscopeError
from agent.reload import Reloader, Stamp, Stamps, Watcher, changes, fixed_keys, stamps
from support.asking import a_config, a_target
from support.clock import FakeClock
from support.virtual import run

MAIN, MORE = Path("nephoscope.yaml"), Path("conf.d/team.yaml")


def at(version: int) -> Stamp:
    return Stamp(device=1, inode=version, mtime_ns=version, size=10)


class FakeSource:
    """Files as a test says: `versions` by path, and what a reading comes to."""

    def __init__(self, config: Config) -> None:
        self.versions: dict[Path, int] = {MAIN: 0}
        self.appeared: set[Path] = set()
        self.first = Loaded(config, (), (MAIN,))
        self.answer: Loaded | Exception = Loaded(config, (), (MAIN,))
        self.readings = 0
        self.reading: Callable[[], None] = lambda: None

    async def stamps(self, loaded: Loaded) -> Stamps:
        files = {*loaded.files, *self.appeared}
        return {file: at(self.versions[file]) if file in self.versions else None for file in files}

    async def read(self) -> Loaded:
        self.readings += 1
        self.reading()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def write(
        self, answer: Config | Exception, *, file: Path = MAIN, files: tuple[Path, ...] = (MAIN,)
    ) -> None:
        self.versions[file] = self.versions.get(file, 0) + 1
        self.answer = answer if isinstance(answer, Exception) else Loaded(answer, (), files)


class Bench:
    """A reloader over a fake source on virtual time; `told` is what its follower heard."""

    def __init__(self) -> None:
        self.old = a_config([a_target("a")])
        self.new = a_config([a_target("a"), a_target("b")])
        self.source = FakeSource(self.old)
        self.told: list[str | bool] = []
        self.refuses = False

    def take(self, config: Config) -> None:
        if self.refuses:
            raise NephoscopeError("the plan cannot be written; make room there")
        self.told.append(config.hash)

    def reloaded(self, *, taken: bool) -> None:
        self.told.append(taken)

    def run(self, scenario: Callable[[Reloader], Coroutine[Any, Any, None]]) -> list[str]:
        """Play the scenario and return the log's actions."""

        async def main() -> None:
            reloader = Reloader(self.source, self)
            running = asyncio.create_task(reloader.run())
            await asyncio.sleep(0.5)
            await scenario(reloader)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

        with structlog.testing.capture_logs() as logs:
            run(FakeClock(), main())
        self.logs = logs
        return [str(entry["event"]) for entry in logs]


def test_a_file_that_does_not_change_is_not_read() -> None:
    bench = Bench()

    async def scenario(_: Reloader) -> None:
        await asyncio.sleep(60)

    assert bench.run(scenario) == []
    assert (bench.source.readings, bench.told) == (0, [])


def test_a_changed_file_is_read_once_it_was_seen_twice_alike() -> None:
    bench = Bench()
    readings = []

    async def scenario(_: Reloader) -> None:
        bench.source.write(bench.new)
        for _poll in range(5):
            await asyncio.sleep(1)
            readings.append(bench.source.readings)

    assert bench.run(scenario) == ["config.reloaded"]
    assert readings == [0, 1, 1, 1, 1]
    assert bench.told == [bench.new.hash, True]
    assert bench.logs[0]["added"] == ["b"]


def test_a_file_that_is_still_being_written_is_waited_for() -> None:
    bench = Bench()

    async def scenario(_: Reloader) -> None:
        for _second in range(5):
            bench.source.write(bench.new)
            await asyncio.sleep(1)
        assert bench.source.readings == 0
        await asyncio.sleep(2)

    bench.run(scenario)
    assert (bench.source.readings, bench.told) == (1, [bench.new.hash, True])


def test_a_change_during_the_reading_is_read_too() -> None:
    """Else two quick changes would leave the first one running."""
    bench = Bench()
    newest = a_config([a_target("c")])

    def change() -> None:
        bench.source.reading = lambda: None
        bench.source.versions[MAIN] += 1

    async def scenario(_: Reloader) -> None:
        bench.source.reading = change
        bench.source.write(bench.new)
        await asyncio.sleep(2)
        bench.source.answer = Loaded(newest, (), (MAIN,))
        await asyncio.sleep(3)

    bench.run(scenario)
    assert bench.told == [bench.new.hash, True, newest.hash, True]


def test_a_signal_reads_at_once_and_the_same_plan_changes_nothing() -> None:
    bench = Bench()

    async def scenario(reloader: Reloader) -> None:
        reloader.ask()
        await asyncio.sleep(0.1)
        assert bench.source.readings == 1

    assert bench.run(scenario) == ["config.unchanged"]
    assert bench.told == [True]


def test_a_bad_file_is_refused_whole_in_one_line_and_a_good_one_is_taken_again() -> None:
    bench = Bench()

    async def scenario(_: Reloader) -> None:
        bench.source.write(ConfigError("nephoscope.yaml:3: one", "nephoscope.yaml:7: two"))
        await asyncio.sleep(5)
        bench.source.write(bench.old)
        await asyncio.sleep(5)

    assert bench.run(scenario) == ["config.refused", "config.unchanged"]
    assert bench.logs[0]["findings"] == ["nephoscope.yaml:3: one", "nephoscope.yaml:7: two"]
    assert bench.told == [False, True]


def test_a_refused_file_is_tried_again_quietly_for_what_it_lacked_may_have_come() -> None:
    """A secret that is mounted a little later changes no configuration file."""
    bench = Bench()

    async def scenario(_: Reloader) -> None:
        bench.source.write(ConfigError("the file /run/secrets/key cannot be read"))
        await asyncio.sleep(35)
        assert bench.source.readings == 4
        bench.source.answer = Loaded(bench.new, (), (MAIN,))
        await asyncio.sleep(11)

    assert bench.run(scenario) == ["config.refused", "config.reloaded"]
    assert bench.told[-2:] == [bench.new.hash, True]


def test_included_files_are_watched_from_the_reading_that_named_them() -> None:
    bench = Bench()
    newest = a_config([a_target("c")])

    async def scenario(_: Reloader) -> None:
        bench.source.versions[MORE] = 7
        bench.source.write(bench.new, files=(MAIN, MORE))
        await asyncio.sleep(5)
        bench.source.write(newest, file=MORE, files=(MAIN, MORE))
        await asyncio.sleep(5)

    assert bench.run(scenario) == ["config.reloaded", "config.reloaded"]
    assert bench.source.readings == 2


def test_a_file_that_appears_during_the_reading_is_read_in_another() -> None:
    """Its pattern had been looked for already."""
    bench = Bench()
    newest = a_config([a_target("c")])

    def appear() -> None:
        bench.source.versions[MORE] = 1
        bench.source.appeared.add(MORE)
        bench.source.reading = include

    def include() -> None:
        bench.source.answer = Loaded(newest, (), (MAIN, MORE))

    async def scenario(_: Reloader) -> None:
        bench.source.reading = appear
        bench.source.write(bench.new)
        await asyncio.sleep(60)

    assert bench.run(scenario) == ["config.reloaded", "config.reloaded"]
    assert bench.source.readings == 2, "and in no third"


def test_a_plan_that_cannot_be_written_down_is_refused_with_its_sentence() -> None:
    bench = Bench()
    bench.refuses = True

    async def scenario(_: Reloader) -> None:
        bench.source.write(bench.new)
        await asyncio.sleep(3)

    assert bench.run(scenario) == ["config.refused"]
    assert bench.logs[0]["findings"] == ["the plan cannot be written; make room there"]
    assert bench.told == [False]


def test_a_defect_of_ours_refuses_the_file_and_quotes_nothing() -> None:
    bench = Bench()

    async def scenario(_: Reloader) -> None:
        bench.source.write(RuntimeError("sk-planted"))
        await asyncio.sleep(3)

    assert bench.run(scenario) == ["config.refused"]
    assert "sk-planted" not in str(bench.logs)
    assert "RuntimeError" in str(bench.logs)


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("vantage", {"vantage": "elsewhere"}),
        ("state_dir", {"state_dir": "/elsewhere"}),
        ("storage", {"storage": Storage(embedded=False, url="postgresql://me:secret@db/x")}),
        ("journal", {"journal": JournalLimits(max_bytes=1 << 20)}),
        ("export.listen", {"export": Export(port=9999)}),
        ("export.otlp", {"export": Export(otlp=Otlp(endpoint="http://collector:4317"))}),
    ],
)
def test_what_takes_a_restart_is_refused_with_everything_beside_it(key: str, change: dict[str, Any]) -> None:
    bench = Bench()

    async def scenario(_: Reloader) -> None:
        bench.source.write(dataclasses.replace(bench.new, **change))
        await asyncio.sleep(3)

    assert bench.run(scenario) == ["config.refused"]
    (finding,) = bench.logs[0]["findings"]
    assert finding.startswith(f"`{key}` was changed")
    assert "restart" in finding
    assert "secret" not in finding
    assert bench.told == [False]


def test_what_a_running_daemon_follows_takes_no_restart() -> None:
    old = a_config()
    new = dataclasses.replace(
        old,
        heartbeat=Heartbeat(url="https://deadman.example"),
        storage=Storage(keep_results_s=86400.0),
        limits=dataclasses.replace(old.limits, in_flight=7),
        runbook="https://runbooks.example",
    )
    assert fixed_keys(old, new) == ()


def test_changes_name_ten_targets_at_the_most() -> None:
    many = a_config([a_target(f"t{n}") for n in range(12)])
    moved = dataclasses.replace(a_target("t0"), endpoint="http://127.0.0.1:2")
    told = changes(many, a_config([moved]))
    assert told == {"removed": [*(f"t{n}" for n in range(1, 11)), "..."], "changed": ["t0"]}


def test_a_watcher_wants_the_same_change_twice() -> None:
    watcher = Watcher({MAIN: at(0)})
    looks = [watcher.look({MAIN: stamp}) for stamp in (at(0), at(1), at(2), at(2), at(2))]
    assert looks == [False, False, False, True, True]
    watcher.take({MAIN: at(2)})
    assert not watcher.look({MAIN: at(2)})


def test_a_change_that_is_taken_back_before_it_was_read_is_none() -> None:
    watcher = Watcher({MAIN: at(0)})
    assert [watcher.look({MAIN: stamp}) for stamp in (at(1), at(0), at(0))] == [False, False, False]


def test_stamps_follow_a_swapped_link_as_kubernetes_swaps_it(tmp_path: Path) -> None:
    """A ConfigMap's file is a link by way of `..data`, and `..data` is what is renamed over."""
    for version in ("one", "two"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "nephoscope.yaml").write_text("same length")
    (tmp_path / "..data").symlink_to("one")
    file = tmp_path / "nephoscope.yaml"
    file.symlink_to("..data/nephoscope.yaml")
    before = stamps([file])
    (tmp_path / "..data_tmp").symlink_to("two")
    (tmp_path / "..data_tmp").rename(tmp_path / "..data")
    assert stamps([file]) != before


def test_a_file_that_appears_under_a_pattern_has_a_stamp(tmp_path: Path) -> None:
    main, pattern = tmp_path / "nephoscope.yaml", f"{tmp_path}/conf.d/*.yaml"
    main.write_text("")
    before = stamps([main], [pattern])
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "team.yaml").write_text("")
    assert stamps([main], [pattern]).keys() - before.keys() == {tmp_path / "conf.d" / "team.yaml"}


def test_a_missing_file_has_no_stamp(tmp_path: Path) -> None:
    assert stamps([tmp_path / "none"]) == {tmp_path / "none": None}


def test_a_warning_is_told_once_though_the_file_is_read_again_and_again() -> None:
    """Another line is no other warning; what is new is told, also where the plan is what it was."""
    bench = Bench()
    first = "nephoscope.yaml:3: secrets.dir: nothing is taken from it"
    bench.source.first = bench.source.answer = Loaded(bench.old, (first,), (MAIN,))

    async def scenario(_: Reloader) -> None:
        for config, warnings in (
            (bench.new, (first,)),
            (bench.old, (first.replace(":3:", ":17:"), "nephoscope.yaml:4: models.x: no target is of it")),
            (bench.old, (first, "nephoscope.yaml:9: models.y: no target is of it")),
        ):
            bench.source.write(config)
            bench.source.answer = Loaded(config, warnings, (MAIN,))
            await asyncio.sleep(3)

    actions = bench.run(scenario)
    assert actions == [
        "config.reloaded", "config.warned", "config.reloaded", "config.warned", "config.unchanged",
    ]  # fmt: skip
