"""What the chart renders works: its job, its pod and its probes as processes here, on a real Postgres."""

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import trustme
from ruamel.yaml import YAML

from support.chart import CHART, Manifest, manifests, one, template
from support.daemon import SLOTS, ask, folder
from support.endpoint import Endpoint, endpoint
from support.llm import free_port
from support.pod import Pod
from support.site_postgres import TLS, SitePostgres, site_postgres

pytestmark = pytest.mark.heavy

KEY = "sk-planted-chart-0123456789"
PASSWORD = "p@ss/w%rd:'\"${x}"
VALUES = CHART / "ci" / "database-values.yaml"
UP = "select count(*) from results where attempt = 0 and outcome = 'ok'"


@pytest.fixture
def home() -> Iterator[Path]:
    with folder() as path:
        yield path


@pytest.fixture
def database(home: Path) -> Iterator[SitePostgres]:
    """Yield the database that the values name, as a site would have made it."""
    with site_postgres(home, user="prober", password=PASSWORD, database="llm") as running:
        yield running


@pytest.fixture
def served() -> Iterator[Endpoint]:
    with endpoint() as one_endpoint:
        yield one_endpoint


def rendered(home: Path, database: SitePostgres, served: Endpoint) -> list[Manifest]:
    """Return the manifests of the case `database`, pointed at what runs here; all else is as it is shipped."""
    here = home / "here.yaml"
    target = {
        "name": "t-ok",
        "provider": "openai-compatible",
        "endpoint": served.base("ok"),
        "model": "tiny-1",
        "credentials": {"api_key": "${secret:openai/api_key}"},
    }
    place = {"host": "127.0.0.1", "port": database.port, "user": "prober", "name": "llm"}
    probe = {"name": "chat", "every": "2s", "first_token": "1s", "stall": "1s", "timeout": "2s"}
    YAML().dump(
        {
            "config": {"targets": [target], "probes": [probe]},
            "database": place | ({} if TLS else {"sslmode": "disable"}),
            "listen": {"address": "127.0.0.1", "port": free_port()},
        },
        here,
    )
    return manifests(template(VALUES, "-f", str(here)))


def pod_of(home: Path, found: list[Manifest], kind: str, name: str, authority: str) -> Pod:
    brought = {
        ("Secret", "openai-credentials"): {"api_key": KEY},
        ("Secret", "nephoscope-database"): {"password": PASSWORD, "unasked": "x"},
        ("ConfigMap", "database-ca"): {"ca.crt": authority},
    }
    return Pod(home / kind, one(found, kind, name)["spec"]["template"]["spec"], found, brought)


def until(holds: Callable[[], bool], process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Wait for what the pod will bring about; the deadline only bounds a failing test."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(httpx.TransportError):
            if holds():
                return
        time.sleep(0.2)
    raise AssertionError(f"not within a minute:\n{log.read_text()}")


def test_the_rendered_job_and_pod_migrate_probe_store_and_stop(
    home: Path, database: SitePostgres, served: Endpoint
) -> None:
    """The job twice (install, upgrade); then the pod, ready and alive, through an outage of the database, to SIGTERM."""
    found = rendered(home, database, served)
    job = pod_of(home, found, "Job", "nephoscope-migrate", database.ca)
    pod = pod_of(home, found, "StatefulSet", "nephoscope", database.ca)
    log = home / "pod.log"
    for _ in range(2):
        with log.open("ab") as said:
            assert job.start(os.environ, said).wait(60) == 0, log.read_text()
    assert ask(database.url, "select count(*) from results") == [(0,)]
    with log.open("ab") as said:
        process = pod.start(os.environ, said)
    try:
        until(lambda: pod.probe("startupProbe").status_code == 200, process, log)
        until(lambda: pod.probe("readinessProbe").status_code == 200, process, log)
        assert pod.probe("livenessProbe").status_code == 200
        until(lambda: ask(database.url, UP)[0][0] >= 3, process, log)

        database.stop()
        asked = served.asked["ok"]
        until(lambda: served.asked["ok"] >= asked + 3, process, log)
        assert pod.probe("livenessProbe").status_code == 200, "alive without the database"
        assert pod.probe("readinessProbe").status_code == 200, "and ready"
        database.start()
        process.terminate()
        assert process.wait(pod.spec["terminationGracePeriodSeconds"]) == 0, log.read_text()
    finally:
        process.kill()
        process.wait()
    ((_, stored, distinct, span_s),) = ask(database.url, SLOTS)
    assert stored == distinct == served.asked["ok"] >= 6, "each slot once, those of the outage too"
    assert span_s == (stored - 1) * 2, "none missing"
    assert KEY not in log.read_text()
    assert PASSWORD not in log.read_text()
    assert not [path for path in pod.at("/etc").rglob("*") if KEY in path.name]


@pytest.mark.skipif(not TLS, reason="no Postgres with TLS is installed (Debian: apt-get install postgresql)")
def test_another_authority_is_not_believed(home: Path, database: SitePostgres, served: Endpoint) -> None:
    """The default is verify-full: the job fails with a sentence, and the password stays here."""
    found = rendered(home, database, served)
    job = pod_of(home, found, "Job", "nephoscope-migrate", trustme.CA().cert_pem.bytes().decode())
    log = home / "job.log"
    with log.open("ab") as said:
        assert job.start(os.environ, said).wait(60) != 0
    assert "certificate verify failed" in log.read_text()
    assert PASSWORD not in log.read_text()
