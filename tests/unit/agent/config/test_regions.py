"""What a target lacks of region, host and identity is told before anything is asked."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import pytest

from agent.config import extras
from probes import catalog
from probes.provider import ANYWHERE, Api
from support.configuration import findings, loaded

ENVIRON = {"CLOUD_KEY": "planted-0123456789"}
ADDRESSES = {
    "global": "https://llm.example",
    "eu|us": "https://llm{fips}.{region}.rep.example",
    "[a-z]+-[a-z]+-[0-9]": "https://{region}-llm.example",
}


@pytest.fixture(autouse=True)
def clouds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows whose addresses carry a region, in the ways in which the clouds' do."""
    row = dataclasses.replace(
        catalog.PROVIDERS["mistral"],
        endpoints=ADDRESSES,
        fips=True,
        needs=("region",),
        credentials=("api_key", "aws", "google", "entra", "oci"),
    )
    loose = dataclasses.replace(
        row, endpoints={"eu": "https://{region}.llm.example", ANYWHERE: "https://llm.example"}, needs=()
    )
    spoken = row.apis["openai"]
    split = Api(root="/v1", calls=spoken.calls, endpoints={".+": "https://mantle.{region}.example"})
    known: dict[str, Any] = {
        "cloud": row,
        "loose": loose,
        "split": dataclasses.replace(row, apis={"openai": spoken, "mantle": split}),
        "bare": dataclasses.replace(row, needs=(), credentials=("google", "aws")),
    }
    monkeypatch.setattr(catalog, "PROVIDERS", {**catalog.PROVIDERS, **known})


def target(provider: str = "cloud", credentials: str = '{api_key: "${CLOUD_KEY}"}', **keys: object) -> str:
    said = "".join(f", {key}: {value}" for key, value in keys.items())
    return f"targets: [{{name: t, provider: {provider}, model: m, credentials: {credentials}{said}}}]"


@pytest.mark.parametrize(
    ("keys", "endpoint"),
    [
        ({"region": "global"}, "https://llm.example"),
        ({"region": "eu"}, "https://llm.eu.rep.example"),
        ({"region": "eu", "fips": "true"}, "https://llm-fips.eu.rep.example"),
        ({"region": "eu-west-4"}, "https://eu-west-4-llm.example"),
        ({"provider": "loose", "region": "eu"}, "https://eu.llm.example"),
        ({"provider": "split", "region": "eu-west-4", "api": "mantle"}, "https://mantle.eu-west-4.example"),
    ],
)
def test_the_region_gives_the_address(keys: Mapping[str, Any], endpoint: str) -> None:
    found = loaded(target(**keys), ENVIRON)
    assert (found.config.targets[0].endpoint, found.warnings) == (endpoint, ())


@pytest.mark.parametrize(
    ("keys", "finding"),
    [
        ({}, "region: is missing, and `cloud` needs one; write region:"),
        (
            {"provider": "bare", "credentials": "{google: default}"},
            "endpoint: is missing, and `bare` has no address without a region",
        ),
        (
            {"region": "mars"},
            (
                "endpoint: is missing, and this version knows no address of `cloud` in region `mars`; write one of "
                "its regions, or the base URL here"
            ),
        ),
        (
            {"region": "eu-west-4", "endpoint": '"https://us-east-1-llm.example/v1"'},
            (
                "region: says `eu-west-4`, but us-east-1-llm.example is in us-east-1; write region: us-east-1, or the host "
                "in eu-west-4"
            ),
        ),
        ({"region": "us", "endpoint": '"https://LLM.eu.rep.example"'}, "llm.eu.rep.example is in eu"),
        ({"region": "us", "endpoint": '"https://llm-fips.eu.rep.example"'}, "is in eu"),
        ({"region": "eu-west-4", "endpoint": '"https://llm.example"'}, "llm.example is in global"),
        (
            {"provider": "split", "region": "us", "endpoint": '"https://mantle.eu.example"', "api": "mantle"},
            "mantle.eu.example is in eu",
        ),
        (
            {"region": "eu-west-4", "fips": "true"},
            "fips: wants validated cryptography, and ",
        ),
        (
            {"region": "eu", "fips": "true", "endpoint": '"https://llm.eu.rep.example"'},
            "fips: wants validated cryptography, and llm.eu.rep.example is no host with it",
        ),
        ({"api": "nobodys", "region": "eu"}, "api: `cloud` is not spoken to as `nobodys`; write openai"),
    ],
)
def test_what_cannot_be_is_one_error_that_names_both(keys: Mapping[str, Any], finding: str) -> None:
    """Whether secrets are looked at or not."""
    for no_secrets in (False, True):
        (found,) = findings(target(**keys), ENVIRON, no_secrets=no_secrets)
        assert finding in found


