"""Store the parts of a plan's credit, with their amounts, times and states.

A part that expires has its own ledger account of kind grant, named by the part's ID. Writers hold the account's
lock.
"""

from collections.abc import Iterable, Sequence
from typing import Literal

from billing.catalog.grant_terms import NEVER
from billing.ledger.chart import PAID_GRANT
from kernel.tenant import OfTenant, Tenant
from store.database import Row, Transaction
from store.row_mapping import RowMapping


class PlanGrant(OfTenant, frozen=True, kw_only=True):
    id: str
    subscription_id: str
    period_id: str
    plan_id: str
    kind: Literal["part", "rollover"] = "part"
    expires: str
    starts_at: int
    ends_at: int
    due_at: int | None = None
    granted_at: int | None = None
    expires_at: int | None = None
    credits_micros: int
    granted_micros: int = 0
    debt_micros: int = 0
    expired_micros: int = 0
    unreported_micros: int = 0
    rolled_micros: int = 0
    reversed_micros: int = 0
    reversed_expired_micros: int = 0
    created_at: int

    @property
    def is_apart(self) -> bool:
        return self.expires != NEVER

    @property
    def ungiven_micros(self) -> int:
        return self.credits_micros - self.granted_micros


class PlanGrants:
    def __init__(self) -> None:
        self.changes = 0
        self._known: dict[str, PlanGrant] = {}
        self._changed: set[str] = set()

    def take(self, found: Iterable[PlanGrant]) -> None:
        self._known.update({one.id: one for one in found})

    def find(self, grant_id: str) -> PlanGrant | None:
        return self._known.get(grant_id)

    def of_period(self, period_id: str) -> Sequence[PlanGrant]:
        return sorted(
            (
                one
                for one in self._known.values()
                if (one.period_id, one.kind) == (period_id, "part")
            ),
            key=_order,
        )

    def of_subscription(self, subscription_id: str) -> Sequence[PlanGrant]:
        return sorted(
            (one for one in self._known.values() if one.subscription_id == subscription_id),
            key=_order,
        )

    def of_plan(self, tenant: Tenant, plan_id: str) -> Sequence[PlanGrant]:
        return sorted(
            (
                one
                for one in self._known.values()
                if one.tenant == tenant and one.plan_id == plan_id
            ),
            key=_order,
        )

    def save(self, grant: PlanGrant) -> PlanGrant:
        self.changes += 1
        self._known[grant.id] = grant
        self._changed.add(grant.id)
        return grant

    @property
    def changed(self) -> Sequence[PlanGrant]:
        return [self._known[one] for one in sorted(self._changed)]


def ungiven_of(grants: Iterable[PlanGrant]) -> int:
    return sum(one.ungiven_micros for one in grants)


async def load(tx: Transaction, tenants: Iterable[Tenant]) -> list[PlanGrant]:
    rows = await tx.fetch(_LOAD, tenants=sorted(set(tenants)))
    return [_ROWS.read(row) for row in rows]


async def save(tx: Transaction, grants: Sequence[PlanGrant]) -> None:
    await tx.insert(
        "plan_grants",
        _ROWS.columns,
        [_ROWS.write(one) for one in grants],
        on_conflict=f"ON CONFLICT (id) DO UPDATE SET {_UPDATED}",
    )


async def due(
    tx: Transaction, *, now_us: int, limit: int, exclude_ids: Sequence[str] = ()
) -> dict[Tenant, list[str]]:
    return _by_tenant(await tx.fetch(_DUE, now=now_us, limit=limit, exclude_ids=exclude_ids))


async def expired(
    tx: Transaction, *, now_us: int, limit: int, exclude_ids: Sequence[str] = ()
) -> dict[Tenant, list[str]]:
    return _by_tenant(await tx.fetch(_EXPIRED, now=now_us, limit=limit, exclude_ids=exclude_ids))


def _by_tenant(rows: Sequence[Row]) -> dict[Tenant, list[str]]:
    found: dict[Tenant, list[str]] = {}
    for row in rows:
        found.setdefault(Tenant(row[0], row[1]), []).append(row[2])
    return found


def _order(one: PlanGrant) -> tuple[int, str]:
    return one.starts_at, one.id


_ROWS = RowMapping(PlanGrant)
_LOAD = f"""
SELECT {_ROWS.of("g")} FROM :tenants[account_id text, environment text] AS v
CROSS JOIN plan_grants g
WHERE g.account_id = v.account_id AND g.environment = v.environment
"""
_UPDATED = ", ".join(
    f"{name} = excluded.{name}"
    for name in (
        "credits_micros",
        "due_at",
        "granted_at",
        "expires_at",
        "granted_micros",
        "debt_micros",
        "expired_micros",
        "unreported_micros",
        "rolled_micros",
        "reversed_micros",
        "reversed_expired_micros",
    )
)
_DUE = """
SELECT g.account_id, g.environment, g.subscription_id FROM (
    SELECT plain.id FROM (
        SELECT id FROM plan_grants
        WHERE due_at IS NOT NULL AND due_at <= :now AND NOT subscription_id IN :exclude_ids[text]
        ORDER BY due_at LIMIT :limit) AS plain
    UNION
    SELECT p.id FROM account_environments e CROSS JOIN plan_grants p
    WHERE e.clock_ahead_us > 0 AND p.account_id = e.account_id AND p.environment = e.environment
      AND p.due_at IS NOT NULL AND p.due_at <= :now + e.clock_ahead_us
      AND NOT p.subscription_id IN :exclude_ids[text]) AS w
CROSS JOIN plan_grants g
WHERE g.id = w.id
GROUP BY g.account_id, g.environment, g.subscription_id
ORDER BY g.account_id, g.environment, g.subscription_id LIMIT :limit
"""
_IS_PAID = f"SUBSTR({{name}}, 1, {len(PAID_GRANT)}) = '{PAID_GRANT}'"
_EXPIRED = f"""
SELECT g.account_id, g.environment, g.subscription_id FROM (
    SELECT plain.name FROM (
        SELECT a.name FROM ledger_accounts a CROSS JOIN plan_grants p
        WHERE a.kind = 'grant' AND a.is_spent = 0 AND a.expires_at <= :now
          AND {_IS_PAID.format(name="a.name")}
          AND p.id = a.name AND NOT p.subscription_id IN :exclude_ids[text]
        ORDER BY a.expires_at LIMIT :limit) AS plain
    UNION
    SELECT l.name FROM account_environments e CROSS JOIN ledger_accounts l
    WHERE e.clock_ahead_us > 0 AND l.account_id = e.account_id AND l.environment = e.environment
      AND l.kind = 'grant' AND l.is_spent = 0 AND {_IS_PAID.format(name="l.name")}
      AND l.expires_at <= :now + e.clock_ahead_us) AS w
CROSS JOIN plan_grants g
WHERE g.id = w.name AND NOT g.subscription_id IN :exclude_ids[text]
GROUP BY g.account_id, g.environment, g.subscription_id
ORDER BY g.account_id, g.environment, g.subscription_id LIMIT :limit
"""
