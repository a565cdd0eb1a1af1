import pytest

from probes.target import Path
from probes.transport.dial import Route
from probes.transport.proxies import Proxy


def route(
    *, secure: bool = True, host: str = "model.example", path: Path | None = None, proxy: str = ""
) -> Route:
    return Route(secure, host, 443, path or Path(), Proxy.parse(proxy) if proxy else None)


def test_a_route_says_where_it_leads() -> None:
    """Brackets only for IPv6."""
    assert (str(route()), str(route(host="::1"))) == ("model.example:443", "[::1]:443")


def test_equal_ways_are_equal_routes() -> None:
    """That is what a kept connection is compared by."""
    assert route(path=Path(resolve={"a": "b"})) == route(path=Path(resolve={"a": "b"}))
    assert route(path=Path(ca="a.pem")) != route()
    assert route(proxy="http://gate:1") != route()


def test_an_address_in_a_names_place_keeps_the_name_for_tls() -> None:
    """The certificate is checked against the host, or against what `server_name` says."""
    replaced = route(path=Path(resolve={"MODEL.example": "192.0.2.7"}))
    assert (replaced.address, replaced.server_name) == ("192.0.2.7", "model.example")
    assert route().address == "model.example"
    assert route(path=Path(server_name="inner.example")).server_name == "inner.example"


@pytest.mark.parametrize(
    ("secure", "proxy", "forwarded"),
    [
        (False, "http://gate", True),
        (False, "https://gate", True),
        (True, "http://gate", False),
        (False, "socks5://gate", False),
        (False, "", False),
    ],
)
def test_only_plain_requests_through_http_proxies_are_forwarded(
    proxy: str, *, secure: bool, forwarded: bool
) -> None:
    """All others go through a tunnel."""
    assert route(secure=secure, proxy=proxy).forwarded is forwarded
