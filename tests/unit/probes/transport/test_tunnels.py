import asyncio
from collections.abc import Awaitable, Callable

import pytest

from probes.base import Read
from probes.transport import errors, tunnels
from probes.transport.proxies import Proxy
from probes.transport.sending import Handed
from probes.transport.sockets import Arrival, Channel

NAMED = b"\x05\x00" + b"\x05\x00\x00\x03\x04gate\x04\x38"
V4 = b"\x05\x00" + b"\x05\x00\x00\x01\x7f\x00\x00\x01\x04\x38"
V6 = b"\x05\x00" + b"\x05\x00\x00\x04" + bytes(16) + b"\x04\x38"
CONNECTED = b"HTTP/1.1 200 Connection established\r\nVia: gate\r\n\r\n"


class Recorded:
    """A channel that answers from a list."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.sent: list[bytes] = []
        self.open = True
        self._pieces = iter(pieces)

    async def send(self, data: bytes) -> Handed:
        self.sent.append(data)
        return Handed(0, 0)

    async def read(self) -> Arrival:
        return Arrival(next(self._pieces, b""), Read(0, kernel=False, after_ns=None))


def dialog(
    ask: Callable[[Channel, Proxy, str, int], Awaitable[None]],
    proxy: str,
    pieces: list[bytes],
    host: str = "a.example",
) -> list[bytes]:
    """Run a dialog and return what was sent in it."""
    channel = Recorded(pieces)

    async def run() -> None:
        await ask(channel, Proxy.parse(proxy), host, 443)

    asyncio.run(run())
    return channel.sent


@pytest.mark.parametrize("replies", [NAMED, V4, V6])
def test_socks_replies_may_be_cut_anywhere(replies: bytes) -> None:
    """A reply's length depends on its kind of address."""
    for cut in range(1, len(replies)):
        assert len(dialog(tunnels.socks, "socks5://gate", [replies[:cut], replies[cut:]])) == 2


@pytest.mark.parametrize(
    ("host", "packed"),
    [
        ("a.example", b"\x03\x09a.example"),
        ("192.0.2.1", b"\x01\xc0\x00\x02\x01"),
        ("::1", b"\x04" + bytes(15) + b"\x01"),
    ],
)
def test_socks_asks_for_names_and_addresses_in_their_own_form(host: str, packed: bytes) -> None:
    """RFC 1928, section 5."""
    sent = dialog(tunnels.socks, "socks5://gate", [V4], host)
    assert sent == [b"\x05\x01\x00", b"\x05\x01\x00" + packed + b"\x01\xbb"]


@pytest.mark.parametrize("reply", [b"\x05\xff", b"\x05\x01", b"\x05\x02"])
def test_socks_without_a_method_in_common_is_a_matter_of_configuration(reply: bytes) -> None:
    """Credentials that we have none of, or a method that we do not speak."""
    with pytest.raises(errors.ProxyDenied):
        dialog(tunnels.socks, "socks5://gate", [reply])


@pytest.mark.parametrize("replies", [b"", b"\x05", b"\x09\x09", b"\x05\x00\x04\x00\x00\x01" + bytes(6)])
def test_what_is_no_socks_is_refused(replies: bytes) -> None:
    """Too short, or not its bytes."""
    with pytest.raises(errors.ProxyRefused, match="does not answer in SOCKS5"):
        dialog(tunnels.socks, "socks5://gate", [replies])


def test_a_tunnel_over_http_is_asked_for_and_its_answer_may_be_cut_anywhere() -> None:
    """The authority is the target and the host, in brackets for IPv6."""
    for cut in range(1, len(CONNECTED)):
        sent = dialog(tunnels.connect, "http://u:p@gate", [CONNECTED[:cut], CONNECTED[cut:]], "::1")
        assert sent == [
            b"CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\nProxy-Authorization: Basic dTpw\r\n\r\n"
        ]
