"""What the dashboard's pages cost with a million deliveries in the log.

    python -m bench.pages [--rows 1000000] [--pages 100] [--kind sqlite --kind postgresql]

One account has as many stored sends, each with its transfer, event, delivery and attempt; its owner,
who is an operator too, opens every page of the dashboard one after the other, over HTTP, and the
filtered and later pages of the long lists. Prints milliseconds from a request to the end of its
answer; the promise is a p95 below 100 ms for each page, and the exit code says whether it holds.
"""

import argparse
import asyncio
import math
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Final

import httpx

from bench.scene import KINDS, scene, show
from bench.stock import stock
from bench.tenants import Merchant, open_tenants, opened
from gateway.dashboard.surface import DASHBOARD, OPERATOR
from gateway.http.routing import Router
from kernel.clock import SystemClock
from keys import session
from keys.account import set_operator
from store.database import Transaction
from tests.support.installation import API, Installation

LIMIT_MS: Final = 100.0
# Opened so often before anything is counted: templates are compiled, plans made.
WARM_UP: Final = 3
TIMEOUT_S: Final = 60.0


async def sign_in(installation: Installation, tenant: Merchant) -> str:
    """The cookie of a new session of the tenant's owner, who may administer."""

    async def work(tx: Transaction) -> str:
        await set_operator(tx, tenant.account_id, is_operator=True)
        _, token = await session.begin(
            tx,
            account_id=tenant.account_id,
            user_agent="bench",
            now_us=SystemClock().now_us(),
            environment="live",
        )
        return token

    async with opened(installation.database_url) as database:
        return await database.transaction(work)


async def addresses(http: httpx.AsyncClient, tenant: Merchant) -> Mapping[str, str]:
    """By what a row of the table says: the page's address."""
    found = {
        one.template: one.template
        for one in Router((DASHBOARD, OPERATOR))
        if "GET" in one.routes and "{" not in one.template
    }
    log = (await http.get(f"{API}/deliveries?limit=50")).json()["data"]
    history = (await http.get(f"{API}/topup/history?limit=50")).json()["data"]
    delivery, topup = log["items"][-1], history["items"][-1]
    keys = (await http.get(f"{API}/keys")).json()["data"]["items"]
    dashboard = "/dashboard"
    return found | {
        "one top-up": f"{dashboard}/topups/{topup['transaction_id']}",
        "one delivery": f"{dashboard}/deliveries/{delivery['id']}",
        "one webhook": f"{dashboard}/webhooks/{tenant.endpoint_id}",
        "one key": f"{dashboard}/keys/{keys[0]['id']}",
        "one account": f"{dashboard}/admin/accounts/{tenant.account_id}",
        "top-ups, the next page": f"{dashboard}/topups?cursor={history['next_cursor']}",
        "top-ups of one recipient": (
            f"{dashboard}/topups?recipient_email={topup['recipient_email']}"
        ),
        "top-ups that failed, absent": f"{dashboard}/topups?status=failed",
        "deliveries, the next page": f"{dashboard}/deliveries?cursor={log['next_cursor']}",
        "deliveries that failed, absent": f"{dashboard}/deliveries?status=failed",
        "deliveries of one webhook": f"{dashboard}/deliveries?endpoint_id={tenant.endpoint_id}",
        "deliveries of one top-up": (
            f"{dashboard}/deliveries?transaction_id={delivery['transaction_id']}"
        ),
    }


async def time_of(http: httpx.AsyncClient, address: str, count: int) -> list[float]:
    """Milliseconds of so many requests, one after the other."""
    taken = []
    for number in range(WARM_UP + count):
        began_s = time.perf_counter()
        answer = await http.get(address)
        spent_ms = (time.perf_counter() - began_s) * 1000
        assert answer.status_code == httpx.codes.OK, f"{address}: {answer.status_code}"
        if number >= WARM_UP:
            taken.append(spent_ms)
    return sorted(taken)


async def measure(
    installation: Installation, kind: str, *, rows: int, count: int
) -> list[Sequence[object]]:
    """A row of the table for each page."""
    (tenant,) = await open_tenants(
        installation.database_url, 1, hook_urls=["https://hooks.example.com/in"]
    )
    began_s = time.perf_counter()
    await stock(installation.database_url, [tenant], rows)
    print(f"{kind}: {rows:,} sends in {time.perf_counter() - began_s:.0f} s", flush=True)
    cookie = await sign_in(installation, tenant)
    installation.start(workers=0)
    table: list[Sequence[object]] = []
    async with httpx.AsyncClient(
        base_url=installation.url,
        cookies={"topup_session": cookie},
        timeout=TIMEOUT_S,
        trust_env=False,
    ) as http:
        for name, address in (await addresses(http, tenant)).items():
            taken = await time_of(http, address, count)
            p50, p95 = (taken[math.ceil(share * len(taken)) - 1] for share in (0.5, 0.95))
            note = "" if p95 < LIMIT_MS else "too slow"
            table.append([f"{kind}: {name}", *(f"{ms:.1f}" for ms in (p50, p95, taken[-1])), note])
    return table


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--pages", type=int, default=100, help="how often each is opened")
    parser.add_argument("--kind", action="append", choices=KINDS)
    given = parser.parse_args()
    table: list[Sequence[object]] = []
    for kind in given.kind or KINDS:
        with scene(kind) as stage:
            table += asyncio.run(
                measure(stage.installation, kind, rows=given.rows, count=given.pages)
            )
    show(
        f"Pages of the dashboard with {given.rows:,} deliveries in the log, ms",
        ("", "p50", "p95", "max", ""),
        table,
    )
    if any(row[-1] for row in table):
        sys.exit(1)


if __name__ == "__main__":
    main()
