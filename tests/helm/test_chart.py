"""The chart as helm, Kubernetes and the Prometheus operator see it, and which values it refuses.

The golden files were read line by line. UPDATE_GOLDEN=1 writes them anew after a change that is meant.
"""

import io
import json
import os
import re
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
from ruamel.yaml import YAML

from agent.config.kinds import USUAL
from support.chart import CASES, CHART, NEWEST, OLDEST, Manifest, helm, manifests, one, refusal, template
from support.daemon import nephoscope

pytestmark = pytest.mark.heavy

GOLDEN = Path(__file__).parents[1] / "golden" / "helm"
OPERATOR = Path(__file__).parent / "operator"
CUSTOM = "monitoring.coreos.com/v1"

each_case = pytest.mark.parametrize("values", CASES, ids=lambda path: path.name.removesuffix("-values.yaml"))
MINIMAL: dict[str, Any] = {
    "config": {"targets": [{"name": "a", "provider": "vllm", "model": "m", "endpoint": "http://vllm:8000"}]}
}


def written(folder: Path, values: dict[str, Any]) -> Path:
    file = folder / "values.yaml"
    YAML().dump(values, file)
    return file


def pods(found: list[Manifest]) -> list[Manifest]:
    """Return the spec of every pod that the chart makes."""
    return [
        each["spec"] if each["kind"] == "Pod" else each["spec"]["template"]["spec"]
        for each in found
        if each["kind"] in {"Pod", "Job", "StatefulSet"}
    ]


@pytest.mark.parametrize("values", [None, *CASES], ids=lambda path: path.name if path else "none")
def test_lint_has_nothing_to_say(values: Path | None) -> None:
    """Strictly, for the values as they come and for each case."""
    done = helm("lint", "--strict", str(CHART), *(["-f", str(values)] if values else []))
    assert done.returncode == 0, done.stdout + done.stderr


@each_case
def test_each_case_becomes_its_golden_manifests(values: Path) -> None:
    """Every line that would be applied."""
    text = template(values)
    golden = GOLDEN / values.name.replace("-values", "")
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(text)
    assert text == golden.read_text()


@each_case
@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_kubernetes_takes_every_manifest(values: Path, version: str) -> None:
    """By its own schemas, in which an unknown key is an error."""
    for manifest in manifests(template(values, version=version)):
        if manifest["apiVersion"] != CUSTOM:
            kubernetes_validate.validate(manifest, version, strict=True)


@each_case
def test_nephoscope_takes_the_configuration_of_each_case(values: Path, tmp_path: Path) -> None:
    """All of the ConfigMap's files, after Helm has read and written them; what Kubernetes mounts is not here."""
    for name, text in one(manifests(template(values)), "ConfigMap", full_name(values))["data"].items():
        (tmp_path / name).write_text(text)
    done = nephoscope("check", "--no-secrets", "-c", str(tmp_path / "nephoscope.yaml"))
    assert done.returncode == 0, done.stderr


def full_name(values: Path) -> str:
    return str(YAML(typ="safe").load(values).get("fullnameOverride", "nephoscope"))


