"""Check what a caller may set on a key, and convert it to columns. Pure."""

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from kernel.clock import parse_rfc3339
from kernel.errors import InvalidInput
from kernel.problems import word_entry
from keys.api_keys.checks import Checks
from keys.api_keys.mandate_fields import MANDATE_FIELDS, mandate_columns
from keys.api_keys.presets import preset_fills
from keys.caps import CAP_CENTS_MAX
from keys.label import normalise_name
from keys.mandate import NO_MANDATE, Mandate
from keys.principal import SCOPES, Network

ALLOW_LIST_ENTRIES_MAX = 100
_CIDR_CHARACTERS_MAX = 50
EXPIRES_AT_MAX = parse_rfc3339("9999-12-31T23:59:59Z")
_V4_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
CENTS_FIELDS = (
    "per_call_cents",
    "per_day_cents",
    "per_month_cents",
    "lifetime_cents",
    "approval_threshold_cents",
    "approval_above_per_day_cents",
)


# A key's limits, by column or mandate field.
LIMITS: Final = ("purpose", *CENTS_FIELDS, *MANDATE_FIELDS)


class NewKey:
    """A key to mint. Null scopes mean the parent's default ones, or all of an account's from the CLI.

    An empty ip_allow_list admits any address. preset is one of keys/api_keys/presets.py. limits has the names
    of LIMITS, amounts in cents; null or missing means none. expires_at is in microseconds; null means never.
    """

    def __init__(
        self,
        *,
        name: str,
        scopes: Sequence[str] | None = None,
        ip_allow_list: Sequence[str] = (),
        expires_at: int | None = None,
        preset: str | None = None,
        **limits: Any,
    ) -> None:
        assert limits.keys() <= set(LIMITS), limits
        self.name, self.scopes, self.ip_allow_list = name, scopes, ip_allow_list
        self.expires_at, self.preset, self.limits = expires_at, preset, limits


def columns_of_new(new: NewKey, *, scopes: Sequence[str], now_us: int) -> dict[str, Any]:
    """Return a new key's columns; `scopes` are the default. Raises InvalidInput for every wrong field."""
    checks = Checks()
    limits = {**dict.fromkeys(LIMITS), "scopes": new.scopes, **new.limits}
    limits |= checks.of(preset_fills, new.preset, limits) or {}
    named = scopes if limits["scopes"] is None else limits["scopes"]
    columns = {
        "name": checks.of(normalise_name, new.name),
        "scopes": checks.of(_scope_words, named),
        "ip_allow_list": checks.of(_network_words, new.ip_allow_list),
        **{name: checks.of(_checked_cents, name, limits[name]) for name in CENTS_FIELDS},
        "expires_at": checks.of(_checked_expiry, new.expires_at, now_us),
        **mandate_columns(limits, checks=checks),
    }
    checks.end()
    return columns


def columns_of_changes(
    changes: Mapping[str, Any], *, now_us: int, mandate: Mandate = NO_MANDATE
) -> dict[str, Any]:
    """Return the columns to change of a key with this mandate; raise InvalidInput.

    changes has the names of NewKey's fields and of LIMITS; None removes a limit.
    """
    checks = Checks()
    columns = mandate_columns(changes, mandate, checks=checks)
    if "name" in changes:
        columns["name"] = checks.of(normalise_name, changes["name"])
    if "scopes" in changes:
        columns["scopes"] = checks.of(_scope_words, changes["scopes"])
    if "ip_allow_list" in changes:
        columns["ip_allow_list"] = checks.of(_network_words, changes["ip_allow_list"])
    for field in CENTS_FIELDS:
        if field in changes:
            columns[field] = checks.of(_checked_cents, field, changes[field])
    if "expires_at" in changes:
        columns["expires_at"] = checks.of(_checked_expiry, changes["expires_at"], now_us)
    checks.end()
    return columns


def _scope_words(scopes: Iterable[str]) -> str:
    return " ".join(checked_scopes(scopes))


def _network_words(cidrs: Sequence[str]) -> str:
    return " ".join(str(net) for net in checked_networks(cidrs))


def checked_scopes(scopes: Iterable[str]) -> list[str]:
    """Return each scope once, in the table's order; raise InvalidInput for an unknown one or none."""
    wanted = set(scopes)
    if not wanted:
        raise InvalidInput("A key needs at least one scope.", param="scopes")
    if not wanted <= set(SCOPES):
        # The message repeats only our own words: an unknown one may be anything, even a secret.
        detail = f"scopes are of {', '.join(SCOPES)}"
        unknown = next(iter(sorted(wanted - set(SCOPES))))
        problem = word_entry("scopes", detail, unknown, SCOPES)
        raise InvalidInput(detail, param="scopes", errors=[problem])
    return [scope for scope in SCOPES if scope in wanted]


def checked_networks(cidrs: Sequence[str]) -> list[Network]:
    """Return each network once, as given; a bare address is a network of one. Raises InvalidInput."""
    if len(cidrs) > ALLOW_LIST_ENTRIES_MAX:
        raise InvalidInput(
            f"An allow-list has at most {ALLOW_LIST_ENTRIES_MAX} entries.", param="ip_allow_list"
        )
    return list(dict.fromkeys(_network(cidr) for cidr in cidrs))


def _network(cidr: str) -> Network:
    # Another machine can't use a zone (%eth0).
    if len(cidr) > _CIDR_CHARACTERS_MAX or "%" in cidr:
        raise InvalidInput("An allow-list has CIDRs only.", param="ip_allow_list")
    try:
        network = ipaddress.ip_network(cidr.strip(" "))
    except ValueError:
        raise InvalidInput(
            "An allow-list has CIDRs such as 192.0.2.0/24 or 2001:db8::/32, without host bits.",
            param="ip_allow_list",
        ) from None
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_V4_MAPPED):
        # Callers are compared as IPv4, so this is what the entry means.
        mapped = network.network_address.ipv4_mapped
        return ipaddress.IPv4Network((str(mapped), network.prefixlen - _V4_MAPPED.prefixlen))
    return network


def _checked_cents(field: str, cents: int | None) -> int | None:
    if cents is not None and not 0 <= cents <= CAP_CENTS_MAX:
        raise InvalidInput(f"{field} must be from 0 to {CAP_CENTS_MAX}, or null.", param=field)
    return cents


def _checked_expiry(expires_at: int | None, now_us: int) -> int | None:
    if expires_at is not None and not now_us < expires_at <= EXPIRES_AT_MAX:
        raise InvalidInput(
            "The expiry must be in the future, before the year 10000.", param="expires_at"
        )
    return expires_at
