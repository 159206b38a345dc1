"""List an account's payments, redemptions, and credit that will expire or be granted later."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from billing.credits.checkin import Checkin, CheckinSettings, last_of, read_settings
from billing.ledger.chart import PAID_GRANT
from billing.ledger.money import MICROS_PER_CENT
from kernel.limits import INT64_MAX
from kernel.tenant import Tenant
from keys import sandbox_clock
from keys.account import get_account, read_tenants
from store.database import Transaction
from store.row_mapping import RowMapping


@dataclass(frozen=True, slots=True)
class CreditLine:
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
    """Return a page of lines, newest first, and the total count. `keyword` matches part of a number or ID."""
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
        _OLDER, **tenant._asdict(), before_at=before[0], before_id=before[1], limit=limit
    )
    return [_ROWS.read(row) for row in rows]


_ROWS = RowMapping(CreditLine)


# A subscription's order grants no credit; its invoices do.
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
# LIKE would treat an ID's underscore as a wildcard.
_NARROWED = """WHERE REPLACE(LOWER(l.number), :keyword, '') <> LOWER(l.number)
    OR REPLACE(LOWER(l.id), :keyword, '') <> LOWER(l.id)"""
_PAGE = f"SELECT {_ROWS.of('l')} FROM ({_LINES}) AS l {_ORDERED}"
_OLDER = f"""SELECT {_ROWS.of("l")} FROM ({_LINES}) AS l
    WHERE l.created_at < :before_at OR (l.created_at = :before_at AND l.id < :before_id)
    ORDER BY l.created_at DESC, l.id DESC LIMIT :limit"""
_FOUND = f"SELECT {_ROWS.of('l')} FROM ({_LINES}) AS l {_NARROWED} {_ORDERED}"
_COUNT = f"SELECT COUNT(*) AS total FROM ({_LINES}) AS l"
_FOUND_COUNT = f"{_COUNT} {_NARROWED}"


@dataclass(frozen=True, slots=True)
class CheckinStatus:
    """When the next check-in is possible, on the installation's clock. `next_at` is None if it is possible now."""

    settings: CheckinSettings
    last: Checkin | None
    next_at: int | None
    time_zone: str


async def free_credit(
    tx: Transaction, tenant: Tenant, *, limit: int, now_us: int
) -> tuple[CheckinStatus, Sequence[CreditLine]]:
    lines, _ = await page(tx, tenant, offset=0, limit=limit)
    settings = (await read_settings(tx, [tenant.environment]))[tenant.environment]
    last = await last_of(tx, tenant)
    ahead_us = await sandbox_clock.now_of(tx, tenant, now_us=now_us) - now_us
    next_at = None if last is None else last.next_at - ahead_us
    is_due = next_at is None or next_at <= now_us
    time_zone = (await get_account(tx, tenant.account_id)).time_zone
    return CheckinStatus(settings, last, None if is_due else next_at, time_zone), lines


SHOWN_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class EndingCredit:
    """`plan_name` is None for promotional credit."""

    amount_micros: int
    expires_at: int
    plan_name: str | None


@dataclass(frozen=True, slots=True)
class ComingCredit:
    amount_micros: int
    due_at: int
    plan_name: str


@dataclass(frozen=True, slots=True)
class CreditAhead:
    ending: list[EndingCredit]
    coming: ComingCredit | None


async def credit_ahead(tx: Transaction, tenant: Tenant, *, now_us: int) -> CreditAhead:
    own_now_us = now_us + (await read_tenants(tx, [tenant])).clocks_ahead_us.get(tenant, 0)
    rows = await tx.fetch(
        _ENDING, account_id=tenant[0], environment=tenant[1], now=own_now_us, limit=SHOWN_MAX
    )
    following = await tx.fetch_one(_COMING, account_id=tenant[0], environment=tenant[1])
    return CreditAhead(
        [EndingCredit(row[0], row[1], row[2]) for row in rows],
        None if following is None else ComingCredit(following[0], following[1], following[2]),
    )


_ENDING = f"""
SELECT l.balance_micros, l.expires_at, s.plan_name
FROM ledger_accounts l
LEFT JOIN plan_grants g ON g.id = l.name AND SUBSTR(l.name, 1, {len(PAID_GRANT)}) = '{PAID_GRANT}'
LEFT JOIN subscriptions s ON s.id = g.subscription_id
WHERE l.account_id = :account_id AND l.environment = :environment AND l.kind = 'grant'
  AND l.is_spent = 0 AND l.expires_at > :now
ORDER BY l.expires_at, l.id LIMIT :limit
"""
_COMING = """
SELECT g.credits_micros, g.due_at, s.plan_name
FROM plan_grants g JOIN subscriptions s ON s.id = g.subscription_id
WHERE g.account_id = :account_id AND g.environment = :environment AND g.due_at IS NOT NULL
  AND s.status IN ('active', 'past_due', 'paused')
ORDER BY g.due_at, g.id LIMIT 1
"""
