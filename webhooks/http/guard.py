"""Decide which URLs and hosts the gateway may call for a user, and build the request's bytes.

check_url() checks the text, and vet() checks the resolved addresses at each attempt. Callers can't tell a
forbidden host from one that doesn't resolve, but operators can, from log_reason.

The address tables are our own, because ipaddress.is_global differs between Python releases.
"""

import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Literal

import idna

from kernel.errors import DomainError, InvalidInput
from kernel.limits import URL_CHARACTERS_MAX

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

REFUSED_V4 = tuple(
    IPv4Network(block)
    for block in (
        "0.0.0.0/8",  # the unspecified network: connecting to it reaches this host
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT, and Alibaba's metadata service at 100.100.100.200
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's internal wire server, despite its public address
        "169.254.0.0/16",  # link-local, and the metadata services of AWS, GCP, Azure, ECS and EKS
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
        "2002::/16",  # 6to4, which contains an IPv4 address
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)
NAT64 = IPv6Network("64:ff9b::/96")
LINK_LOCAL_V4 = tuple(
    IPv4Network(block)
    for block in (
        "169.254.0.0/16",  # link-local, and the metadata services of AWS, GCP, Azure, ECS and EKS
        "100.100.100.200/32",  # Alibaba's metadata
        "168.63.129.16/32",  # Azure's wire server
        "192.0.0.192/32",  # Oracle's metadata
    )
)
LINK_LOCAL_V6 = tuple(
    IPv6Network(block)
    for block in (
        "fe80::/10",  # link-local
        "fd00:ec2::/32",  # AWS metadata and related services
        "fd20:ce::254/128",  # metadata of GCP
    )
)
# IPv6 blocks whose addresses contain an IPv4 address, and how many bits follow it.
_CARRIERS = (
    (IPv6Network("::/8"), 0),  # IPv4-compatible, mapped and translated addresses, and NAT64
    (IPv6Network("2002::/16"), 80),  # 6to4
)
_ISATAP_IDENTIFIERS = frozenset({0x0000_5EFE, 0x0200_5EFE})
_32_BITS = 0xFFFF_FFFF
Reason = Literal["scheme", "credentials", "port", "address", "form"]
PORTS_BELOW_1024 = frozenset({80, 443})
PORTS_REFUSED = frozenset(
    {
        1433,  # SQL Server
        1521,  # Oracle
        2049,  # NFS
        2375,  # Docker
        2376,  # Docker over TLS
        2379,  # etcd
        2380,  # etcd peers
        3306,  # MySQL
        3389,  # remote desktop
        5432,  # PostgreSQL
        5672,  # AMQP
        5984,  # CouchDB
        6379,  # Redis
        6443,  # Kubernetes
        9042,  # Cassandra
        9092,  # Kafka
        9200,  # Elasticsearch
        9300,  # Elasticsearch nodes
        10250,  # kubelet
        11211,  # memcached
        27017,  # MongoDB
        27018,  # MongoDB shards
        27019,  # MongoDB configuration
    }
)
INTERNAL_SUFFIXES = (
    ".localhost",
    ".local",
    ".internal",
    ".localdomain",
    ".lan",
    ".home",
    ".corp",
    ".intranet",
    ".private",
    ".home.arpa",
    ".svc",
)
HOST_CHARACTERS_MAX = 253
ADDRESS_DETAIL = "The host does not resolve to a public address."
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PORT = re.compile(r"[0-9]{1,5}")
_VISIBLE = re.compile(r"[\x21-\x7e]+")
HEADER_NAME_CHARACTERS_MAX = 128
HEADER_VALUE_CHARACTERS_MAX = 4096
RESERVED_HEADERS = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e]*")


def is_public(address: Address) -> bool:
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
    # An interface ID of the form 0:5efe:a.b.c.d is an IPv4 address for ISATAP hosts.
    return (int(address) >> 32) & _32_BITS in _ISATAP_IDENTIFIERS


class UrlRefused(DomainError):
    """The URL must not be called. Callers see `reason`, but not log_reason."""

    def __init__(self, detail: str, *, reason: Reason, log_reason: str | None = None) -> None:
        super().__init__(detail, param="url", reason=reason)
        self.log_reason = log_reason or detail


