"""The thirteen failures seen in the field, each beaten by a test: here, or where the map below says.

Those of the providers' notifications are here as they come over the wire, to two gateways on one
database, signed as Stripe and Creem sign.
"""

import ast
import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest_asyncio

from kernel.clock import SECOND_US, FixedClock
from keys.signatures.signing import stripe_signature
from tests.support.gateway import Gateway, running
from tests.support.selling_gateway import Store, open_store

TESTS = Path(__file__).parents[2]
STRIPE = "/payment/webhook/stripe"
SECRET = "whsec_test_secret"
# Failure -> module -> its tests.
BEATEN: Mapping[int, Mapping[str, tuple[str, ...]]] = {
    1: {
        "billing/topups/test_send.py": ("test_200_parallel_sends_with_one_key_move_money_once",),
        "e2e/test_parallel.py": (
            "test_200_parallel_sends_with_one_idempotency_key_move_money_once",
        ),
    },
    2: {
        "billing/credits/test_redemption_code.py": (
            "test_of_many_accounts_one_gets_a_single_use_code",
            "test_of_two_processes_one_gets_a_single_use_code",
        ),
    },
    3: {
        "gateway/api/test_field_failures.py": (
            "test_3_one_event_many_times_out_of_order_on_two_gateways",
        ),
        "billing/payments/test_notifications.py": (
            "test_one_event_many_times_and_out_of_order_on_two_processes_is_one_credit",
        ),
    },
    4: {
        "gateway/api/test_field_failures.py": ("test_4_an_empty_or_unknown_secret_is_refused",),
        "billing/payments/test_notifications.py": ("test_without_any_secret_nothing_is_believed",),
    },
    5: {
        "gateway/api/test_field_failures.py": ("test_5_a_provider_speaks_for_its_own_orders_only",),
    },
    6: {
        "gateway/api/test_field_failures.py": ("test_6_another_amount_waits_for_an_operator",),
        "billing/payments/test_notifications.py": (
            "test_another_amount_or_currency_waits_in_review_and_credits_nothing",
        ),
    },
    7: {
        "billing/payments/test_payments_crash.py": (
            "test_a_purchase_survives_a_death_at_any_of_its_writes",
        ),
        "e2e/test_purchase_crash.py": (
            "test_kill_9_while_people_buy_leaves_no_payment_uncredited",
        ),
        "e2e/test_crash.py": ("test_kill_9_at_any_moment_loses_no_acknowledged_send_and_no_event",),
    },
    8: {
        "billing/topups/test_send.py": (
            "test_500_parallel_sends_against_credit_for_100_deliver_100",
            "test_parallel_sends_never_pass_a_keys_cap_or_its_ancestors",
        ),
        "billing/usage/test_usage.py": ("test_two_tills_never_overspend",),
    },
    9: {
        "gateway/api/test_field_failures.py": (
            "test_9_completed_while_unpaid_credits_nothing_yet",
        ),
    },
    10: {
        "gateway/api/test_payments.py": (
            "test_a_genuine_notification_is_acknowledged_after_its_commit",
            "test_a_database_that_is_away_is_never_an_acknowledgement",
        ),
    },
    11: {
        "gateway/api/test_orders.py": ("test_nonsense_is_refused_by_name_and_writes_no_order",),
        "billing/orders/test_place.py": ("test_what_could_not_be_credited_is_not_sold",),
    },
    12: {
        "gateway/api/test_field_failures.py": ("test_12_a_replay_after_days_is_still_one_credit",),
    },
    13: {
        "billing/usage/test_hold.py": (
            "test_a_repeated_request_is_the_same_hold_also_after_a_restart",
        ),
        "gateway/api/test_orders.py": (
            "test_parallel_calls_with_one_key_make_one_order_and_one_checkout",
        ),
    },
}


@pytest_asyncio.fixture
async def store(database_url: str, tmp_path: Path, clock: FixedClock) -> AsyncIterator[Store]:
    secret = {"stripe_staging_webhook_secret": SECRET}
    async with open_store(database_url, tmp_path, clock, **secret) as opened:
        yield opened


@pytest_asyncio.fixture
async def second(store: Store, clock: FixedClock) -> AsyncIterator[Gateway]:
    """Another gateway on the same database."""
    async with running(store.gateway.context.settings, clock) as opened:
        yield opened


