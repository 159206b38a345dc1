"""What was charged, what it cost and what is left, by day, platform and supplier."""

from collections.abc import Sequence
from dataclasses import replace

from billing.reports.revenue import MarginBy, MarginLine, MarginPeriod, margin_lines
from billing.topups.platform import BUILT_IN, FeeRule
from billing.topups.reverse import Reverse
from kernel.clock import FixedClock, parse_rfc3339
from store.database import Database
from tests.support.funded_account import SLOW, open_funded_account
from tests.support.platform_book import same_everywhere


async def test_delivered_top_ups_are_added_up_and_no_others(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    dear = [replace(one, fee=FeeRule(50)) for one in (*BUILT_IN, SLOW)]
    account.rules.platforms.by_environment = same_everywhere(dear).by_environment
    await account.send(1000)
    clock.advance_s(36 * 3600)  # 2026-06-15T00:00:00Z
    for cost_cents in (900, None):
        pending = await account.send(2000, platform="slow")
        await account.hand_over(pending.topup.id, seen=0)
        await account.settle(pending.topup.id, "delivered", by="slow", cost_cents=cost_cents)
    await account.cancel((await account.send(5000, platform="slow")).topup.id)
    await account.send(7000, to="pending@sandbox.test")
    back = await account.send(8000)
    await account.engine.submit(Reverse(back.topup.id, account.principal.tenant, reason="no"))

    since, until = parse_rfc3339("2026-06-01T00:00:00Z"), parse_rfc3339("2026-06-15T00:00:01Z")

    async def added_up(
        *by: MarginBy, end: int = until, platform: str | None = None
    ) -> Sequence[MarginLine]:
        # Two at once: what is read apart is added up.
        period = MarginPeriod("staging", since, end, platform)
        return await margin_lines(database, period, by=by, read_at_once=2)

    grouped, whole = await added_up("day", "supplier"), await added_up()
    of_claude = await added_up("account", platform="claude")
    before = await added_up("platform", end=until - 1_000_000)

    first = MarginLine(
        day="2026-06-13",
        platform=None,
        supplier="wallet",
        account=None,
        topups=1,
        amount_cents=1000,
        fee_cents=50,
        charged_cents=1050,
        cost_cents=0,
        margin_cents=0,
        without_cost=1,
    )
    second = MarginLine(
        day="2026-06-15",
        platform=None,
        supplier="slow",
        account=None,
        topups=2,
        amount_cents=4000,
        fee_cents=100,
        charged_cents=4100,
        cost_cents=900,
        margin_cents=1150,
        without_cost=1,
    )
    assert list(grouped) == [first, second]
    assert [(one.account, one.topups) for one in of_claude] == [(account.account_id, 1)]
    assert [(one.platform, one.charged_cents) for one in before] == [("claude", 1050)]
    assert [(one.topups, one.charged_cents, one.margin_cents) for one in whole] == [(3, 5150, 1150)]
