"""List keys as a tree, with their limits, the use of each limit, and when the limit will be reached."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from billing.engine.limit import LimitView
from billing.engine.spending import KeyStandings, load_key_usage
from kernel.clock import HOUR_US, SECOND_US, day_start_us, month_start_us
from kernel.tenant import Tenant
from keys.api_keys.api_key import ApiKey, forest, tree
from keys.caps import HOUR_S, SECONDS_OF
from store.database import Transaction

_LEAST_US: Final = HOUR_US


def used_up_at(limit: LimitView, *, key_created_at: int, now_us: int) -> int | None:
    if limit.remaining == 0:
        return now_us
    if limit.spent == 0:
        return None
    begun, ends = _period(limit, key_created_at, now_us)
    elapsed = max(now_us - begun, min(_LEAST_US, _length(limit)))
    at = now_us + -(-limit.remaining * elapsed // limit.spent)
    return at if ends is None or at < ends else None


def _period(limit: LimitView, created_at: int, now_us: int) -> tuple[int, int | None]:
    match limit.cap:
        case "per_day":
            return day_start_us(now_us), limit.resets_at
        case "per_month":
            return month_start_us(now_us), limit.resets_at
        case "lifetime":
            return created_at, None
    # Predict nothing once old spending drops out of a rolling window.
    begun = max(created_at, now_us - _length(limit))
    return begun, begun + _length(limit)


def _length(limit: LimitView) -> int:
    seconds = limit.seconds or SECONDS_OF.get(limit.cap.rpartition("_per_")[2], HOUR_S)
    return seconds * SECOND_US


class LimitSeen(msgspec.Struct, frozen=True):
    view: LimitView
    used_up_at: int | None

    @property
    def used_percent(self) -> int:
        most = self.view.limit
        return min(100, self.view.spent * 100 // most) if most else 100


class KeySeen(msgspec.Struct, frozen=True):
    """`paused_by` is the nearest paused ancestor."""

    key: ApiKey
    depth: int
    maker: ApiKey | None
    paused_by: ApiKey | None
    limits: Sequence[LimitSeen]


class KeysSeen(msgspec.Struct, frozen=True):
    keys: Sequence[KeySeen]
    now_us: int
    following: int | None


async def keys_page(
    tx: Transaction, tenant: Tenant, *, start: int, rows: int, now_us: int, sort: str = ""
) -> KeysSeen:
    every, end = await forest(tx, tenant), start + rows
    following = end if end < len(every) else None
    if not sort:
        shown = await _seen(tx, tenant, every, every[start:end], now_us=now_us)
        return msgspec.structs.replace(shown, following=following)
    seen = await _seen(tx, tenant, every, every, now_us=now_us)
    ordered = sorted(
        (msgspec.structs.replace(one, depth=0) for one in seen.keys),
        key=_ORDERS[sort.removeprefix("-")],
        reverse=sort.startswith("-"),
    )
    return KeysSeen(ordered[start:end], seen.now_us, following)


async def keys_below(
    tx: Transaction, tenant: Tenant, key_id: str, *, rows: int, now_us: int
) -> KeysSeen:
    every = await tree(tx, tenant, key_id)
    return await _seen(tx, tenant, every, every[:rows], now_us=now_us)


async def key_names(tx: Transaction, tenant: Tenant, key_ids: Iterable[str]) -> Mapping[str, str]:
    wanted = sorted(set(key_ids))
    if not wanted:
        return {}
    rows = await tx.fetch(_NAMES, **tenant._asdict(), ids=wanted)
    return {row["id"]: row["name"] for row in rows}


async def _seen(
    tx: Transaction,
    tenant: Tenant,
    every: Sequence[ApiKey],
    shown: Sequence[ApiKey],
    *,
    now_us: int,
) -> KeysSeen:
    standings = await load_key_usage(tx, tenant, [key.id for key in shown], now_us=now_us)
    known: dict[str, ApiKey] = {key.id: key for key in every}
    return KeysSeen(
        [_key(key, known, standings) for key in shown],
        standings.now_us,
        None,
    )


def _key(key: ApiKey, known: Mapping[str, ApiKey], standings: KeyStandings) -> KeySeen:
    above = [known[key_id] for key_id in key.lineage if key_id in known]
    state = standings.states.get(key.id)
    is_usable = state is not None and state.is_usable(standings.now_us)
    views = standings.of((key.id,)).limits if is_usable else ()
    seen = [_limit(one, key, standings.now_us) for one in views if one.key_id is not None]
    return KeySeen(
        key,
        len(above),
        above[0] if above else None,
        next((one for one in above if one.paused_at is not None), None),
        sorted(seen, key=lambda one: -one.used_percent),
    )


def _limit(view: LimitView, key: ApiKey, now_us: int) -> LimitSeen:
    return LimitSeen(view, used_up_at(view, key_created_at=key.created_at, now_us=now_us))


def _spent_percent(seen: KeySeen) -> int:
    return seen.limits[0].used_percent if seen.limits else -1


_ORDERS: Final[Mapping[str, Callable[[KeySeen], Any]]] = {
    "created": lambda seen: seen.key.id,
    "name": lambda seen: (seen.key.name.casefold(), seen.key.id),
    "used": lambda seen: (seen.key.last_used_at or 0, seen.key.id),
    "spent": lambda seen: (_spent_percent(seen), seen.key.id),
}
KEY_SORTS: Final = frozenset(_ORDERS)
_NAMES: Final = """
SELECT id, name FROM api_keys
WHERE account_id = :account_id AND environment = :environment AND id IN :ids[text]
"""


async def limits_of_askers(
    tx: Transaction, tenant: Tenant, key_ids: Iterable[str], *, now_us: int
) -> Mapping[str, Sequence[LimitView]]:
    wanted = sorted(set(key_ids))
    if not wanted:
        return {}
    standings = await load_key_usage(tx, tenant, wanted, now_us=now_us)
    usable = (one for one in standings.states.values() if one.is_usable(standings.now_us))
    return {one.id: standings.of((one.id,)).limits for one in usable}
