"""A list that has a filter by day offers periods up to today, in the reader's zone."""

import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path

import pytest_asyncio

from kernel.clock import FixedClock, parse_rfc3339
from tests.support.browser import Browser, signed_in
from tests.support.gateway import Gateway, running, settings_of

# Six hours later it is the next day in Auckland.
NOW = "2026-06-13T13:00:00Z"


@pytest_asyncio.fixture
async def gateway(database_url: str, tmp_path: Path) -> AsyncIterator[Gateway]:
    clock = FixedClock(parse_rfc3339(NOW))
    async with running(settings_of(database_url, tmp_path), clock=clock) as made:
        yield made


async def periods(browser: Browser, path: str) -> list[tuple[str, str, bool]]:
    """The label, the address and whether it is the one that is shown."""
    html = (await browser.get(path)).text
    nav = html.split('<nav class="periods"')[1].split("</nav>")[0]
    found = re.findall(r'<a href="([^"]+)"( aria-current="true")?>([^<]+)</a>', nav)
    return [(label, unescape(url), bool(current)) for url, current, label in found]


async def test_periods_begin_so_many_days_before_today(gateway: Gateway) -> None:
    browser = await signed_in(gateway)

    found = await periods(browser, "/dashboard/topups?status=failed&created_after=2026-06-07")

    assert found == [
        ("Today", "/dashboard/topups?status=failed&created_after=2026-06-13", False),
        ("Last 7 days", "/dashboard/topups?status=failed&created_after=2026-06-07", True),
        ("Last 30 days", "/dashboard/topups?status=failed&created_after=2026-05-15", False),
        ("Last 90 days", "/dashboard/topups?status=failed&created_after=2026-03-16", False),
    ]


async def test_today_is_the_readers(gateway: Gateway) -> None:
    browser = await signed_in(gateway)
    browser.cookies["topup_zone"] = "Pacific:Auckland"

    found = {
        path: (await periods(browser, f"/dashboard/{path}"))[0][1]
        for path in ("topups", "deliveries", "orders", "documents")
    }

    assert found == {
        "topups": "/dashboard/topups?created_after=2026-06-14",
        "deliveries": "/dashboard/deliveries?created_after=2026-06-14",
        "orders": "/dashboard/orders?created_after=2026-06-14",
        "documents": "/dashboard/documents?dated_after=2026-06-14",
    }
