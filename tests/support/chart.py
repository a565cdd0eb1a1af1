"""The chart through the real helm: rendered manifests by kind and name, or the sentence that refuses the values."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

CHART = Path(__file__).parents[2] / "helm" / "nephoscope"
CASES = sorted((CHART / "ci").glob("*-values.yaml"))
NEWEST, OLDEST = "1.37.0", "1.27.0"
"""Kubernetes versions; the oldest is Chart.yaml's."""

Manifest = dict[str, Any]


def helm(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the helm of this environment; it looks nothing up."""
    program = Path(sys.executable).parent / "helm"
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=60, check=False)


def template(values: Path, *more: str, version: str = NEWEST) -> str:
    """Return what the chart becomes for a values file, as the release `nephoscope` in the namespace `llm`."""
    done = _template(values, more, version)
    assert done.returncode == 0, done.stderr
    return done.stdout


def refusal(values: Path, *more: str) -> str:
    """Return the sentence that refuses the values."""
    done = _template(values, more, NEWEST)
    assert done.returncode != 0, "the values were taken"
    return done.stderr


def manifests(text: str) -> list[Manifest]:
    return [document for document in YAML(typ="safe").load_all(text) if document]


def one(found: Sequence[Manifest], kind: str, name: str = "nephoscope") -> Manifest:
    """Return the manifest of a kind and a name."""
    (manifest,) = [each for each in found if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    return manifest


def _template(values: Path, more: Sequence[str], version: str) -> "subprocess.CompletedProcess[str]":
    return helm(
        "template", "nephoscope", str(CHART), "-n", "llm", "--kube-version", version, "-f", str(values), *more
    )
