"""What primary keys that begin with the account would cost: tried, and kept as a measurement.

    python -m bench.tenant_keys [--full] [--write] [--topups 1000000]

Three databases with the same rows on one PostgreSQL: with keys as they are, `(id)`; with `(account_id, id)` in their
place; and with `(account_id, id)` and an index of the ids beside it, which is what deploy/citus/keys.sql makes.
Changed are the tables of TABLES. The real statements of a send, a claim and a settle run on each in turns: those that
find a row by its id alone lose their index in the second one.
CPU is that of PostgreSQL's processes which serve the database, planning included; of each call the least of the rounds.
"""

import argparse
import asyncio
import os
import random
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, Final

import asyncpg

from bench import report
from bench.scene import scene
from bench.sites import CLOCK, Site, ran_on, settle, site_of, take
from bench.stock import stock, tidy
from bench.tenants import Merchant, open_tenants
from billing.engine.engine import Engine
from billing.engine.rules import Rules
from billing.topups.link_tokens import LinkTokens
from billing.topups.platform import BUILT_IN
from billing.topups.rules import TopUpRules
from billing.topups.send import new_send
from billing.topups.send_request import prepare
from billing.topups.voucher import VoucherCodes
from billing.usage.price_rows import PriceBook
from keys.api_keys.lookup import load_principals
from keys.principal import Principal
from keys.token_format import digest
from store.database import Database
from tests.support.platform_book import same_everywhere
from tests.support.postgres_server import create_database
from webhooks.deliveries.stage import Claimed

TENANTS: Final = 100
# Their keys today.
TABLES: Final = {
    "topups": "id",
    "transfers": "id",
    "events": "id",
    "deliveries": "id",
    "attempts": "delivery_id, number",
}
AS_IS, ACCOUNT_FIRST, BOTH = "(id)", "(account_id, id)", "and (id) beside it"
SITES: Final = (AS_IS, ACCOUNT_FIRST, BOTH)
MANY: Final = 64
CALLS: Final = 50
_Senders = Sequence[tuple[Engine, Principal]]


async def change_keys(site: str, connection: "asyncpg.Connection[Any]") -> None:
    """As the site has them."""
    if site == AS_IS:
        return
    for table, columns in TABLES.items():
        await connection.execute(
            f"""ALTER TABLE {table} DROP CONSTRAINT {table}_pkey,
                ADD PRIMARY KEY (account_id, {columns})"""
        )
        if site == BOTH:
            await connection.execute(f"CREATE INDEX ON {table} ({columns})")


async def senders(database: Database, tenants: Sequence[Merchant]) -> _Senders:
    """Each account's key, at one engine."""
    digests = [digest(tenant.key) for tenant in tenants]
    found = await database.read(lambda tx: load_principals(tx, digests, now_us=CLOCK.now_us()))
    secret = os.urandom(32)
    rules = TopUpRules(same_everywhere(BUILT_IN), VoucherCodes(secret), LinkTokens(secret))
    engine = Engine(
        database,
        CLOCK,
        Rules(rules, PriceBook(), code_of=rules.codes.code_of, claim_token_of=rules.claim_token_of),
    )
    principals = [found[one] for one in digests]
    return [(engine, one) for one in principals if isinstance(one, Principal)]


async def turn(site: Site, by: _Senders, sends: int) -> None:
    """So many sends of as many accounts together, and their webhooks."""
    claimed: list[Claimed] = []
    chosen = random.sample(by, sends)

    async def send() -> None:
        await asyncio.gather(*(_send(*one) for one in chosen))

    async def claim() -> None:
        claimed.extend(await take(site.database, MANY))

    before = await site.admin.fetchval("SELECT pg_current_wal_lsn()")
    await site.measured(f"send {sends}", sends, send)
    await site.measured(f"claim {sends}", sends, claim)
    assert len(claimed) == sends, "each has one webhook"
    await site.measured(f"settle {sends}", sends, partial(settle, site.database, claimed))
    written = await site.admin.fetchval("SELECT pg_current_wal_lsn() - $1::pg_lsn", before)
    site.found[f"WAL of {sends}"].append(float(written) / sends)


async def _send(engine: Engine, principal: Principal) -> None:
    order = prepare(
        engine.rules.of(TopUpRules).platforms.of(principal.environment),
        account_id=principal.account_id,
        platform="claude",
        amount_cents=100,
        recipient_email=f"u{random.randrange(10_000)}@example.com",
    )
    await engine.submit(new_send(principal, order))


async def measure(
    urls: Mapping[str, str], tenants: Sequence[Merchant], rounds: int
) -> dict[str, Mapping[str, Sequence[float]]]:
    """By site and call: what each round found."""
    async with AsyncExitStack() as stack:
        sites = {
            name: await stack.enter_async_context(site_of(url, tenants))
            for name, url in urls.items()
        }
        by = {name: await senders(site.database, tenants) for name, site in sites.items()}
        for number in range(rounds + 1):
            if number == 1:
                # The first round plans the statements and fills the caches.
                for site in sites.values():
                    site.found.clear()
            for sends in (1, MANY):
                for _ in range(CALLS):
                    for name, site in sites.items():
                        await turn(site, by[name], sends)
        for one in by.values():
            await one[0][0].close()
        return {name: dict(site.found) for name, site in sites.items()}


async def _room(connection: "asyncpg.Connection[Any]", topups: int, into: list[float]) -> None:
    """Bytes of the indexes of TABLES, for each top-up."""
    size = "SELECT SUM(pg_indexes_size(name::regclass)) FROM unnest($1::text[]) AS name"
    into.append(float(await connection.fetchval(size, list(TABLES))) / topups)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--topups", type=int, default=0, help="stored ones, a multiple of 100")


def main() -> None:
    chosen = report.options(__doc__, _arguments)
    topups = chosen.others.topups or chosen.count(100_000, 1_000_000)
    urls, rooms = {}, {}
    with scene("postgresql") as stage:
        assert stage.server is not None
        url = stage.installation.database_url
        hook_urls = ["https://hooks.example.com/in"]
        tenants = asyncio.run(open_tenants(url, TENANTS, hook_urls=hook_urls))
        asyncio.run(stock(url, tenants, topups))
        for number, name in enumerate(SITES):
            urls[name] = create_database(stage.server.url, f"site{number}", template="topup")
            ran_on(urls[name], partial(change_keys, name))
            tidy(urls[name])
            print(f"  {name}: ready", flush=True)
        found = asyncio.run(measure(urls, tenants, chosen.count(4, 10)))
        for name in SITES:
            rooms[name] = list[float]()
            ran_on(urls[name], partial(_room, topups=topups, into=rooms[name]))
    table = report.Table(
        f"PostgreSQL's CPU, µs, and bytes of WAL, beside {topups:,} top-ups of {TENANTS} accounts",
        ("call", AS_IS, ACCOUNT_FIRST, "÷", BOTH, "÷"),
    )
    for call in found[AS_IS]:
        _add(table, call, [min(found[name][call]) for name in SITES])
    _add(table, "indexes of a top-up, bytes", [rooms[name][0] for name in SITES])
    notes = "Send, claim, settle, WAL: for each of as many together, of as many accounts."
    report.show(chosen, "tenant_keys", [table], notes=notes)


def _add(table: report.Table, name: str, values: Sequence[float]) -> None:
    first, second, third = values
    table.add(name, first, second, second / first, third, third / first)


if __name__ == "__main__":
    main()
