"""The vendors' own parsers and signers, each in an environment of its own that `make test-all` builds."""

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def needs(name: str) -> pytest.MarkDecorator:
    """Return the mark of a test that consults an oracle; in CI a missing one is a failure, as a skip would hide it."""
    missing = not _python(name).exists() and os.environ.get("CI") != "true"
    return pytest.mark.skipif(missing, reason=f"needs the oracle {name} (make test-all installs it)")


def consult(name: str, questions: Sequence[dict[str, Any]]) -> list[Any]:
    """Return an oracle's answers: `tests/oracles/NAME.py` gets the questions as a JSON list, and prints one of answers.

    It knows nothing of this project and of the environment.
    """
    python = _python(name)
    assert python.exists(), f"the oracle {name} is not installed: run make test-all, which installs it"
    done = subprocess.run(
        [str(python), "-I", str(ROOT / "tests" / "oracles" / f"{name}.py")],
        input=json.dumps(list(questions)),
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    answers: list[Any] = json.loads(done.stdout)
    return answers


def _python(name: str) -> Path:
    return ROOT / ".parts" / "oracles" / name / "bin" / "python"
