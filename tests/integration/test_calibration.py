"""The truth server and the calibration on it, as processes."""

import asyncio
import contextlib
import os
import signal
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from agent.asking import manual
from agent.asking.calibrate import CalibrationError, find
from agent.asking.lag import LagMonitor
from agent.asking.machine import Machine
from agent.asking.truth import Errors
from agent.calibrating.place import Place
from agent.clock import SystemClock
from agent.wiring.probing import calibrator
from support.daemon import configuration, daemon
from support.endpoint import endpoint

COMMAND = [sys.executable, "-P", "-m", "agent.calibration"]


@contextlib.contextmanager
def serving(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*COMMAND, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            pipe.close()


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with serving() as process:
        assert process.stdout is not None
        yield Place.read(process.stdout.readline())


def client(place: Place) -> httpx.Client:
    context = ssl.create_default_context(cafile=place.ca)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return httpx.Client(verify=context, trust_env=False)


@pytest.mark.parametrize("secure", [False, True])
def test_it_tells_when_it_wrote_each_token(place: Place, secure: bool) -> None:  # noqa: FBT001 - a parameter
    """One kept connection carries both streams and both truths; the certificate stands strict checks."""
    base = f"https://localhost:{place.tls_port}" if secure else f"http://127.0.0.1:{place.port}"
    with client(place) as asking:
        for named in (None, f"mine-{secure}"):
            answer = asking.post(
                f"{base}/v1/chat/completions",
                params={"first_ms": "1", "gap_ms": "1"},
                headers={"x-request-id": named} if named else {},
                json={"max_tokens": 3, "stream": True},
            )
            assert answer.text.count("pong") == 3
            assert answer.text.endswith("data: [DONE]\n\n")
            identity = answer.headers["x-request-id"]
            assert named in {None, identity}
            truth = asking.get(f"{base}/truth/{identity}").json()
            instants = [truth["received_ns"], *(at for pair in truth["writes"] for at in pair), *truth["end"]]
            assert instants == sorted(instants)
            assert len(truth["writes"]) == 3
            assert instants[1] - instants[0] >= 1_000_000
            assert truth["writes"][1][0] - truth["writes"][0][1] >= 1_000_000


def test_it_refuses_what_it_does_not_understand_and_goes_on(place: Place) -> None:
    base = f"http://127.0.0.1:{place.port}"
    with client(place) as asking:
        assert asking.get(f"{base}/truth/nobody").status_code == 404
        assert asking.get(base).status_code == 404
        assert asking.post(f"{base}/v1/chat/completions", content=b"[").status_code == 400
        with pytest.raises(httpx.TransportError):
            asking.get(f"http://127.0.0.1:{place.tls_port}")
        assert asking.post(f"{base}/v1/chat/completions?tokens=0&first_ms=0", json={}).status_code == 200


def test_it_ends_with_its_standard_input() -> None:
    with serving() as process:
        assert process.stdout is not None
        assert process.stdin is not None
        Place.read(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        process.stdin.close()
        assert process.wait(30) == 0
    assert subprocess.run(COMMAND, stdin=subprocess.DEVNULL, check=False, timeout=30).returncode == 0


def test_its_file_is_there_while_it_runs(tmp_path: Path) -> None:
    file = tmp_path / "calibration.json"
    with serving("--file", str(file)) as process:
        asyncio.run(find(file))
        process.terminate()
        assert process.wait(30) == 0
    assert list(tmp_path.iterdir()) == []


def measured(place: Place) -> Errors:
    async def main() -> Errors:
        clock = SystemClock()
        calibrating = calibrator(clock, LagMonitor(clock).max_lag, Machine(clock).suffered)
        try:
            return await calibrating.measure(place, streams=6, apart_s=0.01)
        finally:
            await calibrating.aclose()

    return asyncio.run(main())


DISTURBED = "no sample is to be trusted"
"""What it says on a machine that others disturb all the time: an honest answer, and no failing of ours."""


def told(measure: Callable[[], Errors]) -> Errors:
    """Return what a calibration found; nothing where the machine let no sample be trusted."""
    try:
        return measure()
    except CalibrationError as failure:
        assert DISTURBED in str(failure)  # noqa: PT017 - any other failure is one
        return {}


def test_the_error_is_measured_by_the_probes_own_parts_plain_and_with_tls(place: Place) -> None:
    """No bound is asserted: on a machine that others use it says how disturbed they made it."""
    errors = told(lambda: measured(place))
    assert set(errors) <= {"no", "yes"}
    for stats in errors.values():
        assert 0 <= stats["p50"] <= stats["p99"] < 60


def test_a_server_that_is_gone_is_a_sentence(place: Place) -> None:
    with serving() as process:
        assert process.stdout is not None
        gone = Place.read(process.stdout.readline())
    with pytest.raises(CalibrationError, match="was not heard"):
        measured(gone)
    with pytest.raises(CalibrationError, match="was not heard"):
        measured(place._replace(port=gone.port, ca="/nowhere", tls_port=gone.tls_port))


def test_once_runs_a_server_for_itself_and_leaves_none_behind() -> None:
    before = _children()
    told(manual.own_error)
    assert _children() == before


def test_the_daemon_runs_one_shows_the_error_and_takes_it_down() -> None:
    """The truth server is a child like the others: killed, it is started again, and its end is the daemon's."""
    with endpoint() as served, daemon(configuration(served, "ok")) as running:
        running.until(
            lambda: bool(_labels(running.get("/metrics").text)) or DISTURBED in running.said(),
            "an error of our own, or why there is none",
            200,
        )
        place = Place.read((running.state / "calibration.json").read_text())
        first = running.process_of("agent.calibration")
        os.kill(first, signal.SIGKILL)
        running.until(
            lambda: Place.read((running.state / "calibration.json").read_text()) != place, "another one"
        )
        second = running.process_of("agent.calibration")
        assert running.stop() == 0, running.said()
        running.until_gone([second], 1)
        assert not (running.state / "calibration.json").exists()


def _labels(page: str) -> list[str]:
    return [
        line for line in page.splitlines() if line.startswith("nephoscope_agent_calibration_error_seconds{")
    ]


def _children() -> set[str]:
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())
