"""Certificates for loopback servers: good ones, expired ones, ones for another name."""

import datetime as dt
import ssl
from pathlib import Path

import trustme


class Authority:
    """An issuer that nobody trusts but whoever is given its `ca` file."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self._ca = trustme.CA()
        self._folder = folder
        self.ca = str(folder / f"{name}.pem")
        self._ca.cert_pem.write_to_path(self.ca)

    def server(
        self,
        *names: str,
        not_before: dt.datetime | None = None,
        not_after: dt.datetime | None = None,
        want_client: bool = False,
    ) -> ssl.SSLContext:
        """Return a server's context with a certificate for the names (default: 127.0.0.1 and localhost)."""
        cert = self._ca.issue_cert(
            *(names or ("127.0.0.1", "localhost")), not_before=not_before, not_after=not_after
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        cert.configure_cert(context)
        if want_client:
            self._ca.configure_trust(context)
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def client(
        self,
        name: str = "agent@nephoscope.example",
        *,
        not_before: dt.datetime | None = None,
        not_after: dt.datetime | None = None,
        stem: str = "client",
    ) -> tuple[str, str]:
        """Return the paths of a client certificate and its key."""
        issued = self._ca.issue_cert(name, not_before=not_before, not_after=not_after)
        cert, key = str(self._folder / f"{stem}.pem"), str(self._folder / f"{stem}.key")
        issued.cert_chain_pems[0].write_to_path(cert)
        issued.private_key_pem.write_to_path(key)
        return cert, key
