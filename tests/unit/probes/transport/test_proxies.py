import httpx
import pytest

from probes.target import Path
from probes.transport import errors
from probes.transport.proxies import Environment, Proxy, choose

BOTH = {"http": "http://plain:3128", "https": "http://secure:3128"}


def chosen(url: str, variables: dict[str, str], proxy: str = "environment") -> str | None:
    """The text of the proxy that leads to a URL."""
    parsed = httpx.URL(url)
    port = parsed.port or (443 if parsed.scheme == "https" else 80)
    found = choose(Path(proxy=proxy), parsed, port, Environment(variables))
    return None if found is None else str(found)


def test_the_environment_decides_by_scheme_and_falls_back_to_all() -> None:
    """HTTP_PROXY, HTTPS_PROXY, then ALL_PROXY."""
    assert chosen("http://a.example", BOTH) == "http://plain:3128"
    assert chosen("https://a.example", BOTH) == "http://secure:3128"
    assert chosen("https://a.example", {"all": "socks5h://gate"}) == "socks5h://gate:1080"
    assert chosen("https://a.example", {"http": "http://plain:3128"}) is None
    assert chosen("https://a.example", {"https": "bare:8080"}) == "http://bare:8080"


def test_a_path_may_take_no_proxy_or_one_of_its_own() -> None:
    """`none` and a URL override the environment."""
    assert chosen("http://a.example", BOTH, "none") is None
    assert chosen("http://a.example", BOTH, "http://[::1]:8080") == "http://[::1]:8080"


@pytest.mark.parametrize(
    ("entry", "url", "direct"),
    [
        ("*", "http://a.example", True),
        ("example.com", "http://example.com", True),
        ("example.com", "http://www.example.com", True),
        ("example.com", "http://wwwexample.com", False),
        (".example.com", "http://www.example.com", True),
        (".example.com", "http://example.com", False),
        ("Example.COM", "http://example.com", True),
        ("localhost", "http://localhost:8000", True),
        ("localhost", "http://my.localhost", False),
        ("example.com:8443", "http://example.com:8443", True),
        ("example.com:8443", "http://example.com", False),
        ("127.0.0.1", "http://127.0.0.1:99", True),
        ("10.0.0.0/8", "http://10.20.30.40", True),
        ("10.0.0.0/8", "http://11.0.0.1", False),
        ("10.0.0.0/8", "http://ten.example", False),
        ("::1", "http://[::1]:80", True),
        ("[::1]", "http://[::1]:80", True),
        ("https://example.com", "http://example.com", False),
        ("http://example.com", "http://example.com", True),
        ("other.example, example.com", "http://example.com", True),
        ("", "http://example.com", False),
    ],
)
def test_no_proxy_leaves_hosts_to_the_direct_way(entry: str, url: str, *, direct: bool) -> None:
    """Domains with and without a dot, ports, schemes, addresses, networks."""
    assert (chosen(url, BOTH | {"no": entry}) is None) is direct


def test_a_proxys_text_never_shows_its_credentials() -> None:
    """Neither str nor repr: they end in messages."""
    proxy = Proxy.parse("http://user:p%40ss@proxy:3128")
    assert (proxy.username, proxy.password) == ("user", "p@ss")
    assert "p@ss" not in f"{proxy} {proxy!r}"
    assert proxy.authorization == [(b"Proxy-Authorization", b"Basic dXNlcjpwQHNz")]


@pytest.mark.parametrize(
    "url", ["ftp://secret@proxy", "http://u:secret@", "http://u:secret@proxy:port", "http://"]
)
def test_a_proxy_that_cannot_be_read_is_refused_without_repeating_it(url: str) -> None:
    """The sentence shows the form that is wanted, not the secret that was given."""
    with pytest.raises(errors.Misconfigured, match="write it as http://host:port") as caught:
        Proxy.parse(url)
    assert "secret" not in str(caught.value)
