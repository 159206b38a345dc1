"""The providers' notification paths: their words, their statuses, and what never moves money."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from billing.providers.protocol import Received, SandboxEvent
from kernel.clock import FixedClock
from tests.support import toypay
from tests.support.selling_gateway import TOYPAY, Store, open_store

EPAY = "/payment/webhook/epay"
EPAY_TOO = "/api/user/epay/notify"
STRIPE = "/payment/webhook/stripe"
CREEM = "/payment/webhook/creem"
MYFATOORAH = "/api/billing/webhook/myfatoorah"


@pytest_asyncio.fixture
async def store(database_url: str, tmp_path: Path, clock: FixedClock) -> AsyncIterator[Store]:
    async with open_store(database_url, tmp_path, clock) as opened:
        yield opened


async def simulated(store: Store, sold_id: str, **changes: Any) -> Received:
    """The notification that the order's stand-in would send of its payment."""
    order = await store.row(sold_id)
    provider = store.gateway.context.payments.providers.of(order.provider, "staging")
    assert provider is not None
    facts: dict[str, Any] = {
        "outcome": "paid",
        "kind": "payment",
        "order_id": order.id,
        "ref": order.provider_ref,
        "payment_id": f"pay_{order.id}",
        "price": order.price,
        "event_id": f"evt_{order.id}",
    }
    return provider.simulate(SandboxEvent(**facts | changes))


async def test_a_genuine_notification_is_acknowledged_after_its_commit(store: Store) -> None:
    made = await store.order()
    said = toypay.event("paid", await store.row(made["id"]))
    answer = await store.tell(TOYPAY, said)

    assert (answer.status_code, answer.json()) == (200, {"received": True})
    assert answer.headers["content-type"] == "application/json"
    # Another process sees it from the moment that it was acknowledged.
    assert (await store.row(made["id"])).status == "paid"


async def test_a_database_that_is_away_is_never_an_acknowledgement(store: Store) -> None:
    made = await store.order(provider="epay")
    said = await simulated(store, made["id"])
    await store.gateway.context.engine.close()
    away = await store.tell(EPAY, said)

    assert (away.status_code, away.text) == (503, "fail")
    assert (await store.row(made["id"])).status == "pending"


@pytest.mark.one_database
async def test_epay_hears_its_words_by_get_and_post_on_both_its_paths(store: Store) -> None:
    answers = []
    for path in (EPAY, EPAY_TOO):
        for method in ("GET", "POST"):
            made = await store.order(provider="epay")
            said = await simulated(store, made["id"])
            fields = said.query or said.body
            form = {b"content-type": b"application/x-www-form-urlencoded"}
            sent = (
                Received("GET", {}, fields, b"")
                if method == "GET"
                else Received("POST", form, b"", fields)
            )
            answer = await store.tell(path, sent)
            answers.append((answer.status_code, answer.text, (await store.row(made["id"])).status))

    assert answers == [(200, "success", "paid")] * 4
    assert await store.bought_cents() == 8000
    assert await store.findings() == []


@pytest.mark.one_database
async def test_a_forgery_is_401_in_the_providers_own_words(store: Store) -> None:
    made = await store.order()
    genuine = toypay.event("paid", await store.row(made["id"]))
    forged = {
        TOYPAY: Received("POST", genuine.headers, b"", genuine.body + b" "),
        STRIPE: Received("POST", {b"stripe-signature": b"t=1,v1=00"}, b"", b"{}"),
        CREEM: Received("POST", {b"creem-signature": b"00"}, b"", b"{}"),
        MYFATOORAH: Received("POST", {b"myfatoorah-signature": b"AA=="}, b"", b'{"Data":{}}'),
    }
    for path, said in forged.items():
        answer = await store.tell(path, said)
        assert answer.status_code in {400, 401}, path
        assert answer.json()["received"] is False
        assert answer.json()["detail"]
    epay = await store.tell(EPAY, Received("GET", {}, b"pid=1&sign=0&sign_type=MD5", b""))

    assert (epay.status_code, epay.text) in {(400, "fail"), (401, "fail")}
    assert (await store.row(made["id"])).status == "pending"
    assert await store.log(made["id"]) == []


@pytest.mark.one_database
async def test_nothing_and_noise_are_refused(store: Store) -> None:
    for path in (TOYPAY, STRIPE, CREEM, MYFATOORAH):
        for body in (b"", b"{", b"\x00\xff", b"[" * 30_000):
            answer = await store.gateway.client.post(path, content=body)
            assert answer.status_code in {400, 401}, (path, body[:9])
    for query in ("", "sign=", "a=1&a=2", "%zz", "a=" + "b" * 5000):
        answer = await store.gateway.client.get(f"{EPAY}?{query}")
        assert answer.status_code in {400, 401, 422}, query
        assert answer.text == "fail"


