import asyncio
import smtplib
from collections.abc import Iterator
from email import message_from_string
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from exporters import email as mailing
from exporters.base import DeliveryError
from exporters.email import Email, message
from support.certificates import Authority
from support.notices import FIRED_NS, SECRETS, Mailbox, a_notice, ended, mail_server, options


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mail_server() as running:
        yield running


def opened(smtp: str, **more: Any) -> Email:
    return Email(options(**{"smtp": smtp, "to": ("sre@bank.example", "boss@bank.example"), **more}))


def tell(notifier: Email, *notices: Any) -> str:
    return asyncio.run(notifier.tell(notices or (a_notice(),)))


def refusal(notifier: Email) -> DeliveryError:
    with pytest.raises(DeliveryError) as raised:
        tell(notifier)
    assert SECRETS["PASSWORD"] not in str(raised.value)
    return raised.value


def test_a_mail_says_what_broke_in_its_subject_and_the_rest_below(box: Mailbox) -> None:
    assert tell(opened(f"smtp://127.0.0.1:{box.port}", sender="watch@bank.example")) == "taken for 2 of 2"
    mail = message_from_string(box.mails[0], policy=default)
    assert mail["Subject"].startswith("[PAGE] Service chat has been down")
    assert (mail["From"], mail["To"]) == ("watch@bank.example", "sre@bank.example, boss@bank.example")
    text = mail.get_content()
    assert "fault:       this cloud azure" in text
    assert "Runbook:     https://runbooks.example/llm/chat" in text


def test_a_repeated_mail_has_the_same_id_and_the_end_stands_in_its_thread() -> None:
    first, again, end = (
        message(notices, "a@b.example", ("c@d.example",), FIRED_NS)
        for notices in ([a_notice()], [a_notice()], [ended(a_notice())])
    )
    assert first["Message-ID"] == again["Message-ID"] != end["Message-ID"]
    assert first["References"] == end["References"]
    assert end["Subject"].startswith("[RESOLVED]")


def test_line_breaks_in_what_is_told_make_no_header() -> None:
    mail = message(
        [a_notice(summary="a\r\nBcc: thief@evil.example")], "a@b.example", ("c@d.example",), FIRED_NS
    )
    assert mail["Bcc"] is None
    assert mail["Subject"] == "[PAGE] a Bcc: thief@evil.example"


def test_a_password_goes_over_starttls_alone(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with mail_server(starttls=authority.server()) as box:
        url = f"smtp://sre:${{PASSWORD}}@localhost:{box.port}"
        assert "`ca`" in str(refusal(opened(url)))
        box.commands.clear()
        tell(opened(url, ca=authority.ca))
        words = [command.split()[0].upper() for command in box.commands]
        assert words[:4] == ["EHLO", "STARTTLS", "EHLO", "AUTH"]
        assert len(box.mails) == 1


def test_tls_from_the_first_byte(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with mail_server(implicit=authority.server()) as box:
        tell(opened(f"smtps://127.0.0.1:{box.port}", ca=authority.ca))
        assert len(box.mails) == 1


def test_without_tls_a_password_is_not_sent_to_another_machine(
    box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = smtplib.SMTP.connect
    monkeypatch.setattr(smtplib.SMTP, "connect", lambda self, _host, port: connect(self, "127.0.0.1", port))
    failure = refusal(opened(f"smtp://sre:${{PASSWORD}}@mail.bank.example:{box.port}"))
    assert failure.permanent
    assert "smtps://" in str(failure)
    assert not any(command.startswith("AUTH") for command in box.commands)


@pytest.mark.parametrize(
    ("word", "reply", "permanent"),
    [
        ("AUTH", "535 who are you", True),
        ("MAIL", "451 later", False),
        ("MAIL", "550 never", True),
        ("RCPT", "550 nobody here", True),
        ("RCPT", "450 mailbox busy", False),
        ("DATA", "554 no", True),
        (".", "452 full", False),
    ],
)
def test_codes_of_4xx_may_be_over_later_and_those_of_5xx_not(
    box: Mailbox,
    word: str,
    reply: str,
    permanent: bool,  # noqa: FBT001 - a parameter of the table above
) -> None:
    box.replies[word] = reply
    failure = refusal(opened(f"smtp://sre:${{PASSWORD}}@127.0.0.1:{box.port}"))
    assert failure.permanent is permanent
    assert reply[:3] in str(failure)


def test_a_mail_server_that_says_nothing_is_cut_off(box: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its thread ends with it."""
    monkeypatch.setattr(mailing, "TIMEOUT_S", 0.2)
    box.silent = True
    assert not refusal(opened(f"smtp://127.0.0.1:{box.port}")).permanent


def test_a_mail_server_that_is_not_there_may_be_there_later() -> None:
    with mail_server() as box:
        port = box.port
    assert not refusal(opened(f"smtp://127.0.0.1:{port}")).permanent
