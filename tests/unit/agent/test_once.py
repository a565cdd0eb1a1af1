"""What `once` chooses and how it shows it."""

import io
import uuid

import pytest
from rich.console import Console

from agent.config.model import Config, ProbePlan
from agent.errors import ConfigError
from agent.once import cheap, chosen, table
from probes.result import Outcome, ProbeResult
from probes.target import Target, Workload


def target(name: str) -> Target:
    return Target(
        name=name, provider="openai", cloud="openai", model="m", model_id="m", endpoint="http://x", group=name
    )


CONFIG = Config(
    vantage="v",
    state_dir="unused",
    targets=(target("azure-1"), target("azure-2"), target("openai")),
    probes=(
        ProbePlan(workload=Workload(name="chat"), targets=("azure-1", "azure-2", "openai")),
        ProbePlan(workload=Workload(name="list", kind="models"), targets=("openai",)),
    ),
    objectives=(),
)


@pytest.mark.parametrize(
    ("selector", "probe", "expected"),
    [
        (None, None, 4),
        ("all", "chat", 3),
        ("azure-*", None, 2),
        ("azure-1, openai", None, 3),
        ("openai", "list", 1),
        ("provider=openai", "chat", 3),
        ("name=azure-*,network=internet", None, 2),
    ],
)
def test_a_selector_is_all_a_name_a_glob_or_several(
    selector: str | None, probe: str | None, expected: int
) -> None:
    """As in the configuration."""
    assert len(chosen(CONFIG, selector, probe)) == expected


def test_a_selector_that_selects_nothing_names_what_there_is() -> None:
    """The sentence helps to correct it."""
    with pytest.raises(ConfigError, match="azure-1, azure-2, openai"):
        chosen(CONFIG, "aws-*", None)


@pytest.mark.parametrize(
    ("selector", "told"),
    [
        ("azure-*,opnai", "--target azure-*,opnai: `opnai` selects no target; did you mean `openai`?"),
        ("region=eu", "--target region=eu: `region: eu` selects no target, for none has a region"),
        ("regoin=eu", "--target regoin=eu: selects by `regoin`, which no target has; did you mean `region`?"),
    ],
)
def test_a_part_of_a_selector_that_selects_nothing_is_told(selector: str, told: str) -> None:
    """A name that is misspelt would be left out in silence."""
    with pytest.raises(ConfigError) as caught:
        chosen(CONFIG, selector, None)
    assert str(caught.value) == told


def test_expensive_probes_are_left_out_and_said_so() -> None:
    """A look at everything must not send a long text to every cloud."""
    dear = Workload(name="swift", kind="throughput"), Workload(name="long", kind="long-context")
    asked = [(target("a"), work) for work in (Workload(name="chat"), *dear)]
    kept, said = cheap(asked)
    assert kept == asked[:1]
    assert said == "left out, being expensive: swift, long; name one with --probe, or add --expensive"
    assert cheap(asked[:1]) == (asked[:1], None)


def test_where_all_is_expensive_the_way_to_ask_is_told() -> None:
    with pytest.raises(
        ConfigError, match="there is nothing else to ask; left out, being expensive: swift; name"
    ):
        cheap([(target("a"), Workload(name="swift", kind="throughput"))])


def test_the_table_says_what_became_of_each_and_what_to_do() -> None:
    """Markup in an endpoint's words is shown, not obeyed."""
    result = ProbeResult(
        id=uuid.UUID(int=1), probe="chat", kind="chat", target="t", provider="openai", cloud="openai", model="m",
        vantage="v", scheduled_ns=1, started_ns=1, outcome=Outcome.OVERLOADED, ttft_s=0.1234, error="[red]busy[/red]",
    )  # fmt: skip
    shown = io.StringIO()
    Console(file=shown, width=200).print(table([result]))
    assert "overloaded" in shown.getvalue()
    assert "123.4" in shown.getvalue()
    assert "[red]busy[/red]" in shown.getvalue()


@pytest.mark.parametrize("nothing", ["", " "])
def test_an_empty_selector_is_no_way_to_say_all(nothing: str) -> None:
    """`--target "$UNSET"` in a script must not spend money on every cloud."""
    with pytest.raises(ConfigError, match="is empty, so it selects nothing"):
        chosen(CONFIG, nothing, None)