@pytest.mark.one_database
async def test_a_body_is_at_most_64_kib(store: Store) -> None:
    large = await store.gateway.client.post(TOYPAY, content=b"x" * (64 * 1024 + 1))
    epay = await store.gateway.client.post(EPAY, content=b"x" * (64 * 1024 + 1))

    assert (large.status_code, large.json()["received"]) == (413, False)
    assert (epay.status_code, epay.text) == (413, "fail")


@pytest.mark.one_database
async def test_a_method_that_a_provider_does_not_use_is_405(store: Store) -> None:
    answer = await store.gateway.client.get(TOYPAY)

    assert (answer.status_code, answer.headers["allow"]) == (405, "POST, OPTIONS")


async def test_an_event_for_another_providers_order_is_409(store: Store) -> None:
    made = await store.order(provider="epay")
    answer = await store.notify("paid", made["id"])
    by_stripe = await store.order(provider="stripe")
    said = await simulated(store, by_stripe["id"], order_id=made["id"])
    other = await store.tell(STRIPE, said)

    assert (answer.status_code, other.status_code) == (409, 409)
    assert answer.json()["detail"] == "the order is another provider's or of the other environment"
    assert (await store.row(made["id"])).status == "pending"
    assert [entry.outcome for entry in await store.log(made["id"])] == ["refused", "refused"]
    assert await store.bought_cents() == 0


async def test_what_waits_for_a_person_is_acknowledged_and_not_credited(store: Store) -> None:
    made = await store.order()
    answer = await store.notify("paid", made["id"], amount=1)

    assert (answer.status_code, answer.json()) == (200, {"received": True})
    assert (await store.show(made["id"]))["status"] == "review"
    assert await store.bought_cents() == 0


async def test_a_confirmation_that_does_not_come_asks_for_the_notification_again(
    store: Store,
) -> None:
    made = await store.order()
    store.server.is_away = True
    away = await store.notify("claimed", made["id"])
    store.server.is_away = False
    store.server.pay(await store.row(made["id"]))
    back = await store.notify("claimed", made["id"])

    assert (away.status_code, back.status_code) == (503, 200)
    assert away.headers["retry-after"] == "2"
    assert await store.bought_cents() == 2000


@pytest.mark.one_database
async def test_notifications_are_counted_and_forgeries_logged_without_their_bytes(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    made = await store.order()
    genuine = toypay.event("paid", await store.row(made["id"]))
    with caplog.at_level(logging.INFO):
        await store.tell(TOYPAY, Received("POST", genuine.headers, b"", b"a card number"))
        await store.tell(TOYPAY, genuine)
    counted = (await store.gateway.client.get("/metrics")).text
    lines = [record for record in caplog.records if record.getMessage().startswith("payment.")]

    series = 'topup_payment_notifications_total{outcome="%s",provider="toypay"} 1.0'
    assert series % "signature" in counted
    assert series % "applied" in counted
    assert [line.getMessage() for line in lines] == ["payment.not_believed", "payment.notified"]
    assert lines[0].levelname == "WARNING"
    shown = "".join(str(vars(line)) for line in lines)
    assert "a card number" not in shown
    assert toypay.SECRETS["staging"] not in shown
    assert genuine.headers[b"toypay-signature"].decode() not in shown


@pytest.mark.one_database
async def test_a_credential_is_neither_needed_nor_looked_at(store: Store) -> None:
    made = await store.order()
    said = toypay.event("paid", await store.row(made["id"]))
    answer = await store.gateway.client.post(
        TOYPAY,
        content=said.body,
        headers={
            "Authorization": "Bearer ak_live_nonsense",
            "toypay-signature": said.headers[b"toypay-signature"].decode(),
        },
    )

    assert answer.status_code == 200


async def test_a_hundred_of_one_event_at_once_are_one_credit(store: Store) -> None:
    made = await store.order()
    said = toypay.event("paid", await store.row(made["id"]))
    answers: list[httpx.Response] = await asyncio.gather(
        *(store.tell(TOYPAY, said) for _ in range(100))
    )

    assert {answer.status_code for answer in answers} == {200}
    assert await store.bought_cents() == 2000
    assert await store.findings() == []
