"""`topup orders`: what an operator sees of purchases, and decides."""

import asyncio
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pydantic import SecretStr

from billing.credits.opening import open_account
from billing.ledger.price import Price
from billing.orders import records as order_list
from billing.orders.order import Order
from billing.orders.place import NewOrder
from billing.providers.protocol import SandboxEvent
from cli.main import main
from kernel.tenant import Tenant
from runtime.context import Context, open_context
from runtime.installation import FILE_NAME
from runtime.settings import load_settings
from tests.support.command_line import Topup, result_of, without_settings
from tests.support.gateway import NO_REDIS

SECRET_KEY = "5f" * 32


@pytest.fixture
def topup(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Topup:
    """Runs `topup orders …` on a migrated, empty database."""
    without_settings(monkeypatch, tmp_path)
    environment = {
        "TOPUP_DATABASE_URL": database_url,
        "TOPUP_SECRET_KEY": SECRET_KEY,
        "TOPUP_REDIS_URL": NO_REDIS,
    }

    def run(*words: str, **settings: str) -> Result:
        return CliRunner().invoke(main, ["orders", *words], env={**environment, **settings})

    return run


@pytest.fixture
def sold(database_url: str, tmp_path: Path) -> dict[str, str]:
    """Ids of three orders of $20.00: one pending, one paid, one in review."""

    async def sell() -> dict[str, str]:
        settings = load_settings(
            database_url=SecretStr(database_url),
            data_dir=tmp_path,
            secret_key=SecretStr(SECRET_KEY),
            redis_url=SecretStr(NO_REDIS),
        )
        async with open_context(settings) as context:
            now_us = context.clock.now_us()
            account_id = await context.database.transaction(
                lambda tx: open_account(tx, name="Acme", email="a@example.com", now_us=now_us)
            )
            made = {
                name: await context.payments.place(
                    Tenant(account_id, "staging"), NewOrder(provider="stripe", amount_cents=2000)
                )
                for name in ("pending", "paid", "review")
            }
            await pay(context, made["paid"], 2000)
            await pay(context, made["review"], 1)
        return {name: order.id for name, order in made.items()}

    return asyncio.run(sell())


async def pay(context: Context, order: Order, amount: int, ref: str | None = None) -> None:
    provider = context.payments.providers.of("stripe", "staging")
    assert provider is not None
    sandbox_event = SandboxEvent(
        outcome="paid",
        kind="payment",
        order_id=order.id,
        ref=order.provider_ref or "",
        payment_id=ref or f"pi_{order.id}",
        price=Price(amount, "USD"),
        event_id=f"evt_{ref or order.id}",
    )
    await context.payments.notified("stripe", provider.simulate(sandbox_event))


def test_orders_are_listed_and_narrowed(topup: Topup, sold: dict[str, str]) -> None:
    everything = result_of(topup("list", "--json"))
    paid = result_of(topup("list", "--status=paid", "--account=a@example.com", "--json"))
    live = result_of(topup("list", "--environment=live", "--json"))
    page = result_of(topup("list", "--limit=2", "--json"))
    rest = result_of(topup("list", f"--cursor={page['next_cursor']}", "--json"))

    assert [one["id"] for one in everything["items"]] == [
        sold["review"],
        sold["paid"],
        sold["pending"],
    ]
    assert [one["id"] for one in paid["items"]] == [sold["paid"]]
    assert live["items"] == []
    assert [one["id"] for one in rest["items"]] == [sold["pending"]]


def test_an_order_is_shown_with_what_its_provider_said(topup: Topup, sold: dict[str, str]) -> None:
    shown = result_of(topup("show", sold["review"], "--json"))
    (event,) = shown["events"]

    assert (shown["status"], shown["reason"]) == ("review", "0.01 USD was paid, not 20.00 USD")
    assert (event["type"], event["outcome"]) == ("checkout.session.completed", "review")
    assert sold["review"] in topup("show", sold["review"]).stdout


def test_problems_are_the_two_lists_of_an_operator(topup: Topup, sold: dict[str, str]) -> None:
    def ids(kind: str) -> list[str]:
        return [
            one["id"] for one in result_of(topup("problems", f"--kind={kind}", "--json"))["items"]
        ]

    assert (ids("paid_uncredited"), ids("credited_unpaid")) == ([sold["review"]], [])
    assert sold["review"] in topup("problems").stdout
    assert (
        "only be used with paid_uncredited"
        in topup("problems", "--kind=credited_unpaid", "--reason=amount").stderr
    )
    result_of(approve(topup, sold["review"], "--amount=20.00"))

    assert (ids("paid_uncredited"), ids("credited_unpaid")) == ([], [sold["review"]])
    (unpaid,) = result_of(topup("problems", "--kind=credited_unpaid", "--json"))["items"]
    assert "approved by ana" in unpaid["reason"]


def approve(topup: Topup, order_id: str, *words: str, **settings: str) -> Result:
    why = ("--reason=as paid", "--by=ana", "--yes", "--json")
    return topup("approve", order_id, *why, *words, **settings)


def test_a_review_is_decided_beside_topup_dev_whose_key_lies_in_its_folder(
    topup: Topup, sold: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / FILE_NAME).write_text(SECRET_KEY)
    beside = {"TOPUP_SECRET_KEY": "", "TOPUP_DATA_DIR": "."}
    approved = result_of(approve(topup, sold["review"], "--amount=20.00", **beside))

    assert approved["status"] == "paid"


def test_a_review_is_decided_once(topup: Topup, sold: dict[str, str]) -> None:
    why = ("--reason=not ours", "--yes")
    rejected = result_of(topup("reject", sold["review"], *why, "--json"))
    again = approve(topup, sold["review"])
    paid = approve(topup, sold["paid"])
    unknown = topup("reject", "ord_0000000000000000", *why)

    assert rejected["status"] == "failed"
    assert "on the command line" in rejected["reason"]
    assert (again.exit_code, paid.exit_code, unknown.exit_code) == (1, 1, 1)
    assert "The order is failed" in again.stderr
    assert "Order not found" in unknown.stderr


def test_an_approval_has_to_say_what_counts_where_another_sum_came(
    topup: Topup, sold: dict[str, str]
) -> None:
    silent = approve(topup, sold["review"])
    nothing = approve(topup, sold["review"], "--amount=0.00")
    too_much = approve(topup, sold["review"], "--amount=20.01")
    partly = result_of(approve(topup, sold["review"], "--amount=0.01"))

    assert (silent.exit_code, nothing.exit_code, too_much.exit_code) == (1, 1, 1)
    assert "20.00 USD was expected, but 0.01 USD was paid" in silent.stderr
    # A cent of the $20.00 for 20,000 credits is ten of them.
    assert (partly["status"], partly["credits"]) == ("paid", 10)
    assert "ana (as paid)" in partly["reason"]
    assert "0.01 USD counts as paid" in partly["reason"]


def test_a_decision_asks_first_with_amount_and_account(topup: Topup, sold: dict[str, str]) -> None:
    order_id, why = sold["review"], "--reason=seen"
    account_id = result_of(topup("show", order_id, "--json"))["account_id"]
    part = topup("approve", order_id, "--amount=1", why)
    whole = topup("approve", order_id, why)
    rejected = topup("reject", order_id, why)

    assert (part.exit_code, whole.exit_code, rejected.exit_code) == (2, 2, 2)
    assert f"Credit 1.00 USD to {account_id} for order {order_id}?" in part.stderr
    assert f"Credit the whole price to {account_id} for order {order_id}?" in whole.stderr
    assert "Its price is 20.00 USD." in whole.stderr
    assert f"Reject order {order_id} of {account_id} for 20.00 USD?" in rejected.stderr
    assert "returns no money" in rejected.stderr
    assert result_of(topup("show", order_id, "--json"))["status"] == "review"


def test_a_second_payment_is_sent_back_by_its_name(
    topup: Topup, sold: dict[str, str], database_url: str, tmp_path: Path
) -> None:
    async def again() -> None:
        settings = load_settings(
            database_url=SecretStr(database_url),
            data_dir=tmp_path,
            secret_key=SecretStr(SECRET_KEY),
            redis_url=SecretStr(NO_REDIS),
        )
        async with open_context(settings) as context:
            order = await context.database.read(lambda tx: order_list.find(tx, sold["paid"]))
            assert order is not None
            await pay(context, order, 500, "pi_again")

    asyncio.run(again())
    problems = result_of(topup("problems", "--reason=amount", "--json"))["items"]
    refs = {one["id"]: one["problems"][0]["payment"] for one in problems}
    why = "--reason=paid twice"

    spare = ("--payment=pi_again", why)
    asked = result_of(topup("refund", sold["paid"], *spare, "--yes", "--json"))
    twice = topup("refund", sold["paid"], *spare, "--yes")

    assert refs[sold["paid"]] == "pi_again"
    assert (asked["payment"], asked["amount"], asked["held_micros"]) == ("pi_again", 500, 0)
    assert "Wait until it has ended" in twice.stderr


def test_trace_says_where_an_orders_money_is(topup: Topup, sold: dict[str, str]) -> None:
    def steps(order_id: str) -> dict[str, str]:
        result = topup("trace", order_id, "--json")
        return {one["step"]: one["verdict"] for one in result_of(result)["steps"]}

    waiting = {"ordered": "done", "opened": "done", "provider": "waiting", "ledger": "waiting"}
    rest = {"supplier": "not_needed", "claim": "not_needed"}
    assert steps(sold["pending"]) == waiting | rest
    asked = result_of(topup("ask", sold["pending"], "--json"))
    again = result_of(topup("ask", sold["pending"], "--json"))
    assert (asked["outcome"], again["outcome"]) == ("asked", "just_asked")
    assert result_of(topup("ask", sold["paid"], "--json"))["outcome"] == "not_needed"
    assert steps(sold["pending"]) == waiting | rest
    done = dict.fromkeys(("ordered", "opened", "provider", "ledger"), "done")
    assert steps(sold["paid"]) == done | rest
    review = {"ordered": "done", "opened": "done", "provider": "problem", "ledger": "problem"}
    assert steps(sold["review"]) == review | rest
    assert topup("trace", "ord_0000000000000000").exit_code == 1
    said = topup("trace", sold["pending"]).output
    assert "The provider says" in said
