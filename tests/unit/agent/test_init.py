"""A first file from what the environment offers, by way of the command line."""

import io
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from agent.cli import main
from agent.config.read import read
from agent.offers import EXAMPLES, LATER, offers
from probes import catalog
from support.configuration import HOST

WITH_VARIABLES = sorted(name for name, row in catalog.PROVIDERS.items() if row.environment)
SECRET = "planted-0123456789abcdef"


def values(provider: str) -> dict[str, str]:
    """Return the provider's usual variables, as a user would have set them."""
    return {
        variable: "https://bank.example" if kind == "endpoint" else f"{SECRET}-{provider}"
        for kind, variable in catalog.PROVIDERS[provider].environment.items()
    }


def init(
    monkeypatch: pytest.MonkeyPatch, file: Path, environ: Mapping[str, str], *flags: str
) -> tuple[int, str, str]:
    usual = {*LATER, *(variable for name in WITH_VARIABLES for variable in values(name))}
    for variable in usual & os.environ.keys():
        monkeypatch.delenv(variable)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    out, err = io.StringIO(), io.StringIO()
    return main(["init", str(file), *flags], out, err), out.getvalue(), err.getvalue()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "nephoscope.yaml"


@pytest.mark.parametrize("provider", WITH_VARIABLES)
def test_the_file_for_each_providers_variables_passes_check(
    monkeypatch: pytest.MonkeyPatch, file: Path, provider: str
) -> None:
    """It names the variables, holds no value of theirs, and warns of nothing."""
    environ = values(provider)
    code, out, err = init(monkeypatch, file, environ)
    assert (code, err) == (0, "")
    loaded = read(file, environ, host=HOST)
    assert loaded.warnings == ()
    (offer,) = offers(environ)
    names = [target.name for target in loaded.config.targets]
    assert names == ([provider] if offer.usable else ["local"])
    assert all(variable in out for variable in environ)
    assert SECRET not in out + file.read_text()


def test_every_provider_whose_place_is_known_has_an_example_of_a_model() -> None:
    """Add a row to EXAMPLES in agent/offers.py for a new provider: `my-model` is nobody's."""
    known = {name for name in WITH_VARIABLES if offers(values(name))[0].usable}
    assert known <= EXAMPLES.keys()


def test_all_that_is_found_stands_in_one_file(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    environ = {name: value for provider in WITH_VARIABLES for name, value in values(provider).items()}
    code, out, _ = init(monkeypatch, file, environ)
    assert code == 0
    assert [target.name for target in read(file, environ, host=HOST).config.targets] == [
        offer.provider for offer in offers(environ) if offer.usable
    ]
    assert "Cost a day: at most USD " in out


def test_where_nothing_is_set_the_file_holds_an_example_that_passes(
    monkeypatch: pytest.MonkeyPatch, file: Path
) -> None:
    code, out, _ = init(monkeypatch, file, {})
    assert code == 0
    assert out.startswith("No usual variable of any provider is set.\nWrote ")
    (target,) = read(file, {}, host=HOST).config.targets
    assert (target.name, target.credentials) == ("local", {})


def test_half_of_what_a_provider_needs_is_told_and_not_used(
    monkeypatch: pytest.MonkeyPatch, file: Path
) -> None:
    environ = {"AZURE_OPENAI_API_KEY": SECRET, "CO_API_KEY": SECRET}
    _, out, _ = init(monkeypatch, file, environ)
    assert "Found AZURE_OPENAI_API_KEY, not used: azure needs AZURE_OPENAI_ENDPOINT too." in out
    assert "Found CO_API_KEY, not used: provider cohere is not yet in this version." in out
    assert "# azure: AZURE_OPENAI_API_KEY is set here, AZURE_OPENAI_ENDPOINT is not." in file.read_text()


def test_a_file_that_is_there_is_never_written_over(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    file.write_text("mine")
    code, out, err = init(monkeypatch, file, values("openai"))
    assert (code, out, file.read_text()) == (2, "", "mine")
    assert "is never written over; name another file" in err


def test_found_alone_writes_nothing_where_nothing_is(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    code, out, _ = init(monkeypatch, file, {"AZURE_OPENAI_API_KEY": SECRET}, "--found")
    assert (code, file.exists()) == (1, False)
    assert "Nothing was written" in out
    assert init(monkeypatch, file, values("openai"), "--found")[0] == 0


def test_a_value_that_no_header_can_carry_is_told_before_anything_is_written(
    monkeypatch: pytest.MonkeyPatch, file: Path
) -> None:
    code, _, err = init(monkeypatch, file, {"OPENAI_API_KEY": "two words"})
    assert (code, file.exists()) == (2, False)
    assert "no header can carry" in err
    assert "two words" not in err


def test_a_folder_that_cannot_be_written_to_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    code, _, err = init(monkeypatch, tmp_path / "nowhere" / "n.yaml", {})
    assert (code, err.count("\n")) == (1, 1)
    assert "cannot be written (No such file or directory)" in err