def test_an_unknown_key_would_be_found() -> None:
    """The validator is one that can fail."""
    service = one(manifests(template(CASES[0])), "Service")
    service["spec"]["selektor"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(service, NEWEST, strict=True)


def test_the_oldest_version_tried_is_the_oldest_that_the_chart_takes() -> None:
    """And helm refuses one before it."""
    assert YAML(typ="safe").load(CHART / "Chart.yaml")["kubeVersion"] == f">={OLDEST}-0"
    assert "incompatible with Kubernetes" in refusal(CASES[0], "--kube-version", "1.26.0")


def test_the_operator_takes_its_objects() -> None:
    """Its own schema, for an API server drops what it does not know without a word."""
    found = [
        each
        for each in manifests(template(CHART / "ci" / "monitoring-values.yaml"))
        if each["apiVersion"] == CUSTOM
    ]
    assert sorted(each["kind"] for each in found) == ["PrometheusRule", "ServiceMonitor"]
    for each in found:
        jsonschema.validate(each, json.loads((OPERATOR / f"{each['kind']}.json").read_text()))


def test_the_monitor_finds_the_service_and_the_service_the_pod() -> None:
    """Labels and the port's name fit together, or nothing is scraped."""
    found = manifests(template(CHART / "ci" / "monitoring-values.yaml"))
    monitor, service = one(found, "ServiceMonitor")["spec"], one(found, "Service")
    pod = one(found, "StatefulSet")["spec"]["template"]
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert monitor["endpoints"][0]["port"] == service["spec"]["ports"][0]["name"]
    assert service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
    assert service["spec"]["ports"][0]["targetPort"] == pod["spec"]["containers"][0]["ports"][0]["name"]


@pytest.mark.parametrize("targets", [1, 24])
def test_the_rules_are_those_that_nephoscope_prints_for_the_same_values(targets: int, tmp_path: Path) -> None:
    """As the README says: from the rendered configuration, by --set-file, in both of its formats; 24 take two objects."""
    some = [
        {"name": f"t{n}", "provider": "vllm", "model": "m", "endpoint": "http://vllm:8000"}
        for n in range(targets)
    ]
    values = written(tmp_path, {"config": {"targets": some}})
    config = tmp_path / "nephoscope.yaml"
    config.write_text(one(manifests(template(values)), "ConfigMap")["data"]["nephoscope.yaml"])
    plain = rules_of(config)
    (tmp_path / "rules.yaml").write_text(plain)
    carried = [
        each
        for each in manifests(
            template(
                values,
                "--set=prometheusRule.enabled=true",
                f"--set-file=prometheusRule.rules={tmp_path / 'rules.yaml'}",
            )
        )
        if each["kind"] == "PrometheusRule"
    ]
    printed = manifests(rules_of(config, "--format", "operator"))
    expected = YAML(typ="safe").load(plain)["groups"]
    for objects in (carried, printed):
        assert [group for each in objects for group in each["spec"]["groups"]] == expected
        names = ["nephoscope", "nephoscope-2"][: 1 if targets == 1 else 2]
        assert [each["metadata"]["name"] for each in objects] == names
        for each in objects:
            jsonschema.validate(each, json.loads((OPERATOR / "PrometheusRule.json").read_text()))
            text = io.StringIO()
            YAML(typ="safe").dump(each["spec"], text)
            assert len(text.getvalue().encode()) < 512 * 1024, "the operator takes no more"


def rules_of(config: Path, *more: str) -> str:
    done = nephoscope("rules", "-c", str(config), *more)
    assert done.returncode == 0, done.stderr
    return done.stdout


@each_case
def test_every_pod_is_restricted(values: Path) -> None:
    """By each demand of Pod Security's restricted profile, and beyond it a read-only root and no token unasked."""
    found = manifests(template(values))
    token = bool(YAML(typ="safe").load(values).get("serviceAccount", {}).get("automountToken"))
    for pod in pods(found):
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] >= 10000
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] in {False, token}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "runAsNonRoot": True,
                "capabilities": {"drop": ["ALL"]},
            }
        volumes = {volume["name"]: volume for volume in pod.get("volumes", [])}
        assert all(
            {"projected", "configMap", "emptyDir", "persistentVolumeClaim"} & set(volume)
            for volume in volumes.values()
        )


def test_the_values_in_the_docs_are_taken(tmp_path: Path) -> None:
    """The first block alone, then with the database's; every flag that the pages name is a value."""
    page = (CHART.parents[1] / "docs" / "deployment.md").read_text()
    blocks = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    files = [tmp_path / f"{number}.yaml" for number in range(len(blocks))]
    for file, block in zip(files, blocks, strict=True):
        file.write_text(block)
    assert one(manifests(template(files[0])), "StatefulSet")
    assert one(manifests(template(files[0], "-f", str(files[1]))), "Job", "nephoscope-migrate")
    defaults = YAML(typ="safe").load(CHART / "values.yaml")
    for group, key in re.findall(r"`([a-zA-Z]+)\.([a-zA-Z]+)(?:: \w+)?`", page):
        inner = defaults.get(group)
        assert not isinstance(inner, dict) or key in inner, f"{group}.{key}"


