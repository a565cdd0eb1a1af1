"""A first file from what the environment offers, by way of the command line."""

import dataclasses
import io
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from agent import offers as offering
from agent.cli import main
from agent.config import extras
from agent.config.read import read, read_text
from agent.offers import EXAMPLES, Example, Place, Proof, offers, proofs, told, variables
from agent.starter import document
from probes import catalog
from probes.provider import Provider
from support.configuration import HOST

WITH_VARIABLES = sorted(name for name, row in catalog.PROVIDERS.items() if row.environment)
WITH_PROOFS = [name for name in catalog.PROVIDERS if proofs(name)]
SECRET = "planted-0123456789abcdef"


def values(provider: str, *kinds: str) -> dict[str, str]:
    """Return the provider's usual variables, as a user would have set them: all, or those of some kinds."""
    return {
        variable: "https://bank.example" if kind == "endpoint" else f"{SECRET}-{provider}"
        for kind, variable in catalog.PROVIDERS[provider].environment.items()
        if kind in (kinds or catalog.PROVIDERS[provider].environment)
    }


def init(
    monkeypatch: pytest.MonkeyPatch, file: Path, environ: Mapping[str, str], *flags: str
) -> tuple[int, str, str]:
    usual = {variable for name in catalog.PROVIDERS for variable in variables(name)}
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
    environ = values(provider) | {
        place.variables[0]: "us-east-1" for place in offering.example(provider).places
    }
    code, out, err = init(monkeypatch, file, environ)
    assert (code, err) == (0, "")
    loaded = read(file, environ, host=HOST)
    assert loaded.warnings == ()
    (offer,) = offers(environ)
    names = [target.name for target in loaded.config.targets]
    assert names == ([provider] if offer.usable else ["local"])
    assert all(variable in out for variable in values(provider))
    assert SECRET not in out + file.read_text()


@pytest.mark.parametrize(
    ("provider", "proof"),
    [pytest.param(name, proof, id=f"{name}-{proof.kind}") for name in WITH_PROOFS for proof in proofs(name)],
)
def test_every_way_of_proving_identity_makes_a_file_that_passes_check(
    provider: str, proof: Proof, tmp_path: Path
) -> None:
    """With its variables, and without any of them where secrets are not looked at, as in CI."""
    places = {place.variables[0]: "us-east-1" for place in offering.example(provider).places}
    environ = values(provider, "endpoint") | places | dict.fromkeys(proof.variables, f"{SECRET}-{provider}")
    (offer,) = (offer for offer in offers(environ) if offer.provider == provider)
    assert (offer.usable, offer.missing) == (offer.endpoint, ())
    text = document([offer])
    for given, no_secrets in ((environ, False), ({}, True)):
        loaded = read_text(text, tmp_path / "n.yaml", given, no_secrets=no_secrets, host=HOST)
        assert loaded.warnings == ()
        (target,) = loaded.config.targets
        assert list(target.credentials) == ([proof.kind] if offer.usable else [])
    assert SECRET not in text


def test_every_provider_whose_place_is_known_has_an_example_of_a_model() -> None:
    """Add a row to EXAMPLES in agent/offers.py for a new provider: `my-model` is nobody's."""
    known = {name for name in WITH_VARIABLES if offers(values(name))[0].endpoint}
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
    environ = {"AZURE_OPENAI_API_KEY": SECRET}
    _, out, _ = init(monkeypatch, file, environ)
    assert "Found AZURE_OPENAI_API_KEY, not used: azure needs AZURE_OPENAI_ENDPOINT too." in out
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


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Provider:
    """A provider whose identity a library finds, and whose region and project a user has to say."""
    row = dataclasses.replace(
        catalog.PROVIDERS["mistral"],
        endpoints={"[a-z]+-.*": "https://{region}.llm.example/v1"},
        needs=("region", "project"),
        credentials=("api_key", "aws"),
        environment={"api_key": "CLOUD_KEY"},
    )
    example = Example(
        model="m",
        proofs=(Proof(("CLOUD_ID", "CLOUD_SECRET"), "aws"), Proof(("CLOUD_PROFILE",), "aws")),
        places=(
            Place("project", ("CLOUD_PROJECT",)),
            Place("region", ("CLOUD_REGION", "CLOUD_DEFAULT_REGION"), literal=True),
        ),
    )
    monkeypatch.setattr(catalog, "PROVIDERS", {"cloud": row})
    monkeypatch.setattr(offering, "EXAMPLES", {"cloud": example})
    monkeypatch.setattr(extras, "missing", lambda _kind: None)
    return row


PLACED = {"CLOUD_PROJECT": "p-1", "CLOUD_DEFAULT_REGION": "eu-west-1"}


@pytest.mark.parametrize(
    ("environ", "credentials"),
    [
        ({"CLOUD_KEY": "k"}, '{api_key: "${CLOUD_KEY}"}'),
        ({"CLOUD_PROFILE": "dev"}, "{aws: default}"),
        ({"CLOUD_ID": "i", "CLOUD_SECRET": "s"}, "{aws: default}"),
        ({"CLOUD_ID": "i", "CLOUD_PROFILE": "dev"}, "{aws: default}"),
        ({"CLOUD_KEY": "k", "CLOUD_ID": "i", "CLOUD_SECRET": "s"}, '{api_key: "${CLOUD_KEY}"}'),
    ],
)
@pytest.mark.usefixtures("cloud")
def test_a_key_goes_before_what_a_library_finds_and_a_whole_identity_before_half_of_one(
    environ: Mapping[str, str], credentials: str
) -> None:
    (offer,) = offers({**environ, **PLACED})
    assert offer.usable
    assert offer.keys == {
        "project": '"${CLOUD_PROJECT}"',
        "region": "eu-west-1 # as CLOUD_DEFAULT_REGION says",
        "credentials": credentials,
    }


@pytest.mark.parametrize(
    ("environ", "missing"),
    [
        ({"CLOUD_ID": "i"} | PLACED, ("CLOUD_SECRET",)),
        ({"CLOUD_PROFILE": "dev", "CLOUD_REGION": "eu-west-1"}, ("CLOUD_PROJECT",)),
        ({"CLOUD_PROFILE": "dev", "CLOUD_PROJECT": "p-1"}, ("CLOUD_REGION",)),
        ({"CLOUD_PROFILE": "dev", "CLOUD_PROJECT": "p-1", "CLOUD_REGION": "a: b"}, ("CLOUD_REGION",)),
    ],
)
@pytest.mark.usefixtures("cloud")
def test_what_a_cloud_needs_and_nobody_says_is_missing(
    environ: Mapping[str, str], missing: tuple[str, ...]
) -> None:
    """A region is written out, so whatever is no word is none."""
    (offer,) = offers(environ)
    assert (offer.usable, offer.missing) == (False, missing)


@pytest.mark.usefixtures("cloud")
def test_where_to_ask_alone_is_no_offer() -> None:
    assert offers(PLACED) == []


@pytest.mark.usefixtures("cloud")
def test_an_identity_whose_library_is_not_installed_is_not_used_and_says_what_brings_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(extras, "missing", lambda kind: "aws" if kind == "aws" else None)
    found = offers({"CLOUD_PROFILE": "dev"} | PLACED)
    assert list(told(found)) == [
        "Found CLOUD_PROFILE, not used: cloud needs more for it: pip install 'nephoscope[aws]'"
    ]
    assert "# cloud: CLOUD_PROFILE is set here; what reads it comes with pip install" in document(found)
    assert offers({"CLOUD_KEY": "k"} | PLACED)[0].usable
