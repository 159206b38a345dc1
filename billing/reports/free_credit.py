"""Credit without a payment for its account's pages: the check-in, and recent credit."""

from collections.abc import Sequence
from dataclasses import dataclass

from billing.credits.checkin import Checkin, last_of
from billing.credits.checkin_settings import CheckinSettings, read_settings
from billing.reports import credit_history
from billing.reports.credit_history import CreditLine
from kernel.tenant import Tenant
from keys import sandbox_clock
from keys.account import get_account
from store.database import Transaction


@dataclass(frozen=True, slots=True)
class CheckinStatus:
    """next_at is by our clock; null: now."""

    settings: CheckinSettings
    last: Checkin | None
    next_at: int | None
    time_zone: str


async def free_credit(
    tx: Transaction, tenant: Tenant, *, limit: int, now_us: int
) -> tuple[CheckinStatus, Sequence[CreditLine]]:
    lines, _ = await credit_history.page(tx, tenant, offset=0, limit=limit)
    settings = (await read_settings(tx, [tenant.environment]))[tenant.environment]
    last = await last_of(tx, tenant)
    ahead_us = await sandbox_clock.now_of(tx, tenant, now_us=now_us) - now_us
    next_at = None if last is None else last.next_at - ahead_us
    is_due = next_at is None or next_at <= now_us
    time_zone = (await get_account(tx, tenant.account_id)).time_zone
    return CheckinStatus(settings, last, None if is_due else next_at, time_zone), lines
