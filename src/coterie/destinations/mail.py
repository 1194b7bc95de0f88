"""E-mail by SMTP: plain text in UTF-8 to one address, with retry, through the mail server that the settings name.

Servers are spoken to as RFC 5321 says; `Auto-Submitted` (RFC 3834) keeps automatic replies away, and a `Message-ID`
made of the key lets a mailbox know a message that came twice.
"""

from __future__ import annotations

import re
import smtplib
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from coterie.errors import CoterieError, Failed, Refused
from coterie.kit.moments import now
from coterie.settings import Settings

TRIES, FIRST_WAIT_SECONDS, TIMEOUT_SECONDS = 3, 1.0, 15.0
SECURITY = ("none", "starttls", "tls")
# Local part and domain of RFC 5321, without quoted local parts and addresses in brackets, which only attackers write.
ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)*[A-Za-z0-9-]{1,63}")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_MOST_LETTERS = 254  # of an address: RFC 5321, 4.5.3.1.3


@dataclass(frozen=True)
class Mailer:
    """Sends messages through one mail server.

    security : `none`, `starttls` (asked of the server after the greeting) or `tls` (from the first byte); certificates
        are checked against those that the system trusts.
    user, password : empty: no login.
    sender : the address that messages come from.
    wait : how to wait for so many seconds; tests do not.
    """

    host: str
    port: int
    security: str
    user: str
    password: str
    sender: str
    wait: Callable[[float], None] = time.sleep

    @classmethod
    def of(cls, settings: Settings, wait: Callable[[float], None] = time.sleep) -> Mailer:
        """The mail server of the settings.

        Raises Refused: none is set (`no_mail_server`), or a setting cannot be so (`bad_setting`, `bad_address`).
        """
        host, security, user = (str(settings[f"smtp_{name}"]) for name in ("host", "security", "user"))
        if not host:
            fix = "Set `smtp_host`, `smtp_port`, `smtp_security`, `smtp_user`, `smtp_password` and `mail_from`."
            raise Refused("no_mail_server", "No mail server is set.", place="smtp_host", fix=fix)
        if security not in SECURITY:
            fix = f"Use one of: {', '.join(SECURITY)}."
            raise Refused("bad_setting", f'"{security}" is no way to secure mail.', place="smtp_security", fix=fix)
        if user and security == "none":
            fix = "Set `smtp_security` to starttls or tls."
            raise Refused("bad_setting", "A password is not sent unencrypted.", place="smtp_security", fix=fix)
        sender = check_address(str(settings["mail_from"]) or user, place="mail_from")
        return cls(host, settings.number("smtp_port"), security, user, str(settings["smtp_password"]), sender, wait)

    def check(self, to: str) -> None:
        """Refuse an address that cannot be sent to, as far as that can be known without sending."""
        check_address(to)

    def send(self, to: str, subject: str, text: str, key: str) -> int:
        """Send one message; the number of tries it took.

        key : the same for the same message; letters, digits and `-`.
        Raises Refused: the address is none (`bad_address`), or the server does not know it (`mail_recipient`).
        Raises Failed: out of reach (`mail_unreachable`), login refused (`mail_login`), or refused (`not_delivered`).
        """
        message = self.message(to, subject, text, key)
        for attempt in range(1, TRIES + 1):
            try:
                self._send(message)
                return attempt
            except (OSError, smtplib.SMTPException) as error:
                if attempt == TRIES or not _passing(error):
                    raise self.told(error, to) from None
            self.wait(FIRST_WAIT_SECONDS * 4 ** (attempt - 1))
        raise AssertionError("the last try returns or raises")

    def message(self, to: str, subject: str, text: str, key: str) -> EmailMessage:
        """The message as it is sent.

        >>> mailer = Mailer("localhost", 25, "none", "", "", "shop@example.com")
        >>> made = mailer.message("ada@example.com", "人群包", "你好", "k1")
        >>> made["Subject"], made["Message-ID"], made.get_content()
        ('人群包', '<k1@example.com>', '你好\\r\\n')
        """
        if CONTROL.search(subject):
            fix = "Leave out line breaks."
            raise Refused("bad_argument", "A subject is one line.", place="subject", fix=fix)
        message = EmailMessage(SMTP)
        message["From"], message["To"], message["Subject"] = self.sender, check_address(to), subject
        message["Date"] = format_datetime(now())
        message["Message-ID"] = f"<{key}@{self.sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text, charset="utf-8", cte="base64")
        return message

    def _send(self, message: EmailMessage) -> None:
        with self.connect() as server:
            server.send_message(message)

    def connect(self) -> smtplib.SMTP:
        """A connection to the server, encrypted and logged in as the settings say. Raises what `smtplib` raises."""
        # Reading the system's certificates takes 30 ms, so it is not done for nothing.
        context = None if self.security == "none" else ssl.create_default_context()
        if self.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(self.host, self.port, timeout=TIMEOUT_SECONDS, context=context)
        else:
            server = smtplib.SMTP(self.host, self.port, timeout=TIMEOUT_SECONDS)
        try:
            if self.security == "starttls":
                server.starttls(context=context)
            server.ehlo_or_helo_if_needed()
            if self.user:
                server.login(self.user, self.password)
        except BaseException:
            server.close()
            raise
        return server

    def told(self, error: Exception, to: str) -> CoterieError:
        """What went wrong, for people."""
        place = f"{self.host}:{self.port}"
        match error:
            case smtplib.SMTPAuthenticationError():
                fix = "Check `smtp_user` and `smtp_password`."
                return Failed(
                    "mail_login", f"The mail server refused the login: {_words(error)}.", place=place, fix=fix
                )
            case smtplib.SMTPRecipientsRefused():
                said = _reply(*next(iter(error.recipients.values())))
                fix = "Check the address."
                return Refused("mail_recipient", f'The mail server refused "{to}": {said}.', place=to, fix=fix)
            case ssl.SSLError():
                fix = "Check `smtp_security` and `smtp_port`, and that this machine trusts the server's certificate."
                said = f"The connection to the mail server cannot be encrypted: {_words(error)}."
                return Failed("mail_unreachable", said, place=place, fix=fix)
            case smtplib.SMTPNotSupportedError():
                fix = "Check `smtp_security`, `smtp_port` and `smtp_user`."
                return Failed(
                    "mail_unreachable", f"The mail server cannot do it: {_words(error)}.", place=place, fix=fix
                )
            case smtplib.SMTPResponseException():
                fix = "Ask who runs it."
                return Failed("not_delivered", f"The mail server refused it: {_words(error)}.", place=place, fix=fix)
            case _:
                fix = "Check `smtp_host`, `smtp_port` and `smtp_security`, and that the server runs."
                return Failed(
                    "mail_unreachable", f"The mail server is out of reach: {_words(error)}.", place=place, fix=fix
                )


