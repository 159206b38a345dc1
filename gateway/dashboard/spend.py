"""Add up usage by day, model and key, for several pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from billing.reports.usage_report import UsageSum, UsageWanted, usage_sums
from gateway.html.chart import Chart, spend_bars
from gateway.html.phrase import phrase
from kernel.clock import DAY_US
from kernel.tenant import Tenant
from store.database import Database, Transaction

DAYS: Final = 30
GROUPS_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class SpendGroups:
    """`rest` is the sum of the groups that aren't shown."""

    shown: Sequence[UsageSum]
    rest_count: int
    rest: UsageSum | None


@dataclass(frozen=True, slots=True)
class Spend:
    chart: Chart
    total: UsageSum | None
    models: SpendGroups
    keys: SpendGroups


async def spend_of(database: Database, tenant: Tenant, wanted: UsageWanted) -> Spend:
    """Read the sums. `since` and `until` are the starts of UTC days."""

    async def work(tx: Transaction) -> Spend:
        days = await usage_sums(tx, tenant, wanted, "day")
        models = await usage_sums(tx, tenant, wanted, "model")
        keys = await usage_sums(tx, tenant, wanted, "key")
        total = await usage_sums(tx, tenant, wanted)
        by_day: Mapping[int, int] = {one.day_start_at or 0: one.amount_micros for one in days}
        chart = spend_bars(phrase("Spent a day"), by_day, since=wanted.since, until=wanted.until)
        return Spend(chart, total[0] if total else None, _groups(models), _groups(keys))

    return await database.read(work)


def _groups(found: Sequence[UsageSum]) -> SpendGroups:
    others = found[GROUPS_SHOWN:]
    if not others:
        return SpendGroups(found, 0, None)
    rest = UsageSum(
        records=sum(one.records for one in others),
        amount_micros=sum(one.amount_micros for one in others),
        input_tokens=sum(one.input_tokens for one in others),
        output_tokens=sum(one.output_tokens for one in others),
        cached_tokens=sum(one.cached_tokens for one in others),
    )
    return SpendGroups(found[:GROUPS_SHOWN], len(others), rest)


def last_days(now_us: int, **narrowed: Any) -> UsageWanted:
    until = now_us - now_us % DAY_US + DAY_US
    return UsageWanted(since=until - DAYS * DAY_US, until=until, **narrowed)
