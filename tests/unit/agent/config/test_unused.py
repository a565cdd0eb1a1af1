"""What a file says in vain, and secrets that it spells out, are warned of where they stand."""

from pathlib import Path

import pytest

from support.configuration import LOCAL, loaded

HOSTED = "name: t, provider: vllm, model: m, endpoint: https://llm.example"
SPELLED_OUT = "is spelled out in the file; write ${NAME}, ${file:/path} or ${secret:a/b} instead"


def warnings(text: str, **environ: str) -> list[str]:
    return [warning.partition(": ")[2] for warning in loaded(text, environ).warnings]


@pytest.mark.parametrize(
    "name", ["Authorization", "x-api-key", "x-litellm-api-key", "Cookie", "x-auth-token"]
)
def test_a_secret_in_a_header_is_warned_of_and_not_quoted(name: str) -> None:
    (warning,) = warnings(f"targets: [{{{HOSTED}, headers: {{{name}: planted-0123456789}}}}]")
    assert warning.endswith((f"headers.{name}: {SPELLED_OUT}", f"headers.{name.lower()}: {SPELLED_OUT}"))
    assert "planted" not in warning


@pytest.mark.parametrize(
    "target",
    [
        f"{HOSTED}, headers: {{x-team: platform-and-search}}",
        f'{HOSTED}, headers: {{x-api-key: "${{KEY}}"}}',
        f'{HOSTED}, headers: {{authorization: "Bearer ${{KEY}}"}}',
        f"{HOSTED}, headers: {{x-api-key: none}}",
        f"{HOSTED}, headers: {{x-api-key: planted-0123456789}}, simulated: true",
        f'{HOSTED}, proxy: "http://proxy:3128"',
        f'{HOSTED}, proxy: "http://me:${{KEY}}@proxy:3128"',
        f'{HOSTED}, proxy: "http://me@proxy:3128"',
        f'{HOSTED}, proxy: "http://me:planted@127.0.0.1:3128"',
        "name: t, provider: vllm, model: m, endpoint: http://127.0.0.1:8000, headers: {x-api-key: planted-0123456789}",
    ],
)
def test_what_is_no_secret_or_stays_on_this_machine_is_not(target: str) -> None:
    assert warnings(f"targets: [{{{target}}}]", KEY="planted-0123456789") == []


def test_a_proxys_password_is_warned_of_where_it_stands() -> None:
    """In a target, and once in a network that several targets take."""
    url = '"http://me:planted-0123456789@proxy:3128"'
    (warning,) = [one for one in warnings(f"targets: [{{{HOSTED}, proxy: {url}}}]") if "witness" not in one]
    assert warning == f"targets[0].proxy: holds a password that {SPELLED_OUT}"
    both = f"targets: [{{{HOSTED}, network: out}}, {{{HOSTED.replace('t,', 'u,', 1)}, network: out}}]"
    (warning,) = [
        one for one in warnings(f"networks: {{out: {{proxy: {url}}}}}\n{both}") if "witness" not in one
    ]
    assert warning == f"networks.out.proxy: holds a password that {SPELLED_OUT}"


def test_a_folder_of_secrets_that_nothing_refers_to_is_warned_of(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("planted-0123456789")
    secrets = f"secrets: {{dir: {tmp_path}}}\n"
    (warning,) = warnings(f"{secrets}targets: [{LOCAL}]")
    assert warning.startswith("secrets.dir: nothing is taken from it; write ${secret:a/b}")
    assert warnings(f'{secrets}targets: [{{{HOSTED}, credentials: {{api_key: "${{secret:key}}"}}}}]') == []
    defaults = 'defaults: {target: {credentials: {api_key: "${secret:key}"}}}\n'
    assert warnings(f"{secrets}{defaults}targets: [{{{HOSTED}}}]") == []


def test_a_model_that_nobody_serves_is_warned_of() -> None:
    (warning,) = warnings(f"models: {{tiny: {{class: fast}}, huge: {{class: slow}}}}\ntargets: [{LOCAL}]")
    assert warning == "models.huge: no target is of this model; write model: `huge` in one, or take it out"
    assert (
        warnings(
            'models: {a: {}, b: {}}\ntargets: [{name: "t-{model}", provider: vllm, endpoint: "http://localhost", '
            "for: {model: [a, b]}}]"
        )
        == []
    )


TWO = 'targets:\n  - {name: "t-{region}", provider: vllm, endpoint: "http://localhost", model: m, team: x, '
FOR = "for: {region: [eu, us]}, "


@pytest.mark.parametrize(
    ("overrides", "idle"),
    [
        ("{when: {region: eu}, team: x}", [0]),
        ("{when: {region: eu}}", [0]),
        ("{when: {region: eu}, team: y}", []),
        ("{when: all, region: eu}", []),
        ("{when: {region: eu}, team: y}, {when: all, team: z}", [0]),
        ("{when: all, team: z}, {when: {region: eu}, team: y}", []),
        ("{when: {region: eu}, labels: {}}", []),
        ("{when: all, team: y}, {when: {region: eu}, team: y}", [1]),
    ],
)
def test_an_override_that_makes_no_difference_is_warned_of(overrides: str, idle: list[int]) -> None:
    """All that are named could be taken out together."""
    found = warnings(f"{TWO}{FOR}override: [{overrides}]}}")
    assert found == [
        f"targets[0].override[{at}]: changes nothing of what it is for; take it out" for at in idle
    ]


@pytest.mark.parametrize(
    ("overrides", "idle"),
    [
        ("{when: all, every: 1m}", [0]),
        ("{when: all}", [0]),
        ("{when: local, every: 2m}", []),
        ("{when: all, every: 2m}, {when: local, every: 1m}", [0, 1]),
        ("{when: all, every: 2m}, {when: local, every: 2m}", [0]),
    ],
)
def test_so_is_one_of_a_probe(overrides: str, idle: list[int]) -> None:
    found = warnings(f"targets: [{LOCAL}]\nprobes: [{{name: chat, every: 1m, override: [{overrides}]}}]")
    assert found == [
        f"probes[0].override[{at}]: changes nothing of what it is for; take it out" for at in idle
    ]