@pytest.mark.parametrize("endpoint", ["", ', endpoint: "https://api.openai.com/v1"'])
def test_validated_cryptography_that_a_provider_never_has_is_told_once(endpoint: str) -> None:
    key = '{api_key: "${CLOUD_KEY}"}'
    text = f"targets: [{{name: t, provider: openai, model: m, fips: true, credentials: {key}{endpoint}}}]"
    (found,) = findings(text, ENVIRON)
    assert "fips: has no effect for `openai`" in found


@pytest.mark.parametrize(
    ("region", "remedy"),
    [
        ("fra", "region: eu-frankfurt-1"),
        ("IAD", "region: us-ashburn-1"),
        ("frankfurt", "region: eu-frankfurt-1"),
        ("xyzzy", "one of its regions"),
    ],
)
def test_a_region_by_its_short_name_is_told_by_its_long_one(region: str, remedy: str) -> None:
    keys = {"region": region, "compartment": "ocid1.compartment.oc1..a"}
    (found,) = findings(target("oci", "{oci: instance}", **keys), ENVIRON)
    assert found.endswith(f"address of `oci` in region `{region}`; write {remedy}, or the base URL here")


@pytest.mark.parametrize(
    ("provider", "region", "told"),
    [
        (
            "sagemaker",
            "us-gov-west-1",
            "changes nothing in us-gov-west-1: the one host of `sagemaker` there has validated",
        ),
        (
            "bedrock",
            "eu-central-1",
            "and there is no address with it: `bedrock` has none in eu-central-1 that this",
        ),
    ],
)
def test_validated_cryptography_is_refused_for_the_reason_there_is(
    provider: str, region: str, told: str
) -> None:
    (found,) = findings(target(provider, "{aws: default}", region=region, id="e", fips="true"), {})
    assert told in found


def test_a_host_with_validated_cryptography_that_is_new_can_be_written() -> None:
    endpoint = '"https://bedrock-runtime-fips.eu-central-1.amazonaws.com"'
    text = target("bedrock", "{aws: default}", region="eu-central-1", fips="true", endpoint=endpoint)
    assert not findings(text, {})


@pytest.mark.parametrize("endpoint", ["https://llm.bank.example", "https://vpce-1.eu.bank.example"])
def test_a_private_host_may_be_in_any_region(endpoint: str) -> None:
    found = loaded(target(region="eu-west-4", fips="true", endpoint=f'"{endpoint}"'), ENVIRON)
    assert found.warnings == ()


@pytest.mark.parametrize("keys", [{}, {"endpoint": '"https://llm.example/v1"'}])
def test_a_region_that_the_host_does_not_serve_alone_is_warned_of(keys: Mapping[str, Any]) -> None:
    (warning,) = loaded(target("loose", region="mars", **keys), ENVIRON).warnings
    assert (
        "region: `mars` is not in the host: llm.example is the same for every region; write region: eu"
        in warning
    )
    assert loaded(target("loose", **keys), ENVIRON).warnings == ()


@pytest.mark.parametrize(
    ("kind", "extra"), [("aws", "aws"), ("google", "google"), ("entra", "azure"), ("oci", "oci")]
)
def test_a_library_that_is_not_installed_is_an_error_that_says_what_brings_it(
    monkeypatch: pytest.MonkeyPatch, kind: str, extra: str
) -> None:
    text = target(credentials=f"{{{kind}: default}}", region="eu")
    monkeypatch.setattr(extras, "_installed", lambda _module: False)
    for no_secrets in (False, True):
        (found,) = findings(text, {}, no_secrets=no_secrets)
        assert found.endswith(
            f"credentials.{kind}: needs nephoscope[{extra}], which is not installed here: "
            f"pip install 'nephoscope[{extra}]'"
        )
    assert findings(target(region="eu"), ENVIRON) == []


def test_what_the_vendors_own_chain_would_read_need_not_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """A workload's identity comes from where it runs; a variable that the file itself names is another matter."""
    monkeypatch.setattr(extras, "_installed", lambda _module: True)
    assert findings(target(credentials="{aws: default}", region="eu"), {}) == []
    (found,) = findings(target(credentials='{aws: "${AWS_PROFILE}"}', region="eu"), {})
    assert "the environment variable AWS_PROFILE is not set" in found


def test_who_takes_no_key_is_told_what_its_library_finds() -> None:
    (found,) = findings(target("bare", credentials="{}", region="eu"), {})
    assert "`bare` wants google or aws; write credentials: {google: default}" in found


@pytest.mark.parametrize("module", [name for _, name in extras.MODULES.values()])
def test_whether_a_library_is_installed_is_told_without_importing_it(module: str) -> None:
    assert extras._installed("json.decoder")
    assert not extras._installed("nowhere_at_all." + module)
