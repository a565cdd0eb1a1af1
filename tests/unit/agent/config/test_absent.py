"""An identity that is seen not to be there is warned of: the file may be read on another machine than it runs on."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from agent.config.context import Host
from agent.config.read import read_text

PLACES = {
    "aws": "provider: bedrock, region: us-east-1",
    "google": "provider: vertex, project: p, region: us-central1",
    "oci": "provider: oci, region: eu-frankfurt-1, compartment: ocid1.compartment.oc1..a",
}


def warnings(
    home: Path,
    kind: str,
    text: str,
    environ: Mapping[str, str] | None = None,
    *,
    no_secrets: bool = False,
    more: str = "",
) -> tuple[str, ...]:
    plan = (
        f"targets: [{{name: t, model: m, {PLACES[kind]}, credentials: {{{kind}: '{text}'}}{more}}}]\n"
        "probes: [{name: chat}]\n"
    )
    host = Host(name="box.example", home=home, root=False)
    return read_text(plan, Path("nephoscope.yaml"), environ or {}, no_secrets=no_secrets, host=host).warnings


def write(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
    return file


@pytest.mark.parametrize(
    ("kind", "text", "told"),
    [
        (
            "google",
            "/nope/key.json",
            "there is no file /nope/key.json here; write the path of a key, or google: default",
        ),
        ("aws", "prober", "has a profile `prober` here; write one that is there, or aws: default"),
        (
            "aws",
            "arn:aws:iam::123456789012:role/probe",
            "is the ARN of a role, and this wants a profile; write the role",
        ),
        ("aws", "arn:aws-us-gov:iam::123456789012:role/probe", "is the ARN of a role"),
        ("oci", "default", ".oci/config here; run `oci setup config`, or write oci: instance"),
        ("oci", "session:dev", ".oci/config here; run `oci setup config`"),
    ],
)
def test_what_is_not_there_is_one_warning_and_none_where_secrets_are_not_looked_at(
    tmp_path: Path, kind: str, text: str, told: str
) -> None:
    (warning,) = warnings(tmp_path, kind, text)
    assert f"targets[0].credentials.{kind}: " in warning
    assert told in warning
    assert not warnings(tmp_path, kind, text, no_secrets=True)
    assert not warnings(tmp_path, kind, text, more=", simulated: true")


@pytest.mark.parametrize(
    ("kind", "text"), [("google", "default"), ("aws", "default"), ("oci", "instance"), ("oci", "resource")]
)
def test_what_only_the_vendors_chain_can_find_is_not_judged(tmp_path: Path, kind: str, text: str) -> None:
    assert not warnings(tmp_path, kind, text)


@pytest.mark.parametrize("held", ["", "{}", "[]", '{"type": 1}', "planted-0123456789", "[" * 100_000])
def test_a_file_that_is_no_key_is_told_without_what_it_holds(tmp_path: Path, held: str) -> None:
    file = write(tmp_path / "key.json", held)
    (warning,) = warnings(tmp_path, "google", str(file))
    assert f"{file} is no key of Google's, which is JSON with a `type`" in warning
    assert "planted" not in warning
    write(file, '{"type": "service_account"}')
    assert not warnings(tmp_path, "google", str(file))


@pytest.mark.parametrize(
    ("file", "section"),
    [("config", "[profile prober]"), ("config", '[profile "prober"]'), ("credentials", "[prober]")],
)
def test_a_profile_of_aws_may_be_in_either_file(tmp_path: Path, file: str, section: str) -> None:
    write(tmp_path / ".aws" / file, f"{section}\nregion = us-east-1\ns3 =\n  max_queue_size = 1\n")
    assert not warnings(tmp_path, "aws", "prober")
    (warning,) = warnings(tmp_path, "aws", "other")
    assert f"neither {tmp_path}/.aws/config nor {tmp_path}/.aws/credentials has a profile `other`" in warning
    elsewhere = write(tmp_path / "elsewhere", "[profile other]\n")
    assert not warnings(tmp_path, "aws", "other", {"AWS_CONFIG_FILE": str(elsewhere)})


def test_a_profile_of_oracle_is_looked_for_where_the_library_does(tmp_path: Path) -> None:
    write(tmp_path / ".oci/config", "[DEFAULT]\nuser=u\n[dev]\nuser=u\n")
    assert not warnings(tmp_path, "oci", "default")
    assert not warnings(tmp_path, "oci", "session:dev")
    (warning,) = warnings(tmp_path, "oci", "prod")
    assert f"{tmp_path}/.oci/config has no profile `prod`; write one that it has" in warning
    assert warnings(tmp_path, "oci", "default", {"OCI_CONFIG_PROFILE": "prod"})
    (warning,) = warnings(tmp_path, "oci", "default", {"OCI_CONFIG_FILE": "~/other"})
    assert f"there is no file {tmp_path}/other here" in warning


def test_a_file_that_cannot_be_understood_is_left_to_its_library(tmp_path: Path) -> None:
    write(tmp_path / ".aws/config", "no section\n")
    assert not warnings(tmp_path, "aws", "prober")