@dataclass(frozen=True, slots=True)
class Policy:
    """What the operator allows in addition to public https addresses.

    - allow_private allows any address, and http, for development.
    - allow_cidrs and allow_hosts allow single networks and names, but never own_addresses.
    - Only allow_cidrs can allow link-local and cloud metadata addresses.
    """

    allow_private: bool = False
    allow_http: bool = False
    allow_cidrs: tuple[Network, ...] = ()
    allow_hosts: frozenset[str] = frozenset()
    own_addresses: frozenset[Address] = frozenset()
    # The hash is cached. Each request needs it twice, and hashing a network is slow, because the hash formats the
    # network as text.
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        rules = (self.allow_private, self.allow_http, self.allow_cidrs, self.allow_hosts)
        object.__setattr__(self, "_hash", hash((*rules, self.own_addresses)))

    def __hash__(self) -> int:
        return self._hash

    @classmethod
    def of(
        cls,
        *,
        allow_private: bool = False,
        allow_http: bool = False,
        allow_cidrs: Iterable[str] = (),
        allow_hosts: Iterable[str] = (),
        own_addresses: Iterable[str] = (),
    ) -> "Policy":
        return cls(
            allow_private=allow_private,
            allow_http=allow_http,
            allow_cidrs=tuple(ip_network(one) for one in allow_cidrs),
            allow_hosts=frozenset(one.lower().rstrip(".") for one in allow_hosts),
            own_addresses=frozenset(ip_address(one) for one in own_addresses),
        )

    @classmethod
    def of_operator(cls) -> "Policy":
        return cls.of(allow_private=True, allow_http=True, allow_cidrs=("0.0.0.0/0", "::/0"))

    @property
    def own_addresses_shown(self) -> list[str]:
        return sorted(map(str, self.own_addresses))

    def trusts_name(self, host: str) -> bool:
        return self.allow_private or host in self.allow_hosts

    def allows(self, address: Address, host: str) -> bool:
        is_named = any(address in network for network in self.allow_cidrs)
        if not is_named and is_link_local(address):
            return False
        if self.allow_private:
            return True
        if address in self.own_addresses:
            return False
        if is_named or host in self.allow_hosts:
            return True
        return is_public(address)


@dataclass(frozen=True, slots=True)
class ParsedUrl:
    """A URL that passed check_url(). host is lower-case ASCII without brackets or a final dot.

    If literal is set, host is an IP address in its canonical form.
    """

    scheme: Literal["http", "https"]
    host: str
    port: int
    authority: str
    target: str
    literal: Address | None


def check_url(url: str, policy: Policy) -> ParsedUrl:
    """Parse a URL and check its text. Raise UrlRefused if it isn't allowed.

    The rules are stricter than the URL standards. Otherwise, two parsers that disagree could be used to bypass the
    check.
    """
    schemes = ("https", "http") if policy.allow_http or policy.allow_private else ("https",)
    if not url:
        raise UrlRefused("The URL is empty.", reason="form")
    if len(url) > URL_CHARACTERS_MAX:
        raise UrlRefused(f"A URL can have at most {URL_CHARACTERS_MAX} characters.", reason="form")
    scheme, separator, rest = url.partition("://")
    if not separator:
        begins = " or ".join(f"{one}://" for one in schemes)
        raise UrlRefused(f"The URL must begin with {begins}.", reason="form")
    cut = min((at for at in map(rest.find, "/?#\\") if at >= 0), default=len(rest))
    authority, target = rest[:cut], rest[cut:]
    if scheme.lower() not in schemes:
        raise UrlRefused(f"Only {' and '.join(schemes)} URLs are allowed here.", reason="scheme")
    is_http = scheme.lower() == "http"
    if "@" in authority:
        raise UrlRefused("The URL must not contain credentials.", reason="credentials")
    if "#" in target:
        raise UrlRefused("The URL must not have a fragment.", reason="form")
    if target and (not _VISIBLE.fullmatch(target) or "\\" in target):
        raise UrlRefused(
            "The path and query may contain only visible ASCII characters other than a "
            "backslash. Percent-encode all others.",
            reason="form",
        )
    spelling, port = _split_port(authority, 80 if is_http else 443)
    host, literal = _parse_host(spelling)
    _check_host(host, literal, policy)
    shown = f"[{host}]" if isinstance(literal, IPv6Address) else host
    return ParsedUrl(
        scheme="http" if is_http else "https",
        host=host,
        port=port,
        authority=shown if port == (80 if is_http else 443) else f"{shown}:{port}",
        target=target if target.startswith("/") else "/" + target,
        literal=literal,
    )


def vet(host: str, addresses: Iterable[str], policy: Policy) -> tuple[str, ...]:
    """Return the addresses if the policy allows all of them. Otherwise, raise UrlRefused.

    One forbidden address is enough to refuse all, because DNS rebinding returns such mixtures.
    """
    vetted: dict[str, None] = {}
    for text in addresses:
        try:
            address = ip_address(text)
        except ValueError as cause:
            raise unreachable(f"{host} resolved to something that is no address") from cause
        if isinstance(address, IPv6Address) and address.scope_id is not None:
            raise unreachable(f"{host} resolved to an address with a zone")
        if not policy.allows(address, host):
            raise unreachable(f"{host} resolved to the forbidden {address}")
        vetted[str(address)] = None
    if not vetted:
        raise unreachable(f"{host} has no address")
    return tuple(vetted)


