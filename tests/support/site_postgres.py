"""A Postgres as a site runs one: over TCP, with passwords and, where the system has one that can, with TLS."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import trustme
from psycopg import sql
from sqlalchemy import URL

from storage.binaries import account, runnable, shipped
from storage.embedded import Server
from support.llm import free_port
from support.postgres import FAST, SYSTEM, connect

INSTALLED = sorted(SYSTEM.glob("*/bin"), key=lambda folder: float(folder.parent.name))
TLS = bool(INSTALLED)
"""The embedded programs are built without TLS; the system's (Debian: postgresql) have it."""


class SitePostgres:
    """Has one database, which `user` owns; `ca` is the certificate (PEM) that a client has to be given.

    Nobody gets in without the password, and where it speaks TLS nobody without that.
    """

    def __init__(self, folder: Path, *, user: str, password: str, database: str) -> None:
        self.port = free_port()
        authority = trustme.CA()
        self.ca = authority.cert_pem.bytes().decode()
        self.url = URL.create(
            "postgresql+psycopg",
            user,
            password,
            "127.0.0.1",
            self.port,
            database,
            query={"sslmode": "require" if TLS else "disable"},
        ).render_as_string(hide_password=False)
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._who = account(None)
        self._prepare(user, password, database, authority)

    def _prepare(self, user: str, password: str, database: str, authority: trustme.CA) -> None:
        """Make the cluster through the embedded server, then give it what a site's has."""
        programs = INSTALLED[-1] if TLS else shipped()
        server = Server(self._folder / "site", binaries=programs, settings=FAST)
        try:
            server.start()
            with connect(server.url) as connection:
                role = sql.Identifier(user)
                create = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
                connection.execute(create.format(role, sql.Literal(password)))
                create = sql.SQL("CREATE DATABASE {} OWNER {}")
                connection.execute(create.format(sql.Identifier(database), role))
            self._programs = runnable(programs, self._who, (server.folder,))
        finally:
            server.stop()
        self._data = server.data
        issued = authority.issue_cert("127.0.0.1")
        for name, content in (
            ("server.crt", b"".join(pem.bytes() for pem in issued.cert_chain_pems)),
            ("server.key", issued.private_key_pem.bytes()),
            (
                "site_hba.conf",
                f"{'hostssl' if TLS else 'host'} all all 127.0.0.1/32 scram-sha-256\n".encode(),
            ),
        ):
            file = self._data / name
            file.write_bytes(content)
            file.chmod(0o600)
            os.chown(file, self._who.uid, self._who.gid)

    def start(self) -> None:
        settings = {
            **FAST,
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "ssl": "on" if TLS else "off",
            "hba_file": str(self._data / "site_hba.conf"),
        }
        flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (self._folder / "site.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self._data, *flags],
                stdout=log,
                stderr=log,
                cwd=self._data,
                **self._who.spawn(),
            )
        deadline = time.monotonic() + 30
        while not self._answers():
            assert self._process.poll() is None, (self._folder / "site.log").read_text()
            assert time.monotonic() < deadline, (self._folder / "site.log").read_text()
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop fast, as a fail-over does: connections are cut."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(30)
        self._process = None

    def _answers(self) -> bool:
        with contextlib.suppress(psycopg.OperationalError), connect(self.url):
            return True
        return False


@contextlib.contextmanager
def site_postgres(folder: Path, *, user: str, password: str, database: str) -> Iterator[SitePostgres]:
    """Yield it running; it is stopped at the end."""
    server = SitePostgres(folder, user=user, password=password, database=database)
    try:
        server.start()
        yield server
    finally:
        server.stop()
