"""Entitlements: what an account's plan allows, and how often it was used.

Each use has a reference and is counted once, under the account's lock. A refused use isn't counted.
"""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from billing.catalog import grant_terms, plan as plans
from billing.catalog.grant_terms import UseLimit
from billing.engine.batch_state import BatchState, ReadSet, WorkingSet
from billing.subscriptions import records as subscription_rows
from billing.subscriptions.subscription import LIVING, Subscription
from billing.topups.topup import DuplicateReference
from kernel.clock import DAY_US, day_start_us, month_start_us, next_month_start_us
from kernel.errors import NotFound
from kernel.fields import Fields, Page
from kernel.shaped import Shaped
from kernel.tenant import Tenant
from kernel.words import CallerReferenceField, Count, Time
from keys.account import read_tenants
from keys.act import MERCHANT, ActContext, CallContext, EngineAct, ListAct, ReadAct
from store.database import Transaction
from store.keyset import Begin
from store.row_mapping import RowMapping

PaidSpan = tuple[int, int]  # start and end of a paid period, in microseconds on the account's clock


class UnknownEntitlement(NotFound):
    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__("Entitlement", param="name")
        alike = difflib.get_close_matches(name, sorted(set(known)), n=1)
        if alike:
            self.extra["did_you_mean"] = alike[0]


