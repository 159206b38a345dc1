"""Publish credit.expiring some days before credit expires, once for each lead time.

After an outage, only the shortest of the missed lead times is reported.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from billing.credits.grant import EndOfCredit
from billing.engine.batch_state import BatchState, ReadSet, WorkingSet
from billing.ledger.chart import PAID_GRANT
from billing.recipients import owner_mail
from billing.recipients.owner_mail import OwnerMail, new_owner_mail
from billing.subscriptions.plan_credit import end_of, goes_on
from billing.subscriptions.working_set import SubscriptionWorkingSet
from kernel.clock import DAY_US
from kernel.tenant import Tenant
from store.database import Transaction


@dataclass(frozen=True, slots=True)
class EndingGrant:
    tenant: Tenant
    ledger_account_id: str
    days_before: int
    plan_id: str | None
    subscription_id: str | None


class ExpiryNotices(WorkingSet):
    rank = 45

    def __init__(self) -> None:
        self.wanted: set[str] = set()
        self._told: set[tuple[str, int]] = set()
        self._new: list[tuple[str, int, str, str]] = []
        self._mails: list[OwnerMail] = []

    async def load(self, tx: Transaction, read_set: ReadSet, now_us: int) -> None:  # noqa: ARG002
        rows = await tx.fetch(
            """SELECT ledger_account_id, days_before FROM expiry_notices
               WHERE ledger_account_id IN :ids[text]""",
            ids=sorted(self.wanted),
        )
        self._told = {(row[0], row[1]) for row in rows}

    async def update(self, tx: Transaction, now_us: int) -> None:
        await tx.insert(
            "expiry_notices",
            ("ledger_account_id", "days_before", "account_id", "environment", "created_at"),
            [(*one, now_us) for one in sorted(self._new)],
        )
        await owner_mail.insert(tx, self._mails)

    def mail_owner(self, mail: OwnerMail) -> None:
        self._mails.append(mail)

    def note(self, grant: EndingGrant) -> bool:
        place = (grant.ledger_account_id, grant.days_before)
        if place in self._told:
            return False
        self.changes += 1
        self._told.add(place)
        self._new.append((*place, *grant.tenant))
        return True


@dataclass(frozen=True, slots=True)
class NotifyExpiring:
    grant: EndingGrant

    def declare(self, read_set: ReadSet) -> None:
        read_set.tenants.add(self.grant.tenant)
        read_set.working_set(ExpiryNotices).wanted.add(self.grant.ledger_account_id)
        if self.grant.subscription_id is not None:
            read_set.working_set(SubscriptionWorkingSet).ids.add(self.grant.subscription_id)

    def decide(self, state: BatchState) -> bool:
        one = self.grant
        alive = state.ledger.grants(one.tenant, state.now_us)
        account = next((each for each in alive if each.id == one.ledger_account_id), None)
        if account is None or not state.working_set(ExpiryNotices).note(one):
            return False
        end, kept = EndOfCredit.of(account), 0
        if one.subscription_id is not None:
            working_set = state.working_set(SubscriptionWorkingSet)
            part = working_set.plan_grants.find(account.name)
            assert part is not None, "the grant is its part's"
            subscription = working_set.find(one.subscription_id, one.tenant)
            end, kept = end_of(part), goes_on(state, subscription, part)
        if kept == account.balance_micros:
            return False
        shape = end.shape(account.balance_micros - kept)
        told = {**shape, "days_before": one.days_before, "rolls_over_micros": kept}
        state.publish(one.tenant, "credit.expiring", told)
        if told["amount_cents"] > 0:
            mail = new_owner_mail(state, one.tenant, "credit_expiring", data=told)
            state.working_set(ExpiryNotices).mail_owner(mail)
        return True


async def due(
    tx: Transaction,
    lead_days: Sequence[int],
    *,
    now_us: int,
    limit: int,
    exclude_ids: Sequence[str] = (),
    looked_until: int | None = None,
) -> list[EndingGrant]:
    """Return grants that expire soon, at most `limit` for each lead time.

    Skip grants that were due before `looked_until`, unless their tenant has its own clock.
    """
    found = []
    leads = sorted(set(lead_days))
    for nearer, days in zip([0, *leads], leads, strict=False):
        rows = await tx.fetch(
            _DUE,
            after=now_us + nearer * DAY_US,
            unseen=max(now_us + nearer * DAY_US, (looked_until or 0) + days * DAY_US),
            until=now_us + days * DAY_US,
            days=days,
            lead=days * DAY_US,
            limit=limit,
            exclude_ids=exclude_ids,
        )
        found += [EndingGrant(Tenant(row[0], row[1]), row[2], days, row[3], row[4]) for row in rows]
    return found


def _ending(after: str, ahead: str = "") -> str:
    return f"""l.kind = 'grant' AND l.is_spent = 0
        AND l.expires_at > :{after}{ahead} AND l.expires_at <= :until{ahead}
        AND l.created_at + :lead < l.expires_at AND NOT l.id IN :exclude_ids[text]
        AND NOT EXISTS (SELECT 1 FROM expiry_notices n
            WHERE n.ledger_account_id = l.id AND n.days_before = :days)"""


_DUE = f"""
SELECT w.account_id, w.environment, w.id, g.plan_id, g.subscription_id FROM (
    SELECT plain.account_id, plain.environment, plain.id, plain.name FROM (
        SELECT l.account_id, l.environment, l.id, l.name FROM ledger_accounts l
        WHERE {_ending("unseen")} AND NOT EXISTS (SELECT 1 FROM account_environments a
            WHERE a.account_id = l.account_id AND a.environment = l.environment
              AND a.clock_ahead_us > 0)
        ORDER BY l.expires_at LIMIT :limit) AS plain
    UNION ALL
    SELECT l.account_id, l.environment, l.id, l.name
    FROM account_environments e CROSS JOIN ledger_accounts l
    WHERE e.clock_ahead_us > 0 AND l.account_id = e.account_id AND l.environment = e.environment
      AND {_ending("after", " + e.clock_ahead_us")}) AS w
LEFT JOIN plan_grants g ON g.id = w.name AND SUBSTR(w.name, 1, {len(PAID_GRANT)}) = '{PAID_GRANT}'
ORDER BY w.id LIMIT :limit
"""
