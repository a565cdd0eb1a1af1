import ssl

from agent.calibrating.answers import Order
from agent.calibrating.server import KEPT, Server, Stream, Truths


def test_it_remembers_a_bounded_number_of_streams_the_newest() -> None:
    truths = Truths()
    named = [truths.add(Stream(Order(1, 0, 0), n), None) for n in range(KEPT + 2)]
    assert truths.get(named[0]) is None
    assert truths.get(named[1]) is None
    newest = truths.get(named[-1])
    assert newest is not None
    assert newest.received_ns == KEPT + 1


def test_it_listens_on_loopback_alone_on_two_ports() -> None:
    server = Server(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    try:
        assert 0 < server.port != server.tls_port > 0
    finally:
        server.close()
