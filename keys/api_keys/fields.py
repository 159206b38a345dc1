"""What a caller may set on a key, checked and in its stored form; pure.

Invariant: what comes out of here fits the columns of api_keys and means the same when read back.
"""

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from msgspec import UNSET, UnsetType

from kernel.clock import parse_rfc3339
from kernel.errors import InvalidInput
from keys.api_keys.checks import Checks
from keys.api_keys.mandate_fields import mandate_columns
from keys.api_keys.presets import preset_fills
from keys.caps import CAP_CENTS_MAX
from keys.label import normalise_name
from keys.mandate import NO_MANDATE, Mandate, SpendWindow
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


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key to be minted. scopes null: the default ones, as far as the parent has them;
    of the command line, all of an account.

    An empty ip_allow_list admits any address. A person decides on a send above
    approval_threshold_cents, and on one that takes the UTC day's sends without an approval above
    approval_above_per_day_cents. The limits below it are keys/mandate.py's; lifetime_cents counts all that
    was ever spent. preset: of keys/api_keys/presets.py. Amounts in cents, expires_at in microseconds; null: none.
    """

    name: str
    scopes: Sequence[str] | None = None
    ip_allow_list: Sequence[str] = ()
    per_call_cents: int | None = None
    per_day_cents: int | None = None
    per_month_cents: int | None = None
    approval_threshold_cents: int | None = None
    approval_above_per_day_cents: int | None = None
    expires_at: int | None = None
    purpose: str | None = None
    lifetime_cents: int | None = None
    platforms: Sequence[str] | None = None
    recipients: Sequence[str] | None = None
    windows: Sequence[SpendWindow] | None = None
    per_recipient_per_day_cents: int | None = None
    max_sends_per_hour: int | None = None
    repeat_guard_s: int | None = None
    preset: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyChanges:
    """What to change on a key; UNSET leaves a field as it is, None takes a limit away."""

    name: str | UnsetType = UNSET
    scopes: Sequence[str] | UnsetType = UNSET
    ip_allow_list: Sequence[str] | UnsetType = UNSET
    per_call_cents: int | UnsetType | None = UNSET
    per_day_cents: int | UnsetType | None = UNSET
    per_month_cents: int | UnsetType | None = UNSET
    approval_threshold_cents: int | UnsetType | None = UNSET
    approval_above_per_day_cents: int | UnsetType | None = UNSET
    expires_at: int | UnsetType | None = UNSET
    purpose: str | UnsetType | None = UNSET
    lifetime_cents: int | UnsetType | None = UNSET
    platforms: Sequence[str] | UnsetType | None = UNSET
    recipients: Sequence[str] | UnsetType | None = UNSET
    windows: Sequence[SpendWindow] | UnsetType | None = UNSET
    per_recipient_per_day_cents: int | UnsetType | None = UNSET
    max_sends_per_hour: int | UnsetType | None = UNSET
    repeat_guard_s: int | UnsetType | None = UNSET


def columns_of_new(new: NewKey, *, scopes: Sequence[str], now_us: int) -> dict[str, Any]:
    """The columns of a new key, with `scopes` where it named none; raises InvalidInput for every field that is wrong."""
    checks = Checks()
    new = replace(new, **(checks.of(preset_fills, new.preset, new) or {}))
    named = scopes if new.scopes is None else new.scopes
    columns = {
        "name": checks.of(normalise_name, new.name),
        "scopes": checks.of(_scope_words, named),
        "ip_allow_list": checks.of(_network_words, new.ip_allow_list),
        **{name: checks.of(_checked_cents, name, getattr(new, name)) for name in CENTS_FIELDS},
        "expires_at": checks.of(_checked_expiry, new.expires_at, now_us),
        **mandate_columns(new, checks=checks),
    }
    checks.end()
    return columns


def columns_of_changes(
    changes: KeyChanges, *, now_us: int, mandate: Mandate = NO_MANDATE
) -> dict[str, Any]:
    """The columns to change, of a key that has this mandate; raises InvalidInput."""
    checks = Checks()
    columns = mandate_columns(changes, mandate, checks=checks)
    if changes.name is not UNSET:
        columns["name"] = checks.of(normalise_name, changes.name)
    if changes.scopes is not UNSET:
        columns["scopes"] = checks.of(_scope_words, changes.scopes)
    if changes.ip_allow_list is not UNSET:
        columns["ip_allow_list"] = checks.of(_network_words, changes.ip_allow_list)
    for field in CENTS_FIELDS:
        value = getattr(changes, field)
        if value is not UNSET:
            columns[field] = checks.of(_checked_cents, field, value)
    if changes.expires_at is not UNSET:
        columns["expires_at"] = checks.of(_checked_expiry, changes.expires_at, now_us)
    checks.end()
    return columns


def _scope_words(scopes: Iterable[str]) -> str:
    return " ".join(checked_scopes(scopes))


def _network_words(cidrs: Sequence[str]) -> str:
    return " ".join(str(net) for net in checked_networks(cidrs))


def checked_scopes(scopes: Iterable[str]) -> list[str]:
    """The scopes once each, in the table's order; raises InvalidInput for an unknown one or none."""
    wanted = set(scopes)
    if not wanted:
        raise InvalidInput("a key has at least one scope", param="scopes")
    if not wanted <= set(SCOPES):
        # Only our own words are repeated: an unknown one may be anything, even a secret.
        detail = f"scopes are of {', '.join(SCOPES)}"
        problem = {"param": "scopes", "detail": detail, "allowed": list(SCOPES)}
        raise InvalidInput(detail, param="scopes", errors=[problem])
    return [scope for scope in SCOPES if scope in wanted]


def checked_networks(cidrs: Sequence[str]) -> list[Network]:
    """The networks once each, as given; a bare address is a network of one. Raises InvalidInput."""
    if len(cidrs) > ALLOW_LIST_ENTRIES_MAX:
        raise InvalidInput(
            f"an allow-list has at most {ALLOW_LIST_ENTRIES_MAX} entries", param="ip_allow_list"
        )
    return list(dict.fromkeys(_network(cidr) for cidr in cidrs))


def _network(cidr: str) -> Network:
    # A zone (%eth0) means nothing to another machine.
    if len(cidr) > _CIDR_CHARACTERS_MAX or "%" in cidr:
        raise InvalidInput("an allow-list takes CIDRs", param="ip_allow_list")
    try:
        network = ipaddress.ip_network(cidr.strip(" "))
    except ValueError:
        raise InvalidInput(
            "an allow-list takes CIDRs such as 192.0.2.0/24 or 2001:db8::/32, without host bits",
            param="ip_allow_list",
        ) from None
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_V4_MAPPED):
        # Callers are compared as IPv4, so this is what the entry means.
        mapped = network.network_address.ipv4_mapped
        return ipaddress.IPv4Network((str(mapped), network.prefixlen - _V4_MAPPED.prefixlen))
    return network


def _checked_cents(field: str, cents: int | None) -> int | None:
    if cents is not None and not 0 <= cents <= CAP_CENTS_MAX:
        raise InvalidInput(f"{field} is 0 to {CAP_CENTS_MAX}, or null", param=field)
    return cents


def _checked_expiry(expires_at: int | None, now_us: int) -> int | None:
    if expires_at is not None and not now_us < expires_at <= EXPIRES_AT_MAX:
        raise InvalidInput(
            "expires_at lies in the future, before the year 10000", param="expires_at"
        )
    return expires_at
