"""A configuration file to a plan, and what newcomers are told."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.config.model import Config
from agent.config.read import default_state_dir, load, read
from agent.errors import ConfigError
from support.certificates import Authority
from support.configuration import ENVIRON, HOST, LOCAL, OPENAI, findings, loaded

T = f"targets: [{OPENAI}]\n"
L = f"targets: [{LOCAL}]\n"


def objective(**keys: object) -> str:
    return L + f"objectives: [{json.dumps({'name': 'o', 'sli': 'availability', 'percent': 99.9} | keys)}]"


def probe(**keys: object) -> str:
    return L + f"probes: [{json.dumps({'name': 'p'} | keys)}]"


def target(**keys: object) -> str:
    kept = {"name": "t", "provider": "vllm", "model": "m", "endpoint": "https://vllm.example"} | keys
    return "targets:\n  - " + json.dumps({key: value for key, value in kept.items() if value is not None})


MISTAKES = [
    # The file as a whole
    ("", "1: targets: names nothing to probe; the smallest file that works: targets: [{name: openai"),
    ("- a", "1: the file holds a list, not a map of keys; the smallest that works: targets"),
    ("targets: []", "1: targets: names nothing to probe"),
    ("targets: {name: a}", "1: targets: a list belongs here, not a map; begin each entry with a dash"),
    ("targets: [a]", "1: targets[0]: a map of keys belongs here, not a text"),
    (T + "probs: []", "2: probs: unknown key `probs`; did you mean `probes`?"),
    (
        T + "whatever: 1",
        "2: whatever: unknown key `whatever`; known here are alerts, budget, defaults, export, ",
    ),
    (
        T + "contracts: []",
        "2: contracts: not yet: this version of nephoscope does not have `contracts`; take it out",
    ),
    (T + "secrets: {dri: /x}", "2: secrets.dri: unknown key `dri`; did you mean `dir`?"),
    (T + "include: [a.yaml]", "2: include[0]: there is no file /"),
    (T + "include: a.yaml", "2: include: a list of files belongs here, not `a.yaml`; as in include: [conf.d"),
    (T + T, "2: targets: said twice, first on line 1; keep one"),
    ("targets:\n  - name: a\n   model: b", "3: cannot be read as YAML: the indentation does not match"),
    # Targets
    (target(name=None), "2: targets[0].name: is missing; give each entry a name of its own"),
    (target(nam="x"), "2: targets[0].nam: unknown key `nam`; did you mean `name`?"),
    (target(name="a b"), "2: targets[0].name: `a b` cannot be a name; use up to 100 letters, digits, dots"),
    (target(name="all"), "2: targets[0].name: `all` selects everything, so it cannot be a name"),
    (target(name="${OPENAI_API_KEY}"), "2: targets[0].name: a reference may not stand here"),
    (target(model="${OPENAI_API_KEY}"), "2: targets[0].model: a reference may not stand here"),
    (
        target(model=4),
        "2: targets[0].model: is a number or a truth value as YAML reads it, not a text; put it in quotes",
    ),
    (target(model=" "), "2: targets[0].model: is empty; write a value, or take the key out"),
    (target(team=[1]), "2: targets[0].team: a text belongs here, not a list"),
    (target(labels={"a": "${HOME}"}), "2: targets[0].labels.a: a reference may not stand here"),
    (target(labels={"a-b": "c"}), "2: targets[0].labels.a-b: `a-b` cannot be a label; use letters, digits"),
    (
        target(labels={"team": "c"}),
        "2: targets[0].labels.team: is a label that every target has already; write it beside `labels`",
    ),
    (
        target(labels={"job": "c"}),
        "2: targets[0].labels.job: is a label that every target has already; choose another name",
    ),
    (target(provider="opnai"), "2: targets[0].provider: unknown provider `opnai`; did you mean `openai`?"),
    (target(provider="x"), "2: targets[0].provider: unknown provider `x`; write one of "),
    (target(endpoint=None), "2: targets[0].endpoint: is missing, and `vllm` has no address of its own"),
    (
        target(provider="azure", endpoint=None, credentials={"token": "${OPENAI_API_KEY}"}),
        "or ${AZURE_OPENAI_ENDPOINT}",
    ),
    (target(endpoint="vllm:8000"), "2: targets[0].endpoint: is not a URL with a host; write it as http"),
    (target(endpoint="https://"), "2: targets[0].endpoint: is not a URL with a host"),
    (target(endpoint="https://h:99999"), "2: targets[0].endpoint: has a port over 65535; write it as http"),
    (target(endpoint="https://h:http"), "2: targets[0].endpoint: has a port that is not a number"),
    (target(endpoint="https://h:0"), "2: targets[0].endpoint: has port 0, which nobody listens on"),
    (target(endpoint="https://[::1"), "2: targets[0].endpoint: opens a bracket and does not close it"),
    (target(endpoint="https://[h]/"), "2: targets[0].endpoint: has a host that is neither a name nor an"),
    (target(endpoint="https://a b/"), "2: targets[0].endpoint: holds a space or a line break; write it as"),
    (target(endpoint="https://h/\x7f"), "2: targets[0].endpoint: holds a character that cannot be seen"),
    (
        target(endpoint="ftp://h/"),
        "2: targets[0].endpoint: does not begin with http:// or https://; write it as http://host",
    ),
    (target(endpoint="https://u:p@h/"), "2: targets[0].endpoint: holds a user name or password"),
    (target(endpoint="https://h/#x"), "2: targets[0].endpoint: has a part after `#`"),
    (target(endpoint="${NOPE}"), "2: targets[0].endpoint: the environment variable NOPE is not set; set it"),
    (target(endpoint="${file:/etc/hosts}"), "2: targets[0].endpoint: a file's content is a secret"),
    (target(provider="openai"), "2: targets[0].credentials: is missing: `openai` wants api_key or token"),
    (
        target(credentials={"api_key": "${OPENAI_API_KEY}", "token": "${OPENAI_API_KEY}"}),
        "2: targets[0].credentials: has api_key and token; keep one",
    ),
    (
        target(credentials={"api_kye": "x"}),
        "2: targets[0].credentials.api_kye: unknown key `api_kye`; did you",
    ),
    (
        target(credentials={"api_key": "${NOPE:-}"}),
        "credentials.api_key: stands for nothing; set what it refers to, and take an empty default out",
    ),
    (target(credentials={"token": "${EMPTY:- }"}), "credentials.token: stands for nothing"),
    (
        target(credentials={"api_key": "${NOPE}"}),
        "credentials.api_key: the environment variable NOPE is not set",
    ),
    (
        target(credentials={"api_key": "${EMPTY}"}),
        "credentials.api_key: the environment variable EMPTY is empty",
    ),
    (target(credentials={"api_key": "${NOPE"}), "credentials.api_key: `${` is never closed"),
    (
        target(credentials={"api_key": "${secret:../b}"}),
        "credentials.api_key: `${secret:../b}` does not name a",
    ),
    (T + "state_dir: '${secret:a}'", "2: state_dir: a file's content is a secret, and this is shown"),
    (target(credentials={"api_key": "${file:/nope}"}), "credentials.api_key: the file /nope cannot be read"),
    (
        target(credentials={"api_key": "a key"}),
        "credentials.api_key: holds spaces or signs that no header can carry",
    ),
    (target(credentials={"token_file": "/nope"}), "credentials.token_file: there is no file /nope; write it"),
    (target(headers={"a b": "c"}), "2: targets[0].headers.a b: `a b` is not the name of a header"),
    *(
        (
            target(headers={name: "x"}),
            f"2: targets[0].headers.{name}: `{name.lower()}` belongs to the connection, which sets it itself; take",
        )
        for name in (
            "Content-Length",
            "Transfer-Encoding",
            "Connection",
            "Keep-Alive",
            "Expect",
            "TE",
            "Upgrade",
            "Host",
            "Trailer",
            "Accept-Encoding",
            "Proxy-Authorization",
            "Proxy-Connection",
        )
    ),
    (target(headers={"a": "b\nc"}), "2: targets[0].headers.a: a header is one line"),
    (target(headers={"a": "${NOPE}"}), "2: targets[0].headers.a: the environment variable NOPE is not set"),
    (
        target(api_version="2024-10-21"),
        "2: targets[0].api_version: has no effect for api openai of `vllm` (only for api anthropic); take it out",
    ),
    (
        target(provider="azure", endpoint="https://h", api="openai", api_version="2024-10-21"),
        "2: targets[0].api_version: chooses the dated API, and api: openai another without versions; take one of them",
    ),
    *(
        (
            target(provider="bedrock", region="us-east-1", api=api, api_version="x"),
            f"2: targets[0].api_version: has no effect for api {api} of `bedrock` (only for api anthropic-invoke or anthropic)",
        )
        for api in ("converse", "openai", "invoke", "mantle")
    ),
    (
        target(provider="vertex", region="eu", project="p", api_version="x"),
        "2: targets[0].api_version: has no effect for api openai of `vertex` (only for api anthropic); take it out",
    ),
    (
        target(provider="openai", api_version="2024-10-21"),
        "2: targets[0].api_version: has no effect for `openai` (only for anthropic, azure, bedrock, ",
    ),
    (
        target(traceparent="yes"),
        "2: targets[0].traceparent: `yes` is neither true nor false; write one of them",
    ),
    (
        target(count={"throttled": "maybe"}),
        "targets[0].count.throttled: `maybe` is not known; write one of excluded",
    ),
    (target(price={"input": -1}), "2: targets[0].price.output: is missing; write it"),
    (
        target(price={"input": "1", "output": 1}),
        "2: targets[0].price.input: `1` is not a price; write US dollars",
    ),
    (target(tls={"cert": "/nope"}), "2: targets[0].tls: has only one of cert and key; write both"),
    (target(tls={"ca": "/nope"}), "2: targets[0].tls.ca: there is no file /nope"),
    (target(tls=None) + "\n    tls: 5", "cannot be read as YAML"),
    (
        target(resolve={"h": "nope"}),
        "2: targets[0].resolve.h: `nope` is not an address; write one such as 10.0.0.9",
    ),
    (target(proxy="proxy:3128"), "2: targets[0].proxy: "),
    (target(api="x"), "2: targets[0].api: `vllm` is not spoken to as `x`; write openai"),
    (target(project="x"), "2: targets[0].project: has no effect for `vllm`"),
    (target(fips=True), "2: targets[0].fips: has no effect for `vllm`"),
    (
        target(provider="azure", endpoint="https://h", credentials={"entra": "manged"}),
        "credentials.entra: `manged` is none of its words; did you mean `managed`?",
    ),
    (
        target(provider="azure", endpoint="https://h", credentials={"entra": "spn"}),
        "credentials.entra: `spn` is none of its words; write default or workload or managed",
    ),
    (
        target(credentials={"entra": "workload"}),
        "2: targets[0].credentials.entra: `vllm` does not take this; write api_key or token",
    ),
    (f"targets: [{LOCAL}, {LOCAL}]", "1: targets[1].name: `local` is taken on line 1; choose another"),
    # Probes
    (L + "probes: []", "2: probes: is empty, so nothing would be asked"),
    (probe(every=30), "2: probes[0].every: 30 has no unit; write 30s for seconds, or 30m for minutes"),
    (probe(every="30"), "2: probes[0].every: `30` is not a duration"),
    (probe(every="1ms"), "2: probes[0].every: `1ms` is no interval for a probe; choose one from 100ms to 1d"),
    (probe(timeout="0s"), "2: probes[0].timeout: `0s` leaves no time; write more than zero"),
    (
        probe(first_token="40s", timeout="30s"),
        "2: probes[0].first_token: 40s is longer than the timeout of 30s",
    ),
    (probe(stall="40s"), "2: probes[0].stall: 40s is longer than the timeout of 30s; lengthen timeout"),
    (probe(expensive=True), "2: probes[0].expensive: unknown key `expensive`, which is said by the kind: "),
    (
        probe(kind="json", expect={"schema": {}}),
        "2: probes[0].expect.schema: unknown key `schema`, which is not expected but asked for: write kind: json",
    ),
    (probe(kind="caht"), "2: probes[0].kind: `caht` is not known; write one of chat, chat-sync, models"),
    (probe(connection="hot"), "2: probes[0].connection: `hot` is not known; write one of cold, warm"),
    (probe(max_tokens=0), "2: probes[0].max_tokens: `0` is not a whole number from 1 to"),
    (probe(prompt="${HOME}"), "2: probes[0].prompt: a reference may not stand here"),
    (
        probe(kind="models", expect={"contains": "x"}) + "\nobjectives: []",
        "probes[0].expect: has no effect on a models probe",
    ),
    (
        probe(kind="models", prompt="hi") + "\nobjectives: []",
        "probes[0].prompt: has no effect on a models probe",
    ),
    (probe(targets="lokal"), "2: probes[0].targets: `lokal` selects no target; did you mean `local`?"),
    (probe(targets=[]), "2: probes[0].targets: is empty, so it selects nothing"),
    (probe(targets={"label.env": "x"}), "probes[0].targets: `label.env: x` selects no target, for none has"),
    (probe(override={}), "2: probes[0].override: a list of maps belongs here, not a map; begin each entry"),
    (
        probe(override=[{"every": "1m"}]),
        "2: probes[0].override[0].when: is missing; say for which targets, as in",
    ),
    # Objectives
    (
        objective(percent=0.999),
        "2: objectives[0].percent: 0.999 looks like a ratio; percent is out of 100: write 99.9",
    ),
    (objective(percent=100), "2: objectives[0].percent: 100 leaves no error budget"),
    (objective(percent=0), "2: objectives[0].percent: 0 is not between 0 and 100"),
    (
        objective(percent="99.9%"),
        "2: objectives[0].percent: `99.9%` is not a percentage; write 99.9, without quotes and sign",
    ),
    (
        objective(sli="latency"),
        "2: objectives[0].sli: `latency` is not known; write one of availability, ttft, ttfo, itl, total,",
    ),
    (
        objective(window={"calendar": "mnth"}),
        "2: objectives[0].window: `mnth` is no window of a calendar; did you mean `month`?",
    ),
    (
        objective(window={"calendar": "decade"}),
        "2: objectives[0].window: `decade` is no window of a calendar; there are week, month, quarter, year",
    ),
    (
        objective(window={"timezone": "UTC"}),
        "2: objectives[0].window: does not say which calendar; write {calendar: month, timezone: Europe/Berlin}",
    ),
    (
        objective(window={"calendar": "month", "zone": "UTC"}),
        "2: objectives[0].window: unknown key `zone`; did you mean `timezone`?",
    ),
    (
        objective(window={"calendar": "month", "timezone": "Europe/Berln"}),
        "2: objectives[0].window: `Europe/Berln` is no time zone; did you mean `Europe/Berlin`?",
    ),
    (
        objective(window={"calendar": "month", "timezone": "New York"}),
        "2: objectives[0].window: `New York` is no time zone; did you mean `America/New_York`?",
    ),
    (
        objective(window={"calendar": "month", "timezone": 1}),
        "2: objectives[0].window: `1` is no time zone; write one such as Europe/Berlin, or UTC",
    ),
    (
        objective(window={"calendar": "year"}),
        "2: objectives[0]: objective o looks back 366d1h, but results are kept for 120d; lengthen",
    ),
    (objective(window=28), "2: objectives[0].window: 28 has no unit"),
    (
        objective(window="10s"),
        "2: objectives[0]: objective o: its window of 10s is shorter than the probe's interval",
    ),
    (objective(window="1h"), "so it cannot be measured at this interval; probe every"),
    (objective(percent=90), "alert can never fire"),
    (
        objective(method={"timeslices": "5m"}),
        "2: objectives[0].method: lacks `percent`; write {timeslices: 5m, percent: 95}",
    ),
    (
        objective(method={"timeslice": "5m", "percent": 95}),
        "2: objectives[0].method: unknown key `timeslice`; did you mean `timeslices`?",
    ),
    (
        objective(method="timeslices"),
        "2: objectives[0].method: `timeslices` is no method by itself; write {timeslices: 5m, percent: 95}",
    ),
    (
        objective(method={"timeslices": "5m", "percent": 100}),
        "2: objectives[0].method: 100 leaves no error budget",
    ),
    (
        objective(method={"timeslices": "5m", "percent": 0}),
        "2: objectives[0].method: 0 is not between 0 and 100",
    ),
    (
        objective(method={"timeslices": "1s", "percent": 95}),
        "2: objectives[0].method: a slice of `1s` is too short to be one; use 1m or more",
    ),
    (
        objective(percent=99, method={"timeslices": "14d", "percent": 95}),
        "the budget of 99 % over 28d holds 0.0 slices of 14d, so nothing may ever fail; use shorter slices",
    ),
    (
        objective(percent=99, method={"timeslices": "28d", "percent": 95}),
        "2: objectives[0]: objective o: its window of 28d holds 1 of its slices of 28d; use shorter slices",
    ),
    (
        objective(per="cloud"),
        "2: objectives[0].per: `cloud` is one of several to pool by; write [cloud]",
    ),
    (
        objective(per=["clud"]),
        "2: objectives[0].per: `clud` is nothing to pool by; did you mean `cloud`?",
    ),
    (
        objective(per=["team"]),
        "2: objectives[0].per: `team` is nothing to pool by; write target, all, or a list of cloud, region, model",
    ),
    (objective(per=[]), "2: objectives[0].per: a list is nothing to pool by; write target, all, or a list"),
    (objective(per=["cloud", "cloud"]), "2: objectives[0].per: names one of them twice; keep one"),
    (
        objective(per=["region"]),
        "2: objectives[0].per: no region is known of local, and so no pool; say it, or pool by something else",
    ),
    (
        objective(name="service"),
        "2: objectives[0].name: `service` names what services promise; choose another",
    ),
    (
        objective(sli="ttft"),
        "2: objectives[0].under: is missing; say which ttft is still good, as in under: 2s",
    ),
    (objective(sli="ttft", under=2), "2: objectives[0].under: 2 has no unit"),
    (
        objective(sli="ttft", under={"class": {"fast": "1s"}}),
        "2: objectives[0].under: `class: fast` is no target's, for none has a class; write models: ",
    ),
    (objective(under="2s"), "2: objectives[0].under: availability has no threshold; take it out"),
    (objective(probes="chta"), "2: objectives[0].probes: `chta` selects no probe; did you mean `chat`?"),
    (
        objective(targets=["local", "x*"]),
        "2: objectives[0].targets: `x*` selects no target that is probed; known are local",
    ),
    (
        probe(kind="models") + "\nobjectives: [{name: a, sli: availability, percent: 99.9}]",
        "3: objectives[0].probes: there is no chat probe to watch by default; name the probes to watch",
    ),
    (
        probe(kind="chat-sync") + "\nobjectives: [{name: a, sli: ttft, percent: 99, under: 2s, probes: p}]",
        "3: objectives[0].probes: `p` (chat-sync) has no first token; use sli: total for it",
    ),
    # Places
    (L + "vantage: ${HOME}", "2: vantage: a reference may not stand here"),
    (
        L + "storage: {url: 'postgresql://u@h/d'}",
        "1: vantage: is missing: a named database may serve several places",
    ),
    (
        L + "vantage: v\nstorage: {url: 'postgres://u@h/d'}",
        "3: storage.url: does not begin with postgresql://; write it as postgresql://",
    ),
    (L + "vantage: v\nstorage: {url: 'postgresql://u@h/d', user: u}", "3: storage.url: stands beside user"),
    (L + "vantage: v\nstorage: {user: u}", "3: storage.host: is missing; name the server"),
    (
        L + "vantage: v\nstorage: {host: h, password: '${NOPE}'}",
        "3: storage.password: the environment variable NOPE",
    ),
    (L + "storage: {sslmode: verify}", "2: storage.sslmode: `verify` is not known; write one of disable"),
    (L + "storage: {keep: {rollups: 7y}}", "2: storage.keep.rollups: not yet"),
    (L + "journal: {max_size: 2}", "2: journal.max_size: 2 has no unit; write 2KiB or 2MiB"),
    (L + "journal: {max_size: 4096}", "2: journal.max_size: 4096 has no unit; write 4096B or 4096MiB"),
    (L + "limits: {body: -1}", "2: limits.body: -1 must be more than 0 and have a unit; write 64KiB, say"),
    (L + "limits: {body: 0}", "2: limits.body: 0 must be more than 0 and have a unit"),
    (probe(every=-5), "2: probes[0].every: -5 must be more than 0 and have a unit; write 30s, say"),
    (L + "journal: {max_size: 1B}", "2: journal.max_size: `1B` is too small to hold anything"),
    (L + "export: {listen: ':9464'}", "2: export.listen: `:9464` is not host:port; write 127.0.0.1:9464"),
    (L + "export: {listen: 'h:99999'}", "2: export.listen: `h:99999` is not host:port"),
    (L + "export: {web_listen: 'h:1'}", "2: export.web_listen: not yet"),
    (L + "export: {otlp: {endpoint: 'collector:4317'}}", "2: export.otlp.endpoint: "),
    (
        L + "alerts: {heartbeat: {url: 'deadman.example'}}",
        "2: alerts.heartbeat.url: is not a URL with a host",
    ),
    (L + "alerts: {runbook: 'wiki'}", "2: alerts.runbook: is not a URL with a host"),
    (L + "limits: {in_flight: many}", "2: limits.in_flight: `many` is not a whole number"),
    (L + "limits:", "2: limits: a map of keys belongs here, not an empty value"),
]


@pytest.mark.parametrize(("text", "told"), MISTAKES)
def test_a_newcomers_mistake_is_told_with_file_line_key_and_remedy(text: str, told: str) -> None:
    found = findings(text)
    assert any(told in finding for finding in found), found
    assert all(finding.startswith("nephoscope.yaml:") for finding in found)


def test_every_finding_is_told_at_once_in_the_order_of_the_file() -> None:
    text = """
