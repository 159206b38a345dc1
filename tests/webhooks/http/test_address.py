from ipaddress import ip_address

import pytest
from hypothesis import given, strategies as st

from webhooks.http.guard import is_link_local, is_public

# IANA's registries of special-purpose addresses; the first and last of each block where it has edges.
FORBIDDEN = """
0.0.0.0 0.255.255.255 10.0.0.0 10.255.255.255 100.64.0.0 100.100.100.200 100.127.255.255
127.0.0.1 127.255.255.255 169.254.0.0 169.254.169.254 169.254.170.2 169.254.170.23
172.16.0.0 172.31.255.255 192.0.0.1 192.0.0.8 192.0.0.9 192.0.0.170 192.0.2.1 192.31.196.1
192.52.193.1 192.88.99.1 192.168.0.1 192.168.255.255 192.175.48.1 198.18.0.1 198.19.255.255
198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 168.63.129.16
:: ::1 ::127.0.0.1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:7f00:1 ::ffff:8.8.8.8 ::ffff:0:7f00:1
::ffff:0:808:808 ::5efe:127.0.0.1 0:0:0:1::1 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe
64:ff9b::192.168.0.1 64:ff9b:1::1 64:ff9b:1::808:808 64:ff9b:0:0:1::808:808 100::1 100:0:0:1::1
2001::1 2001:0:7f00:1::1 2001:2::1 2001:10::1 2001:20::1 2001:1ff:ffff::1 2001:db8::1
2002:7f00:1::1 2002:a9fe:a9fe:: 2002:808:808::1 2620:4f:8000::1 3fff::1 3fff:fff::1 4000::1
5f00::1 fc00::1 fd00:ec2::254 fd20:ce::254 fe80::1 febf::1 fe80::1%1 2606:4700::1%1 fec0::1
ff02::1 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 2606:4700::5efe:7f00:1 2606:4700::200:5efe:7f00:1
"""
PUBLIC = """
1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.1
168.63.129.15 168.63.129.17 169.253.255.255 172.15.255.255 172.32.0.0 192.0.1.1 192.167.255.255
192.169.0.0 198.17.255.255 198.20.0.0 203.0.114.1 223.255.255.255
2001:200::1 2001:4860:4860::8888 2003::1 2606:4700::1111 2a00:1450::1 3ffe:ffff::1 64:ff9b::808:808
"""
LINK_LOCAL = """
169.254.0.0 169.254.169.254 169.254.170.2 169.254.255.255 100.100.100.200 168.63.129.16 192.0.0.192
fe80::1 febf:ffff::1 fd00:ec2::254 fd00:ec2::23 fd20:ce::254 ::169.254.169.254 ::ffff:169.254.169.254
::ffff:0:a9fe:a9fe 64:ff9b::a9fe:a9fe 64:ff9b:1::a9fe:a9fe ::ffff:6464:64c8 2002:a9fe:a9fe::
2002:a9fe:1:2:3:4:5:6 2002:a83f:8110::1 fd00::5efe:a9fe:a9fe 2606:4700::200:5efe:a9fe:a9fe
"""
NOT_LINK_LOCAL = """
127.0.0.1 10.0.0.1 169.253.255.255 169.255.0.0 100.100.100.201 192.168.1.1 8.8.8.8 ::1 ::ffff:127.0.0.1
fd00::1 fec0::1 64:ff9b::808:808 2002:808:a9fe::1 2001:db8::a9fe:a9fe fd00:ec3::254
"""


@pytest.mark.parametrize("text", FORBIDDEN.split())
def test_forbidden_address_is_not_public(text: str) -> None:
    assert not is_public(ip_address(text))


@pytest.mark.parametrize("text", PUBLIC.split())
def test_public_address_is_public(text: str) -> None:
    assert is_public(ip_address(text))


@pytest.mark.parametrize("text", LINK_LOCAL.split())
def test_link_local_and_metadata_addresses_are_known_in_every_form(text: str) -> None:
    assert is_link_local(ip_address(text))
    assert not is_public(ip_address(text))


@pytest.mark.parametrize("text", NOT_LINK_LOCAL.split())
def test_other_addresses_are_not_link_local(text: str) -> None:
    assert not is_link_local(ip_address(text))


@given(st.ip_addresses(v=6, network="::/8") | st.ip_addresses(v=6, network="f000::/4"))
def test_no_address_outside_2000_is_public_but_nat64_of_a_public_one(address: object) -> None:
    text = str(address)
    is_nat64 = int(ip_address(text)) >> 32 == 0x0064_FF9B << 64

    assert is_nat64 or not is_public(ip_address(text))
