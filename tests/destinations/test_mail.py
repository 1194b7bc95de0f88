"""Mail arrives whole at a real server, and what hinders it is told as what it is."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from coterie.destinations.mail import Mailer, check_address
from coterie.errors import CoterieError, Failed, Refused
from coterie.settings import Settings

from .mailbox import Mailbox, mailing, make_certificate

SUBJECT = (
    "Coterie：人群包“老客户”人数变化 +31.4%，请查看；the size jumped: a subject longer than one line of a header may be"
)


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mailing() as made:
        yield made


def mailer(port: int, waits: list[float], **changed: Any) -> Mailer:
    given = {"host": "127.0.0.1", "security": "none", "user": "", "password": "", "sender": "shop@example.com"}
    return Mailer(**{**given, **changed}, port=port, wait=waits.append)


def test_utf8_arrives_whole(box: Mailbox) -> None:
    text = "The audience “loyal” changed.\n人群包“老客户”有变化。\n" + "长" * 2000
    assert mailer(box.port, []).send("ada@example.com", SUBJECT, text, "k1") == 1
    (message,) = box.messages
    assert message["Subject"] == SUBJECT
    assert message.get_content().replace("\r\n", "\n").strip() == text
    assert (message["From"], message["To"]) == ("shop@example.com", "ada@example.com")
    assert (message["Message-ID"], message["Auto-Submitted"]) == ("<k1@example.com>", "auto-generated")
    assert box.recipients == ["ada@example.com"]


@pytest.mark.parametrize(
    "address",
    [
        "ada@example.com\nBcc: all@example.com",
        "ada@example.com\r\nBcc: all@example.com",
        "ada@example.com, all@example.com",
        "ada@example.com\n",
        "Ada <ada@example.com>",
        "ada example.com",
        "阿达@example.com",
        "@example.com",
        "",
        "a" * 250 + "@example.com",
    ],
)
def test_addresses_that_are_none(box: Mailbox, address: str) -> None:
    with pytest.raises(Refused, match="`bad_address` at `to`: .* is no e-mail address") as caught:
        mailer(box.port, []).send(address, "s", "t", "k")
    assert "\n" not in str(caught.value) and box.messages == []
    assert check_address("o'neil+news@mail.example.co.uk")


@pytest.mark.parametrize("subject", ["a\nBcc: all@example.com", "a\r\n\r\nbody", "a\x0bb", "a\u2028b"])
def test_a_subject_is_one_line(box: Mailbox, subject: str) -> None:
    with pytest.raises(Refused, match="`bad_argument` at `subject`: A subject is one line."):
        mailer(box.port, []).send("ada@example.com", subject, "t", "k")
    assert box.messages == []


def test_a_line_break_in_the_body_stays_in_the_body(box: Mailbox) -> None:
    mailer(box.port, []).send("ada@example.com", "s", "a\n.\nRCPT TO:<all@example.com>\n..b", "k")
    assert box.messages[0].get_content().split() == ["a", ".", "RCPT", "TO:<all@example.com>", "..b"]
    assert box.recipients == ["ada@example.com"]


def test_a_recipient_that_is_refused(box: Mailbox) -> None:
    waits, box.answers = list[float](), ["550 no such mailbox"]
    with pytest.raises(Refused) as caught:
        mailer(box.port, waits).send("gone@example.com", "s", "t", "k")
    told = '`mail_recipient` at `gone@example.com`: The mail server refused "gone@example.com": 550 no such mailbox.'
    assert str(caught.value).startswith(told)
    assert waits == []


def test_for_now_is_tried_again(box: Mailbox) -> None:
    waits, box.answers = list[float](), ["451 later", "450 later"]
    assert mailer(box.port, waits).send("ada@example.com", "s", "t", "k") == 3
    assert waits == [1.0, 4.0] and len(box.messages) == 1
    box.answers = ["451 later"] * 3
    with pytest.raises(Refused, match="451 later"):
        mailer(box.port, waits).send("ada@example.com", "s", "t", "k")


def test_out_of_reach() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port, waits = taken.getsockname()[1], list[float]()
        with pytest.raises(Failed, match="`mail_unreachable` .*out of reach: Connection refused.* Check `smtp_host`"):
            mailer(port, waits).send("ada@example.com", "s", "t", "k")
    assert waits == [1.0, 4.0]
    with pytest.raises(Failed, match="`mail_unreachable` at `nowhere.invalid:25`"):
        mailer(25, [], host="nowhere.invalid").send("ada@example.com", "s", "t", "k")


def test_a_server_that_hangs_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            for _ in range(3):
                listening.accept()[0].close()

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(Failed, match="`mail_unreachable`"):
            mailer(listening.getsockname()[1], []).send("ada@example.com", "s", "t", "k")
        thread.join()


def test_encrypted_with_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate, key = make_certificate(tmp_path)
    with mailing((certificate, key)) as box:
        given: dict[str, Any] = {"host": "localhost", "security": "starttls", "user": "ada", "password": "s3cret"}
        with pytest.raises(Failed, match="`mail_unreachable` .*cannot be encrypted: .*certificate"):
            mailer(box.port, [], **given).send("ada@example.com", "s", "t", "k")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert mailer(box.port, [], **given).send("ada@example.com", "人群", "好", "k") == 1
        assert box.messages[0]["Subject"] == "人群" and set(box.logins) == {b"ada"}
        with pytest.raises(Failed, match="`mail_login` .*refused the login: 535 .*Check `smtp_user`"):
            mailer(box.port, [], **{**given, "password": "wrong"}).send("ada@example.com", "s", "t", "k")
        with pytest.raises(CoterieError, match="`not_delivered` .*refused it: 530"):
            mailer(box.port, [], host="localhost").send("ada@example.com", "s", "t", "k")
        assert len(box.messages) == 1


def test_a_server_that_cannot_encrypt(box: Mailbox) -> None:
    with pytest.raises(Failed, match="`mail_unreachable` .*STARTTLS"):
        mailer(box.port, [], security="starttls").send("ada@example.com", "s", "t", "k")
    with pytest.raises(Failed, match="`mail_unreachable` .*cannot be encrypted"):
        mailer(box.port, [], security="tls").send("ada@example.com", "s", "t", "k")
    assert box.messages == []


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "`no_mail_server` at `smtp_host`: No mail server is set."),
        ({"smtp_host": "m", "smtp_security": "ssl"}, '`bad_setting` at `smtp_security`: "ssl" is no way'),
        ({"smtp_host": "m", "smtp_security": "none", "smtp_user": "a"}, "A password is not sent unencrypted."),
        ({"smtp_host": "m"}, '`bad_address` at `mail_from`: "" is no e-mail address.'),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(Refused) as caught:
        Mailer.of(Settings(settings, {}))
    assert words in str(caught.value)
    assert Mailer.of(Settings({"smtp_host": "m", "smtp_user": "a@b.c"}, {})).sender == "a@b.c"
