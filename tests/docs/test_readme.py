"""Every command and YAML block in README is run: what it promises is what happens."""

import re
from pathlib import Path

import pytest

from support.daemon import nephoscope

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", README, re.DOTALL)
YAML = [text for language, text in BLOCKS if language == "yaml"]
SHELL = [
    line.split("#")[0].strip() for language, text in BLOCKS if language == "" for line in text.splitlines()
]


@pytest.mark.parametrize("text", YAML)
def test_each_configuration_passes_check(text: str, tmp_path: Path) -> None:
    """As a user would copy it."""
    (tmp_path / "nephoscope.yaml").write_text(text)
    done = nephoscope("check", "--no-secrets", "-c", str(tmp_path / "nephoscope.yaml"))
    assert done.returncode == 0, done.stderr


def test_each_make_target_named_exists() -> None:
    """`make run` and the like."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {line.split()[1] for line in SHELL if line.startswith("make ")}
    assert named
    assert named <= targets


def test_the_short_commands_run_as_written(tmp_path: Path) -> None:
    """Check and rules offline; `once` and `run` have suites of their own and are only asked for their help."""
    (tmp_path / "nephoscope.yaml").write_text(YAML[0])
    env = {
        "NEPHOSCOPE_CONFIG": str(tmp_path / "nephoscope.yaml"),
        "OPENAI_API_KEY": "x" * 20,
        "AZURE_OPENAI_API_KEY": "y" * 20,
    }
    commands = [
        line.removeprefix("nephoscope ").split(" >")[0].split()
        for line in SHELL
        if line.startswith("nephoscope ")
    ]
    assert {command[0] for command in commands} == {"check", "once", "run", "rules"}
    for command in commands:
        offline = command if command[0] in {"check", "rules"} else [*command, "--help"]
        done = nephoscope(*offline, env=env)
        assert done.returncode == 0, done.stderr
        assert done.stdout


def test_links_lead_somewhere() -> None:
    """Relative links in README and docs exist."""
    for page in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")):
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name} links to {link}"
