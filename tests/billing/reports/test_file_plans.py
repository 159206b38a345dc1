"""On SQLite, no list, search, margin or comparison goes through a table that grows.

SQLite plans by the text alone, without statistics: what it says of an empty file is what it does in one of many gigabytes.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

import pytest

from billing.reconciliation import supplier_part
from billing.reconciliation.differences import Comparison
from billing.reports.find_by_id import PLACES, find_by_id, search_account, search_all
from billing.reports.revenue import MARGIN_BY, MarginPeriod, margin_lines
from billing.topups import queries
from billing.topups.queries import TopUpFilter
from kernel.clock import DAY_US, FixedClock
from kernel.ids import new_id
from keys.principal import ACCOUNT_SCOPES, ADMIN
from store.database import Database, Transaction, Work
from store.keyset import ListPlace
from store.schema import metadata
from tests.billing.engine.test_query_plans import Recorder, Recording, Said
from tests.support.funded_account import open_funded_account
from webhooks.deliveries.log import DeliveryFilter, list_deliveries
from webhooks.events.log import list_events

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ENVIRONMENT: Final = "staging"
PERIOD: Final = MarginPeriod(ENVIRONMENT, 0, DAY_US, platform="claude")
EVERYTHING: Final = frozenset({*ACCOUNT_SCOPES, ADMIN})
ID_PREFIXES: Final = (*PLACES, "req")
# The words of a search, of which each table is asked in its own way.
WORDS: Final = ("REF-1", "user@example.com", "https://example.com")
TOPUP_FILTERS: Final = (
    TopUpFilter(),
    TopUpFilter(status="failed"),
    TopUpFilter(status="delivered"),
    TopUpFilter(platform="claude"),
    TopUpFilter(recipient_email="user@example.com"),
    TopUpFilter(reference="r"),
    TopUpFilter(key_id="key_1"),
    TopUpFilter(created_after=1, created_before=2),
)
DELIVERY_FILTERS: Final = (
    DeliveryFilter(),
    DeliveryFilter(status="failed"),
    DeliveryFilter(status="delivered"),
    DeliveryFilter(endpoint_id="we_1"),
    DeliveryFilter(event_type="topup.delivered"),
    DeliveryFilter(event_type="voucher.redeemed", status="failed"),
    DeliveryFilter(transaction_id="txn_1"),
    DeliveryFilter(created_after=1, created_before=2),
)
_SCAN: Final = re.compile(r"SCAN (\w+)")
_BY_ACCOUNT: Final = re.compile(r"SEARCH \w+ USING .*\((account_id=\?)?( AND environment=\?)?\)$")


class NotedReads(Recording):
    """A database whose reads are noted, too."""

    async def read(self, work: Work[Any], *, is_single: bool = False) -> Any:
        return await self._database.read(
            lambda tx: work(Recorder(tx, self.said)), is_single=is_single
        )


async def asked(database: Database, clock: FixedClock) -> Said:
    """The statements of the pages, the searches, the margin and the suppliers' comparison, with values."""
    account = await open_funded_account(database, clock)
    tenant, recording = account.principal.tenant, NotedReads(database)
    for by in ((), *((one,) for one in MARGIN_BY), MARGIN_BY):
        await margin_lines(recording, PERIOD, by=by)

    async def work(tx: Transaction) -> None:
        seen = Recorder(tx, recording.said)
        for topups in TOPUP_FILTERS:
            for begin in (None, "txn_1", ListPlace("created"), ListPlace("amount")):
                await queries.page(seen, tenant, topups, before_id=begin, limit=50)
        for deliveries in DELIVERY_FILTERS:
            await list_deliveries(seen, tenant, wanted=deliveries)
        for event_type in (None, "topup.delivered"):
            await list_events(seen, tenant, event_type=event_type)
        for words in WORDS:
            await search_account(seen, tenant, words, EVERYTHING)
            await search_account(seen, tenant, words, EVERYTHING, before_id="txn_1")
            await search_all(seen, ENVIRONMENT, words, EVERYTHING)
        comparison = Comparison(ENVIRONMENT, "suppliers", 0, DAY_US, frozenset({"txn_1"}))
        await supplier_part._page(seen, after="")
        await supplier_part._again(seen, comparison)
        await supplier_part._cost(seen, ENVIRONMENT, "own", 0)

    await database.read(work)
    return [*recording.said, *await asked_by_id(database, account.account_id)]


async def asked_by_id(database: Database, account_id: str) -> Said:
    said: Said = []

    async def work(tx: Transaction) -> None:
        for prefix in ID_PREFIXES:
            for owner in (account_id, None):
                await find_by_id(Recorder(tx, said), new_id(prefix), EVERYTHING, owner)

    await database.read(work)
    return said


async def plan_of(database: Database, text: str, values: dict[str, Any]) -> list[str]:
    rows = await database.read(lambda tx: tx.fetch(f"EXPLAIN QUERY PLAN {text}", **values))
    return [row["detail"] for row in rows]


async def gone_through(database: Database, said: Said) -> dict[str, list[str]]:
    """Statement -> the tables that it goes through, by SQLite's words."""
    found = {
        " ".join(text.split()): _scans(text, await plan_of(database, text, values))
        for text, values in said
    }
    return {text: scans for text, scans in found.items() if scans}


def _scans(text: str, plan: Sequence[str]) -> list[str]:
    named = re.findall(r"\b(?:FROM|JOIN) (\w+)(?: (?:AS )?(\w+))?", text)
    tables = {name for pair in named if pair[0] in metadata.tables for name in pair}
    scans = [line for line in plan if (match := _SCAN.match(line)) and match[1] in tables]
    # The rows of a SELECT in FROM that is called as its table are not the table.
    for name in re.findall(r"\) AS (\w+)", text):
        if f"SCAN {name}" in scans:
            scans.remove(f"SCAN {name}")
    return scans


async def test_no_table_that_grows_is_gone_through(database: Database, clock: FixedClock) -> None:
    said = await asked(database, clock)

    assert len({text for text, _ in said}) > 50
    assert await gone_through(database, said) == {}


async def test_an_id_is_not_looked_for_among_all_rows_of_its_account(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    said = await asked_by_id(database, account.account_id)

    plans = [await plan_of(database, text, values) for text, values in said]
    plain = [await plan_of(database, text.replace(" || ''", ""), values) for text, values in said]

    assert [line for plan in plans for line in plan if _BY_ACCOUNT.match(line)] == []
    # As they are without `unindexed`.
    assert [line for plan in plain for line in plan if _BY_ACCOUNT.match(line)] != []


async def test_a_statement_that_goes_through_a_table_is_seen(
    database: Database, clock: FixedClock
) -> None:
    margin = [
        one for one in await asked(database, clock) if "|| ''" in one[0] and "topups p" in one[0]
    ]

    plain = [(text.replace(" || ''", ""), values) for text, values in margin]

    assert await gone_through(database, margin) == {}
    assert await gone_through(database, plain) != {}
    noted = "SELECT t.id FROM topups AS t WHERE t.note = :note"
    assert await gone_through(database, [(noted, {"note": "x"})]) == {noted: ["SCAN t"]}
