"""Every block of YAML in docs/alerts.md is checked as a user would copy it, and its check of signatures is run."""

import re
import time
from pathlib import Path
from typing import Any

import pytest

from agent.slo.alerts import NAMES
from exporters.receivers import KINDS
from exporters.webhook import signature
from support.configuration import LOCAL, loaded

PAGE = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text()
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("text", BLOCKS)
def test_each_block_is_taken_without_a_warning(text: str) -> None:
    folder = "secrets: {dir: /nowhere}\n" if "${secret:" in text else ""
    found = loaded(f"targets: [{LOCAL[:-1]}, team: assist}}]\n{folder}{text}", no_secrets=True)
    assert found.warnings == ()
    assert found.config.receivers


def test_each_kind_has_a_block() -> None:
    assert {kind for kind in KINDS if f"kind: {kind}" in PAGE} == set(KINDS)


def test_every_alert_has_an_entry() -> None:
    table = PAGE.split("## Every alert")[1].split("\n## ")[0]
    assert [name for name in NAMES if f"`{name}`" not in table] == []


def test_the_check_of_a_signature_takes_ours_and_no_other() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    room: dict[str, Any] = {}
    exec(code, room)
    now = str(int(time.time()))
    headers = {
        "x-nephoscope-timestamp": now,
        "x-nephoscope-signature": f"sha256={signature('key', now, b'{}')}",
    }
    assert room["is_ours"]("key", headers, b"{}")
    assert not room["is_ours"]("key", headers, b"{ }")
    assert not room["is_ours"]("other", headers, b"{}")
    old = headers | {"x-nephoscope-timestamp": "1800000000"}
    assert not room["is_ours"]("key", old, b"{}")
