"""`alerts drill`: which orders are left for a daemon, and which are refused with what would do."""

import fcntl
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.cli import main
from agent.drill_file import NAME, ordered

CONFIG = """
vantage: here
state_dir: "{folder}"
probes:
  - {{name: chat, kind: chat, every: 30s, targets: [aws, azure]}}
  - {{name: list, kind: models, every: 30s, targets: [lonely, small, "big-*"]}}
  - {{name: spare, kind: models, every: 30s, targets: [spare]}}
objectives: [{{name: available, sli: availability, percent: 99.9, window: 28d, probes: [chat, list]}}]
services: [{{name: nano, members: [aws, azure]}}]
targets:
  - {{name: aws, provider: vllm, endpoint: "http://127.0.0.1:9", model: nano}}
  - {{name: azure, provider: vllm, endpoint: "http://127.0.0.1:9", model: nano}}
  - {{name: lonely, provider: vllm, endpoint: "http://127.0.0.1:9", model: large}}
  - {{name: spare, provider: vllm, endpoint: "http://127.0.0.1:9", model: large}}
  - {{name: small, provider: vllm, endpoint: "http://127.0.0.1:9", model: large, quota: team}}
  - {{for: {{n: [1, 2, 3, 4]}}, name: "big-{{n}}", provider: vllm, endpoint: "http://127.0.0.1:9", model: large, quota: team}}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "nephoscope.yaml"
    file.write_text(CONFIG.format(folder=tmp_path))
    return file


@pytest.fixture
def _daemon(file: Path) -> Iterator[None]:
    """Hold the state folder as a daemon does."""
    with (file.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def drill(file: Path, *words: str) -> tuple[int, str]:
    out, err = io.StringIO(), io.StringIO()
    code = main(["alerts", "drill", "-c", str(file), "--author", "ada", *words], out, err)
    return code, out.getvalue() + err.getvalue()


@pytest.mark.usefixtures("_daemon")
def test_an_order_is_left_for_the_daemon_and_a_second_one_waits(file: Path) -> None:
    code, said = drill(file, "--target", "aws", "--fault", "hang", "--severity", "page", "--for", "3m")
    assert code == 0
    assert said.startswith("aws fails (hang) beside its real probes until ")
    assert "Nobody is told of it" in said
    found = ordered(file.parent)
    assert found is not None
    assert (found.target, found.fault, found.severity, found.author) == ("aws", "hang", "page", "ada")
    assert found.until_ns - found.since_ns == 180_000_000_000
    code, said = drill(file, "--target", "azure")
    assert (code, "a drill of aws goes on for another 1" in said) == (1, True)


@pytest.mark.usefixtures("_daemon")
def test_what_nobody_watches_can_be_throttled_all_the_same(file: Path) -> None:
    assert drill(file, "--target", "spare", "--fault", "throttled", "--for", "2m")[0] == 0


@pytest.mark.usefixtures("_daemon")
def test_a_target_that_serves_nobody_has_its_drill_as_it_has_its_alerts(file: Path) -> None:
    assert drill(file, "--target", "lonely")[0] == 0


@pytest.mark.usefixtures("_daemon")
def test_a_drill_that_is_over_makes_room(file: Path) -> None:
    drill(file, "--target", "aws")
    left = json.loads((file.parent / NAME).read_text())
    (file.parent / NAME).write_text(json.dumps(left | {"until_ns": left["since_ns"]}))
    assert drill(file, "--target", "azure")[0] == 0


def test_without_a_daemon_nothing_is_left(file: Path) -> None:
    code, said = drill(file, "--target", "aws")
    assert (code, "no daemon runs on the state folder" in said) == (1, True)
    assert ordered(file.parent) is None


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--target", "asw"), "there is no target `asw`; did you mean `aws`?"),
        (("--target", "spare"), "no availability objective watches the target `spare`"),
        (("--target", "aws", "--for", "30s"), "it takes up to 53 s; give it more"),
        (("--target", "aws", "--fault", "throttled", "--for", "1m"), "it takes up to 2 min; give it more"),
        (
            ("--target", "small", "--fault", "throttled", "--for", "1h"),
            "has a fifth of its quota's probes or less",
        ),
        (("--target", "aws", "--for", "2h"), "a drill lasts an hour at most"),
        (("--target", "aws", "--fault", "flood"), "flood"),
        ((), "--target"),
    ],
)
@pytest.mark.usefixtures("_daemon")
def test_what_would_show_nothing_is_refused(file: Path, words: tuple[str, ...], says: str) -> None:
    code, said = drill(file, *words)
    assert (code, says in said) == (2, True), said
