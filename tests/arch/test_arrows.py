"""The house stands as drawn: arrows, what the wheel carries, what the asker may load."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import agent
import exporters
import probes
import storage

ROOT = Path(__file__).parents[2]


def test_the_four_packages_are_ours() -> None:
    """A foreign `agent` or `storage` on the path would be imported in our place."""
    for package in (agent, probes, exporters, storage):
        assert package.__file__ is not None
        assert Path(package.__file__).parent.parent == ROOT


def test_the_import_arrows_hold() -> None:
    """import-linter's contracts are part of the suite, not only of lint."""
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.parametrize("module", ["agent.wiring.asker"])
def test_the_asker_loads_neither_database_nor_exporters(module: str) -> None:
    """What it does not load cannot delay it."""
    code = f"import sys, {module}; print(*sorted(name.split('.')[0] for name in sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    forbidden = {
        "sqlalchemy",
        "psycopg",
        "prometheus_client",
        "opentelemetry",
        "starlette",
        "uvicorn",
        "jinja2",
        "grpc",
        "genai_prices",
    }
    assert not forbidden & set(loaded)


def test_init_files_hold_a_docstring_only() -> None:
    """Nothing hides in an `__init__`: that is where import circles come from."""
    for room in ("agent", "probes", "exporters", "storage"):
        for file in (ROOT / room).rglob("__init__.py"):
            lines = [line for line in file.read_text().splitlines() if line.strip()]
            assert len(lines) == 1, file
            assert lines[0].startswith('"""'), file


def test_the_wheel_carries_the_four_packages_and_the_migrations(tmp_path: Path) -> None:
    """Built without isolation from what the lock pins, and nothing but ours inside."""
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--quiet",
            "--no-deps",
            "--no-build-isolation",
            "--wheel-dir",
            str(tmp_path),
            str(ROOT),
        ],
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {
        "agent",
        "probes",
        "exporters",
        "storage",
    }
    assert "storage/migrations/env.py" in names
    assert any(name.startswith("storage/migrations/versions/0001") for name in names)
    assert "agent/slo/windows.yaml" in names
    assert {f"exporters/templates/{name}.html" for name in ("base", "report", "status")} <= set(names)
    assert {"agent/calibrating/ca.pem", "agent/calibrating/loopback.pem"} <= set(names)
