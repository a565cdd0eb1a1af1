"""A server that knows when it wrote: one thread, raw sockets, and the clock read before and after each write."""

import collections
import contextlib
import heapq
import itertools
import selectors
import socket
import ssl
import struct
import sys
import time
from array import array
from collections.abc import Callable
from typing import Final

from agent.calibrating import answers
from agent.calibrating.answers import BadRequest, Order, Request

BACKLOG: Final = 4096
KEPT: Final = 4096
"""Streams whose truth is kept: some 400 bytes each at 20 tokens."""

_SIZE = 65_536
_STAMP = 35 if sys.platform == "linux" else None
"""SO_TIMESTAMPNS, which the socket module does not name; and the message's type that carries the stamp."""


class Truths:
    """What is known of the newest streams, by request id."""

    def __init__(self) -> None:
        self._kept: collections.OrderedDict[str, Stream] = collections.OrderedDict()
        self._numbers = itertools.count(1)

    def add(self, stream: "Stream", identity: str | None) -> str:
        identity = identity or f"truth-{next(self._numbers)}"
        self._kept[identity] = stream
        self._kept.move_to_end(identity)
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return identity

    def get(self, identity: str) -> "Stream | None":
        return self._kept.get(identity)


class Stream:
    """One answer on its way: what it shall be, and the instants around each of its writes."""

    __slots__ = ("instants", "order", "received_ns", "sent")

    def __init__(self, order: Order, received_ns: int) -> None:
        self.order = order
        self.received_ns = received_ns
        self.sent = 0
        self.instants = array("q")


class Session:
    """One connection: reads requests, and answers them one after another."""

    def __init__(self, server: "Server", sock: socket.socket) -> None:
        self._server = server
        self._sock = sock
        self._shaken = not isinstance(sock, ssl.SSLSocket)
        self._data = bytearray()
        self._stream: Stream | None = None
        self._last = False
        self._open = True

    def readable(self) -> None:
        try:
            if isinstance(self._sock, ssl.SSLSocket) and not self._shaken:
                self._sock.do_handshake()
                self._shaken = True
            self._receive()
        except (BlockingIOError, ssl.SSLWantReadError):
            pass
        except OSError:  # the client went away, or spoke no TLS
            self.close()

    def step(self) -> None:
        """Write the next token, or the ending after the last one."""
        stream = self._stream
        if stream is None or not self._open:
            return
        done = stream.sent == stream.order.tokens
        data = answers.ending(stream.sent) if done else answers.TOKEN
        before_ns = time.monotonic_ns()
        if not self._send(data):
            return
        after_ns = time.monotonic_ns()
        stream.instants.append(before_ns)
        stream.instants.append(after_ns)
        if not done:
            stream.sent += 1
            # From the write, not from the instant that was due: however late we are, two tokens stay apart.
            self._server.later(after_ns + stream.order.gap_ns, self.step)
            return
        self._stream = None
        if self._last:
            self.close()
        else:
            self._next()

    def close(self) -> None:
        if self._open:
            self._open = False
            self._server.forget(self._sock)
            self._sock.close()

    def _receive(self) -> None:
        while self._open:
            received_ns = _arrived(self._sock)
            data = self._sock.recv(_SIZE)
            if not data or len(self._data) > 2 * answers.HEAD_LIMIT:
                self.close()
                return
            self._data += data
            self._next(received_ns)

    def _next(self, received_ns: int | None = None) -> None:
        try:
            while self._open and self._stream is None and (request := answers.cut(self._data)):
                self._answer(request, received_ns or time.monotonic_ns())
        except BadRequest as error:
            self._last = True
            self._plain(
                "400 Bad Request", {"error": {"message": str(error), "type": "invalid_request_error"}}
            )

    def _answer(self, request: Request, received_ns: int) -> None:
        self._last = request.last
        match request.method, request.path.split("/"):
            case "POST", ["", "v1", "chat", "completions"]:
                self._begin(request, received_ns)
            case "GET", ["", "truth", identity] if stream := self._server.truths.get(identity):
                tokens = stream.order.tokens
                self._plain("200 OK", answers.truth(identity, stream.received_ns, stream.instants, tokens))
            case _:
                self._plain("404 Not Found", {"error": {"message": "nothing is known here"}})

    def _begin(self, request: Request, received_ns: int) -> None:
        stream = Stream(answers.order(request), received_ns)
        identity = self._server.truths.add(stream, request.headers.get("x-request-id"))
        if self._send(answers.head(identity)):
            self._stream = stream
            self._server.later(received_ns + stream.order.first_ns, self.step)

    def _plain(self, status: str, body: object) -> None:
        if self._send(answers.plain(status, body, last=self._last)) and self._last:
            self.close()

    def _send(self, data: bytes) -> bool:
        """Write all at once or hang up: a client that does not read for megabytes measures nothing."""
        try:
            if self._sock.send(data) == len(data):
                return True
        except OSError:
            pass
        self.close()
        return False