def unreachable(log_reason: str) -> UrlRefused:
    """Return the same error for forbidden and unresolvable hosts."""
    return UrlRefused(ADDRESS_DETAIL, reason="address", log_reason=log_reason)


def _split_port(authority: str, default: int) -> tuple[str, int]:
    end = authority.rfind("]")
    colon = authority.find(":", end + 1)
    if colon < 0:
        return authority, default
    digits = authority[colon + 1 :]
    if not _PORT.fullmatch(digits):
        raise UrlRefused("The port is not a number.", reason="form")
    port = int(digits)
    is_other_service = port < 1024 and port not in PORTS_BELOW_1024
    if is_other_service or port > 65_535 or port in PORTS_REFUSED:
        raise UrlRefused(f"Port {port} is not allowed.", reason="port")
    return authority[:colon], port


def _parse_host(spelling: str) -> tuple[str, Address | None]:
    if not spelling or len(spelling) > HOST_CHARACTERS_MAX + 1:
        raise UrlRefused("The URL has no host, or its host is too long.", reason="form")
    if spelling.startswith("["):
        return _parse_v6(spelling)
    host = spelling.lower()
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True, std3_rules=True).decode("ascii")
        except UnicodeError:
            raise UrlRefused("The host name is not valid.", reason="form") from None
    host = host.removesuffix(".")
    labels = host.split(".")
    if len(host) > HOST_CHARACTERS_MAX or not all(map(_LABEL.fullmatch, labels)):
        raise UrlRefused("The host name is not valid.", reason="form")
    if not _NUMBER.fullmatch(labels[-1]):
        return host, None
    # The last label is a number, so the C library reads this as an IPv4 address (such as 0x7f.1, 2130706433 or
    # 127.1). The gateway calls the address that is parsed here.
    try:
        literal = IPv4Address(socket.inet_aton(host))
    except OSError:
        raise UrlRefused("The host is not a valid address.", reason="form") from None
    return str(literal), literal


def _parse_v6(spelling: str) -> tuple[str, Address]:
    try:
        # A zone ID (%25eth0) is only valid on one machine.
        if not spelling.endswith("]") or "%" in spelling:
            raise ValueError
        literal = IPv6Address(spelling[1:-1])
    except ValueError:
        raise UrlRefused("The host is not a valid address.", reason="form") from None
    return str(literal), literal


def _check_host(host: str, literal: Address | None, policy: Policy) -> None:
    if literal is not None:
        vet(host, (host,), policy)
        return
    # If the operator allowed networks, internal names aren't refused here, because vet() checks their addresses.
    if policy.trusts_name(host) or policy.allow_cidrs:
        return
    if "." not in host or host.endswith(INTERNAL_SUFFIXES):
        raise unreachable(f"{host} is an internal name")


def check_header(name: str, value: str) -> None:
    """Raise InvalidInput unless the name is an allowed token and the value is printable ASCII."""
    if not _is_free_name(name):
        raise InvalidInput("This header name can't be set.", param="headers")
    if len(value) > HEADER_VALUE_CHARACTERS_MAX or not _VALUE.fullmatch(value):
        raise InvalidInput(
            f"A header value can have at most {HEADER_VALUE_CHARACTERS_MAX} printable ASCII characters.",
            param="headers",
        )


def request_bytes(
    method: str, url: ParsedUrl, headers: Iterable[tuple[str, str]], body: bytes
) -> bytes:
    headers = list(headers)
    _check_headers(headers)
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers])
    head = f"{_opening(method, url)}{lines}Content-Length: {len(body)}\r\n\r\n"
    return head.encode("ascii") + body


def _check_headers(headers: list[tuple[str, str]]) -> None:
    """Check all headers together first. This takes a third as long as separate checks."""
    values = "".join([value for _, value in headers])
    are_values_well = len(values) <= HEADER_VALUE_CHARACTERS_MAX and _VALUE.fullmatch(values)
    if not are_values_well or not _are_free_names(tuple([name for name, _ in headers])):
        for name, value in headers:
            check_header(name, value)


def _opening(method: str, url: ParsedUrl) -> str:
    assert method.isalpha(), "methods come from code"
    # Receivers shouldn't compress their responses. A compressed body is never decompressed.
    return (
        f"{method} {url.target} HTTP/1.1\r\nHost: {url.authority}\r\nAccept-Encoding: identity\r\n"
    )


@lru_cache(maxsize=1024)
def _are_free_names(names: tuple[str, ...]) -> bool:
    return all(map(_is_free_name, names))


@lru_cache(maxsize=1024)
def _is_free_name(name: str) -> bool:
    return (
        len(name) <= HEADER_NAME_CHARACTERS_MAX
        and _TOKEN.fullmatch(name) is not None
        and name.lower().replace("_", "-") not in RESERVED_HEADERS
    )
