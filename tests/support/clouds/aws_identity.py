"""Where AWS's credential chain fetches keys: an instance's metadata server and the security token service, on loopback."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Service:
    """A metadata server and an identity service on loopback; `gate` closed, it hangs."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.ends = "2999-01-01T00:00:00Z"
        self.status = 200
        self.gate = threading.Event()
        self.gate.set()
        service = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
                service.asked.append(f"{self.command} {self.path}{' ' + body if body else ''}")
                service.gate.wait(20)
                status, text = service.answer(self.command, self.path)
                self.send_response(status)
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            do_GET = do_PUT = do_POST = answer  # noqa: N815 - the library's names

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, method: str, path: str) -> tuple[int, str]:
        nth = len(self.asked)
        if self.status != 200 and method != "POST":
            return self.status, ""
        if method == "POST":
            return self._assumed(nth)
        if method == "PUT":
            return 200, "metadata-token"
        if path.endswith("/security-credentials/"):
            return 200, "the-role"
        keys = {
            "Code": "Success",
            "AccessKeyId": f"AKIA{nth}",
            "SecretAccessKey": f"imds-secret-{nth}",
            "Token": f"imds-token-{nth}",
            "Expiration": self.ends,
        }
        return 200, json.dumps(keys)

    def _assumed(self, nth: int) -> tuple[int, str]:
        if self.status != 200:
            code = "InvalidIdentityToken" if self.status == 400 else "InternalFailure"
            return self.status, (
                f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>No OpenIDConnect provider"
                "</Message></Error><RequestId>1</RequestId></ErrorResponse>"
            )
        return 200, (
            '<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
            "<AssumeRoleWithWebIdentityResult><Credentials>"
            f"<AccessKeyId>ASIA{nth}</AccessKeyId><SecretAccessKey>sts-secret-{nth}</SecretAccessKey>"
            f"<SessionToken>sts-token-{nth}</SessionToken><Expiration>{self.ends}</Expiration>"
            "</Credentials></AssumeRoleWithWebIdentityResult>"
            "<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></AssumeRoleWithWebIdentityResponse>"
        )

    def close(self) -> None:
        self.gate.set()
        self._server.shutdown()
        self._thread.join(20)
        self._server.server_close()
