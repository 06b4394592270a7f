"""Addresses of private networks, however they are written, and where a client may connect to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from socket import inet_aton
from typing import Literal, TypeAlias

__all__ = ["Reach", "Resolve", "is_loopback", "is_private", "may_reach"]

Reach: TypeAlias = Literal["any", "loopback", "public"]
"""Which addresses may be connected to: ``any``, public ones and this machine's, or ``public`` ones alone."""

Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""Gives the addresses of a host that is called at that port; raises ``OSError`` where there are none."""

_EMBEDDING = (IPv6Network("::/96"), IPv6Network("64:ff9b::/96"))


def is_loopback(host: str) -> bool:
    """Whether a host, a name or an address, means this machine."""
    address = _address(host)
    return address.is_loopback if address is not None else host == "localhost" or host.endswith(".localhost")


def is_private(host: str) -> bool:
    """Whether a host is an address that is not everybody's, this machine's included, or named as such are.

    What a name resolves to is not looked at.
    """
    address = _address(host)
    if address is None:
        return "." not in host or host.endswith((".local", ".internal", ".lan", ".home.arpa"))
    site = isinstance(address, IPv6Address) and address.is_site_local
    return not address.is_global or address.is_multicast or site


def may_reach(address: str, reach: Reach) -> bool:
    """Whether an address is one of those."""
    return reach == "any" or not is_private(address) or (reach == "loopback" and is_loopback(address))


def _address(host: str) -> IPv4Address | IPv6Address | None:
    """The address that a host is, however it is written: ``127.1`` is one too; ``None`` for a name."""
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        try:
            return IPv4Address(inet_aton(host))
        except OSError:
            return None
    return _within(address) or address if isinstance(address, IPv6Address) else address


def _within(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 one leads to (RFC 4291, 2.5.5; RFC 6052, 2.1; RFC 3056)."""
    if address.ipv4_mapped is not None or address.sixtofour is not None:
        return address.ipv4_mapped or address.sixtofour
    embeds = any(address in net for net in _EMBEDDING) and address != IPv6Address("::1")
    return IPv4Address(address.packed[-4:]) if embeds else None
