"""Thresholds of a tenant's balance, from its locked row of account_environments.

balance.low is published for a threshold once for each fall: a spend that began at it or above and ended below
it. A spend that began at recharge_from and left less than recharge_below starts a recharge, unless one is
under way. Amounts in micros. Writes these columns of account_environments; the caller holds the tenant's
lock.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from kernel.errors import InvalidInput, NotFound
from kernel.limits import INT64_MAX
from kernel.tenant import Tenant
from store.database import Transaction

THRESHOLDS_MAX: Final = 10

WatchRow = tuple[str, str, int | None, int | None, str | None]


class BalanceWatch(msgspec.Struct, frozen=True, gc=False):
    """thresholds: highest first. recharge_order_id: of the recharge under way."""

    thresholds: tuple[int, ...] = ()
    recharge_below: int | None = None
    recharge_from: int = 0
    recharge_order_id: str | None = None

    def crossed(self, before_micros: int, after_micros: int) -> Sequence[int]:
        return [one for one in self.thresholds if before_micros >= one > after_micros]

    def is_fall(self, before_micros: int, after_micros: int) -> bool:
        return (
            self.recharge_below is not None
            and self.recharge_order_id is None
            and self.recharge_from <= before_micros
            and after_micros < self.recharge_below
        )


NOTHING: Final = BalanceWatch()


def read_watch(
    threshold: int, more: str | None, below: int | None, least: int | None, order_id: str | None
) -> BalanceWatch:
    thresholds: tuple[int, ...] = (threshold,) if threshold else ()
    if more is not None:
        thresholds += tuple(int(one) for one in more.split())
    return BalanceWatch(thresholds, below, least or 0, order_id)


async def set_low_balance_thresholds(
    tx: Transaction, tenant: Tenant, thresholds_micros: Sequence[int]
) -> tuple[int, ...]:
    """Set when balance.low is published; empty: never. Return the thresholds before.

    Raises NotFound and InvalidInput.
    """
    if len(set(thresholds_micros)) > THRESHOLDS_MAX:
        raise InvalidInput(f"An account has at most {THRESHOLDS_MAX} thresholds.", param=_PARAM)
    if any(not 0 < one <= INT64_MAX for one in thresholds_micros):
        raise InvalidInput("A threshold must be above 0.", param=_PARAM)
    highest, *more = sorted(set(thresholds_micros), reverse=True) or [0]
    row = await tx.fetch_one(
        """SELECT low_balance_threshold_micros, low_balance_more FROM account_environments
           WHERE account_id = :account_id AND environment = :environment""",
        account_id=tenant.account_id,
        environment=tenant.environment,
    )
    if row is None:
        raise NotFound("Account")
    await tx.execute(
        """UPDATE account_environments
           SET low_balance_threshold_micros = :highest, low_balance_more = :more
           WHERE account_id = :account_id AND environment = :environment""",
        highest=highest,
        more=" ".join(map(str, more)) or None,
        account_id=tenant.account_id,
        environment=tenant.environment,
    )
    return read_watch(row[0], row[1], None, None, None).thresholds


async def note_recharges(tx: Transaction, rows: Iterable[WatchRow]) -> None:
    listed = sorted(rows, key=lambda row: row[:2])
    if listed:
        # Not deferred: the last event's number is written to the same rows, and one statement writes a row
        # once.
        touched = await tx.execute(_NOTE, rows=listed)
        assert touched == len(listed), "a tenant vanished under the lock"


_PARAM: Final = "low_balance_thresholds_cents"
_NOTE: Final = """
UPDATE account_environments SET recharge_below_micros = v.below, recharge_from_micros = v.least,
    recharge_order_id = v.order_id
FROM :rows[account_id text, environment text, below bigint, least bigint, order_id text] AS v
WHERE account_environments.account_id = v.account_id
  AND account_environments.environment = v.environment
"""
