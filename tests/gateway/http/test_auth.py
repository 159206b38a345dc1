"""Whose address a request has, and who may say so."""

import ipaddress

import pytest
from hypothesis import given, strategies as st

from gateway.http.auth import block_of, caller_address, parse_address
from keys.principal import Network

PROXIES: tuple[Network, ...] = (
    ipaddress.ip_network("10.0.0.0/8"),
    ipaddress.ip_network("2001:db8:1::/48"),
)


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("203.0.113.7", None, "203.0.113.7"),
        # A stranger's claim counts for nothing.
        ("203.0.113.7", b"198.51.100.1", "203.0.113.7"),
        ("10.0.0.1", b"198.51.100.1", "198.51.100.1"),
        # Left of the first untrusted address from the right is the client's own text.
        ("10.0.0.1", b"192.0.2.66, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", b"198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", b"10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", b"unknown, 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", b"", "10.0.0.1"),
        ("10.0.0.1", b"198.51.100.1:4711", "198.51.100.1"),
        ("10.0.0.1", b"[2001:db8::7]:4711", "2001:db8::7"),
        ("2001:db8:1::1", b"2001:db8::7", "2001:db8::7"),
        ("::ffff:10.0.0.1", b"198.51.100.1", "198.51.100.1"),
        ("::ffff:203.0.113.7", None, "203.0.113.7"),
        (None, b"198.51.100.1", None),
    ],
)
def test_the_callers_address(
    peer: str | None, forwarded: bytes | None, expected: str | None
) -> None:
    found = caller_address(peer, forwarded, PROXIES)

    assert (None if found is None else str(found)) == expected


def test_without_trusted_proxies_nothing_is_believed() -> None:
    assert str(caller_address("10.0.0.1", b"198.51.100.1", ())) == "10.0.0.1"


@given(st.binary(max_size=300))
def test_any_forwarded_header_gives_an_address(forwarded: bytes) -> None:
    assert caller_address("10.0.0.1", forwarded, PROXIES) is not None


def test_strangers_are_counted_by_address_or_by_64() -> None:
    assert block_of(parse_address("203.0.113.7")) == "203.0.113.7"
    assert block_of(parse_address("2001:db8:0:1:ffff::1")) == "2001:db8:0:1::/64"
    assert block_of(None) == "local"
