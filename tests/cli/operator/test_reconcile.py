"""`topup reconciliation compare` as an operator runs it, against Stripe's stand-in."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from billing.ledger.price import Price
from billing.providers.abilities import ListedPage, ListedPayment
from billing.reconciliation.provider_list import compare
from cli.main import main
from kernel.clock import FixedClock
from kernel.errors import InvalidInput
from store.database import Database
from tests.support.command_line import result_of, without_settings
from tests.support.gateway import NO_REDIS
from tests.support.replay_history import execute as run_sql
from tests.support.stripe_api import customers, payments
from tests.support.stripe_api.account import StripeAccount
from tests.support.stripe_api.params import decoded
from tests.support.stripe_life import Lives, open_lives

pytestmark = pytest.mark.one_database
WHOLE_TIME = ("--from", "2026-01-01T00:00:00Z", "--to", "2028-01-01T00:00:00Z")
Reconcile = Callable[..., Awaitable[Result]]


@pytest.fixture
async def lives(database_url: str, tmp_path: Path, clock: FixedClock) -> AsyncIterator[Lives]:
    async with open_lives(database_url, tmp_path, clock) as opened:
        yield opened


@pytest.fixture
def reconcile(
    lives: Lives, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Reconcile:
    """Runs `topup reconciliation compare …` in a thread of its own: the stand-in answers in this one."""
    without_settings(monkeypatch, tmp_path)
    key = lives.gateway.context.settings.secret_key
    assert key is not None
    variables = {
        "TOPUP_DATABASE_URL": database_url,
        "TOPUP_SECRET_KEY": key.get_secret_value(),
        "TOPUP_REDIS_URL": NO_REDIS,
        **{f"TOPUP_{name.upper()}": value for name, value in lives.stripe.settings().items()},
    }

    async def run(*words: str) -> Result:
        asked = ["reconciliation", "compare", "--provider", "stripe", *WHOLE_TIME, *words]
        return await asyncio.to_thread(CliRunner().invoke, main, asked, env=variables)

    return run


def sell_elsewhere(account: StripeAccount) -> None:
    """Another shop's payment on the same account, of 7.00, under a number of its own."""
    payer = customers.make_customer(account, decoded("email=other@example.com"))
    card = customers.save_card(account, payer["id"], customers.PAYS)
    form = (
        f"amount=700&currency=usd&customer={payer['id']}&payment_method={card['id']}"
        "&confirm=true&metadata[order_id]=4711"
    )
    payments.make_intent(account, decoded(form))


async def test_another_shop_on_the_account_is_counted_and_is_no_difference(
    lives: Lives, reconcile: Reconcile
) -> None:
    life = await lives.begin()
    await life.buy(2000)
    await life.subscribe("pro")
    for _ in range(3):
        sell_elsewhere(lives.stripe.account)
    # The event that says which invoice a payment paid may not be enabled: then Stripe is asked.
    await run_sql(lives.gateway.context.database, "DELETE FROM provider_links")

    told = result_of(await reconcile("--json"))
    shown = await reconcile("--others")

    assert told == {"payments": 2, "differences": [], "others": 3, "fees": 2, "other_payments": []}
    assert shown.exit_code == 0
    assert shown.stdout.count("not_ours") == 3


async def test_what_was_never_told_is_named_and_exits_with_1(
    lives: Lives, reconcile: Reconcile
) -> None:
    life = await lives.begin()
    await life.buy(2000)
    bought = life.charge["id"]
    await life.subscribe("pro")
    life.is_late = True
    await life.refund(500, lives.stripe.account.known(bought))
    unheard = await life.buy(3000)
    # The plan's next month is paid, and nobody here hears of it.
    lives.stripe.pass_time(31 * 86_400)
    sell_elsewhere(lives.stripe.account)

    found = await reconcile("--json")

    assert found.exit_code == 1
    answer = json.loads(found.stdout)
    assert sorted((one["kind"], one["here"], one["there"]) for one in answer["differences"]) == [
        ("missing_here", "nothing", "10.00 USD"),
        ("refunded", "0.00 USD", "5.00 USD"),
        ("status", "not paid", "paid"),
    ]
    assert unheard["id"] in {one["owner_id"] for one in answer["differences"]}
    assert answer["others"] == 1


class Endless:
    """A provider whose list never ends."""

    async def list_payments(self, since: int, until: int, cursor: str | None = None) -> ListedPage:
        number = int(cursor or 0)
        one = ListedPayment(
            payment_id=f"ch_{number}",
            objects=(f"ch_{number}",),
            status="paid",
            price=Price(100, "USD"),
            created_at=since,
        )
        return ListedPage([one], str(number + 1))


async def test_a_list_that_is_too_long_is_refused_and_never_cut(database: Database) -> None:
    place: dict[str, Any] = {"provider": "stripe", "environment": "live", "now_us": 1}

    with pytest.raises(InvalidInput, match=r"Nothing was compared: .* more than 3 pages"):
        await compare(database, Endless(), since=0, until=9, pages_max=3, **place)