def session_event(kind: str, order: dict[str, Any], **changes: Any) -> bytes:
    """An event of Stripe's about the order's checkout."""
    session = {
        "id": f"cs_{order['id']}",
        "object": "checkout.session",
        "mode": "payment",
        "status": "complete",
        "payment_status": "paid",
        "client_reference_id": order["id"],
        "metadata": {"order_id": order["id"]},
        "amount_total": order["pay_amount"],
        "currency": order["pay_currency"].lower(),
        "payment_intent": f"pi_{order['id']}",
        **changes,
    }
    return msgspec.json.encode(
        {"id": f"evt_{kind}_{order['id']}", "type": kind, "data": {"object": session}}
    )


async def send(
    gateway: Gateway, body: bytes, clock: FixedClock, *, secret: str = SECRET
) -> httpx.Response:
    """Sends Stripe's event, signed now."""
    now_s = clock.now_us() // SECOND_US
    signature = f"t={now_s},v1={stripe_signature(secret, now_s, body)}"
    return await gateway.client.post(STRIPE, content=body, headers={"Stripe-Signature": signature})


async def test_3_one_event_many_times_out_of_order_on_two_gateways(
    store: Store, second: Gateway, clock: FixedClock
) -> None:
    order = await store.order(provider="stripe")
    paid = session_event("checkout.session.completed", order)
    expired = session_event(
        "checkout.session.expired", order, status="expired", payment_status="unpaid"
    )
    bodies = [paid] * 10 + [expired] * 5
    random.Random(20260613).shuffle(bodies)
    answers = await asyncio.gather(
        *(
            send((store.gateway, second)[number % 2], body, clock)
            for number, body in enumerate(bodies)
        )
    )
    late = await send(second, expired, clock)

    assert {answer.status_code for answer in (*answers, late)} == {200}
    assert (await store.show(order["id"]))["status"] == "paid"
    assert await store.bought_cents() == 2000
    assert await store.findings() == []


async def test_4_an_empty_or_unknown_secret_is_refused(store: Store, clock: FixedClock) -> None:
    order = await store.order(provider="stripe")
    body = session_event("checkout.session.completed", order)
    for secret in ("", "whsec_", "whsec_unknown"):
        answer = await send(store.gateway, body, clock, secret=secret)
        assert answer.status_code == 401

    assert (await store.show(order["id"]))["status"] == "pending"
    assert await store.log(order["id"]) == []


async def test_5_a_provider_speaks_for_its_own_orders_only(store: Store, clock: FixedClock) -> None:
    order = await store.order(provider="creem")
    answer = await send(store.gateway, session_event("checkout.session.completed", order), clock)

    assert answer.status_code == 409
    assert (await store.show(order["id"]))["status"] == "pending"
    assert [entry.outcome for entry in await store.log(order["id"])] == ["refused"]
    assert await store.bought_cents() == 0


async def test_6_another_amount_waits_for_an_operator(store: Store, clock: FixedClock) -> None:
    for changes in ({"amount_total": 1999}, {"amount_total": 200_000}, {"currency": "jpy"}):
        order = await store.order(provider="stripe")
        body = session_event("checkout.session.completed", order, **changes)
        answer = await send(store.gateway, body, clock)

        assert answer.status_code == 200
        assert (await store.show(order["id"]))["status"] == "review", changes
    assert await store.bought_cents() == 0
    assert await store.findings() == []


async def test_9_completed_while_unpaid_credits_nothing_yet(
    store: Store, clock: FixedClock
) -> None:
    order = await store.order(provider="stripe")
    completed = session_event("checkout.session.completed", order, payment_status="unpaid")
    succeeded = session_event("checkout.session.async_payment_succeeded", order)
    first = await send(store.gateway, completed, clock)
    before = (await store.show(order["id"]))["status"], await store.bought_cents()
    then = await send(store.gateway, succeeded, clock)

    assert (first.status_code, then.status_code) == (200, 200)
    assert before == ("pending", 0)
    assert (await store.show(order["id"]))["status"] == "paid"
    assert await store.bought_cents() == 2000


async def test_12_a_replay_after_days_is_still_one_credit(
    store: Store, second: Gateway, clock: FixedClock
) -> None:
    order = await store.order(provider="stripe")
    body = session_event("checkout.session.completed", order)
    await send(store.gateway, body, clock)
    for days in (1, 3, 40):
        clock.advance_s(days * 86_400)
        answer = await send(second, body, clock)
        assert answer.status_code == 200

    assert await store.bought_cents() == 2000
    assert await store.findings() == []


def test_each_of_the_thirteen_has_its_test() -> None:
    missing = [
        name
        for by_module in BEATEN.values()
        for module, names in by_module.items()
        for name in names
        if name not in functions_in(TESTS / module)
    ]

    assert sorted(BEATEN) == list(range(1, 14))
    assert missing == []


def functions_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