targets:
  - {name: a, provider: opnai, model: m}
  - {name: b, provider: openai, model: m, colour: red}
probes:
  - {name: chat, every: 30}
objectives:
  - {name: o, sli: availability, percent: 0.999}
  - {name: o, sli: availability, percent: 99.9, probes: nope}
limits: {event: 8}
"""
    assert [finding.split(": ")[:2] for finding in findings(text)] == [
        ["nephoscope.yaml:3", "targets[0].provider"],
        ["nephoscope.yaml:4", "targets[1].colour"],
        ["nephoscope.yaml:4", "targets[1].credentials"],
        ["nephoscope.yaml:6", "probes[0].every"],
        ["nephoscope.yaml:8", "objectives[0].percent"],
        ["nephoscope.yaml:9", "objectives[1].probes"],
        ["nephoscope.yaml:10", "limits.event"],
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('vantage: "a\\nb"', "2: vantage: `a\\nb` cannot be a name"),
        (r'vantage: "a\e[31m\Lb"', r"2: vantage: `a\x1b[31m\u2028b` cannot be a name"),
        ('"a\\nb": 1', "2: a\\nb: unknown key `a\\nb`"),
        ('"a\\nb": 1\n"a\\nb": 1', "3: a\\nb: said twice"),
    ],
)
def test_a_finding_is_one_line_whatever_it_quotes(text: str, told: str) -> None:
    found = findings(L + text)
    assert found[-1].startswith(f"nephoscope.yaml:{told}")
    assert all(finding.isprintable() for finding in found)


def test_a_line_break_in_the_key_of_a_label_does_not_break_the_finding() -> None:
    (finding,) = findings(target(labels={"a\nb": "c"}))
    assert finding.startswith("nephoscope.yaml:2: targets[0].labels.a\\nb: `a\\nb` cannot be a label")


def test_a_check_of_a_later_version_is_refused_once() -> None:
    """That `contains` is missing beside it would send people after the wrong thing."""
    (finding,) = findings(probe(expect={"matches": "("}))
    assert finding.startswith("nephoscope.yaml:2: probes[0].expect.matches: not yet")
    assert len(findings(probe(expect={"matches": "(", "colour": 1}))) == 3
    assert "contains: is missing" in findings(probe(expect={}))[0]


def test_a_credential_with_an_empty_default_is_taken_where_secrets_are_elsewhere() -> None:
    text = target(credentials={"api_key": "${NOPE:-}"})
    assert findings(text, no_secrets=True) == []


def test_no_finding_and_no_warning_quotes_a_secret() -> None:
    """Neither a spelled-out key nor what a reference stands for, in whatever place it is wrong."""
    planted = ENVIRON["OPENAI_API_KEY"]
    texts = [
        target(credentials={"api_key": f"{planted} {planted}"}),
        target(credentials={"api_key": planted}, endpoint="http://h"),
        target(proxy="${OPENAI_API_KEY}"),
        target(proxy=f"{planted}://x"),
        L + f"vantage: v\nstorage: {{url: '{planted}'}}",
        L + "vantage: v\nstorage: {url: '${OPENAI_API_KEY}'}",
        L + f"alerts: {{heartbeat: {{url: '{planted}'}}}}",
    ]
    told = [text for given in texts for text in findings(given)]
    assert len(told) >= 6
    assert not any(planted in text for text in told)
    assert not any(planted in text for text in loaded(texts[1]).warnings)


def test_the_smallest_file_has_the_documented_defaults() -> None:
    config = loaded(T).config
    (plan,) = config.probes
    assert (plan.workload.name, plan.workload.kind, plan.workload.every_s, plan.targets) == (
        "chat",
        "chat",
        30.0,
        ("openai",),
    )
    assert [(o.name, o.sli, o.ratio, o.window_s, o.threshold_s, o.pairs) for o in config.objectives] == [
        ("available", "availability", 0.999, 28 * 86400.0, None, (("openai", "chat"),)),
        ("quick", "ttft", 0.99, 28 * 86400.0, 2.0, (("openai", "chat"),)),
    ]
    assert (config.vantage, config.state_dir, config.storage.embedded) == (
        "box",
        "/home/sre/.local/state/nephoscope",
        True,
    )


def test_a_plan_survives_its_journey_to_the_children() -> None:
    config = loaded(
        target(labels={"b": "1", "a": "2"}, headers={"B": "x", "a": "${BASE}"}, region="eu")
    ).config
    assert Config.decode(config.encode()) == config
    assert config.hash == Config.decode(config.encode()).hash


def test_the_order_of_labels_and_headers_does_not_change_the_plan() -> None:
    one, other = (
        loaded(target(labels=dict(pairs), headers=dict(pairs))).config.hash
        for pairs in ([("a", "1"), ("b", "2")], [("b", "2"), ("a", "1")])
    )
    assert one == other


def test_secrets_stay_references_in_the_plan() -> None:
    config = loaded(
        T + 'vantage: v\nstorage: {host: pg, password: "a/b${OPENAI_API_KEY}"}\n'
        'alerts: {heartbeat: {url: "${BASE}/ping"}}\n'
    ).config
    assert config.targets[0].credentials == {"api_key": "${OPENAI_API_KEY}"}
    assert (
        config.storage.url
        == "postgresql://nephoscope:a%2Fb${OPENAI_API_KEY}@pg/nephoscope?sslmode=verify-full"
    )
    assert config.heartbeat is not None
    assert config.heartbeat.url == "${BASE}/ping"
    assert ENVIRON["OPENAI_API_KEY"].encode() not in config.encode()


def test_unset_names_pass_where_secrets_are_not_asked_for() -> None:
    text = (
        target(endpoint="${NOPE}", credentials={"api_key": "${NOPE}"}, tls={"ca": "/nope"}, proxy="${NOPE}")
        + "\nvantage: v\nstorage: {url: '${NOPE}'}"
    )
    assert findings(text, {}, no_secrets=True) == []
    assert len(findings(text, {})) == 5, findings(text, {})


def test_files_are_found_beside_the_configuration(tmp_path: Path) -> None:
    """Not in whatever folder the command was called from."""
    Authority(tmp_path)
    (tmp_path / "c.yaml").write_text(target(tls={"ca": "ca.pem"}) + "\nstate_dir: state")
    config = read(tmp_path / "c.yaml", {}, host=HOST).config
    assert (config.targets[0].path.ca, config.state_dir) == (
        str(tmp_path / "ca.pem"),
        str(tmp_path / "state"),
    )


@pytest.mark.parametrize(
    ("content", "told"),
    [(None, "there is no such file; name one with -c FILE"), (b"\xff\xfe", "is not UTF-8 text (byte 0)")],
)
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, content: bytes | None, told: str) -> None:
    file = tmp_path / "c.yaml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read(file, {})
    assert told in str(caught.value)


def test_a_folder_or_a_huge_file_is_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read(tmp_path, {})
    (tmp_path / "huge").write_bytes(b"#" * (2 * 1024**2 + 1))
    with pytest.raises(ConfigError, match="is larger than"):
        read(tmp_path / "huge", {})


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_bytes(b"\xef\xbb\xbf" + L.encode())
    assert load(tmp_path / "c.yaml", {}).targets[0].name == "local"


def test_the_default_state_folder_is_the_users_or_the_systems() -> None:
    assert default_state_dir().name == "nephoscope"


_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=6),
    st.sampled_from(
        ["30s", "all", "chat", "${X}", "${", "http://h", "8MiB", "ttft", "99.9", "/", "~", "[::1", "a@b"]
    ),
)
_SOUP = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=4), inner, max_size=2)
    ),
    max_leaves=4,
)
_FULL: dict[str, Any] = {
    "vantage": "v",
    "state_dir": "~/x",
    "storage": {
        "host": "h",
        "port": 5,
        "database": "d",
        "user": "u",
        "password": "p",
        "keep": {"results": "28d"},
    },
    "journal": {"max_size": "1GiB", "max_age": "1h"},
    "targets": [
        {
            "name": "t",
            "provider": "azure",
            "model": "m",
            "endpoint": "https://h",
            "credentials": {"token": "t"},
            "headers": {"a": "b"},
            "labels": {"a": "b"},
            "resolve": {"h": "1.1.1.1"},
            "proxy": "none",
            "price": {"input": 1, "output": 2},
            "count": {"throttled": "bad"},
            "quota": "q",
            "capacity": "shared",
            "critical": True,
            "network": "n",
        },
        {
            "name": "u-{x}-{model}",
            "for": {"x": ["1", "2"], "model": ["nano", "y"]},
            "except": [{"x": "2", "model": ["y"]}],
            "provider": "vllm",
            "endpoint": "https://{x}.h",
            "override": [{"when": {"class": "fast", "not": {"model": "y"}}, "labels": {"z": "{x}"}}],
            "labels": {"z": "w"},
            "id": "i",
        },
    ],
    "models": {"nano": {"class": "fast", "ids": {"azure": "n"}}},
    "defaults": {"target": {"team": "t", "labels": {"d": "e"}}, "probe": {"stall": "5s"}},
    "include": ["no-such-folder/*.yaml"],
    "networks": {"n": {"proxy": "none"}},
    "probes": [
        {
            "name": "p",
            "every": "30s",
            "expect": {"contains": "x"},
            "targets": ["t", {"team": "t"}],
            "timeout": "9s",
            "override": [{"when": {"name": "u-*"}, "every": "1m"}],
        }
    ],
    "objectives": [
        {
            "name": "o",
            "sli": "ttft",
            "percent": 99,
            "under": {"class": {"fast": "1s"}, "target": {"*": "2s"}},
            "probes": ["p"],
            "targets": {"critical": [True, False]},
            "window": "28d",
        }
    ],
    "alerts": {
        "heartbeat": {"url": "https://h", "every": "1m"},
        "runbook": "https://h",
        "engine": "agent",
        "receivers": [
            {"name": "am", "kind": "alertmanager", "urls": ["http://h:9093"]},
            {"name": "mail", "kind": "email", "smtp": "smtp://h", "to": ["a@b"], "from": "c@d"},
        ],
        "routes": [
            {"when": {"team": ["t", "u*"], "severity": "page"}, "to": ["am"], "group_by": ["service"]},
            {"to": ["mail"], "repeat": "4h"},
        ],
    },
    "export": {"listen": "127.0.0.1:1", "otlp": {"endpoint": "http://h:1", "protocol": "grpc"}},
    "limits": {"event": "1MiB", "in_flight": 5},
}


def _paths(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    keys = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(found for key, value in keys for found in _paths(value, (*path, key)))]


def test_the_full_file_of_the_property_below_is_usable() -> None:
    assert findings(json.dumps(_FULL)) == []


@settings(max_examples=250, deadline=None)
@given(st.sampled_from(_paths(_FULL)[1:]), _SOUP)
def test_anything_in_any_place_is_a_plan_or_a_configuration_error(path: tuple[Any, ...], soup: Any) -> None:
    """Nothing else is raised, and a plan that comes of it can be written and read."""
    tree = copy.deepcopy(_FULL)
    node: Any = tree
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = soup
    try:
        config = loaded(json.dumps(tree)).config
    except ConfigError:
        return
    assert Config.decode(config.encode()) == config
