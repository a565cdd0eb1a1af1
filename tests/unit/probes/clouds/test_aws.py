"""Bedrock and SageMaker are found in every partition, and their errors told apart by what AWS says."""

import dataclasses

import pytest

from probes import catalog
from probes.target import Kind, Target

TARGET = Target(
    name="t",
    provider="bedrock",
    cloud="aws",
    model="m",
    model_id="m",
    endpoint="",
    group="g",
    region="us-east-1",
)


@pytest.mark.parametrize(
    ("provider", "region", "fips", "host"),
    [
        ("bedrock", "eu-central-1", False, "bedrock-runtime.eu-central-1.amazonaws.com"),
        ("bedrock", "us-west-2", True, "bedrock-runtime-fips.us-west-2.amazonaws.com"),
        ("bedrock", "us-gov-west-1", True, "bedrock-runtime-fips.us-gov-west-1.amazonaws.com"),
        ("bedrock", "cn-north-1", False, "bedrock-runtime.cn-north-1.amazonaws.com.cn"),
        ("bedrock", "eusc-de-east-1", False, "bedrock-runtime.eusc-de-east-1.amazonaws.eu"),
        ("bedrock", "us-iso-east-1", False, "bedrock-runtime.us-iso-east-1.c2s.ic.gov"),
        ("bedrock", "us-isob-east-1", False, "bedrock-runtime.us-isob-east-1.sc2s.sgov.gov"),
        ("bedrock", "ca-central-1", True, "bedrock-runtime-fips.ca-central-1.amazonaws.com"),
        ("bedrock", "us-gov-east-1", False, "bedrock-runtime.us-gov-east-1.amazonaws.com"),
        ("sagemaker", "us-east-1", True, "runtime-fips.sagemaker.us-east-1.amazonaws.com"),
        ("sagemaker", "cn-north-1", True, "runtime.sagemaker-fips.cn-north-1.amazonaws.com.cn"),
        ("sagemaker", "us-gov-west-1", False, "runtime.sagemaker.us-gov-west-1.amazonaws.com"),
    ],
)
def test_a_region_has_its_host(provider: str, region: str, fips: bool, host: str) -> None:  # noqa: FBT001 - a parameter
    assert catalog.default_endpoint(provider, region, fips=fips) == f"https://{host}"


@pytest.mark.parametrize(
    ("provider", "api", "region", "fips"),
    [
        ("bedrock", None, None, False),
        ("bedrock", None, "frankfurt", False),
        ("bedrock", "mantle", "us-east-1", True),
        ("bedrock", "mantle", "cn-north-1", False),
        ("sagemaker", None, "us-gov-west-1", True),
        *(
            ("bedrock", None, region, True)
            for region in ("eu-central-1", "ap-south-1", "cn-north-1", "us-isob-east-1")
        ),
    ],
)
def test_where_there_is_no_such_host_none_is_made_up(
    provider: str,
    api: str | None,
    region: str | None,
    fips: bool,  # noqa: FBT001 - a parameter
) -> None:
    assert catalog.default_endpoint(provider, region, api, fips=fips) is None


@pytest.mark.parametrize(
    ("api", "endpoint", "kind", "expected"),
    [
        (
            None,
            "https://bedrock-runtime-fips.us-east-1.amazonaws.com",
            "models",
            "https://bedrock-fips.us-east-1.amazonaws.com/foundation-models",
        ),
        (
            "openai",
            "https://bedrock-runtime.us-east-1.amazonaws.com/openai/v1",
            "models",
            "https://bedrock.us-east-1.amazonaws.com/foundation-models",
        ),
        (
            "openai",
            "https://bedrock-runtime.us-east-1.amazonaws.com",
            "chat",
            "https://bedrock-runtime.us-east-1.amazonaws.com/openai/v1/chat/completions",
        ),
        (
            "mantle",
            "https://bedrock-mantle.us-east-1.api.aws/openai/v1",
            "models",
            "https://bedrock-mantle.us-east-1.api.aws/openai/v1/models",
        ),
        (None, "https://gateway.bank/aws/", "models", "https://gateway.bank/aws/foundation-models"),
    ],
)
def test_each_call_goes_to_its_plane(api: str | None, endpoint: str, kind: Kind, expected: str) -> None:
    assert catalog.url(dataclasses.replace(TARGET, api=api, endpoint=endpoint), kind) == expected


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Signature expired: 20261128T100000Z is now earlier than 20261128T101000Z", "clock_skew"),
        ("User: arn:aws:iam::1:user/x is not authorized to perform: bedrock:InvokeModel", "no_permission"),
        ("You don't have access to the model with the specified model ID.", "no_model_access"),
        ("The model 'm' isn't supported on this route.", "wrong_route"),
        ("Too many requests, please wait before trying again.", None),
        (None, None),
    ],
)
def test_an_error_is_told_by_its_text(text: str | None, name: str | None) -> None:
    assert catalog.PROVIDERS["bedrock"].named(text) == name


@pytest.mark.parametrize("provider", ["bedrock", "sagemaker"])
def test_whatever_is_told_has_a_remedy_that_can_be_filled_in(provider: str) -> None:
    row = catalog.PROVIDERS[provider]
    assert {name for _, name in row.told} <= row.remedies.keys()
    for remedy in row.remedies.values():
        assert "{" not in remedy.format(model="m", region="r", credential="c")
