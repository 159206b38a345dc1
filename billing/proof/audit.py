"""Audit an installation: first the ledger's rules, then payments, events and settings."""

from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import Final

from billing.ledger import audit as ledger
from billing.ledger.audit import STEPS, WHOLE_UP_TO, Basis, Finding, Steps
from billing.proof.billed_documents import DocumentCheck, NotedCheck, SeriesCheck
from billing.proof.check import Check, findings_at_once, findings_of
from billing.proof.logged_settings import PriceCheck, SettingCheck
from billing.proof.sales import (
    OrderCheck,
    PeriodCheck,
    RefundCheck,
    SubscriptionCheck,
    UncreditedCheck,
)
from billing.proof.spent_windows import WindowCheck
from billing.proof.standing_rows import LINKS, OF_ACCOUNTS, OF_ENVIRONMENTS, LinkCheck, RowCheck
from billing.proof.told_events import EventCheck
from kernel.tenant import Tenant
from keys.principal import ENVIRONMENTS
from store.database import Database, Transaction

CHECKS: Final[Sequence[Callable[[], Check]]] = (
    OrderCheck,
    RefundCheck,
    PeriodCheck,
    SubscriptionCheck,
    UncreditedCheck,
    DocumentCheck,
    partial(NotedCheck, "orders"),
    partial(NotedCheck, "subscription_periods"),
    EventCheck,
    SettingCheck,
    WindowCheck,
    *(partial(RowCheck, rule) for rule in OF_ACCOUNTS),
)
SHARED_CHECKS: Final[Sequence[Callable[[], Check]]] = (
    SettingCheck,
    PriceCheck,
    SeriesCheck,
    *(partial(RowCheck, rule) for rule in OF_ENVIRONMENTS),
    *(partial(LinkCheck, link) for link in LINKS),
)


def rules() -> list[str]:
    said = [*ledger.rules(), *(one for check in (*CHECKS, *SHARED_CHECKS) for one in check().rules)]
    return list(dict.fromkeys(said))


async def audit(
    database: Database,
    environment: str = "",
    *,
    basis: Basis | None = None,
    whole_up_to: int = WHOLE_UP_TO,
    steps: Steps = STEPS,
) -> AsyncIterator[Finding]:
    async for finding in ledger.audit(
        database, environment, basis=basis, whole_up_to=whole_up_to, steps=steps, more=_checked
    ):
        yield finding
    for one in ENVIRONMENTS:
        if environment in {"", one}:
            checks = [check() for check in SHARED_CHECKS]
            async for finding in findings_of(database, checks, Tenant("", one), since_us=0):
                yield finding


async def findings_in(tx: Transaction, tenant: Tenant) -> Sequence[Finding]:
    """Check a small account in the caller's snapshot, or the environment if no account is given."""
    if not tenant.account_id:
        return await findings_at_once(tx, [check() for check in SHARED_CHECKS], tenant)
    found = list(await ledger.whole(tx, tenant=tenant))
    return [*found, *await findings_at_once(tx, [check() for check in CHECKS], tenant)]


def _checked(database: Database, tenant: Tenant, since_us: int) -> AsyncIterator[Finding]:
    return findings_of(database, [check() for check in CHECKS], tenant, since_us=since_us)


__all__ = ["Finding", "audit", "findings_in", "rules"]
