"""How tests for promtool are laid out in runs."""

from typing import Any

from ruamel.yaml import YAML

from agent.telling.ruling import specs
from exporters.rules_promtool import Check, Scene, rendered
from exporters.rules_tests import render_tests
from support.specs import a_config, served


def scene(
    title: str = "all is well", *, touches: tuple[str, ...] = ("a",), last: int = 4, **changes: Any
) -> Scene:
    known: dict[str, Any] = {"moving": {f"up_{title.replace(' ', '_')}": f"0+1x{last}"}}
    return Scene(title=title, touches=frozenset(touches), checks=[Check("up", last)], **known | changes)


def laid_out(*scenes: Scene) -> list[list[str]]:
    """Return the titles of the scenes of each run."""
    runs = YAML(typ="safe").load("\n".join(["tests:", *rendered(scenes)]))["tests"]
    return [[check["expr"].partition(" # ")[2] for check in run["promql_expr_test"]] for run in runs]


def test_what_touches_nothing_in_common_runs_at_once_the_longest_first() -> None:
    short, long = scene("short", touches=("a",), last=2), scene("long", touches=("b",), last=8)
    assert laid_out(short, long) == [["long", "short"]]
    assert laid_out(short, scene("long", last=8)) == [["long"], ["short"]]


def test_what_stands_differently_does_not_run_at_once() -> None:
    """A target is new or not, an agent is there or not."""
    new, old = (scene(str(warm), touches=(str(warm),), standing={"warm": warm}) for warm in (0, 1))
    assert laid_out(new, old) == [["0"], ["1"]]
    assert laid_out(new, scene("other", touches=("b",), standing={"warm": 0})) == [["0", "other"]]
    assert laid_out(new, scene("dark", touches=("b",), alive=False)) == [["0"], ["dark"]]


def test_a_title_stays_in_its_comment() -> None:
    assert laid_out(scene("an objective\nup == 1")) == [["an objective up == 1"]]


def test_many_alike_take_as_few_runs_as_one_takes_tests() -> None:
    """Six tests of one objective: over ten targets they are one run; the four about us are three more."""
    names = tuple(f"target-{number}" for number in range(10))
    one, many = (
        YAML(typ="safe").load(render_tests(specs(a_config(names=some))))["tests"]
        for some in (names[:1], names)
    )
    asked = [[check["expr"] for run in tests for check in run["promql_expr_test"]] for tests in (one, many)]
    assert len(asked[0]) == len(asked[1])
    assert len(one) == 6 + 3
    assert len(many) <= 2 + 3


def test_no_run_gives_a_series_twice() -> None:
    """Also where a service counts the events of its members, and those have tests of their own."""
    for run in YAML(typ="safe").load(render_tests(specs(served())))["tests"]:
        given = [series["series"] for series in run["input_series"]]
        assert len(given) == len(set(given))
