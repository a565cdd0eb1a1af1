"""Networks: which way a target takes, and what is told of a way that cannot be taken."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
import trustme

from agent.config.model import Config
from probes.target import Network, Target, Witness
from probes.target import Path as Way
from support.certificates import Authority
from support.configuration import ENVIRON, findings, loaded


def text(networks: object, **keys: object) -> str:
    """Return a file with these networks on its first line and one target on its third."""
    target = {"name": "t", "provider": "vllm", "model": "m", "endpoint": "https://vllm.example"} | keys
    return f"networks: {json.dumps(networks)}\ntargets:\n  - {json.dumps(target)}"


def one(networks: object, **keys: object) -> Target:
    return loaded(text(networks, **keys)).config.targets[0]


def test_a_target_that_names_none_takes_the_internet() -> None:
    """Which is there by itself: the environment's proxies, the system's trust."""
    target = loaded("targets: [{name: t, provider: vllm, model: m, endpoint: 'https://h'}]").config.targets[0]
    assert (target.network, target.path) == ("internet", Way())


def test_the_internet_may_be_redefined(tmp_path: Path) -> None:
    ca = Authority(tmp_path).ca
    target = one({"internet": {"proxy": "http://proxy.bank:3128", "ca": ca, "intercepted": True}})
    assert target.path == Way(proxy="http://proxy.bank:3128", ca=ca, intercepted=True)


def test_a_named_network_is_a_whole_way(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    cert, key = authority.client()
    tls: dict[str, Any] = {"ca": authority.ca, "cert": cert, "key": key, "server_name": "gate.bank"}
    network = {"proxy": "none", "source_address": "${NODE_IP}", "resolve": {"A": "10.0.0.1"}, "tls": tls}
    file = text({"private": network}, network="private")
    target = loaded(file, ENVIRON | {"NODE_IP": "10.0.0.9"}).config.targets[0]
    assert target.network == "private"
    assert target.path == Way(proxy="none", source_address="10.0.0.9", resolve={"a": "10.0.0.1"}, **tls)


def test_what_stands_in_a_target_wins_over_its_network(tmp_path: Path) -> None:
    """Key by key; of certificate and key, both. What the target leaves out is the network's."""
    (tmp_path / "own").mkdir()
    theirs, own = Authority(tmp_path), Authority(tmp_path / "own")
    (cert, key), (own_cert, own_key) = theirs.client(), own.client()
    network = {
        "proxy": "http://proxy:1",
        "source_address": "10.0.0.9",
        "intercepted": True,
        "resolve": {"a": "10.0.0.1", "b": "10.0.0.2"},
        "tls": {"ca": theirs.ca, "cert": cert, "key": key, "server_name": "theirs"},
    }
    path = one(
        {"n": network},
        network="n",
        proxy="none",
        resolve={"B": "10.9.9.9"},
        tls={"cert": own_cert, "key": own_key},
    ).path
    assert path == Way(
        proxy="none",
        ca=theirs.ca,
        cert=own_cert,
        key=own_key,
        server_name="theirs",
        resolve={"a": "10.0.0.1", "b": "10.9.9.9"},
        source_address="10.0.0.9",
        intercepted=True,
    )


def test_the_way_does_not_change_what_is_judged() -> None:
    """Rules that were made in one place fit everywhere."""
    hashes = {
        loaded(text(networks, **keys)).config.hash
        for networks, keys in (({}, {}), ({"n": {"source_address": "10.0.0.9"}}, {"network": "n"}))
    }
    assert len(hashes) == 1


