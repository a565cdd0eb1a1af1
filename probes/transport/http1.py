"""HTTP/1.1 as bytes: one request out, one response in, whatever way the reads cut it."""

import httptools
import httpx

from probes.transport import errors

# Heads, chunk extensions and trailers have no end of their own, and httptools gathers them whole.
_BARE_LIMIT = 65_536
# How much of an answer's beginning is kept to be shown: secrets are blotted out of it before it is cut to size.
_START = 16 * 1024


def serialise(request: httpx.Request, target: bytes, extra: list[tuple[bytes, bytes]], body: bytes) -> bytes:
    """Return the request's bytes; `extra` headers replace the caller's of the same (lower-case) name.

    Raises `Misconfigured` where a header would break out of its line.
    """
    ours = {name.lower() for name, _ in extra}
    headers = [header for header in request.headers.raw if header[0].lower() not in ours] + extra
    lines = [request.method.encode("ascii") + b" " + target + b" HTTP/1.1"]
    lines += [name + b": " + value for name, value in headers]
    head = b"\r\n".join(lines)
    if head.count(b"\n") != len(headers) or head.count(b"\r") != len(headers) or b"\0" in head:
        raise errors.Misconfigured(
            f"the header {_culprit(headers)} holds a line break or a null byte: "
            "look at the end of the secret or setting that it is made of"
        )
    return head + b"\r\n\r\n" + body


def _culprit(headers: list[tuple[bytes, bytes]]) -> str:
    return ", ".join(
        name.split()[0].decode("ascii", "replace")
        for name, value in headers
        if set(name + value) & set(b"\r\n\0")
    )


class ResponseParser:
    """Reads one response: informational heads are skipped, what follows its end is not looked at.

    An error inside a piece leaves the body bytes before it standing: `feed` returns them, and `failure` says
    what is wrong.
    """

    def __init__(self, *, bodiless: bool) -> None:
        """Take `bodiless` for a request whose response has a head only (HEAD, CONNECT)."""
        self.status = 0
        self.reason = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.start = b""
        self.begun = 0
        self.fed = 0
        self.head_done = False
        self.done = False
        self.failure: str | None = None
        self.reusable = False
        self._until_close = False
        self._bodiless = bodiless
        self._surplus = False
        self._bare = 0
        self._body: list[bytes] = []
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)
        # As lenient as the clients that the endpoint's users have: a bare LF, a length beside chunks.
        self._parser.set_dangerous_leniencies(lenient_chunked_length=True, lenient_optional_cr_before_lf=True)

    def feed(self, data: bytes) -> bytes:
        """Take the next piece and return the body bytes in it."""
        self.fed += len(data)
        if not self.head_done:
            self.start += data[: _START - len(self.start)]
        if self._parser is None:
            self._surplus = True
        else:
            self._parse(self._parser, data)
        if self._surplus or self.failure:
            self.reusable = False
        body = b"".join(self._body)
        self._body.clear()
        return body

    def end(self) -> bool:
        """Take the end of the connection, and return whether the response is whole."""
        self._parser = None
        if self.head_done and self._until_close and self.failure is None:
            self.done = True
        return self.done

    def _parse(self, parser: httptools.HttpResponseParser, data: bytes) -> None:
        try:
            parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if not self.done:  # else it trips over what follows the response
                self.failure = self.failure or str(error)
        self._bare = 0 if self._body else self._bare + len(data)
        if self._bare > _BARE_LIMIT and not self.done:
            what = "chunk framing or trailers" if self.head_done else "a head"
            self.failure = self.failure or f"{what} of more than {_BARE_LIMIT // 1024} KiB"
        if self.failure and not self.head_done:
            self.status = self._begun_status(parser)
            self.headers.clear()  # how many of them were told hangs on where the reads cut the head
        if self.done or self.failure:
            # It holds our callbacks: without this each response is a circle that only the collector frees.
            self._parser = None

    def on_message_begin(self) -> None:
        if self.done:
            self._surplus = True
        else:
            self.begun += 1

    def on_status(self, status: bytes) -> None:
        if not self.done:
            self.reason += status

    def on_header(self, name: bytes, value: bytes) -> None:
        # Once the head is done these are trailers of a chunked body: nobody asked for them.
        if not self.head_done:
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self.head_done or self._parser is None:
            return
        self.status = self._parser.get_status_code()
        if self.status == 101:
            self.failure = "it switches to another protocol that nobody asked for"
            return
        if self.status < 100:
            self.failure = f"{self.status} is no status of HTTP"
            return
        if self.status < 200:
            return
        self.head_done = True
        self.reusable = self._parser.should_keep_alive()
        self._until_close = not self._framed()
        if self._bodiless:
            self.done = True

    def on_body(self, piece: bytes) -> None:
        if not self.done:
            self._body.append(piece)

    def on_message_complete(self) -> None:
        if self.head_done:
            self.done = True
        else:
            self.reason = b""
            self.headers.clear()

    @staticmethod
    def _begun_status(parser: httptools.HttpResponseParser) -> int:
        """Return the status line's code where it was read whole and is no informational one, else 0."""
        status: int = parser.get_status_code()
        return status if status == 101 or status >= 200 else 0

    def _framed(self) -> bool:
        fields = {name.lower(): value.lower() for name, value in self.headers}
        coding = fields.get(b"transfer-encoding")
        if coding is not None:
            return coding.rsplit(b",", 1)[-1].strip() == b"chunked"
        return b"content-length" in fields