def check_address(address: str, *, place: str = "to") -> str:
    """An e-mail address that can be sent to; line breaks, which would smuggle in headers, are refused with the rest.

    >>> check_address("ada@example.com")
    'ada@example.com'
    >>> check_address("ada@example.com\\nBcc: all@example.com")
    Traceback (most recent call last):
    coterie.errors.Refused: `bad_address` at `to`: "ada@example.com Bcc: all@example.com" is no e-mail address. ...
    """
    if len(address) > _MOST_LETTERS or ADDRESS.fullmatch(address) is None:
        shown = " ".join(CONTROL.sub(" ", address[:_MOST_LETTERS]).split())
        fix = "Give one such as name@example.com, in letters A to Z."
        raise Refused("bad_address", f'"{shown}" is no e-mail address.', place=place, fix=fix)
    return address


def _passing(error: Exception) -> bool:
    """Whether a later try may do better: replies 4xx (RFC 5321, 4.2.1), and what cut the connection."""
    match error:
        case smtplib.SMTPRecipientsRefused():
            return all(code < 500 for code, _ in error.recipients.values())
        case smtplib.SMTPResponseException():
            return error.smtp_code < 500
        case smtplib.SMTPNotSupportedError() | ssl.SSLError():
            return False
        case _:
            return True


def _words(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return _reply(error.smtp_code, error.smtp_error)
    said = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return CONTROL.sub(" ", str(said)).rstrip(".")


def _reply(code: int, words: bytes | str) -> str:
    said = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return f"{code} {CONTROL.sub(' ', said)}".strip().rstrip(".")