class EntitlementState(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    allowed: bool
    limit: int | None = None
    used: int = 0
    resets_at: int | None = None


class UseCount(msgspec.Struct, frozen=True, gc=False):
    account_id: str
    environment: str
    name: str
    window_start_at: int
    used: int


def entitlements_of(
    plan: Subscription | None, now_us: int
) -> Mapping[str, grant_terms.Entitlement]:
    """Return the plan's entitlements.

    They end when the paid time ends, even if a pause has postponed the next charge.
    """
    if plan is None or plan.status not in LIVING:
        return {}
    paid_until_at = plan.paid_until_at or 0
    is_put_off = plan.status == "paused" or (plan.charge_at or 0) > paid_until_at
    if is_put_off and now_us >= paid_until_at:
        return {}
    return plan.grant_terms.entitlements


def window_of(limit: UseLimit, period: PaidSpan | None, now_us: int) -> PaidSpan:
    if limit.period == "day":
        start = day_start_us(now_us)
        return start, start + DAY_US
    if limit.period == "month" or period is None:
        return month_start_us(now_us), next_month_start_us(now_us)
    return period


def state_of(
    name: str,
    one: grant_terms.Entitlement | None,
    count: UseCount | None,
    *,
    period: PaidSpan | None,
    now_us: int,
) -> EntitlementState:
    if isinstance(one, UseLimit):
        start, until = window_of(one, period, now_us)
        used = count.used if count is not None and count.window_start_at == start else 0
        return EntitlementState(
            name=name, allowed=used < one.limit, limit=one.limit, used=used, resets_at=until
        )
    return EntitlementState(name=name, allowed=bool(one))


PRUNED_MAX: Final = 500
_Use = tuple[str, str, str]


class EntitlementWorkingSet(WorkingSet):
    rank = 75

    def __init__(self) -> None:
        self.tenants: set[Tenant] = set()
        self.references: set[_Use] = set()
        self._plans: dict[Tenant, Subscription] = {}
        self._periods: dict[str, list[PaidSpan]] = {}
        self._known: dict[str, set[str]] = {}
        self._counts: dict[_Use, UseCount] = {}
        self._used: dict[_Use, tuple[str, int]] = {}
        self._changed: dict[_Use, UseCount] = {}
        self._new: list[tuple[object, ...]] = []

    async def load(self, tx: Transaction, read_set: ReadSet, now_us: int) -> None:  # noqa: ARG002
        await self.load_plans(tx)
        rows = await tx.fetch(_USED, pairs=sorted(self.references))
        self._used = {(row[0], row[1], row[2]): (row[3], row[4]) for row in rows}

    async def load_plans(self, tx: Transaction) -> None:
        self._plans = await subscription_rows.load_living(tx, self.tenants)
        self._periods = await _spans(tx, self._plans.values())
        for environment in sorted({tenant.environment for tenant in self.tenants}):
            self._known[environment] = await _sold_names(tx, environment)
        for count in await _counts(tx, self.tenants):
            self._counts[count.account_id, count.environment, count.name] = count

    async def update(self, tx: Transaction, now_us: int) -> None:
        await tx.insert(
            "entitlement_counts",
            _COUNTS.columns,
            [_COUNTS.write(one) for _, one in sorted(self._changed.items())],
            on_conflict="""ON CONFLICT (account_id, environment, name) DO UPDATE SET
                window_start_at = excluded.window_start_at, used = excluded.used""",
        )
        await tx.insert("entitlement_uses", _USE_COLUMNS, [(*one, now_us) for one in self._new])

    def state(self, tenant: Tenant, name: str, now_us: int) -> EntitlementState:
        plan = self._plans.get(tenant)
        own = entitlements_of(plan, now_us)
        if name not in own and name not in self._known[tenant.environment]:
            raise UnknownEntitlement(name, {*own, *self._known[tenant.environment]})
        count = self._counts.get((*tenant, name))
        return state_of(
            name, own.get(name), count, period=self._period(plan, now_us), now_us=now_us
        )

    def names(self, tenant: Tenant, now_us: int) -> list[str]:
        return sorted(entitlements_of(self._plans.get(tenant), now_us))

    def known_use(self, tenant: Tenant, reference: str) -> tuple[str, int] | None:
        return self._used.get((*tenant, reference))

    def count(
        self, tenant: Tenant, name: str, count: int, *, reference: str, key_id: str | None
    ) -> None:
        self.changes += 1
        place = (*tenant, name)
        counted = self._counts[place]
        self._counts[place] = self._changed[place] = replace(counted, used=counted.used + count)
        self._used[*tenant, reference] = (name, count)
        self._new.append((*tenant, reference, name, count, key_id))

    def begin(self, tenant: Tenant, name: str, now_us: int) -> None:
        plan = self._plans[tenant]
        limit = plan.grant_terms.entitlements[name]
        assert isinstance(limit, UseLimit), "it is counted"
        start, _ = window_of(limit, self._period(plan, now_us), now_us)
        count = self._counts.get((*tenant, name))
        if count is None or count.window_start_at != start:
            self._counts[*tenant, name] = UseCount(*tenant, name, start, 0)

    def _period(self, plan: Subscription | None, now_us: int) -> PaidSpan | None:
        spans = [] if plan is None else self._periods.get(plan.id, [])
        return max((one for one in spans if one[0] <= now_us), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class UseEntitlement:
    """Count uses of an entitlement. Raise DuplicateReference if the reference was already used for something else."""

    tenant: Tenant
    name: str
    count: int
    reference: str
    key_id: str | None

    def declare(self, read_set: ReadSet) -> None:
        read_set.tenants.add(self.tenant)
        working_set = read_set.working_set(EntitlementWorkingSet)
        working_set.tenants.add(self.tenant)
        working_set.references.add((*self.tenant, self.reference))

    def decide(self, state: BatchState) -> EntitlementState:
        working_set, now_us = state.working_set(EntitlementWorkingSet), state.now_of(self.tenant)
        found = working_set.state(self.tenant, self.name, now_us)
        known = working_set.known_use(self.tenant, self.reference)
        if known is not None:
            if known != (self.name, self.count):
                raise DuplicateReference(
                    "The `reference` was already used for another entitlement or `count`.",
                    param="reference",
                )
            return replace(found, allowed=True)
        if found.limit is None:
            return found
        if found.used + self.count > found.limit:
            return replace(found, allowed=False)
        working_set.begin(self.tenant, self.name, now_us)
        working_set.count(
            self.tenant, self.name, self.count, reference=self.reference, key_id=self.key_id
        )
        return replace(found, allowed=True, used=found.used + self.count)


async def read_state(
    tx: Transaction, tenant: Tenant, name: str, *, now_us: int
) -> EntitlementState:
    working_set, own_now_us = await _read(tx, tenant, now_us)
    return working_set.state(tenant, name, own_now_us)


async def read_states(tx: Transaction, tenant: Tenant, *, now_us: int) -> list[EntitlementState]:
    working_set, own_now_us = await _read(tx, tenant, now_us)
    names = working_set.names(tenant, own_now_us)
    return [working_set.state(tenant, name, own_now_us) for name in names]


async def prune_uses(tx: Transaction, *, environment: str, before_us: int) -> int:
    return await tx.execute(
        """DELETE FROM entitlement_uses
           WHERE environment = :environment AND (account_id, reference) IN (
               SELECT account_id, reference FROM entitlement_uses
               WHERE environment = :environment AND created_at < :before_us
               ORDER BY created_at LIMIT :limit)""",
        environment=environment,
        before_us=before_us,
        limit=PRUNED_MAX,
    )


async def _read(tx: Transaction, tenant: Tenant, now_us: int) -> tuple[EntitlementWorkingSet, int]:
    working_set = EntitlementWorkingSet()
    working_set.tenants.add(tenant)
    await working_set.load_plans(tx)
    ahead_us = (await read_tenants(tx, [tenant])).clocks_ahead_us.get(tenant, 0)
    return working_set, now_us + ahead_us


async def _spans(tx: Transaction, living: Iterable[Subscription]) -> dict[str, list[PaidSpan]]:
    """Return the paid periods of each subscription. Leave out prorated periods, which don't restart the count."""
    periods = await subscription_rows.load_periods(tx, [one.id for one in living])
    return {
        subscription_id: [
            (period.period_start_at, period.period_end_at)
            for period in found
            if not period.is_prorated
        ]
        for subscription_id, found in periods.items()
    }


async def _sold_names(tx: Transaction, environment: str) -> set[str]:
    listed = await plans.list_plans(tx, environment, with_inactive=True)
    return {name for plan in listed for name in plan.grant_terms.entitlements}


async def _counts(tx: Transaction, tenants: Iterable[Tenant]) -> list[UseCount]:
    rows = await tx.fetch(_COUNTED, tenants=sorted(set(tenants)))
    return [_COUNTS.read(row) for row in rows]


_COUNTS = RowMapping(UseCount)
_USE_COLUMNS = ("account_id", "environment", "reference", "name", "count", "key_id", "created_at")
_COUNTED = f"""
SELECT {_COUNTS.of("c")} FROM :tenants[account_id text, environment text] AS v
CROSS JOIN entitlement_counts c
WHERE c.account_id = v.account_id AND c.environment = v.environment
"""
_USED = """
SELECT u.account_id, u.environment, u.reference, u.name, u.count
FROM :pairs[account_id text, environment text, reference text] AS v
CROSS JOIN entitlement_uses u
WHERE u.account_id = v.account_id AND u.environment = v.environment
  AND u.reference = v.reference
"""


_COUNT_MAX: Final = 1_000_000
_ASKS: Final = ("billing:read", "usage:write", "general_api_access")
_PATH: Final = "/entitlements/{entitlement_name}"


class Entitlement(Shaped, kw_only=True):
    """Whether the account may use an entitlement now."""

    name: Annotated[str, Meta(description="The entitlement's name in the plan.")]
    allowed: Annotated[
        bool,
        Meta(
            description="In a query: whether at least one more use is allowed. After a use: whether it was counted."
        ),
    ]
    limit: Annotated[int | None, Meta(description="Uses allowed in a period; null for any number.")]
    used: Annotated[Count, Meta(description="The number of uses since the last reset.")]
    resets_at: Annotated[Time | None, Meta(description="When the count is reset, if ever.")]


class UseBody(Fields, frozen=True, kw_only=True):
    """The number of uses to count. A repeated reference is counted only once."""

    reference: Annotated[
        CallerReferenceField, Meta(description="Your own unique reference for this use.")
    ]
    count: Annotated[int, Meta(ge=1, le=_COUNT_MAX, description="The number of uses.")] = 1


async def list_all(
    context: ActContext, _asked: Page, _begin: Begin, _limit: int
) -> Sequence[EntitlementState]:
    return await read_states(context.tx, context.tenant, now_us=context.now_us)


async def show(context: ActContext) -> EntitlementState:
    return await read_state(context.tx, context.tenant, context.object_id, now_us=context.now_us)


async def use(context: CallContext, asked: UseBody) -> UseEntitlement:
    return UseEntitlement(
        tenant=context.tenant,
        name=context.object_id,
        count=asked.count,
        reference=asked.reference,
        key_id=None if context.asker is None else context.asker.key_id,
    )


ACTS: Final = (
    ListAct(
        name="entitlements.list",
        summary="List what the account's plan entitles it to",
        description="Without a plan the list is empty.",
        path="/entitlements",
        scopes=_ASKS,
        audience=(MERCHANT,),
        query=Page,
        run=list_all,
        result=Entitlement,
        named_by="name",
    ),
    ReadAct(
        name="entitlements.show",
        summary="Check whether the account may use an entitlement now",
        description="If only another plan has this entitlement, `allowed` is false. If no plan has it, the response"
        " is 404 with `did_you_mean`.",
        path=_PATH,
        scopes=_ASKS,
        audience=(MERCHANT,),
        run=show,
        result=Entitlement,
        refuses=(UnknownEntitlement,),
    ),
    EngineAct(
        name="entitlements.use",
        summary="Count uses of a limited entitlement",
        description="If the limit doesn't allow that many uses, `allowed` is false and nothing is counted. Repeating"
        " a reference returns `allowed` true and counts nothing.",
        path=f"{_PATH}/use",
        scopes=("usage:write", "advanced_access"),
        audience=(MERCHANT,),
        input=UseBody,
        command=use,
        result=Entitlement,
        refuses=(UnknownEntitlement, DuplicateReference),
    ),
)
