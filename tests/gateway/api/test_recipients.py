"""`delivery` in a send, and the mail once more."""

from typing import Any

import pytest

from tests.support.gateway import Gateway

pytestmark = pytest.mark.one_database
ORDER = {"platform": "claude", "amount_cents": 1000, "recipient_email": "user@mail.com"}
MAILING = pytest.mark.gateway_settings(
    smtp_url="smtp://127.0.0.1:9",
    mail_from="a@acme.com",
    mail_staging=True,
    mail_recipient_per_day=2,
)


async def sent(gateway: Gateway, **more: Any) -> tuple[str, str]:
    """A key, and the id of what it sent."""
    key = await gateway.key(await gateway.account())
    answer = await gateway.call("POST", "/topup/send", key=key, json={**ORDER, **more})
    assert answer.json()["success"], answer.text
    return key, answer.json()["transaction_id"]


@pytest.mark.parametrize(
    ("delivery", "param"),
    [
        ({"email": "yes"}, "delivery.email"),
        ({"message": "x" * 501}, "delivery.message"),
        ({"message": ""}, "delivery.message"),
        ({"message": "a\u202eb"}, "delivery.message"),
        ({"locale": "../ar"}, "delivery.locale"),
        ({"phone": "1"}, "delivery.phone"),
    ],
)
@pytest.mark.parametrize("path", ["/topup/send", "/topup/validate"])
async def test_what_is_wrong_with_it_is_named(
    gateway: Gateway, path: str, delivery: dict[str, Any], param: str
) -> None:
    key = await gateway.key(await gateway.account())

    answer = await gateway.call("POST", path, key=key, json={**ORDER, "delivery": delivery})

    assert (answer.status_code, answer.json()["code"]) == (422, 2007)
    assert answer.json()["data"]["error"]["param"] == param


async def test_without_a_mail_server_mail_lies_in_the_outbox(gateway: Gateway) -> None:
    delivery = {"email": True, "locale": "es", "message": "Hola"}
    key, topup_id = await sent(gateway, delivery=delivery)

    data = (await gateway.call("GET", f"/topup/status/{topup_id}", key=key)).json()["data"]

    assert data["delivery"] == delivery
    assert [mail["status"] for mail in data["mails"]] == ["outbox"]
    assert data["emailed_at"] is None


@MAILING
async def test_resend_writes_one_mail_at_a_time_within_the_limits(gateway: Gateway) -> None:
    key, topup_id = await sent(gateway)
    path = f"/topup/{topup_id}/resend"

    first = await gateway.call("POST", path, key=key, headers={"Idempotency-Key": "r1"})
    repeated = await gateway.call("POST", path, key=key, headers={"Idempotency-Key": "r1"})
    second = await gateway.call("POST", path, key=key)

    assert first.json()["data"]["status"] == "queued"
    assert repeated.content == first.content
    assert second.json()["data"]["id"] == first.json()["data"]["id"]
    for _ in range(2):
        await gateway.context.database.transaction(
            lambda tx: tx.execute("UPDATE mails SET status = 'sent', next_attempt_at = NULL")
        )
        last = await gateway.call("POST", path, key=key)
    assert (last.status_code, last.json()["code"]) == (429, 4001)
    assert last.json()["data"]["error"]["reason"] == "mail_limit"


async def test_what_is_not_delivered_is_not_mailed(gateway: Gateway) -> None:
    key, topup_id = await sent(gateway, recipient_email="pending@sandbox.test")
    path = f"/topup/{topup_id}/resend"

    pending = await gateway.call("POST", path, key=key)
    await gateway.call("POST", "/topup/cancel", key=key, json={"transaction_id": topup_id})
    cancelled = await gateway.call("POST", path, key=key)

    assert (pending.status_code, pending.json()["code"]) == (422, 2007)
    assert (cancelled.status_code, cancelled.json()["code"]) == (409, 3004)


async def test_another_accounts_top_up_does_not_exist(gateway: Gateway) -> None:
    _, topup_id = await sent(gateway)
    stranger = await gateway.key(await gateway.account())

    answer = await gateway.call("POST", f"/topup/{topup_id}/resend", key=stranger)

    assert answer.status_code == 404
