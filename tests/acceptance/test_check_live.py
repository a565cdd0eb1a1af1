"""`nephoscope check --live` on loopback: each thing that can be wrong is told apart, with its remedy."""

import asyncio
import contextlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from support import vendor_feeds
from support.certificates import Authority
from support.daemon import nephoscope
from support.endpoint import CANNED, Endpoint, endpoint
from support.llm import free_port
from support.notices import mail_server
from support.wireserver import WireServer, always, answer

KEY = "sk-live-0123456789abcdef"


@pytest.fixture(scope="module")
def served() -> Iterator[Endpoint]:
    with endpoint() as one:
        yield one


def vendor(name: str, base: str, more: str = "") -> str:
    return f'{{name: {name}, provider: openai, endpoint: "{base}", model: tiny-1, credentials: {{api_key: "${{KEY}}"}}{more}}}'


def live(tmp_path: Path, *targets: str, more: str = "", flags: tuple[str, ...] = ()) -> tuple[int, str]:
    file = tmp_path / "nephoscope.yaml"
    listed = "".join(f"  - {target}\n" for target in targets)
    file.write_text(f"vantage: test\nstate_dir: {tmp_path / 'state'}\ntargets:\n{listed}{more}")
    done = nephoscope("check", "--live", "-c", str(file), *flags, env={"KEY": KEY})
    assert KEY not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


def trials(out: str) -> dict[str, str]:
    """Return what stands behind the name of each trial."""
    lines = (line for line in out.splitlines() if line.startswith(("ok ", "FAILED ")))
    return {line.split()[2].rstrip(":"): line for line in lines}


def test_all_well_is_0_and_says_what_was_found(served: Endpoint, tmp_path: Path) -> None:
    code, out = live(tmp_path, vendor("fine", served.base("models")))
    assert code == 0, out
    found = trials(out)
    assert "connected to 127.0.0.1:" in found["fine"]
    assert found["fine"].endswith("; identity accepted")
    assert found["embedded"].startswith("ok ")
    assert out.splitlines()[-1] == "2 of 2 went well"
    assert not (tmp_path / "state").exists(), "nothing is started for it"


def test_witnesses_are_tried_by_their_own_way(served: Endpoint, tmp_path: Path) -> None:
    """A witness that is reached, and one that nobody is behind."""
    dead = free_port()
    witnesses = f'[{{tcp: "127.0.0.1:{served.port}"}}, {{tcp: "127.0.0.1:{dead}"}}]'
    more = f"networks: {{internet: {{proxy: none, witnesses: {witnesses}}}}}\n"
    code, out = live(tmp_path, vendor("fine", served.base("models")), more=more)
    assert code == 1, out
    found = trials(out)
    assert found[f"tcp:127.0.0.1:{served.port}"].endswith(f"of internet: reached at 127.0.0.1:{served.port}")
    assert found[f"tcp:127.0.0.1:{dead}"].startswith("FAILED  witness ")
    assert "Connection refused" in found[f"tcp:127.0.0.1:{dead}"]


def test_status_feeds_are_read_once(served: Endpoint, tmp_path: Path) -> None:
    """One that tells of incidents, and one behind which something else answers."""

    async def tried() -> tuple[int, str]:
        async with (
            WireServer(always(answer(vendor_feeds.statuspage()))) as page,
            WireServer(always(answer(vendor_feeds.HTML))) as other,
        ):
            listed = [
                f"{{cloud: openai, kind: statuspage, url: {page.url}, match: [chat]}}",
                f"{{cloud: azure, kind: rss, url: {other.url}}}",
            ]
            more = (
                "networks: {internet: {proxy: none, witnesses: []}}\n"
                f"alerts: {{status_feeds: [{', '.join(listed)}]}}\n"
            )
            return await asyncio.to_thread(live, tmp_path, vendor("fine", served.base("models")), more=more)

    code, out = asyncio.run(tried())
    assert code == 1, out
    found = trials(out)
    told = "read as statuspage, incidents that go on now: 1 with a word of `match`"
    assert found["openai"].endswith(told)
    assert found["azure"].startswith("FAILED  feed azure: http://127.0.0.1:")
    assert "declares a document type" in found["azure"]


def test_what_fails_is_told_apart_with_its_remedy(served: Endpoint, tmp_path: Path) -> None:
    """A closed port, a wrong key, a name that nobody knows, a dead database, collector and receiver."""
    dead = free_port()
    code, out = live(
        tmp_path,
        vendor("fine", served.base("models")),
        vendor("closed", f"http://127.0.0.1:{dead}/v1"),
        vendor("wrong-key", served.base("list-401")),
        vendor("nowhere", "http://no-such-host.invalid/v1"),
        vendor("hanging", served.base("hang")),
        more=f"""storage: {{url: "postgresql://me:{KEY}@127.0.0.1:{dead}/db"}}
export: {{otlp: {{endpoint: "http://127.0.0.1:{dead}"}}}}
alerts: {{heartbeat: {{url: "http://127.0.0.1:{dead}/secret-path-0123"}}}}
""",
    )
    assert code == 1, out
    found = trials(out)
    assert {name for name, line in found.items() if line.startswith("ok ")} == {"fine"}
    assert "refused" in found["closed"]
    assert "refused, check credentials.api_key of target wrong-key (${KEY})" in found["wrong-key"]
    assert "[so far: connected to 127.0.0.1:" in found["wrong-key"]
    assert "looking up no-such-host.invalid failed" in found["nowhere"]
    assert "did not list its models within the 5 s that a trial waits" in found["hanging"]
    assert "timeout" not in found["hanging"]
    assert "the database db on 127.0.0.1 failed" in found["named"]
    assert "refused" in found["receiver"]
    assert "secret-path" not in out
    assert "refused" in next(line for line in found.values() if "collector" in line)
    assert out.splitlines()[-1] == "1 of 8 went well, 7 failed"
    assert [line.split()[0] for line in out.splitlines() if line.startswith(("ok ", "FAILED "))][-1] == "ok"


