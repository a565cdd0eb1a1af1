"""OCI's hosts by region and realm, its URLs, and what a target adds to them."""

import dataclasses

import pytest
from oci import regions_definitions

from probes import catalog
from probes.target import Kind, Target

TARGET = Target(
    name="t",
    provider="oci",
    cloud="oci",
    model="m",
    model_id="m",
    endpoint="https://inference.generativeai.us-chicago-1.oci.oraclecloud.com",
    group="m",
    region="us-chicago-1",
    compartment="ocid1.compartment.oc1..a",
)
HOST = TARGET.endpoint
PLANE = "https://generativeai.us-chicago-1.oci.oraclecloud.com"
MODELS = "/20231130/models?compartmentId=ocid1.compartment.oc1..a"


@pytest.mark.parametrize("region", regions_definitions.REGION_REALMS)
def test_a_region_has_the_host_that_oracles_library_would_call(region: str) -> None:
    domain = regions_definitions.REALMS[regions_definitions.REGION_REALMS[region]]
    expected = f"https://inference.generativeai.{region}.oci.{domain}"
    assert catalog.default_endpoint("oci", region) == expected


@pytest.mark.parametrize(
    ("region", "expected"),
    [
        ("us-gov-ashburn-1", "https://inference.generativeai.us-gov-ashburn-1.oci.oraclegovcloud.com"),
        ("us-langley-1", "https://inference.generativeai.us-langley-1.oci.oraclegovcloud.com"),
        ("uk-gov-london-1", "https://inference.generativeai.uk-gov-london-1.oci.oraclegovcloud.uk"),
        ("eu-frankfurt-2", "https://inference.generativeai.eu-frankfurt-2.oci.oraclecloud.eu"),
        ("eu-frankfurt-1", "https://inference.generativeai.eu-frankfurt-1.oci.oraclecloud.com"),
        ("xx-tomorrow-1", "https://inference.generativeai.xx-tomorrow-1.oci.oraclecloud.com"),
        ("fra", None),
        (None, None),
    ],
)
def test_realms_are_told_apart_and_what_is_no_region_has_no_host(
    region: str | None, expected: str | None
) -> None:
    assert catalog.default_endpoint("oci", region) == expected


@pytest.mark.parametrize(
    ("api", "base", "kind", "expected"),
    [
        (None, HOST, "chat", f"{HOST}/20231130/actions/chat"),
        (None, f"{HOST}/20231130/", "chat-sync", f"{HOST}/20231130/actions/chat"),
        ("cohere-v2", HOST, "tools", f"{HOST}/20231130/actions/chat"),
        (None, HOST, "models", PLANE + MODELS),
        ("openai", HOST, "chat", f"{HOST}/20231130/actions/v1/chat/completions"),
        ("openai", f"{HOST}/20231130/actions/v1", "chat", f"{HOST}/20231130/actions/v1/chat/completions"),
        ("openai", f"{HOST}/openai/v1", "chat", f"{HOST}/openai/v1/chat/completions"),
        ("openai", f"{HOST}/openai/v1", "models", PLANE + MODELS),
        ("openai", HOST, "models", PLANE + MODELS),
        (None, "https://private.bank/oci", "chat", "https://private.bank/oci/20231130/actions/chat"),
        (None, "https://private.bank/oci", "models", f"https://private.bank/oci{MODELS}"),
    ],
)
def test_a_call_goes_below_the_base_url_and_the_list_of_models_to_the_management_plane(
    api: str | None, base: str, kind: Kind, expected: str
) -> None:
    assert catalog.url(dataclasses.replace(TARGET, api=api, endpoint=base), kind) == expected


def test_the_compatible_api_names_the_compartment_in_two_headers() -> None:
    named = {"compartmentid": TARGET.compartment, "opc-compartment-id": TARGET.compartment}
    assert catalog.headers(dataclasses.replace(TARGET, api="openai")) == named
    assert catalog.headers(TARGET) == {}
    with pytest.raises(ValueError, match="target t has no compartment, which its requests need"):
        catalog.headers(dataclasses.replace(TARGET, api="openai", compartment=None))


def test_a_compartment_that_is_not_set_is_shown_as_it_is_written() -> None:
    unset = dataclasses.replace(TARGET, endpoint="https://${HOST}/oci", compartment="${OCI_COMPARTMENT}")
    expected = "https://${HOST}/oci/20231130/models?compartmentId=${OCI_COMPARTMENT}"
    assert catalog.shown_url(unset, "models") == expected
