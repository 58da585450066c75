"""Names and addresses of hosts, as people type them and as browsers send them."""

import ipaddress
import re
from typing import NamedTuple

import idna

_HOST = re.compile(
    r"(?:\[(?P<address>[^\[\]]+)\]|(?P<name>[^\[\]:/?#@\s]+))(?::(?P<port>\d{1,5}))?"
)
_NAME = re.compile(r"[a-z0-9_][a-z0-9_-]*(\.[a-z0-9_][a-z0-9_-]*)*")
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Host(NamedTuple):
    """A name or an IP address, and a port if one was given."""

    name: str
    port: int | None = None

    def matches(self, other: "Host") -> bool:
        """Whether `other` has this name and, if this has one, this port."""
        return self.name == other.name and self.port in (None, other.port)


def parse(text: str) -> Host:
    """Reads `lab.example`, `lab.example:8443`, `192.168.0.7`, `::1` or `[::1]:8050`.

    The name comes back in the form that browsers send: lower case, ASCII, no dot at the end.

    Raises:
        ValueError: it is none of these.
    """
    if is_address(text):
        return Host(str(ipaddress.ip_address(text)))
    found = _HOST.fullmatch(text)
    if found is None or len(text) > 260:
        raise ValueError(f"{text} is not the name of a host")
    port = None if found["port"] is None else int(found["port"])
    if port is not None and not 1 <= port <= 65535:
        raise ValueError(f"{port} is not a port")
    if found["address"] is not None:
        return Host(str(ipaddress.IPv6Address(found["address"])), port)
    name = found["name"].lower().removesuffix(".")
    if not name.isascii():
        name = idna.encode(name, uts46=True).decode()
    if not _NAME.fullmatch(name):
        raise ValueError(f"{text} is not the name of a host")
    return Host(name, port)


def parse_origin(origin: str) -> tuple[str, Host]:
    """The scheme of an `Origin` header and its host, which has a port in any case.

    Raises:
        ValueError: it names no host, as `null`.
    """
    scheme, _, rest = origin.partition("://")
    if scheme not in _DEFAULT_PORTS:
        raise ValueError(f"{origin} is not the origin of a page")
    return scheme, with_port(parse(rest), scheme)


def with_port(host: Host, scheme: str) -> Host:
    """The host with the port of a scheme, `http` or `https`, if it has none."""
    return host if host.port else host._replace(port=_DEFAULT_PORTS[scheme])


def is_address(name: str) -> bool:
    """Whether a name is an IP address."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_loopback(name: str) -> bool:
    """Whether only this computer reaches a name or an address. False where that is not certain."""
    if is_address(name):
        return ipaddress.ip_address(name).is_loopback
    return name.lower() == "localhost"
