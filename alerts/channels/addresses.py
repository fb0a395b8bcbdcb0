"""Where a channel may lead. People give addresses; what they name must not be ours: neither this machine, nor the
network behind it, nor a cloud's own address of secrets.

Names are looked up by whoever connects, so that only the connection itself can be asked: `forbid_private` has the
interpreter ask before each one. It is for a process that does nothing but deliver; the database's driver is libpq's,
and is not asked. `public_alone` has it ask for some of what a process does, which may reach its broker all the same.
"""

import ipaddress
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any


class ForbiddenAddressError(OSError):
    """A channel led to an address that it may not use."""


def is_public(address: str) -> bool:
    """Whether an IP address is one of the internet's; what is none is not."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        # Addresses of IPv4 in those of IPv6: as they are, by NAT64 and by 6to4.
        inner = ip.ipv4_mapped or ip.sixtofour
        if inner is None and ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
        if inner is not None:
            return inner.is_global and not inner.is_multicast
    return ip.is_global and not ip.is_multicast


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def named_private(host: str) -> bool:
    """Whether a host is plainly ours already as it is written. A name that leads to us is found out when it is used."""
    name = host.strip("[]").rstrip(".").lower()
    if name in ("", "localhost") or name.endswith((".localhost", ".local", ".internal")):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        # 127.1, 0x7f000001, 2130706433: what the system's resolver takes for an address.
        return _legacy(name)
    return not is_public(name)


def _legacy(name: str) -> bool:
    try:
        return not is_public(socket.inet_ntoa(socket.inet_aton(name)))
    except (OSError, UnicodeEncodeError):
        return False


def forbid_private() -> None:
    """From now on this process connects to public addresses alone. There is no way back."""
    sys.addaudithook(_ask)


_ALONE: ContextVar[bool] = ContextVar("public addresses alone", default=False)


@contextmanager
def public_alone() -> Iterator[None]:
    """What is done within, and whatever tasks are begun within, connects to public addresses alone."""
    _ask_within()
    token = _ALONE.set(True)
    try:
        yield
    finally:
        _ALONE.reset(token)


@cache
def _ask_within() -> None:
    """Once for a process: there is no way back."""
    sys.addaudithook(lambda event, arguments: _ask(event, arguments) if _ALONE.get() else None)


def _ask(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in ("socket.connect", "socket.sendto"):
        return
    address = arguments[1]
    if isinstance(address, tuple) and not is_public(str(address[0])):
        raise ForbiddenAddressError("a channel led to an address that is not public")
