"""An account's credit: payments and redemptions as one list, what ends, and what a plan still gives."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from billing.ledger.money import MICROS_PER_CENT
from kernel.limits import INT64_MAX
from kernel.tenant import Tenant
from store.database import Transaction
from store.row_mapping import RowMapping


@dataclass(frozen=True, slots=True)
class CreditLine:
    """status is the order's; pay_amount is in pay_currency. number: the order's order_no, a redemption's ID,
    or a voucher's ATU- and last group.
    """

    id: str
    kind: Literal["payment", "code", "voucher"]
    number: str
    method: str
    status: str
    credits_micros: int
    pay_amount: int
    pay_currency: str
    created_at: int
    completed_at: int | None


CreditPlace = tuple[int, str]
NEWEST: Final[CreditPlace] = (INT64_MAX, "")


async def page(
    tx: Transaction, tenant: Tenant, *, offset: int, limit: int, keyword: str = ""
) -> tuple[Sequence[CreditLine], int]:
    """Return the lines from that offset, newest first, and the total. keyword: part of the number or ID, in
    either case.
    """
    values = {
        "account_id": tenant.account_id,
        "environment": tenant.environment,
        "keyword": keyword.lower(),
    }
    page_text, count_text = (_FOUND, _FOUND_COUNT) if keyword else (_PAGE, _COUNT)
    rows = await tx.fetch(page_text, limit=limit, offset=offset, **values)
    counted = await tx.fetch_one(count_text, **values)
    return [_ROWS.read(row) for row in rows], 0 if counted is None else int(counted["total"])


async def older(
    tx: Transaction, tenant: Tenant, *, before: CreditPlace, limit: int
) -> Sequence[CreditLine]:
    rows = await tx.fetch(
        _OLDER,
        account_id=tenant.account_id,
        environment=tenant.environment,
        before_at=before[0],
        before_id=before[1],
        limit=limit,
    )
    return [_ROWS.read(row) for row in rows]


_ROWS = RowMapping(CreditLine)


# A subscription's order credits nothing: its invoices do.
_LINES = f"""
    SELECT id, 'payment' AS kind, order_no AS number, COALESCE(method, provider) AS method, status,
        credits_micros, pay_amount, pay_currency, created_at, paid_at AS completed_at
    FROM orders
    WHERE account_id = :account_id AND environment = :environment AND kind <> 'subscription'
    UNION ALL
    SELECT id, 'code' AS kind, id AS number, 'redemption' AS method, 'paid' AS status,
        credits_micros, 0 AS pay_amount, 'USD' AS pay_currency, created_at,
        created_at AS completed_at
    FROM code_redemptions
    WHERE account_id = :account_id AND environment = :environment
    UNION ALL
    SELECT r.transaction_id AS id, 'voucher' AS kind,
        'ATU-' || t.voucher_code_hint AS number, 'voucher' AS method,
        'paid' AS status, t.amount_cents * {MICROS_PER_CENT} AS credits_micros, 0 AS pay_amount,
        'USD' AS pay_currency, r.redeemed_at AS created_at, r.redeemed_at AS completed_at
    FROM voucher_redemptions r JOIN topups t ON t.id = r.transaction_id
    WHERE r.redeemed_by = :account_id AND r.environment = :environment AND r.settle = 'wallet'
"""

_ORDERED = "ORDER BY l.created_at DESC, l.id DESC LIMIT :limit OFFSET :offset"
# LIKE would take an ID's underscore for a wildcard.
_NARROWED = """WHERE REPLACE(LOWER(l.number), :keyword, '') <> LOWER(l.number)
    OR REPLACE(LOWER(l.id), :keyword, '') <> LOWER(l.id)"""
_PAGE = f"SELECT {_ROWS.of('l')} FROM ({_LINES}) AS l {_ORDERED}"
_OLDER = f"""SELECT {_ROWS.of("l")} FROM ({_LINES}) AS l
    WHERE l.created_at < :before_at OR (l.created_at = :before_at AND l.id < :before_id)
    ORDER BY l.created_at DESC, l.id DESC LIMIT :limit"""
_FOUND = f"SELECT {_ROWS.of('l')} FROM ({_LINES}) AS l {_NARROWED} {_ORDERED}"
_COUNT = f"SELECT COUNT(*) AS total FROM ({_LINES}) AS l"
_FOUND_COUNT = f"{_COUNT} {_NARROWED}"
