"""Check what a caller may set on a key, and convert it to columns.

A preset fills in limits for one kind of holder. Limits that only the caller can know are required.
"""

import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args

import msgspec

from kernel.clock import parse_rfc3339
from kernel.errors import DomainError, InvalidInput
from kernel.limits import INT64_MAX
from kernel.problems import word_entry
from kernel.storable import storable
from keys.caps import CAP_CENTS_MAX
from keys.mandate import (
    ANY_OF_DOMAIN,
    LIST_ENTRIES_MAX,
    NO_MANDATE,
    NUMBERS,
    PURPOSE_CHARACTERS_MAX,
    WINDOW_SECONDS_MAX,
    WINDOW_SECONDS_MIN,
    WINDOWS_MAX,
    Mandate,
    SpendWindow,
    mandate_text,
)
from keys.normalise import normalise_email, normalise_name
from keys.principal import SCOPES, Network

_PLATFORM: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_RANGES: Final = {fact.name: (fact.least or 0, fact.most or INT64_MAX) for fact in NUMBERS}
MANDATE_FIELDS: Final = Mandate.__struct_fields__
PresetName = Literal["agent", "reader", "checkout"]
REPEAT_GUARD_S: Final = 600
_MEANS: Final = {
    "per_day_cents": "the most that the key spends on a UTC day",
    "approval_above_per_day_cents": "what it sends on a UTC day before a person decides",
}
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
LIMITS: Final = ("purpose", *CENTS_FIELDS, *MANDATE_FIELDS)


class Checks:
    def __init__(self) -> None:
        self._failed: list[DomainError] = []

    def of(self, check: Callable[..., Any], *values: Any) -> Any:
        try:
            return check(*values)
        except DomainError as error:
            self._failed.append(error)
            return None

    def end(self) -> None:
        if len(self._failed) == 1:
            raise self._failed[0]
        if self._failed:
            first = self._failed[0]
            told = [entry for error in self._failed for entry in _entries(error)]
            raise InvalidInput(first.detail, param=first.param, errors=told)


def _entries(error: DomainError) -> list[dict[str, Any]]:
    return list(error.extra.get("errors") or [{"param": error.param, "detail": error.detail}])


@dataclass(frozen=True, slots=True)
class Preset:
    """What a key with this preset is for, and which limits the preset fills in or requires. Suggestions are in
    cents.
    """

    says: str
    fills: Mapping[str, Any]
    asks: Mapping[str, int] = field(default_factory=dict)


PRESETS: Final[Mapping[str, Preset]] = {
    # An agent that replans may repeat a send without noticing.
    "agent": Preset(
        "Sends within a daily limit, waits for a person above a daily total, and blocks duplicate sends for"
        " 10 minutes.",
        fills={"repeat_guard_s": REPEAT_GUARD_S},
        asks={"per_day_cents": 5_000, "approval_above_per_day_cents": 2_000},
    ),
    "reader": Preset(
        "Reads top-ups, orders, usage and events, but no codes, and spends nothing.",
        fills={"scopes": ("topup:read", "webhooks:read", "billing:read", "usage:read")},
    ),
    "checkout": Preset(
        "Makes orders that payers pay and reads what became of them; sends nothing from your wallet.",
        fills={"scopes": ("billing:read", "billing:write", "webhooks:read")},
    ),
}


def preset_fills(named: str | None, said: Mapping[str, Any]) -> dict[str, Any]:
    """Return the limits to fill in. If required limits are missing, raise InvalidInput, which lists them."""
    if named is None:
        return {}
    preset = PRESETS.get(named)
    if preset is None:
        raise InvalidInput(f"`preset` must be one of {', '.join(PRESETS)}.", param="preset")
    missing = [
        {
            "param": name,
            "detail": f"Required by the preset {named}: {_MEANS[name]}, such as {suggested}.",
            "example": suggested,
        }
        for name, suggested in preset.asks.items()
        if said.get(name) is None
    ]
    if missing:
        both = " and ".join(f"{one['param']} (such as {one['example']})" for one in missing)
        raise InvalidInput(
            f"A key with preset {named} needs {both}, in US cents.",
            param=str(missing[0]["param"]),
            errors=missing,
        )
    return {name: value for name, value in preset.fills.items() if said.get(name) is None}


