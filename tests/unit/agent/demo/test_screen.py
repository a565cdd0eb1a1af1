"""The first screen says what a user needs, in a handful of lines."""

import json
from pathlib import Path

import pytest

from agent.config.model import Config
from agent.config.read import load, read
from agent.demo.configuration import configuration
from agent.demo.scenario import SCENARIOS
from agent.demo.screen import first_screen
from agent.demo.vendors import CLOUDS
from exporters import conventions


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "nephoscope.yaml"
    file.write_text(configuration(tmp_path, 9466, 9467, "127.0.0.1:9464", "10s"))
    return file


@pytest.fixture
def config(file: Path) -> Config:
    return load(str(file))


def screen(config: Config, file: Path, scenario: str = "calm", **environ: str) -> list[str]:
    return list(first_screen(config, file, scenario, 9465, environ))


def test_it_says_what_is_simulated_where_to_look_what_to_try_and_how_to_end(
    config: Config, file: Path
) -> None:
    lines = screen(config, file)
    text = "\n".join(lines)
    assert len(lines) == 6
    assert f"{len(CLOUDS)} SIMULATED clouds" in lines[0]
    assert all(name in lines[1] for name in CLOUDS)
    assert "http://127.0.0.1:9464/metrics" in text
    assert f"nephoscope once -c {file}" in text
    assert "curl -X POST http://127.0.0.1:9465/control/azure-eastus2/hang" in text
    assert "Ctrl-C" in lines[-1]


def test_what_was_found_is_named_and_its_value_never(config: Config, file: Path) -> None:
    (line,) = [
        line for line in screen(config, file, OPENAI_API_KEY="sk-secret", HOME="/") if "Not used" in line
    ]
    assert "OPENAI_API_KEY" in line
    assert "sk-secret" not in line
    assert "HOME" not in line


@pytest.mark.parametrize("name", [name for name in SCENARIOS if name != "calm"])
def test_a_scenario_is_announced_with_its_time(config: Config, file: Path, name: str) -> None:
    (line,) = [line for line in screen(config, file, name) if line.startswith("Scenario")]
    assert f"{name}, from 25 s after the first request: {SCENARIOS[name].tells}" in line


def test_the_configuration_has_every_cloud_marked_and_no_warning(config: Config, file: Path) -> None:
    assert [target.name for target in config.targets] == list(CLOUDS)
    assert all(target.simulated for target in config.targets)
    assert {target.cloud for target in config.targets} >= {"openai", "azure", "aws", "gcp"}
    assert json.dumps(str(file.parent)) in file.read_text()
    assert read(file, {}).warnings == ()


def test_what_is_quick_is_an_edge_that_the_page_has(config: Config) -> None:
    """So that the histogram of a brownout shows on which side of it an answer came."""
    thresholds = {objective.threshold_s for objective in config.objectives if objective.threshold_s}
    assert thresholds <= set(conventions.EDGES[conventions.PROBE_TTFT.name])
