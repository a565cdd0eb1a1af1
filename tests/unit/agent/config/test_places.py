"""Where the agent lives, stores, listens and sends to."""

import pytest

from agent.config.model import Config, Otlp
from agent.config.places import default_state_dir
from support.configuration import HOST, LOCAL, loaded


def config(text: str) -> Config:
    return loaded(f"targets: [{LOCAL}]\n{text}").config


@pytest.mark.parametrize(
    ("section", "url"),
    [
        ("host: pg.internal", "postgresql://nephoscope@pg.internal/nephoscope?sslmode=verify-full"),
        (
            "host: pg, port: 6432, database: d b, user: a@b, sslmode: require",
            "postgresql://a%40b@pg:6432/d%20b?sslmode=require",
        ),
        ("host: localhost", "postgresql://nephoscope@localhost/nephoscope?sslmode=prefer"),
        ("host: '::1', sslmode: disable", "postgresql://nephoscope@[::1]/nephoscope?sslmode=disable"),
        ("host: /run/pg", "postgresql://nephoscope@/nephoscope?host=%2Frun%2Fpg"),
        (
            "host: pg, sslrootcert: system",
            "postgresql://nephoscope@pg/nephoscope?sslmode=verify-full&sslrootcert=system",
        ),
        ("url: 'postgresql://u@h/d?sslmode=require'", "postgresql://u@h/d?sslmode=require"),
    ],
)
def test_a_named_database_is_a_url_or_its_parts(section: str, url: str) -> None:
    assert config(f"vantage: v\nstorage: {{{section}}}").storage.url == url


def test_how_long_history_is_kept_does_not_name_a_database() -> None:
    storage = config("storage: {keep: {results: 30d}, migrate: false}").storage
    assert (storage.embedded, storage.keep_results_s, storage.migrate) == (True, 30 * 86400, False)


def test_a_url_without_encryption_settled_is_a_warning() -> None:
    found = loaded(f"targets: [{LOCAL}]\nvantage: v\nstorage: {{url: 'postgresql://u@h/d'}}")
    assert "has no sslmode, so it may go unencrypted; add ?sslmode=verify-full" in found.warnings[0]


def test_serving_beyond_this_machine_is_a_warning() -> None:
    assert (
        "serves 0.0.0.0 without a password"
        in loaded(f"targets: [{LOCAL}]\nexport: {{listen: '0.0.0.0:1'}}").warnings[0]
    )
    assert loaded(f"targets: [{LOCAL}]\nexport: {{listen: '[::1]:0'}}").warnings == ()


def test_exports_limits_and_alerts_are_kept() -> None:
    found = config("""
export: {listen: "[::1]:9000", otlp: {endpoint: "http://c:4318", protocol: http/protobuf}}
limits: {event: 1MiB, body: 2MiB, in_flight: 7}
journal: {max_size: 1GiB, max_age: 2h}
alerts: {heartbeat: {url: "https://d/1", every: 30s}, runbook: "https://r/{objective}"}
""")
    assert (found.export.host, found.export.port) == ("::1", 9000)
    assert found.export.otlp == Otlp(endpoint="http://c:4318", protocol="http/protobuf")
    assert (found.limits.event_bytes, found.limits.body_bytes, found.limits.in_flight) == (2**20, 2**21, 7)
    assert (found.journal.max_bytes, found.journal.max_age_s) == (2**30, 7200)
    assert found.heartbeat is not None
    assert (found.heartbeat.every_s, found.runbook) == (30, "https://r/{objective}")


def test_state_lies_where_it_is_said_else_with_the_user_or_the_system() -> None:
    assert config("state_dir: ~/s").state_dir == "/home/sre/s"
    assert config("state_dir: /s").state_dir == "/s"
    root = type(HOST)(name="h", home=HOST.home, root=True)
    assert str(default_state_dir(root)) == "/var/lib/nephoscope"


def test_a_name_in_the_runbook_that_nothing_fills_in_is_a_warning() -> None:
    text = f'targets: [{LOCAL}]\nalerts: {{runbook: "https://r/{{objective}}/{{alert}}?q={{service}}"}}'
    (found,) = [one for one in loaded(text).warnings if "runbook" in one]
    assert "`{alert}` is not filled in; of an alert there are {objective}, {target}, " in found


def test_a_reference_in_the_runbook_is_resolved() -> None:
    text = f'targets: [{LOCAL}]\nalerts: {{runbook: "https://${{WIKI}}/{{objective}}"}}'
    assert loaded(text, {"WIKI": "wiki.bank"}).config.runbook == "https://wiki.bank/{objective}"
