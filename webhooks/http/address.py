"""Tell which addresses are public, and which stay closed unless a network is opened: tables of our own.

is_public() is true only for a host on the public internet. is_link_local() is true for addresses that only
the machine itself can call, above all its cloud's metadata, in every form that carries them.
ipaddress.is_global isn't used: it changes between Python releases, and calls 17 of our 28 probes global on
CPython 3.11 (5f00::1, 168.63.129.16, ::ffff:0:7f00:1, ...).
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

REFUSED_V4 = tuple(
    IPv4Network(block)
    for block in (
        "0.0.0.0/8",  # this network; connects to the host itself
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier NAT; holds Alibaba's metadata at 100.100.100.200
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's wire server, public by number only
        "169.254.0.0/16",  # link-local; holds the metadata of AWS, GCP, Azure, ECS, EKS
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarking
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
ALLOWED_V6 = IPv6Network("2000::/3")
REFUSED_V6 = tuple(
    IPv6Network(block)
    for block in (
        "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarking
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: carries any IPv4 address
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)
NAT64 = IPv6Network("64:ff9b::/96")
LINK_LOCAL_V4 = tuple(
    IPv4Network(block)
    for block in (
        "169.254.0.0/16",  # link-local; holds the metadata of AWS, GCP, Azure, ECS, EKS
        "100.100.100.200/32",  # Alibaba's metadata
        "168.63.129.16/32",  # Azure's wire server
        "192.0.0.192/32",  # Oracle's metadata
    )
)
LINK_LOCAL_V6 = tuple(
    IPv6Network(block)
    for block in (
        "fe80::/10",  # link-local
        "fd00:ec2::/32",  # metadata and its relatives of AWS
        "fd20:ce::254/128",  # metadata of GCP
    )
)
# Blocks of IPv6 that carry an IPv4 address, and how far it is from their right end.
_CARRIERS = (
    (IPv6Network("::/8"), 0),  # compatible, mapped, translated, NAT64
    (IPv6Network("2002::/16"), 80),  # 6to4
)
_ISATAP_IDENTIFIERS = frozenset({0x0000_5EFE, 0x0200_5EFE})
_32_BITS = 0xFFFF_FFFF


def is_public(address: Address) -> bool:
    """Return whether the address may be called for a stranger."""
    if isinstance(address, IPv4Address):
        return not any(address in block for block in REFUSED_V4)
    if address.scope_id is not None:
        return False
    if address in NAT64:
        return is_public(IPv4Address(int(address) & _32_BITS))
    if address not in ALLOWED_V6 or any(address in block for block in REFUSED_V6):
        return False
    return not _is_isatap(address)


def is_link_local(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return any(address in block for block in LINK_LOCAL_V4)
    if any(address in block for block in LINK_LOCAL_V6):
        return True
    shifts = [shift for block, shift in _CARRIERS if address in block]
    if _is_isatap(address):
        shifts.append(0)
    return any(is_link_local(IPv4Address(int(address) >> shift & _32_BITS)) for shift in shifts)


def _is_isatap(address: IPv6Address) -> bool:
    # ISATAP hosts unwrap ...:0:5efe:a.b.c.d, so such an interface id is an IPv4 address.
    return (int(address) >> 32) & _32_BITS in _ISATAP_IDENTIFIERS