def test_certificates_are_told_with_names_and_days(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    now = datetime.now(UTC)
    fine = authority.server(
        "localhost", not_before=now - timedelta(days=1), not_after=now + timedelta(days=41)
    )
    expired = authority.server(
        "localhost", not_before=now - timedelta(days=9), not_after=now - timedelta(days=2, hours=1)
    )

    async def served() -> dict[str, dict[str, Any]]:
        async with contextlib.AsyncExitStack() as stack:
            targets = []
            for name, context in (("fine", fine), ("expired", expired)):
                server = await stack.enter_async_context(WireServer(always(CANNED["models"]), tls=context))
                base = f"https://localhost:{server.port}/v1"
                targets.append(vendor(name, base, f", tls: {{ca: {authority.ca}}}"))
            code, out = await asyncio.to_thread(live, tmp_path, *targets, flags=("--json",))
            assert code == 1, out
            return {one["name"]: one for one in json.loads(out)["live"]}

    found = asyncio.run(served())
    good, bad = found["fine"], found["expired"]
    assert (good["ok"], bad["ok"]) == (True, False)
    assert good["facts"]["certificate"]["days_left"] == 40
    assert good["facts"]["certificate"]["issuer"]
    assert f"by {good['facts']['certificate']['issuer']}, 40 days left; identity accepted" in good["says"]
    assert bad["facts"]["certificate"]["days_left"] == -3
    assert "the certificate of localhost:" in bad["says"]
    assert "has expired on" in bad["says"]
    assert "renew it on the server" in bad["says"]


def test_an_identity_that_cannot_be_tried_without_cost_is_no_failure(
    served: Endpoint, tmp_path: Path
) -> None:
    """A server of your own may have no list of models; a vendor always has one."""
    own = f'{{name: own, provider: openai-compatible, endpoint: "{served.base("list-404")}", model: tiny-1}}'
    code, out = live(tmp_path, own, vendor("theirs", served.base("list-404")))
    assert code == 1
    found = trials(out)
    assert found["own"].startswith("ok ")
    assert "cannot be tried without cost: `nephoscope once` does" in found["own"]
    assert found["theirs"].startswith("FAILED ")


def test_a_receiver_is_reached_and_no_beat_sent(served: Endpoint, tmp_path: Path) -> None:
    """A beat that a person's trial sends would hide a dead agent."""
    more = f'alerts: {{heartbeat: {{url: "{served.base("beat")}"}}}}\nexport: {{otlp: {{endpoint: "{served.base("otlp")}"}}}}\n'
    code, out = live(tmp_path, vendor("fine", served.base("models")), more=more)
    assert code == 0, out
    assert out.count("nothing was sent") == 2
    assert served.asked["beat"] == served.asked["otlp"] == 0


def test_each_receiver_of_alerts_and_each_replica_is_reached_and_told_nothing(
    served: Endpoint, tmp_path: Path
) -> None:
    dead = free_port()
    with mail_server() as box:
        more = f"""alerts:
  receivers:
    - {{name: am, kind: alertmanager, urls: ["{served.base("am")}", "http://127.0.0.1:{dead}"]}}
    - {{name: mail, kind: email, smtp: "smtp://sre:${{KEY}}@127.0.0.1:{box.port}", to: [sre@bank.example]}}
    - {{name: chat, kind: slack, url: "http://127.0.0.1:{dead}/${{KEY}}"}}
"""
        code, out = live(tmp_path, vendor("fine", served.base("models")), more=more)
    assert code == 1, out
    told = [line.split(":")[0] for line in out.splitlines() if " receiver " in line]
    assert told == [
        "FAILED  receiver am",
        "FAILED  receiver chat",
        "ok      receiver am",
        "ok      receiver mail",
    ]
    assert KEY not in out
    assert (served.asked["am"], box.mails) == (0, [])


@pytest.mark.heavy
def test_the_schema_of_a_database_is_told(
    served: Endpoint, tmp_path: Path, empty_url: str, migrated_url: str
) -> None:
    """One that lacks a migration fails only where nobody will bring it."""
    target = vendor("fine", served.base("models"))

    def database(url: str, more: str = "") -> str:
        parts = make_url(url)
        named = f"host: {parts.query['host']}, database: {parts.database}, user: {parts.username}"
        return trials(live(tmp_path, target, more=f"storage: {{{named}{more}}}\n")[1])["named"]

    versions = Path(__file__).parents[2] / "migrations" / "versions"
    revisions = sorted(path.name.partition("_")[0] for path in versions.glob("0*.py"))
    assert f"answers, schema {revisions[-1]} is this release's" in database(migrated_url)
    assert f"its schema lacks {', '.join(revisions)}, which `nephoscope run` brings" in database(empty_url)
    assert "run `nephoscope migrate`" in database(empty_url, ", migrate: false")


def test_a_configuration_that_cannot_be_used_is_2_and_asks_nobody(served: Endpoint, tmp_path: Path) -> None:
    before = served.asked.total()
    code, _ = live(tmp_path, vendor("fine", served.base("models")), more="nope: 1\n")
    assert (code, served.asked.total()) == (2, before)
