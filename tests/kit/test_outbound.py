"""Addresses that people give: looked up once, and connected to as they were checked."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.destinations.mailbox import make_certificate

from coterie.destinations.http import Sender
from coterie.errors import Failed, Refused
from coterie.kit import outbound
from coterie.kit.outbound import is_public, web_target

PRIVATE = (
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "255.255.255.255",
    "224.0.0.1", "240.0.0.1", "::", "::1", "fe80::1", "fc00::1", "::ffff:127.0.0.1", "::ffff:a00:1", "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2001:db8::1", "ff02::1",
)  # fmt: skip


class Names:
    """A name server whose answers change; `asked` counts."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers, self.asked = list(answers), 0

    def __call__(self, host: str, port: int, **_: Any) -> list[Any]:
        """As `socket.getaddrinfo`."""
        self.asked += 1
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_known_however_they_are_written(address: str) -> None:
    """A name that has one such address among others is refused."""
    assert not is_public(address)
    with pytest.raises(Refused, match="`bad_address` .*private network"):
        web_target("https://shop.example/", lookup=Names(["8.8.8.8", address]))


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808"])
def test_public_addresses_are_reached_by_themselves(address: str) -> None:
    """The request goes to the address, under the name that was given."""
    asked = web_target("https://shop.example:444/hook?a=1", lookup=Names([address])).request()
    shown = f"[{address}]" if ":" in address else address
    assert asked["url"] == f"https://{shown}:444/hook?a=1"
    assert asked["headers"] == {"Host": "shop.example:444"} and asked["extensions"] == {"sni_hostname": "shop.example"}


@pytest.mark.parametrize(
    "url", ["", "x", "ftp://a/", "https://", "https://a:b/", "https://[::1", "https://ada:word@a/", "https://a:99999/"]
)
def test_what_is_no_address_is_refused(url: str) -> None:
    """Whatever it is."""
    with pytest.raises(Refused, match="`bad_address`.*no web address"):
        web_target(url, lookup=Names(["8.8.8.8"]))


def test_many_addresses_are_tried_in_turn() -> None:
    """Where one of them does not answer."""
    target = web_target("https://shop.example/", lookup=Names(["8.8.8.8", "8.8.4.4"]))
    assert [target.request(n)["url"] for n in (1, 2, 3)] == ["https://8.8.4.4/", "https://8.8.8.8/", "https://8.8.4.4/"]


class Taken(BaseHTTPRequestHandler):
    """Takes everything but what is to be sent elsewhere; notes under which name it was asked."""

    hosts: list[str]

    def do_POST(self) -> None:
        """Answer."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.hosts.append(self.headers["Host"])
        elsewhere = self.path == "/elsewhere"
        self.send_response(302 if elsewhere else 200)
        self.send_header("Location", "https://localhost:1/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HTTPServer]:
    """A server with a certificate for `localhost` on 127.0.0.1, which counts as public here."""
    certificate, key = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.setattr(outbound, "is_public", lambda address: address == "127.0.0.1")
    Taken.hosts = []
    with HTTPServer(("127.0.0.1", 0), Taken) as made:
        made.socket = context.wrap_socket(made.socket, server_side=True)
        thread = threading.Thread(target=made.serve_forever, daemon=True)
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def test_a_name_that_changes_its_address_reaches_nothing_else(
    server: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the look-up after the check would lead elsewhere, and never happens; TLS checks the name."""
    names = Names(["127.0.0.1"], ["127.0.0.2"])
    monkeypatch.setattr(outbound.web_target, "__kwdefaults__", {"private": False, "lookup": names})
    sender = Sender(f"https://localhost:{server.server_port}/hook", "s", wait=lambda _: None)
    assert sender.send({}, "k") == 1 and names.asked == 1
    assert Taken.hosts == [f"localhost:{server.server_port}"]
    with pytest.raises(Refused, match="private network"):
        sender.send({}, "k")
    other = Names(["127.0.0.1"])
    monkeypatch.setattr(outbound.web_target, "__kwdefaults__", {"private": False, "lookup": other})
    with pytest.raises(Failed, match=r"certificate"):
        Sender(f"https://shop.example:{server.server_port}/hook", "s", wait=lambda _: None).send({}, "k")


def test_nothing_is_followed_elsewhere(server: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A redirect is an answer like any other that is not "taken"."""
    monkeypatch.setattr(outbound.web_target, "__kwdefaults__", {"private": False, "lookup": Names(["127.0.0.1"])})
    with pytest.raises(Failed, match="it answered 302"):
        Sender(f"https://localhost:{server.server_port}/elsewhere", "s", wait=lambda _: None).send({}, "k")
    assert len(Taken.hosts) == 1