class Server:
    """Listens on loopback, plain and with TLS, on ports that the system chooses."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.truths = Truths()
        self._context = context
        self._selector = selectors.DefaultSelector()
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._running = True
        self._plain = self._listen(secure=False)
        self._secure = self._listen(secure=True)

    @property
    def port(self) -> int:
        return int(self._plain.getsockname()[1])

    @property
    def tls_port(self) -> int:
        return int(self._secure.getsockname()[1])

    def watch(self, descriptor: int, readable: Callable[[], None]) -> None:
        """Call `readable` whenever something can be read from a descriptor."""
        self._selector.register(descriptor, selectors.EVENT_READ, readable)

    def later(self, at_ns: int, action: Callable[[], None]) -> None:
        """Call `action` at a monotonic instant."""
        heapq.heappush(self._due, (at_ns, next(self._order), action))

    def forget(self, sock: socket.socket) -> None:
        self._selector.unregister(sock)

    def stop(self) -> None:
        self._running = False

    def close(self) -> None:
        """Stop listening."""
        for listener in (self._plain, self._secure):
            self.forget(listener)
            listener.close()
        self._selector.close()

    def run(self) -> None:
        """Serve until stopped."""
        while self._running:
            timeout_s = max(0.0, (self._due[0][0] - time.monotonic_ns()) / 1e9) if self._due else None
            for key, _ in self._selector.select(timeout_s):
                key.data()
            now_ns = time.monotonic_ns()
            while self._due and self._due[0][0] <= now_ns:
                heapq.heappop(self._due)[2]()

    def _listen(self, *, secure: bool) -> socket.socket:
        listener = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
        listener.settimeout(0)
        if _STAMP is not None:
            listener.setsockopt(socket.SOL_SOCKET, _STAMP, 1)  # what it accepts inherits it
        self._selector.register(listener, selectors.EVENT_READ, lambda: self._accept(listener, secure=secure))
        return listener

    def _accept(self, listener: socket.socket, *, secure: bool) -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:  # no more, or the client has gone again
                return
            sock.settimeout(0)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if secure:
                sock = self._context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
            self._selector.register(sock, selectors.EVENT_READ, Session(self, sock).readable)


def _arrived(sock: socket.socket) -> int:
    """Return when the newest bytes came, without taking them: the kernel's stamp, or now where it gives none.

    A request that waited for its turn here was sent all the same.
    """
    ancillary: list[tuple[int, int, bytes]] = []
    if _STAMP is not None:
        with contextlib.suppress(BlockingIOError):  # TLS may hold what the socket does not
            # Past `SSLSocket`, which refuses: the stamp is that of the bytes below TLS.
            _, ancillary, _, _ = socket.socket.recvmsg(sock, 1, 64, socket.MSG_PEEK)
    wall_ns, now_ns = time.time_ns(), time.monotonic_ns()
    for level, kind, stamp in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, _STAMP) and len(stamp) == 16:
            seconds, nanoseconds = struct.unpack("qq", stamp)
            stamp_ns: int = seconds * 1_000_000_000 + nanoseconds
            return min(now_ns, now_ns - wall_ns + stamp_ns)
    return now_ns
