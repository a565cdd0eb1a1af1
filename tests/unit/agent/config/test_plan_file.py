"""The plan as a file of the state folder."""

import os
import stat
from pathlib import Path

import pytest

from agent.config.plan_file import plan_path, read_plan, supersede, write_plan
from agent.errors import NephoscopeError
from support.configuration import LOCAL, OPENAI, loaded


def test_what_was_written_is_read_back_under_its_hash(tmp_path: Path) -> None:
    config = loaded(f"targets: [{OPENAI}, {LOCAL}]").config
    path = write_plan(tmp_path, config)
    assert path == plan_path(tmp_path, config.hash) == tmp_path / "config" / f"{config.hash}.json"
    assert read_plan(tmp_path, config.hash) == config


def test_a_plan_is_its_owners_alone_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    path = write_plan(tmp_path / "state", loaded(f"targets: [{LOCAL}]").config)
    assert [stat.S_IMODE(part.stat().st_mode) for part in (path, path.parent)] == [0o600, 0o700]
    assert list(path.parent.iterdir()) == [path]


def test_writing_the_same_plan_again_changes_nothing(tmp_path: Path) -> None:
    config = loaded(f"targets: [{LOCAL}]").config
    assert write_plan(tmp_path, config).read_bytes() == write_plan(tmp_path, config).read_bytes()


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("a file stands here")
    with pytest.raises(NephoscopeError, match=r"cannot be written to .*; make room there, or set state_dir"):
        write_plan(tmp_path, loaded(f"targets: [{LOCAL}]").config)


def test_a_plan_that_is_gone_or_torn_is_told(tmp_path: Path) -> None:
    with pytest.raises(NephoscopeError, match="cannot be read"):
        read_plan(tmp_path, "0" * 16)
    path = plan_path(tmp_path, "0" * 16)
    path.parent.mkdir()
    path.write_text("{")
    with pytest.raises(NephoscopeError, match="not one that this version wrote"):
        read_plan(tmp_path, "0" * 16)


def test_a_plan_that_ended_long_ago_is_removed_when_another_ends(tmp_path: Path) -> None:
    """However long it held: the journal still names it for a while after its end."""
    first, second, third = (
        loaded(f"targets: [{LOCAL}]\nprobes: [{{name: chat, every: {seconds}s}}]").config
        for seconds in (10, 20, 30)
    )
    for config in (first, second, third):
        os.utime(write_plan(tmp_path, config), (0, 0))
    supersede(tmp_path, first.hash, now_s=1000.0, keep_s=5000.0)
    supersede(tmp_path, second.hash, now_s=7000.0, keep_s=6000.5)
    left = {path.stem for path in (tmp_path / "config").iterdir()}
    assert left == {first.hash, second.hash}, "the third was never heard of for too long"
    supersede(tmp_path, second.hash, now_s=7001.0, keep_s=6000.5)
    assert {path.stem for path in (tmp_path / "config").iterdir()} == {second.hash}


def test_a_folder_without_the_plan_is_no_reason_to_fail(tmp_path: Path) -> None:
    supersede(tmp_path / "none", "0" * 16, now_s=0.0, keep_s=0.0)