@pytest.mark.parametrize(
    ("networks", "keys", "told"),
    [
        (
            {"private-azure": {}},
            {"network": "private-azur"},
            "3: targets[0].network: there is no network `private-azur`; did you mean `private-azure`?",
        ),
        (
            {},
            {"network": "x"},
            "3: targets[0].network: there is no network `x`; known are internet (internet is",
        ),
        ([], {}, "1: networks: a map of names belongs here, not a list; write NAME: {...} for each"),
        ({"n": None}, {"network": "n"}, "1: networks.n: a map of keys belongs here"),
        (
            {"n": {"porxy": "none"}},
            {"network": "n"},
            "1: networks.n.porxy: unknown key `porxy`; did you mean",
        ),
        ({"n": {"witnesses": {}}}, {"network": "n"}, "1: networks.n.witnesses: a list of maps belongs here"),
        (
            {"n": {"witnesses": [{"http": "h:1"}]}},
            {"network": "n"},
            "1: networks.n.witnesses[0].http: unknown key `http`",
        ),
        (
            {"n": {"witnesses": [{}]}},
            {"network": "n"},
            "1: networks.n.witnesses[0]: is one of tls, tcp and dns",
        ),
        (
            {"n": {"witnesses": [{"tls": "h:1", "dns": "h"}]}},
            {"network": "n"},
            "1: networks.n.witnesses[0]: is one of tls, tcp and dns",
        ),
        (
            {"n": {"witnesses": [{"tls": "www.example.com"}]}},
            {"network": "n"},
            "1: networks.n.witnesses[0].tls: `www.example.com` is not host:port; write",
        ),
        (
            {"n": {"witnesses": [{"tcp": "https://h:1"}]}},
            {"network": "n"},
            "1: networks.n.witnesses[0].tcp: `https://h:1` is not host:port",
        ),
        (
            {"n": {"witnesses": [{"tcp": "::1:443"}]}},
            {"network": "n"},
            "1: networks.n.witnesses[0].tcp: `::1:443` is not host:port; write www.example.com:443, or [::1]:443",
        ),
        (
            {"n": {"witnesses": [{"tcp": "h:65536"}]}},
            {"network": "n"},
            "1: networks.n.witnesses[0].tcp: `h:65536` is not host:port",
        ),
        (
            {"n": {"witnesses": [{"dns": "192.0.2.1"}]}},
            {"network": "n"},
            "1: networks.n.witnesses[0].dns: `192.0.2.1` is no name to look up",
        ),
        (
            {"n": {"witnesses": [{"dns": "h"}, {"dns": "H"}]}},
            {"network": "n"},
            "1: networks.n.witnesses[1]: dns:h stands there twice; keep one",
        ),
        (
            {"n": {"witnesses": [{"tcp": f"h:{port}"} for port in range(1, 7)]}},
            {"network": "n"},
            "1: networks.n.witnesses: 6 are too many, for all are dialled at each failure; keep 5",
        ),
        (
            {"n": {"witnesses": [{"tls": "${NOPE}:443"}]}},
            {"network": "n"},
            "1: networks.n.witnesses[0].tls: the environment variable NOPE is not set",
        ),
        ({"n": {"intercepted": "yes"}}, {"network": "n"}, "1: networks.n.intercepted: `yes` is neither true"),
        (
            {"n": {"proxy": "proxy:3128"}},
            {"network": "n"},
            "1: networks.n.proxy: is not a URL with a host",
        ),
        (
            {"n": {"source_address": "eth0"}},
            {"network": "n"},
            "1: networks.n.source_address: `eth0` is not an address; write one such as 10.0.0.9",
        ),
        (
            {"n": {"source_address": "${NOPE}"}},
            {"network": "n"},
            "1: networks.n.source_address: the environment variable NOPE is not set",
        ),
        ({"n": {"ca": "/nope"}}, {"network": "n"}, "1: networks.n.ca: there is no file /nope"),
        (
            {"n": {"tls": {"cert": "/nope"}}},
            {"network": "n"},
            "1: networks.n.tls: has only one of cert and key",
        ),
        ({"n": {"resolve": {"h": "x"}}}, {"network": "n"}, "1: networks.n.resolve.h: `x` is not an address"),
    ],
)
def test_a_mistake_about_a_network_is_told(networks: object, keys: dict[str, object], told: str) -> None:
    found = findings(text(networks, **keys))
    assert [finding for finding in found if finding.startswith(f"nephoscope.yaml:{told}")], found


