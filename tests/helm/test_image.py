"""The image: what the Containerfile says fits the checkout and the chart, and what it builds runs.

Building it needs a base, which registries have and CI does not. With Debian's own tools (as root, five minutes):

    apt-get install buildah mmdebstrap
    mmdebstrap --variant=minbase --include=python3,python3-venv,ca-certificates bookworm base.tar
    IMAGE_BASE=base.tar python -m pytest -m heavy tests/helm/test_image.py

IMAGE_FLAGS are further flags for `buildah bud`, such as -v for a site's pip.conf and authorities.
"""

import contextlib
import fnmatch
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from ruamel.yaml import YAML

from support.chart import CHART
from support.containerfile import ROOT, copied, defaults, of, stages
from support.daemon import folder
from support.endpoint import endpoint
from support.llm import free_port

pytestmark = pytest.mark.heavy

SYSTEM_PYTHON = Path("/usr/bin/python3")
BASE = os.environ.get("IMAGE_BASE")
BEFORE, BUILD, IMAGE = stages()


def test_everything_copied_is_in_the_checkout_and_not_ignored() -> None:
    """Each COPY finds its source, and the ignore file lets through that and no more."""
    sources = [source for source, _ in copied(BUILD)]
    ignore = (ROOT / ".containerignore").read_text().splitlines()
    assert all((ROOT / source).exists() for source in sources)
    assert sorted(sources) == sorted(line[1:] for line in ignore if line.startswith("!"))
    assert not copied(IMAGE), "the image takes from the first stage alone"


def test_the_image_is_the_one_that_the_chart_expects() -> None:
    """The user, the state folder, the configuration's place, the port and the release."""
    values = YAML(typ="safe").load(CHART / "values.yaml")
    assert of(IMAGE, "USER") == ["{user}:{group}".format(**values["runAs"])]
    assert of(IMAGE, "VOLUME") == ["/var/lib/nephoscope"]
    assert of(IMAGE, "EXPOSE") == [str(values["listen"]["port"])]
    assert json.loads(of(IMAGE, "ENTRYPOINT")[0]) == ["nephoscope"]
    assert json.loads(of(IMAGE, "CMD")[0]) == ["run", "-c", "/etc/nephoscope/nephoscope.yaml"]
    release = YAML(typ="safe").load(CHART / "Chart.yaml")["appVersion"]
    assert f"VERSION={release}" in of(IMAGE, "ARG")
    assert f'version = "{release}"' in (ROOT / "pyproject.toml").read_text()


def test_the_base_is_an_argument_and_nothing_is_fetched_into_the_last_stage() -> None:
    """A site brings its own base; compilers and caches have no way into the image."""
    assert of(BEFORE, "ARG") == ["BASE=docker.io/library/python:3.12-slim"]
    assert of(BUILD, "FROM") == ["${BASE} AS build"]
    assert of(IMAGE, "FROM") == ["${BASE}"]
    assert not [words for words in of(IMAGE, "RUN") if "pip" in words or "apt" in words]
    installs = [step for words in of(BUILD, "RUN") for step in words.split("&&") if " pip " in step]
    assert all("--no-cache-dir" in step or "uninstall" in step for step in installs)
    assert sum("--require-hashes" in step for step in installs) == 1


