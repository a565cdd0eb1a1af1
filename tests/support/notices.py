"""Notices, and receivers of them on loopback: an HTTP server that answers what it is told to, and a mail server."""

import contextlib
import dataclasses
import http.server
import json
import socketserver
import ssl
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from exporters.base import Options
from exporters.signals import Notice
from support.secrets import FakeSecrets

FIRED_NS = 1_800_000_000_000_000_000
SECRETS = {"KEY": "5up3r-s3cr3t-key", "PASSWORD": "p@ss/w0rd-0123", "TOKEN": "t0ken-in-a-path"}


def a_notice(**changes: Any) -> Notice:
    known: dict[str, Any] = {
        "key": f"service-down/chat@{FIRED_NS}",
        "seq": 1,
        "state": "firing",
        "name": "ServiceDown",
        "severity": "page",
        "subject": "chat",
        "summary": "Service chat has been down since 08:00 UTC: 1 of 3 clouds is well and 2 are needed",
        "detail": "azure and bedrock refuse every request; aws-health says nothing",
        "since_ns": FIRED_NS - 20_000_000_000,
        "fired_ns": FIRED_NS,
        "fault": "this cloud azure",
        "evidence": ("other clouds answer", "witnesses answer"),
        "labels": {"service": "chat", "team": "assist"},
        "facts": {"failing": "azure, bedrock"},
        "runbook": "https://runbooks.example/llm/chat",
        "page": "http://127.0.0.1:9464/",
    }
    return Notice(**known | changes)


def ended(notice: Notice, seconds: float = 300.0) -> Notice:
    """Return how the end of a notice is told."""
    return dataclasses.replace(
        notice, seq=notice.seq + 1, state="resolved", ended_ns=notice.fired_ns + round(seconds * 1e9)
    )


def options(**changes: Any) -> Options:
    known: dict[str, Any] = {
        "name": "pager",
        "secrets": FakeSecrets(SECRETS),
        "wall_ns": lambda: FIRED_NS + 1_000_000_000,
    }
    return Options(**known | changes)


@dataclasses.dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Receiver:
    """Keeps what is posted, and answers each with `status`, `headers` and `body`; `hangs` says nothing until it ends."""

    def __init__(self) -> None:
        self.port = 0
        self.asked: list[Asked] = []
        self.status = 200
        self.headers: dict[str, str] = {}
        self.body = b"{}"
        self.hangs = False
        self.came = threading.Event()
        self.over = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer(self, status: int, body: str = "{}", **headers: str) -> None:
        self.status, self.body = status, body.encode()
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


@contextlib.contextmanager
def receiver(secure: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """Run a receiver on loopback."""
    kept = Receiver()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            kept.asked.append(
                Asked(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            )
            kept.came.set()
            if kept.hangs:
                kept.over.wait()
                return
            self.send_response(kept.status)
            for name, value in kept.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(kept.body)))
            self.end_headers()
            self.wfile.write(kept.body)

        def log_message(self, *_: Any) -> None: ...

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, *_: Any) -> None:
            """Say nothing of those who hang up."""

    server = Server(("127.0.0.1", 0), Handler)
    if secure is not None:
        server.socket = secure.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    kept.port = server.server_port
    try:
        yield kept
    finally:
        kept.over.set()
        server.shutdown()
        thread.join()
        server.server_close()


class Mailbox:
    """What a mail server was told; `replies` maps the first word of a command to another reply than the usual."""

    def __init__(self) -> None:
        self.port = 0
        self.mails: list[str] = []
        self.commands: list[str] = []
        self.replies: dict[str, str] = {}
        self.silent = False
        self.over = threading.Event()


class _Speaker(socketserver.BaseRequestHandler):
    """Speaks to one client; what it serves stands in the class that a server makes of it."""

    box: Mailbox
    starttls: ssl.SSLContext | None = None
    implicit: ssl.SSLContext | None = None

    def handle(self) -> None:
        if self.box.silent:
            self.box.over.wait()
            return
        with contextlib.suppress(OSError):
            if self.implicit is not None:
                self.request = self.implicit.wrap_socket(self.request, server_side=True)
            self._speak()

    def finish(self) -> None:
        self.request.close()

    def _speak(self) -> None:
        self._say("220 mail.example ready")
        secure = self.implicit is not None
        while line := self._line():
            command = line.decode().strip()
            self.box.commands.append(command)
            word = command.split()[0].upper()
            if word == "STARTTLS" and self.starttls is not None:
                self._say("220 go on")
                self.request = self.starttls.wrap_socket(self.request, server_side=True)
                secure = True
                continue
            self._say(self.box.replies.get(word) or self._reply(word, secure=secure))
            if word == "DATA" and "DATA" not in self.box.replies:
                self.box.mails.append(self._mail())
                self._say(self.box.replies.get(".") or "250 queued")
            if word == "QUIT":
                return

    def _reply(self, word: str, *, secure: bool) -> str:
        offers = ["STARTTLS"] if self.starttls is not None and not secure else []
        extensions = ["mail.example", *offers, "AUTH PLAIN"]
        ehlo = [f"250-{one}" for one in extensions[:-1]] + [f"250 {extensions[-1]}"]
        known = {
            "EHLO": "\r\n".join(ehlo),
            "AUTH": "235 welcome",
            "DATA": "354 go on",
            "QUIT": "221 bye",
        }
        return known.get(word, "250 fine")

    def _mail(self) -> str:
        found = []
        while (line := self._line().decode().rstrip("\r\n")) != ".":
            found.append(line)
        return "\n".join(found)

    def _line(self) -> bytes:
        found = bytearray()
        while not found.endswith(b"\n") and (byte := self.request.recv(1)):
            found += byte
        return bytes(found)

    def _say(self, text: str) -> None:
        self.request.sendall(f"{text}\r\n".encode())


@contextlib.contextmanager
def mail_server(
    *, starttls: ssl.SSLContext | None = None, implicit: ssl.SSLContext | None = None
) -> Iterator[Mailbox]:
    """Run a small mail server on loopback."""
    box = Mailbox()
    speaker = type("Speaker", (_Speaker,), {"box": box, "starttls": starttls, "implicit": implicit})

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True

        def handle_error(self, *_: Any) -> None:
            """Say nothing of those who hang up."""

    server = Server(("127.0.0.1", 0), speaker)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    box.port = server.server_address[1]
    try:
        yield box
    finally:
        box.over.set()
        server.shutdown()
        thread.join()
        server.server_close()
