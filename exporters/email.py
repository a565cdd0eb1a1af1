"""Alerts as mail: SMTP in a thread, by STARTTLS (smtp://) or TLS from the first byte (smtps://)."""

import asyncio
import contextlib
import email.utils
import hashlib
import smtplib
import socket
import ssl
from collections.abc import Iterator, Sequence
from email.message import EmailMessage
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from exporters import told, unreached
from exporters.base import DeliveryError, Options
from exporters.posting import trust
from exporters.signals import Notice

STEP_S: Final = 10.0
"""For each word that the server says."""

TIMEOUT_S: Final = 25.0
"""For a whole mail: it is then cut off."""


class Email:
    """What is repeated after a kill in the midst is a second mail under the same Message-ID, of which many show one."""

    gathers = True
    refresh_s: float | None = None

    def __init__(self, options: Options) -> None:
        self._options = options
        self._context: ssl.SSLContext | None = None

    async def tell(self, notices: Sequence[Notice]) -> str:
        url = urlsplit(self._options.secrets.resolve_url(self._options.smtp))
        sender = self._options.sender or f"nephoscope@{socket.gethostname()}"
        mail = message(notices, sender, self._options.to, self._options.wall_ns())
        try:
            if self._context is None:
                self._context = await asyncio.to_thread(trust, self._options.ca)
        except OSError as failure:
            raise self._failed(failure) from None
        sending = _Sending(url, self._context)
        try:
            async with asyncio.timeout(TIMEOUT_S):
                refused = await asyncio.to_thread(sending.send, mail)
        except (smtplib.SMTPException, OSError, ValueError, TimeoutError, _NoTlsError) as failure:
            raise self._failed(failure) from None
        finally:
            sending.cut_off()
        taken = f"taken for {len(self._options.to) - len(refused)} of {len(self._options.to)}"
        return "; ".join([taken, *(f"{one} was refused" for one in refused)])

    def _failed(self, failure: Exception) -> DeliveryError:
        name, redact = self._options.name, self._options.secrets.redact
        match failure:
            case _NoTlsError():
                says, permanent = (
                    "has a password to send and the server offers no STARTTLS: use smtps://",
                    True,
                )
            case smtplib.SMTPAuthenticationError():
                says, permanent = f"did not take user and password ({failure.smtp_code})", True
            case smtplib.SMTPRecipientsRefused():
                codes = {code for code, _ in failure.recipients.values()}
                says = f"refused every address ({', '.join(map(str, sorted(codes)))})"
                permanent = all(code >= 500 for code in codes)
            case smtplib.SMTPResponseException():
                said = failure.smtp_error
                text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
                says = f"answered {failure.smtp_code}: {told.cut(told.one_line(redact(text)), 200)}"
                permanent = failure.smtp_code >= 500
            case smtplib.SMTPNotSupportedError():
                says, permanent = "lacks what the mail needs of its server: log in by another way", True
            case _:
                says = (
                    f"could not be told ({unreached.why(failure)}): check the address of its server, the way out of "
                    "this machine and whom it trusts (`ca`)"
                )
                permanent = False
        return DeliveryError(f"{name} {says}.", permanent=permanent)


class _NoTlsError(Exception):
    """A password would go in the clear."""


class _Sending:
    """One mail on its way; what hangs is cut off from another thread."""

    def __init__(self, url: SplitResult, context: ssl.SSLContext) -> None:
        self._url = url
        self._context = context
        self._smtp: smtplib.SMTP | None = None

    def send(self, mail: EmailMessage) -> list[str]:
        """Send and return the addresses that were refused; blocks."""
        secure = self._url.scheme == "smtps"
        ours = socket.gethostname()  # else smtplib asks the resolver for it, which may hang
        self._smtp = smtp = (
            smtplib.SMTP_SSL(local_hostname=ours, timeout=STEP_S, context=self._context)
            if secure
            else smtplib.SMTP(local_hostname=ours, timeout=STEP_S)
        )
        try:
            return self._spoken(smtp, mail, secure=secure)
        finally:
            smtp.close()

    def _spoken(self, smtp: smtplib.SMTP, mail: EmailMessage, *, secure: bool) -> list[str]:
        host = self._url.hostname or ""
        # Whose certificate is checked. The constructor sets it where it connects itself, and then nobody could cut it off.
        smtp._host = host  # type: ignore[attr-defined]  # noqa: SLF001 - see above
        code, said = smtp.connect(host, self._url.port or (465 if secure else 587))
        if code != 220:
            raise smtplib.SMTPConnectError(code, said)
        smtp.ehlo()
        if not secure and smtp.has_extn("starttls"):
            smtp.starttls(context=self._context)
            secure = True
            smtp.ehlo()
        self._log_in(smtp, secure=secure)
        refused = smtp.send_message(mail)
        with contextlib.suppress(smtplib.SMTPException, OSError):
            smtp.quit()  # it is sent: what comes after that is not our concern
        return list(refused)

    def _log_in(self, smtp: smtplib.SMTP, *, secure: bool) -> None:
        if self._url.username is None:
            return
        if not secure and self._url.hostname not in {"localhost", "127.0.0.1", "::1"}:
            raise _NoTlsError
        smtp.login(unquote(self._url.username), unquote(self._url.password or ""))

    def cut_off(self) -> None:
        """End what is under way, so that no thread hangs for as long as the server pleases."""
        sock = self._smtp.sock if self._smtp is not None else None
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


def message(notices: Sequence[Notice], sender: str, to: Sequence[str], now_ns: int) -> EmailMessage:
    """Return a mail; all mails of one alert stand in one thread, and the same notices always have one Message-ID."""
    mail = EmailMessage()
    mail["Subject"] = told.cut(told.title(notices), 200)
    mail["From"] = sender
    mail["To"] = ", ".join(to)
    mail["Date"] = email.utils.formatdate(now_ns / 1e9)
    mail["Message-ID"] = _id(*(f"{notice.key} {notice.seq}" for notice in notices))
    mail["References"] = " ".join(_id(notice.key) for notice in notices[:20])
    mail["Auto-Submitted"] = "auto-generated"
    if any(notice.severity == "page" and notice.state == "firing" for notice in notices):
        mail["Importance"] = "high"
    mail.set_content("\n".join(_text(notices)))
    return mail


def _text(notices: Sequence[Notice]) -> Iterator[str]:
    for at, notice in enumerate(notices):
        yield from ([""] if at else [])
        yield from told.text(notice)


def _id(*parts: str) -> str:
    digest = hashlib.blake2b("\n".join(parts).encode(), digest_size=16).hexdigest()
    return f"<{digest}@nephoscope.invalid>"
