"""The operator's home: how many of each wait, and the list that shows them."""

import re
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest_asyncio

from billing.ledger.proof import note_proof
from billing.records.sealing import RecordSealer
from kernel.clock import FixedClock
from kernel.tenant import Tenant
from runtime.processes.presence import WorkerPresence, note_presence
from store.kept import backups
from tests.support.browser import Browser, text_of
from tests.support.operator_pages import ADMIN, operator, switch
from tests.support.selling_gateway import Store, open_store
from tests.support.webhook_rows import given_endpoint, given_events
from worker.money.chores import count_volume

HOME = f"{ADMIN}/home"


@pytest_asyncio.fixture
async def store(database_url: str, tmp_path: Path, clock: FixedClock) -> AsyncIterator[Store]:
    async with open_store(database_url, tmp_path, clock) as opened:
        yield opened


async def waiting(boss: Browser) -> dict[str, str]:
    """The label of each kind that waits, and how many there are."""
    table = (await boss.get(HOME)).text.split("Needs attention</h2>")[1]
    rows = re.findall(r"<tr><td class=\"break\">(.+?)</td><td class=\"number\">(.+?)</td>", table)
    return {text_of(label).strip(): text_of(number).strip() for label, number in rows}


async def say_that_a_worker_is_there(store: Store) -> None:
    now_us = store.gateway.context.clock.now_us()
    presence = WorkerPresence(
        id="wrk_1",
        machine="hooks-1",
        process_id=7,
        version="1.0",
        started_at=now_us - 5,
        seen_at=now_us,
        sending=3,
        slots=8,
    )
    await store.gateway.context.database.transaction(lambda tx: note_presence(tx, presence))


async def test_each_number_is_of_this_environment_and_leads_to_its_list(
    store: Store, clock: FixedClock
) -> None:
    boss = await operator(store.gateway)
    database = store.gateway.context.database
    assert await waiting(boss) == {}
    assert "never" in text_of((await boss.get(HOME)).text)

    made = await store.order()
    await store.notify("paid", made["id"], amount=made["pay_amount"] - 1)
    tenant = Tenant(store.account_id, "staging")
    await given_endpoint(database, clock, tenant)
    await given_events(database, clock, tenant)
    began_at = clock.now_us()
    await database.transaction(
        lambda tx: note_proof(tx, began_at=began_at, ended_at=began_at + 1, findings=3)
    )
    clock.advance_s(61)
    await say_that_a_worker_is_there(store)
    await count_volume(database, clock)

    here = await waiting(boss)
    html = (await boss.get(HOME)).text
    links = set(re.findall(rf'href="({ADMIN}[^"]*)"', html.split("<h1>")[1]))
    statuses = {path: (await boss.get(path.replace("&amp;", "&"))).status_code for path in links}
    seen = {name: (await boss.get(f"{ADMIN}/{name}")).text for name in ("due", "workers", "proofs")}
    files = {name: (await boss.get(f"{ADMIN}/{name}?format=csv")).text for name in seen}
    await switch(boss, "live")

    assert here == {"Orders paid, not credited": "1"}
    assert "3 findings" in text_of(html)
    assert "the longest for 1 min 1 s" in text_of(html)
    assert "no worker delivers them" in text_of(html)
    assert {f"{ADMIN}/topups?view=person", f"{ADMIN}/disputes", f"{ADMIN}/suppliers"} <= links
    assert set(statuses.values()) == {200}
    assert {
        f"{ADMIN}/{name}" for name in ("due", "workers", "line", "proofs", "unanswered")
    } <= links
    assert "Counted to" in text_of(html)
    assert "send 3 of 8 webhooks at once" in text_of(html)
    due = seen["due"]
    assert f'href="{ADMIN}/accounts/{store.account_id}/webhooks/we_' in due
    assert "1 min 1 s" in text_of(due)
    assert "hooks-1 process 7 there" in text_of(seen["workers"])
    assert ",hooks-1,7," in files["workers"].splitlines()[1]
    assert files["due"].splitlines()[1].startswith("we_")
    assert ",3,1," in files["proofs"].splitlines()[1]
    assert "3 findings" in text_of(seen["proofs"])
    assert "Assets equal liabilities." in text_of(seen["proofs"])
    assert "The record log has no signed head yet" in text_of(seen["proofs"])
    context = store.gateway.context
    await RecordSealer(context.database, context.vault, context.clock).seal()
    proofs = text_of((await boss.get(f"{ADMIN}/proofs")).text)
    assert "billing documents made since" in proofs
    assert "are unproved" in proofs
    assert await waiting(boss) == {}


async def test_a_number_leads_to_what_it_counts(store: Store, clock: FixedClock) -> None:
    boss = await operator(store.gateway)
    await count_volume(store.gateway.context.database, clock)
    html = (await boss.get(HOME)).text
    links = {one.replace("&amp;", "&") for one in re.findall(rf'href="({ADMIN}[^"]*)"', html)}
    today = next(one for one in sorted(links) if one.endswith("&to=2026-06-14"))

    unpaid = (await boss.get(f"{ADMIN}?kind=credited_unpaid")).text
    margin = (await boss.get(today)).text

    assert f"{ADMIN}?kind=credited_unpaid" in links
    assert '<option value="credited_unpaid" selected>' in unpaid
    assert re.findall(r'type="date" value="([^"]*)"', margin)[1] == "2026-06-14"


async def test_the_home_page_says_when_the_last_copy_was_taken(
    store: Store, clock: FixedClock
) -> None:
    boss = await operator(store.gateway)
    before = text_of((await boss.get(HOME)).text)
    copied = partial(backups.record_elsewhere, now_us=clock.now_us(), code_version="0.1.0")
    await store.gateway.context.database.transaction(copied)

    after = text_of((await boss.get(HOME)).text)

    assert "Last copy of the database never none is recorded" in before
    assert "Last copy of the database never" not in after
    assert "here or on another machine" in after
