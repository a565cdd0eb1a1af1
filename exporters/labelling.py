"""Label values and names that come from elsewhere: of who served an answer, and of the user."""

import re
from collections import Counter
from collections.abc import Mapping

from probes.result import ProbeResult


def backend_labels(result: ProbeResult) -> tuple[str, str]:
    """Return who served, as the labels `backend` and `fingerprint` say it; empty where nothing is said."""
    facts = (f"{name}={fact}" for name, fact in sorted(result.lasting.items()))
    return ",".join(facts), result.fingerprint or ""


def served_by(result: ProbeResult) -> str:
    """Return the same for people."""
    backend, fingerprint = backend_labels(result)
    return ", ".join([*filter(None, backend.split(",")), *filter(None, [fingerprint])])


def user_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """Return the user's labels under the names that `target_info` carries, as kube-state-metrics does.

    The prefix `label_`, snake case, an underscore for what a label name may not hold; names that thereby
    become one get `_conflict1`, `_conflict2`, ... in the order of the original names.

    >>> user_labels({"costCentre": "42", "app.kubernetes.io/name": "x"})
    {'label_app_kubernetes_io_name': 'x', 'label_cost_centre': '42'}
    >>> user_labels({"a-b": "1", "a.b": "2"})
    {'label_a_b_conflict1': '1', 'label_a_b_conflict2': '2'}
    """
    named = [(_label_name(key), labels[key]) for key in sorted(labels)]
    of_a_name = Counter(name for name, _ in named)
    seen: Counter[str] = Counter()
    chosen = {}
    for name, value in named:
        seen[name] += 1
        chosen[f"{name}_conflict{seen[name]}" if of_a_name[name] > 1 else name] = value
    return chosen


def _label_name(key: str) -> str:
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).lower()
    return "label_" + re.sub(r"[^a-z0-9_]", "_", snake)