def mandate_columns(
    given: Mapping[str, Any], before: Mandate = NO_MANDATE, *, checks: Checks
) -> dict[str, Any]:
    """Return the columns of a new or changed mandate. None removes a limit. Omitted limits remain."""
    columns: dict[str, Any] = {}
    if "purpose" in given:
        columns["purpose"] = checks.of(_purpose, given["purpose"])
    changes = {name: given[name] for name in MANDATE_FIELDS if name in given}
    if changes:
        checked = {name: checks.of(_checked, name, value) for name, value in changes.items()}
        columns["mandate"] = mandate_text(msgspec.structs.replace(before, **checked))
    return columns


def _checked(name: str, value: Any) -> Any:
    if name == "platforms":
        return _platforms(value)
    if name == "recipients":
        return _recipients(value)
    if name == "windows":
        return _windows(value)
    least, most = _RANGES[name]
    if value is not None and not least <= value <= most:
        raise InvalidInput(
            f"{name} must be from {least} to {most}, or null.",
            param=name,
            extra={"minimum": least, "maximum": most},
        )
    return value


def _platforms(names: Sequence[str] | None) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(name.strip().lower() for name in _listed("platforms", names)))
    if not all(_PLATFORM.fullmatch(name) for name in found):
        raise InvalidInput(
            "Give platform IDs such as claude. GET /platforms lists them.", param="platforms"
        )
    return found


def _recipients(entries: Sequence[str] | None) -> tuple[str, ...]:
    found = [_recipient(entry.strip()) for entry in _listed("recipients", entries)]
    return tuple(dict.fromkeys(found))


def _recipient(entry: str) -> str:
    if not entry.startswith(ANY_OF_DOMAIN):
        return normalise_email(entry, param="recipients")
    domain = normalise_email(f"any@{entry.removeprefix(ANY_OF_DOMAIN)}", param="recipients")
    return f"{ANY_OF_DOMAIN}{domain.partition('@')[2]}"


def _listed(param: str, entries: Sequence[str] | None) -> Sequence[str]:
    if entries is None:
        return ()
    if not 1 <= len(entries) <= LIST_ENTRIES_MAX:
        raise InvalidInput(
            f"{param} must have 1 to {LIST_ENTRIES_MAX} entries. To allow any, send null.",
            param=param,
        )
    return entries


def _windows(windows: Sequence[SpendWindow] | None) -> tuple[SpendWindow, ...]:
    found = tuple(sorted(windows or ()))
    if len(found) > WINDOWS_MAX or len({one.seconds for one in found}) < len(found):
        raise InvalidInput(
            f"A key can have at most {WINDOWS_MAX} windows, each of a different length.",
            param="windows",
        )
    for one in found:
        if not WINDOW_SECONDS_MIN <= one.seconds <= WINDOW_SECONDS_MAX:
            raise InvalidInput(
                f"A window must be {WINDOW_SECONDS_MIN} to {WINDOW_SECONDS_MAX} seconds long.",
                param="windows",
                extra={"minimum": WINDOW_SECONDS_MIN, "maximum": WINDOW_SECONDS_MAX},
            )
        if not 0 <= one.cents <= CAP_CENTS_MAX:
            raise InvalidInput(
                f"A window's limit must be from 0 to {CAP_CENTS_MAX} cents.", param="windows"
            )
    return found


def _purpose(text: str | None) -> str | None:
    if text is None or not text.strip():
        return None
    if len(text) > PURPOSE_CHARACTERS_MAX:
        raise InvalidInput(
            f"The purpose can have at most {PURPOSE_CHARACTERS_MAX} characters.", param="purpose"
        )
    return storable(text.strip(), characters_max=PURPOSE_CHARACTERS_MAX)


