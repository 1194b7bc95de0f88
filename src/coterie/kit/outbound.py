"""Addresses on the network that people give: looked up once, checked, and connected to as they were checked.

Who may set an address could otherwise reach what only this machine should: its own ports, the network around it, a
cloud's metadata. Checking a name and connecting to it later is not enough, since a name server may answer differently
the second time (DNS rebinding), so a connection goes to the very address that was checked.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from coterie.errors import Refused

_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address
_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True)
class Target:
    """A web address that was checked.

    hosts : the addresses of its name, each written as it stands in a URL; empty: the name itself is connected to.
    """

    url: str
    host: str
    hosts: tuple[str, ...] = ()

    def request(self, attempt: int = 0) -> dict[str, Any]:
        """What httpx is given to ask for it: `url`, `headers`, and `extensions` by which TLS checks the right name.

        attempt : a name of many addresses is tried at one after the other.

        >>> Target("https://shop.example:444/a?b", "shop.example", ("192.0.2.1",)).request()["url"]
        'https://192.0.2.1:444/a?b'
        """
        if not self.hosts:
            return {"url": self.url, "headers": {}, "extensions": {}}
        parts = urlsplit(self.url)
        port = f":{parts.port}" if parts.port else ""
        place = self.hosts[attempt % len(self.hosts)] + port
        name = f"[{self.host}]" if ":" in self.host else self.host
        return {
            "url": parts._replace(netloc=place).geturl(),
            "headers": {"Host": name + port},
            "extensions": {"sni_hostname": self.host},
        }


def web_target(url: str, *, private: bool = False, lookup: Callable[..., Any] = socket.getaddrinfo) -> Target:
    """Check an address, and look its name up.

    private : whether it may be on this machine or in a private network, and unencrypted.
    lookup : as `socket.getaddrinfo`.

    >>> web_target("https://127.1/")
    Traceback (most recent call last):
    coterie.errors.Refused: `bad_address` at `127.1`: "127.1" lies in a private network. ...

    Raises Refused(`bad_address`): it is no web address, not encrypted, not found, or not in the public internet.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if host is None or not host or parts.scheme not in _PORTS or parts.username is not None:
        raise Refused("bad_address", "This is no web address.", place=url, fix="Give https://HOST/PATH.")
    if parts.scheme == "http" and not private:
        raise Refused("bad_address", "The address is not encrypted.", place=url, fix="Give https://.")
    if private:
        return Target(url, host)
    found = _found(host, port or _PORTS[parts.scheme], lookup)
    if not all(map(is_public, found)):
        fix = "Set `private_addresses` to 1 to allow addresses in your own network."
        raise Refused("bad_address", f'"{host}" lies in a private network.', place=host, fix=fix)
    return Target(url, host, tuple(f"[{one}]" if ":" in one else one for one in found))


def _found(host: str, port: int, lookup: Callable[..., Any]) -> list[str]:
    try:
        rows = lookup(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        rows = []
    found = list(dict.fromkeys(str(row[4][0]) for row in rows))
    if not found:
        raise Refused("bad_address", f'"{host}" cannot be found.', place=host, fix="Check its spelling.")
    return found


def is_public(address: str) -> bool:
    """Whether an IP address lies in the public internet, also one that is written within another.

    >>> [is_public(a) for a in ("8.8.8.8", "10.0.0.1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "224.0.0.1")]
    [True, False, False, False, False, False]
    """
    found = ipaddress.ip_address(address)
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour
        if found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return found.is_global and not (found.is_multicast or found.is_reserved or found.is_unspecified)