def test_a_network_that_is_unusable_is_not_also_unknown() -> None:
    assert len(findings(text({"n": {"porxy": "none"}}, network="n"))) == 1


def test_a_network_that_no_target_takes_is_a_warning() -> None:
    warnings = loaded(text({"unused": {}, "used": {"witnesses": [{"dns": "h"}]}}, network="used")).warnings
    assert warnings[0] == (
        "nephoscope.yaml:1: networks.unused: no target goes this way; write network: unused in one, or take it out"
    )


def test_the_ways_that_targets_take_are_in_the_plan_with_their_witnesses() -> None:
    witnesses = [{"tls": "WWW.example.com:443"}, {"tcp": "[::1]:${PORT}"}, {"dns": "www.example.org"}]
    networks = {"n": {"proxy": "none", "witnesses": witnesses}, "unused": {}}
    config = loaded(text(networks, network="n"), ENVIRON | {"PORT": "99"}).config
    assert config.networks == (
        Network(
            name="n",
            path=Way(proxy="none"),
            witnesses=(
                Witness(kind="tls", host="www.example.com", port=443),
                Witness(kind="tcp", host="::1", port=99),
                Witness(kind="dns", host="www.example.org"),
            ),
        ),
    )
    assert Config.decode(config.encode()) == config
    assert loaded(text({})).config.networks == (Network(name="internet"),)


def test_a_named_network_without_witnesses_is_a_warning_that_says_what_that_means() -> None:
    (warning,) = loaded(text({"n": {}}, network="n")).warnings
    assert warning.startswith(
        "nephoscope.yaml:1: networks.n: has no witness, so nobody can tell an outage of"
    )
    assert loaded(text({"n": {"witnesses": [{"tcp": "h:1"}]}}, network="n")).warnings == ()
    assert loaded(text({})).warnings == ()


def test_a_target_that_goes_past_its_networks_proxy_is_a_warning() -> None:
    networks = {"n": {"proxy": "http://gate:1", "witnesses": [{"tcp": "h:1"}]}}
    (warning,) = loaded(text(networks, network="n", proxy="none")).warnings
    assert "networks.n: has witnesses, but t goes by another proxy, to which they say nothing" in warning


def test_two_files_of_trust_in_one_network_are_refused(tmp_path: Path) -> None:
    ca = Authority(tmp_path).ca
    (finding,) = findings(text({"internet": {"ca": ca, "tls": {"ca": ca}}}))
    assert "networks.internet.ca: stands beside tls.ca; keep one of the two" in finding


def test_a_key_of_another_certificate_is_found_before_anything_is_asked(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    cert, _ = authority.client()
    other = tmp_path / "other.key"
    other.write_bytes(trustme.CA().issue_cert("a@b.example").private_key_pem.bytes())
    wrong = {"cert": cert, "key": str(other)}
    (finding,) = findings(text({}, tls=wrong))
    assert f"3: targets[0].tls: the client key {other} does not belong to the client certificate" in finding
    (finding,) = findings(text({"n": {"tls": wrong}}, network="n"))
    assert "1: networks.n.tls: the client key" in finding


def test_an_expired_client_certificate_is_a_warning(tmp_path: Path) -> None:
    """The plan is usable: the certificate is renewed on disk, and the daemon reads it again."""
    end = dt.datetime(2024, 5, 6, tzinfo=dt.UTC)
    cert, key = Authority(tmp_path).client(not_before=end - dt.timedelta(days=9), not_after=end)
    (warning,) = loaded(text({}, tls={"cert": cert, "key": key})).warnings
    assert f"the client certificate {cert} has expired on 2024-05-06; renew it" in warning


def test_files_that_are_elsewhere_pass_where_secrets_are_not_asked_for() -> None:
    tls = {"cert": "/elsewhere/c.pem", "key": "/elsewhere/c.key"}
    assert findings(text({"internet": {"ca": "/elsewhere/ca.pem", "tls": tls}}), no_secrets=True) == []