def test_what_the_migration_needs_is_there_before_it() -> None:
    """Hooks run before the release's own objects: whatever the job names is an earlier hook, or the user's."""
    found = manifests(template(CHART / "ci" / "database-values.yaml"))
    job = one(found, "Job", "nephoscope-migrate")
    hooks = {
        (each["kind"], each["metadata"]["name"]): int(each["metadata"]["annotations"]["helm.sh/hook-weight"])
        for each in found
        if each["metadata"].get("annotations", {}).get("helm.sh/hook") == "pre-install,pre-upgrade"
    }
    spec = job["spec"]["template"]["spec"]
    named = [("ServiceAccount", spec["serviceAccountName"])]
    named += [
        ("ConfigMap", volume["configMap"]["name"]) for volume in spec["volumes"] if "configMap" in volume
    ]
    assert all(hooks[name] < hooks["Job", "nephoscope-migrate"] for name in named)
    ours = one(found, "ConfigMap")["data"]
    assert one(found, "ConfigMap", "nephoscope-migrate")["data"] == ours, "one configuration for both"
    assert "migrate: false" in ours["nephoscope.yaml"]


def test_without_a_database_nothing_is_migrated_by_a_job() -> None:
    """The embedded Postgres lives on the pod's volume, and the agent migrates it."""
    found = manifests(template(CHART / "ci" / "default-values.yaml"))
    assert not [each for each in found if each["kind"] == "Job"]
    assert "storage" not in YAML(typ="safe").load(one(found, "ConfigMap")["data"]["nephoscope.yaml"])


def test_a_changed_configuration_restarts_the_pod(tmp_path: Path) -> None:
    """Its checksum stands on the pod."""

    def checksum(**more: Any) -> str:
        found = manifests(template(written(tmp_path, {"config": MINIMAL["config"] | more})))
        annotations = one(found, "StatefulSet")["spec"]["template"]["metadata"]["annotations"]
        return str(annotations["checksum/config"])

    assert checksum() == checksum()
    assert checksum() != checksum(vantage="fra-1")


