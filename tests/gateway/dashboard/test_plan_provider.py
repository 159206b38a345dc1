"""A provider that sells plans by products of its own is one file in a folder of the operator's, and
the settings that the file names: operators set its products, buyers pay there, periods are credited.
"""

import hashlib
import hmac
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from billing.providers.protocol import Received
from kernel.clock import DAY_US, FixedClock
from tests.support.browser import Browser, signed_in, text_of
from tests.support.command_line import Topup, result_of, topup as topup
from tests.support.gateway import running, settings_of
from tests.support.operator_pages import ADMIN, fill, operator
from tests.support.selling_gateway import Store

SOURCE = Path(__file__).parents[2] / "examples" / "plan_provider" / "toyclub.py"
SECRET = "club_secret"
PLANS = f"{ADMIN}/plans"
PRO = {
    "id": "pro",
    "name": "Pro",
    "price_monthly": "20.00",
    "currency": "USD",
    "credits_included": "25000",
    "products": "toyclub_badge_id=bdg_pro",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the provider's one file in it."""
    made = tmp_path / "providers"
    made.mkdir()
    shutil.copy(SOURCE, made)
    return made


@pytest_asyncio.fixture
async def store(
    database_url: str, tmp_path: Path, folder: Path, clock: FixedClock
) -> AsyncIterator[Store]:
    settings = settings_of(
        database_url,
        tmp_path,
        provider_folders=str(folder),
        toyclub_staging_webhook_secret=SECRET,
    )
    async with running(settings, clock) as gateway:
        account_id = await gateway.account(email="me@example.com")
        yield Store(gateway, None, account_id, await gateway.key(account_id))  # type: ignore[arg-type]


async def notify(store: Store, **event: Any) -> int:
    """The status that Toyclub gets for an event of its own."""
    body = msgspec.json.encode(event)
    signature = hmac.digest(SECRET.encode(), body, hashlib.sha256).hex().encode()
    said = Received("POST", {b"toyclub-signature": signature}, b"", body)
    return (await store.tell("/payment/webhook/toyclub", said)).status_code


async def ordered(store: Store, browser: Browser) -> str:
    """The id of an order of the plan at Toyclub."""
    taken = await fill(browser, "/dashboard/plan", {"plan": "pro/month", "provider": "toyclub"})
    assert taken.status_code == 303, text_of(taken.text)
    return taken.headers["location"].removesuffix("/pay").rpartition("/")[2]


async def test_a_plan_is_sold_by_the_providers_product_and_its_period_is_credited(
    store: Store, clock: FixedClock
) -> None:
    boss = await operator(store.gateway)
    made = await fill(boss, PLANS, PRO)
    ann = await signed_in(store.gateway)

    order = await store.row(await ordered(store, ann))
    paid = {"order_id": order.id, "amount": 2000, "currency": "USD"}
    starts_at = clock.now_us()
    statuses = [
        await notify(store, id="evt_1", payment_id="pay_1", **paid),
        await notify(
            store,
            id="evt_2",
            payment_id="in_1",
            product="bdg_pro",
            membership="mem_1",
            starts_at=starts_at,
            ends_at=starts_at + 30 * DAY_US,
            **paid,
        ),
    ]

    assert made.status_code == 303, text_of(made.text)
    assert order.url == "https://toyclub.example/bdg_pro"
    assert statuses == [200, 200]
    assert "Pro active" in text_of((await ann.get("/dashboard/plan")).text)
    balance = (await ann.request("GET", "/api/public/v1/topup/balance")).json()["data"]
    # $10,000 of test credit, and 25,000 credits.
    assert balance["balance_cents"] == 1_000_000 + 2_500
    assert await store.findings() == []


async def test_its_field_is_in_the_form_and_in_the_audit_log(store: Store) -> None:
    boss = await operator(store.gateway)
    await fill(boss, PLANS, PRO)

    changed = await fill(boss, f"{PLANS}/pro", {**PRO, "products": "toyclub_badge_id=bdg_2"})
    page = (await boss.get(f"{PLANS}/pro")).text
    log = text_of((await boss.get(f"{ADMIN}/audit")).text)

    assert changed.status_code == 303, text_of(changed.text)
    assert "toyclub_badge_id=bdg_2" in page
    assert "toyclub_badge_id bdg_pro → bdg_2" in log


async def test_a_plan_without_the_product_that_it_needs_is_not_sold_there(store: Store) -> None:
    boss = await operator(store.gateway)
    await fill(boss, PLANS, {**PRO, "products": "toyclub_badge_id="})
    ann = await signed_in(store.gateway)

    taken = await fill(ann, "/dashboard/plan", {"plan": "pro/month", "provider": "toyclub"})

    assert taken.status_code == 422
    assert "the plan has no toyclub_badge_id, which toyclub needs" in text_of(taken.text).lower()


def test_its_option_sets_and_takes_away_the_product(topup: Topup, folder: Path) -> None:
    plan = ("--id", "pro", "--name", "Pro", "--price-monthly", "20", "--credits-included", "25000")
    known = {"TOPUP_PROVIDER_FOLDERS": str(folder)}
    made = result_of(
        topup("plans", "create", *plan, "--product", "toyclub_badge_id=bdg_1", "--json", **known)
    )
    other = result_of(
        topup(
            "plans", "set", "pro", "--product", "stripe_price_id_monthly=price_1", "--json", **known
        )
    )
    gone = result_of(
        topup("plans", "set", "pro", "--product", "toyclub_badge_id=", "--json", **known)
    )
    refused = topup("plans", "set", "pro", "--product", "toyclub_badge_id=a b", "--json", **known)
    unknown = topup("plans", "set", "pro", "--product", "toyclub_badge_id=bdg_1")

    assert made["products"]["toyclub_badge_id"] == "bdg_1"
    assert (
        other["products"]["toyclub_badge_id"],
        other["products"]["stripe_price_id_monthly"],
    ) == ("bdg_1", "price_1")
    assert (gone["products"]["toyclub_badge_id"], gone["products"]["stripe_price_id_monthly"]) == (
        None,
        "price_1",
    )
    assert refused.exit_code == 1
    assert unknown.exit_code == 1
    assert "toyclub_badge_id is not one of stripe_price_id_monthly" in unknown.stderr
