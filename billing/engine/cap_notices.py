"""Publish key.cap_near and key.cap_reached when a limit is nearly or wholly used up.

Each is published once a calendar window, once a rolling window's length, or once a key's life. A changed
limit allows another. The counting row stores what was published.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from billing.engine.limit import NEAR_PERCENT, Limit
from billing.ledger.money import MICROS_PER_CENT
from kernel.clock import SECOND_US, rfc3339


def notices_of(
    limits: Iterable[Limit], account_id: str, now_us: int
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Return the type and data of each unpublished event, and mark it as published."""
    for limit in limits:
        used = limit.used(now_us)
        if used * 100 < limit.most * NEAR_PERCENT or not limit.most:
            continue
        unit = 1 if limit.is_count else MICROS_PER_CENT
        names = ["near"] if limit.most - used >= unit else ["near", "reached"]
        for name in names:
            if not _is_notified(limit, name, now_us):
                setattr(limit.sum.change_detail(account_id), name, (limit.most, now_us))
                yield f"key.cap_{name}", _data(limit, now_us)


def _is_notified(limit: Limit, name: str, now_us: int) -> bool:
    told = getattr(limit.sum.detail, name)
    if told is None or told[0] != limit.most:
        return False
    return limit.seconds is None or bool(now_us - told[1] < limit.seconds * SECOND_US)


def _data(limit: Limit, now_us: int) -> Mapping[str, Any]:
    view = limit.view(now_us)
    resets_at = view.resets_at
    if resets_at is not None:
        resets_at = -(-resets_at // SECOND_US) * SECOND_US
    return {
        "key_id": view.key_id,
        "cap": view.cap,
        "unit": view.unit,
        "seconds": view.seconds,
        "limit": view.limit,
        "spent": view.spent,
        "remaining": view.remaining,
        "resets_at": None if resets_at is None else rfc3339(resets_at),
    }