PROBE = {"name": "slow", "timeout": "1m30s"}
EMPTY: dict[str, Any] = {"config": {}}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (EMPTY, "config.targets is empty, so nothing would be probed"),
        ({"replicas": 2}, "replicas: 2: not yet: this version has one agent a release"),
        ({"config": {"state_dir": "/x"}}, "config.state_dir: is a volume (persistence); take it out"),
        ({"config": {"secrets": {"dir": "/x"}}}, "config.secrets: is the chart's (secrets); take it out"),
        ({"config": {"export": {"listen": "127.0.0.1:1"}}}, "set `listen` at the top of the values"),
        ({"config": {"storage": {"host": "pg"}}}, "config.storage.host: the job must know the database too"),
        ({"database": {"host": "pg"}}, "config.vantage is missing"),
        (
            {"secrets": [{"name": "a", "path": "x"}, {"name": "b", "path": "x"}]},
            "a and b stand at the same path `x`",
        ),
        (
            {"database": {"existingSecret": "s"}, "secrets": [{"name": "a", "path": "database"}]},
            "which belongs to database.existingSecret",
        ),
        ({"terminationGracePeriodSeconds": 30}, "30 s by default, and 10 s; give it 40 or more"),
        ({"config": {"probes": [PROBE]}}, "the probe slow may take 1m30s, and a stop 10 s more; give it 100"),
        (
            {
                "config": {
                    "probes": [{"name": "p", "override": [{"when": {"class": "slow"}, "timeout": "55s"}]}]
                }
            },
            "the probe p may take 55s",
        ),
        (
            {"config": {"probes": [{"name": "swift", "kind": "throughput"}]}},
            "the probe swift may take 2m, and a stop 10 s more; give it 130",
        ),
        ({"configFiles": {"t.yaml": {"probes": [PROBE]}}}, "the probe slow may take 1m30s"),
        ({"prometheusRule": {"enabled": True}}, "Helm cannot reckon the rules"),
        ({"prometheusRule": {"enabled": True, "rules": "kind: PrometheusRule"}}, "holds no groups"),
    ],
    ids=lambda value: re.sub(r"\W+", "-", value)[:40] if isinstance(value, str) else "",
)
def test_what_cannot_work_is_refused_with_a_sentence(
    change: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    """Before anything is installed."""
    config = {} if change is EMPTY else MINIMAL["config"] | change.get("config", {})
    assert sentence in refusal(written(tmp_path, MINIMAL | change | {"config": config}))


def test_the_chart_knows_the_longest_of_the_usual_timeouts(tmp_path: Path) -> None:
    """They are the kinds' own, and a probe that says another is taken by its word."""
    assert {kind for kind, usual in USUAL.items() if usual.timeout_s > 30} == {"throughput", "long-context"}
    assert {usual.timeout_s for usual in USUAL.values()} == {30.0, 120.0}
    short = {"name": "p", "kind": "throughput", "first_token": "15s", "timeout": "45s"}
    told = MINIMAL["config"] | {"probes": [short, {"name": "chat"}]}
    assert manifests(template(written(tmp_path, {"config": told})))


@pytest.mark.parametrize(
    "change",
    [
        {"databse": {}},
        {"database": {"hots": "pg"}},
        {"database": {"sslmode": "verify"}},
        {"database": {"sslRootCert": {"path": "/x"}}},
        {"image": {"digest": "latest"}},
        {"listen": {"port": 80}},
        {"persistence": {"size": "ten"}},
        {"secrets": [{"name": "a"}]},
        {"secrets": [{"name": "a", "path": "../b"}]},
        {"secrets": [{"name": "a", "path": "b", "optional": True}]},
        {"serviceAccount": {"annotation": {}}},
        {"serviceMonitor": {"interval": 15}},
        {"resources": {"request": {}}},
        {"livenessProbe": {"initialDelay": 3}},
        {"configFiles": {"nephoscope.yaml": {}}},
        {"securityContext": {}},
    ],
    ids=str,
)
def test_a_value_that_is_not_known_or_not_possible_is_refused(change: dict[str, Any], tmp_path: Path) -> None:
    """A misspelt value would otherwise do nothing, silently."""
    assert "values don't meet the specifications of the schema" in refusal(
        written(tmp_path, MINIMAL | change)
    )


def test_every_default_is_in_the_schema_and_every_key_of_the_schema_has_a_default() -> None:
    """At every level that is not free, so that neither knows a value that the other does not."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    defaults = YAML(typ="safe").load(CHART / "values.yaml")
    defaults["resources"].setdefault("claims", [])
    assert sorted(closed(schema, schema)) == sorted(
        keys_of(defaults | {"global": {}}, closed(schema, schema))
    )


def closed(schema: dict[str, Any], part: dict[str, Any], at: str = "") -> dict[str, bool]:
    """Return each key's path, and whether its value is a map that takes no other keys."""
    found: dict[str, bool] = {}
    for key, value in part.get("properties", {}).items():
        inner = schema["definitions"][value["$ref"].rpartition("/")[2]] if "$ref" in value else value
        found[f"{at}{key}"] = inner.get("additionalProperties") is False
        found |= closed(schema, inner, f"{at}{key}.")
    return found


def keys_of(values: dict[str, Any], known: dict[str, bool], at: str = "") -> list[str]:
    found = []
    for key, value in values.items():
        found.append(f"{at}{key}")
        if known.get(f"{at}{key}"):
            found += keys_of(value, known, f"{at}{key}.")
    return found


def test_every_map_of_the_schema_is_closed_but_those_that_are_free() -> None:
    """An unknown key in any other is refused."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    free = {path for path, value in _maps(schema, schema) if value.get("additionalProperties") is not False}
    texts = {path for path, value in _maps(schema, schema) if value == schema["definitions"]["texts"]}
    assert free - texts == {
        "affinity", "config", "configFiles", "global", "resources.limits", "resources.requests",
    }  # fmt: skip


def _maps(schema: dict[str, Any], part: dict[str, Any], at: str = "") -> list[tuple[str, dict[str, Any]]]:
    found = []
    for key, value in part.get("properties", {}).items():
        inner = schema["definitions"][value["$ref"].rpartition("/")[2]] if "$ref" in value else value
        if inner.get("type") == "object":
            found.append((f"{at}{key}", inner))
        found += _maps(schema, inner, f"{at}{key}.")
    return found
