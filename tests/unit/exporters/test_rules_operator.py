"""The operator's objects hold what the rule file holds, in portions that it takes."""

import dataclasses
from typing import Any

import pytest
from ruamel.yaml import YAML

from agent.telling.ruling import specs
from exporters.rules import render
from exporters.rules_operator import MAX_BYTES, Metadata, render_operator
from support.specs import a_config

FEW = specs(a_config(names=("openai", "azure")))
MANY = specs(a_config(names=tuple(f"target-{number}" for number in range(24))))
REFUSED = 512 * 1024
"""What the operator takes for one object's groups at most."""


def documents(text: str) -> list[dict[str, Any]]:
    return list(YAML(typ="safe").load_all(text))


def groups(text: str) -> list[dict[str, Any]]:
    return [group for document in documents(text) for group in document["spec"]["groups"]]


def test_the_object_names_itself_and_holds_the_same_groups() -> None:
    """Whoever takes the one or the other is woken by the same rules."""
    metadata = Metadata(name="llm", namespace="monitoring", labels={"release": "prometheus", "a/b": "true"})
    (found,) = documents(render_operator(FEW, metadata))
    assert {key: found[key] for key in ("apiVersion", "kind", "metadata")} == {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {
            "name": "llm",
            "namespace": "monitoring",
            "labels": {"release": "prometheus", "a/b": "true"},
        },
    }
    assert found["spec"] == YAML(typ="safe").load(render(FEW))


def test_no_namespace_and_no_label_leave_the_keys_out() -> None:
    """So that kubectl's own namespace holds."""
    (found,) = documents(render_operator(FEW, Metadata()))
    assert found["metadata"] == {"name": "nephoscope"}


@pytest.mark.heavy
def test_many_objectives_become_several_objects_that_the_operator_takes() -> None:
    """24 targets with two objectives each are 700 kB, in order and none twice."""
    text = render_operator(MANY, Metadata())
    found = documents(text)
    assert [document["metadata"]["name"] for document in found] == ["nephoscope", "nephoscope-2"]
    assert groups(text) == YAML(typ="safe").load(render(MANY))["groups"]
    for part in text.split("---\n"):
        assert MAX_BYTES / 2 < len(part.encode()) < REFUSED


def test_one_slo_alone_is_never_cut() -> None:
    """Its groups are read together, so they stay in one object."""
    names = [group["name"] for group in documents(render_operator(MANY, Metadata()))[1]["spec"]["groups"]]
    assert len(names) % 2 == 0
    assert names[1] == f"{names[0]}:slow"


def test_nothing_to_judge_is_an_object_without_groups() -> None:
    """Which the operator takes, and which clears the rules of before."""
    (found,) = documents(render_operator([], Metadata()))
    assert found["spec"] == {"groups": []}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"name": "Nephoscope"}, "'Nephoscope' is no name of an object"),
        ({"name": "a" * 241}, "is no name of an object"),
        ({"namespace": "a.b"}, "'a.b' is no namespace"),
        ({"labels": {"re lease": "x"}}, "'re lease' is no name of a label"),
        ({"labels": {"/release": "x"}}, "'/release' is no name of a label"),
        ({"labels": {"release": "a b"}}, "'a b' is no value of a label"),
        ({"labels": {"release": "x" * 64}}, "at most 63"),
    ],
)
def test_what_kubernetes_refuses_is_refused_here(given: dict[str, Any], sentence: str) -> None:
    """Before anything is applied."""
    with pytest.raises(ValueError, match=sentence):
        Metadata(**given)


def test_odd_texts_survive() -> None:
    """A runbook with braces and quotes reads the same in both forms."""
    odd = [dataclasses.replace(FEW[0], runbook='https://x.example/{{ "a" }}\n  # no comment')]
    (found,) = documents(render_operator(odd, Metadata()))
    assert found["spec"] == YAML(typ="safe").load(render(odd))