@pytest.mark.timeout(900)
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.skipif(not SYSTEM_PYTHON.exists(), reason="no Python that another user may run")
def test_the_first_stage_builds_from_what_it_copies_and_another_user_can_run_it() -> None:
    """Its own RUN lines in a bare folder: locked by hash, the wheel of ours, no installer left behind."""
    with folder() as home:
        source, place = home / "src", home / "opt"
        for name, _ in copied(BUILD):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            take = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            take(ROOT / name, source / name)
        for words in of(BUILD, "RUN"):
            line = words.replace("/opt/nephoscope", str(place)).replace("/wheel", str(home / "wheel"))
            line = line.replace("python3 -m venv", f"{SYSTEM_PYTHON} -m venv")
            done = subprocess.run(
                ["sh", "-c", line],
                cwd=source,
                env=os.environ | defaults(BUILD),
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stdout + done.stderr
        shutil.rmtree(source)
        shutil.copy(ROOT / "examples" / "minimal.yaml", home / "nephoscope.yaml")
        done = subprocess.run(
            [place / "bin" / "nephoscope", "check", "--no-secrets", "-c", str(home / "nephoscope.yaml")],
            cwd="/",
            env={"PATH": "/usr/bin:/bin"},
            user="nobody",
            group="nogroup",
            extra_groups=[],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        left = {path.name for path in place.glob("lib/python*/site-packages/*")}
        assert not [name for name in left if fnmatch.fnmatch(name, "pip*") or name.startswith("hatchling")]
        assert {"botocore", "azure", "google"} <= left, "the libraries for identity of the usual clouds"
        assert "oci" not in left, "240 MB that most do without"


@contextlib.contextmanager
def built(home: Path) -> Iterator[Path]:
    """Yield the root folder of a container of the image, built on the base that was given."""
    base = Path(BASE or "").absolute()
    place = ["--root", str(home / "store"), "--runroot", str(home / "run"), "--storage-driver", "vfs"]

    def buildah(*words: str) -> str:
        env = os.environ | {"BUILDAH_ISOLATION": "chroot", "TMPDIR": str(home)}
        done = subprocess.run(
            ["buildah", *place, *words], cwd=ROOT, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""

    bare = buildah("from", "scratch")
    buildah("add", bare, str(base), "/")
    buildah("commit", "-q", bare, "localhost/base")
    flags = os.environ.get("IMAGE_FLAGS", "").split()
    buildah("bud", "--pull-never", "--build-arg", "BASE=localhost/base", *flags, "-t", "nephoscope", ".")
    container = buildah("from", "--pull-never", "localhost/nephoscope")
    try:
        yield Path(buildah("mount", container))
    finally:
        buildah("umount", container)


ENTER = """
set -e
mount --bind "$IMAGE" "$IMAGE"; mount -o remount,bind,ro "$IMAGE"
mount -t tmpfs -o mode=1777 tmpfs "$IMAGE/tmp"
mount --bind "$STATE" "$IMAGE/var/lib/nephoscope"
mount --bind "$ETC" "$IMAGE/etc/nephoscope"; mount -o remount,bind,ro "$IMAGE/etc/nephoscope"
mount -t proc proc "$IMAGE/proc"; mount --rbind /dev "$IMAGE/dev"
exec /usr/bin/env -i PATH=/opt/nephoscope/bin:/usr/bin:/bin \
  /usr/sbin/chroot --userspec=10001:10001 --groups=10001 "$IMAGE" "$@"
"""
"""What a runtime does for a restricted pod: a read-only root, /tmp, the volume, the ConfigMap, the fixed user."""


@pytest.mark.timeout(1200)
@pytest.mark.skipif(
    not BASE or os.geteuid() != 0 or not shutil.which("buildah"), reason="needs root, buildah and IMAGE_BASE"
)
def test_the_image_runs_with_a_read_only_root_and_keeps_its_database_on_the_volume() -> None:
    """Built for real; ready with the embedded Postgres, nothing written but to the volume, clean at SIGTERM."""
    with tempfile.TemporaryDirectory() as made, endpoint() as served:
        home, port = Path(made), free_port()
        state, etc = home / "state", home / "etc"
        state.mkdir()
        os.chown(state, 10001, 10001)
        etc.mkdir(mode=0o755)
        (etc / "nephoscope.yaml").write_text(
            f"{{state_dir: /var/lib/nephoscope, export: {{listen: '127.0.0.1:{port}'}}, "
            "probes: [{name: chat, every: 2s, first_token: 1s, stall: 1s, timeout: 2s}], "
            f"targets: [{{name: a, provider: vllm, model: tiny-1, endpoint: '{served.base('ok')}'}}]}}"
        )
        with built(home) as image:
            env = os.environ | {"IMAGE": str(image), "STATE": str(state), "ETC": str(etc)}
            enter = ["unshare", "-m", "sh", "-c", ENTER, "enter"]
            refused = subprocess.run([*enter, "touch", "/x"], env=env, capture_output=True, check=False)
            assert b"Read-only file system" in refused.stderr
            entry = [*json.loads(of(IMAGE, "ENTRYPOINT")[0]), *json.loads(of(IMAGE, "CMD")[0])]
            with (home / "log").open("wb") as log:
                process = subprocess.Popen([*enter, *entry], env=env, stdout=log, stderr=log)
            try:
                _until_good(process, port, home / "log")
                process.terminate()
                assert process.wait(60) == 0, (home / "log").read_text()
            finally:
                process.kill()
                process.wait()
        assert (state / "postgres" / "data" / "PG_VERSION").exists()


def _until_good(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    """Wait until it is ready and counts good results; the deadline only bounds a failing test."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            ready = httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
            page = httpx.get(f"http://127.0.0.1:{port}/metrics").text
            counted = re.findall(r'probe_results_total\{outcome="ok",.*\} (.*)', page)
            if ready and sum(map(float, counted)) > 0:
                return
        time.sleep(0.5)
    raise AssertionError(log.read_text())