assert PRESETS.keys() == set(get_args(PresetName)), "each preset has its row"


class NewKey:
    """A key to create.

    If `scopes` is None, the key gets its parent's default scopes. On the command line, it gets all of the
    account's scopes. An empty ip_allow_list admits any address. `limits` has names from LIMITS, and its amounts
    are in cents.
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
    """Return a new key's columns. `scopes` are the default scopes. Raise InvalidInput, which lists all wrong fields."""
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
    checks = Checks()
    columns = mandate_columns(changes, mandate, checks=checks)
    if "name" in changes:
        columns["name"] = checks.of(normalise_name, changes["name"])
    if "scopes" in changes:
        columns["scopes"] = checks.of(_scope_words, changes["scopes"])
    if "ip_allow_list" in changes:
        columns["ip_allow_list"] = checks.of(_network_words, changes["ip_allow_list"])
    for name in CENTS_FIELDS:
        if name in changes:
            columns[name] = checks.of(_checked_cents, name, changes[name])
    if "expires_at" in changes:
        columns["expires_at"] = checks.of(_checked_expiry, changes["expires_at"], now_us)
    checks.end()
    return columns


def _scope_words(scopes: Iterable[str]) -> str:
    return " ".join(checked_scopes(scopes))


def _network_words(cidrs: Sequence[str]) -> str:
    return " ".join(str(net) for net in checked_networks(cidrs))


def checked_scopes(scopes: Iterable[str]) -> list[str]:
    """Return each scope once, in the order of SCOPES. Raise InvalidInput if a scope is unknown or the list is empty."""
    wanted = set(scopes)
    if not wanted:
        raise InvalidInput("A key needs at least one scope.", param="scopes")
    if not wanted <= set(SCOPES):
        # An unknown scope may be a secret, so it isn't in the message.
        detail = f"scopes are of {', '.join(SCOPES)}"
        unknown = next(iter(sorted(wanted - set(SCOPES))))
        problem = word_entry("scopes", detail, unknown, SCOPES)
        raise InvalidInput(detail, param="scopes", errors=[problem])
    return [scope for scope in SCOPES if scope in wanted]


def checked_networks(cidrs: Sequence[str]) -> list[Network]:
    if len(cidrs) > ALLOW_LIST_ENTRIES_MAX:
        raise InvalidInput(
            f"An allow-list can have at most {ALLOW_LIST_ENTRIES_MAX} entries.",
            param="ip_allow_list",
        )
    return list(dict.fromkeys(_network(cidr) for cidr in cidrs))


def _network(cidr: str) -> Network:
    # A zone such as %eth0 means nothing on another machine.
    if len(cidr) > _CIDR_CHARACTERS_MAX or "%" in cidr:
        raise InvalidInput(
            "Each entry of an allow-list must be a CIDR range.", param="ip_allow_list"
        )
    try:
        network = ipaddress.ip_network(cidr.strip(" "))
    except ValueError:
        raise InvalidInput(
            "Write each entry as a CIDR such as 192.0.2.0/24 or 2001:db8::/32, without host bits.",
            param="ip_allow_list",
        ) from None
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_V4_MAPPED):
        mapped = network.network_address.ipv4_mapped
        return ipaddress.IPv4Network((str(mapped), network.prefixlen - _V4_MAPPED.prefixlen))
    return network


def _checked_cents(name: str, cents: int | None) -> int | None:
    if cents is not None and not 0 <= cents <= CAP_CENTS_MAX:
        raise InvalidInput(f"{name} must be from 0 to {CAP_CENTS_MAX}, or null.", param=name)
    return cents


def _checked_expiry(expires_at: int | None, now_us: int) -> int | None:
    if expires_at is not None and not now_us < expires_at <= EXPIRES_AT_MAX:
        raise InvalidInput(
            "The expiry must be in the future, before the year 10000.", param="expires_at"
        )
    return expires_at
