"""A day of clients/python: what a program does with it, typed to the last field."""

import asyncio
import hmac
import json
import sys

import pytest
from topup_gateway import (
    AsyncClient,
    BadRequest,
    Client,
    Conflict,
    Event,
    InvalidSignature,
    Retries,
    event_of,
    verify,
)
from topup_gateway.models import SentForApproval, TopupDeliveredEvent
from topup_gateway.requests import SendBody

from tests.support.receiver import Received, Receiver

EMAIL = "user@example.com"
RETRIES = Retries(wait_s=0.01)


def sync_day(url: str, key: str) -> None:
    with Client(url, key, retries=RETRIES) as client:
        # Its answer is lost on the way: the client sends it again, and it is paid once.
        sent = client.topups.send(
            platform="claude", amount_cents=1000, recipient_email=EMAIL, reference="lost"
        )
        assert not isinstance(sent.data, SentForApproval)
        assert sent.data.charged_cents == 1000
        assert str(sent.data.voucher_code).startswith("ATU-")
        found = list(client.topups.history(reference="lost"))
        assert [one.transaction_id for one in found] == [sent.transaction_id]

        wrong: SendBody = {"platform": "cluade", "amount_cents": 1200, "recipient_email": EMAIL}
        repaired = repair(client, wrong)
        assert repaired["platform"] == "claude"
        answer = client.topups.send(**repaired, idempotency_key="second")
        assert answer.code == 1001

        another: SendBody = {**repaired, "amount_cents": 1300}
        with pytest.raises(Conflict) as refused:
            client.topups.send(**another, idempotency_key="second")
        assert refused.value.next_action == "stop"
        assert refused.value.links[0].method == "GET"

        amounts = [one.amount_cents for one in client.topups.history(limit=1)]
        assert amounts == [1200, 1000]
        assert len(client.topups.history(limit=1).page().items) == 1
        known = [event_of(event.model_dump(mode="json")) for event in client.events.list()]
        assert {type(event) for event in known} == {TopupDeliveredEvent}


def repair(client: Client, body: SendBody) -> SendBody:
    """Do what a program does that knows no more than the error says."""
    with pytest.raises(BadRequest) as refused:
        client.topups.send(**body)
    problem = refused.value.errors[0]
    assert problem.param == "platform"
    assert isinstance(problem.did_you_mean, str)
    return {**body, "platform": problem.did_you_mean}


async def async_day(url: str, key: str, receiver: Receiver) -> None:
    async with AsyncClient(url, key, retries=RETRIES) as client:
        endpoint = await client.webhooks.register(url=receiver.url, events=["topup.delivered"])
        waiting = await client.topups.send(
            platform="claude", amount_cents=700, recipient_email="pending@sandbox.test"
        )
        assert waiting.code == 1002
        transaction_id = waiting.transaction_id
        assert transaction_id is not None

        ended = asyncio.create_task(client.wait(waiting))
        await client.sandbox.settle_topup(transaction_id, outcome="delivered")
        story = await ended
        assert (story.status, story.events[0].type) == ("delivered", "topup.pending")

        await receiver.until(lambda: bool(receiver.received))
        assert endpoint.data.public_key is not None
        checked(receiver.received[0], endpoint.data.secret, endpoint.data.public_key)
        pages = [one.amount_cents async for one in client.topups.history(limit=2)]
        assert pages == [700, 1200, 1000]


def checked(received: Received, secret: str, public_key: str) -> None:
    """By any signature; not with another body, another secret, or an hour later."""
    standard = {name: received.headers[name] for name in received.headers if "webhook" in name}
    stripe = {"X-AiTopUp-Signature": received.headers["x-aitopup-signature"]}
    for headers, key in ((standard, secret), (stripe, secret), (standard, public_key)):
        other = key.partition("_")[0] + "_" + "B" * 42 + "A="
        event = verify(received.body, headers, [other, key])
        assert isinstance(event, TopupDeliveredEvent)
        assert event.data.amount_cents == 700
        with pytest.raises(InvalidSignature, match="No signature matches"):
            verify(received.body + b" ", headers, key)
        with pytest.raises(InvalidSignature, match="No signature matches"):
            verify(received.body, headers, other)
        with pytest.raises(InvalidSignature, match="too long ago"):
            verify(received.body, headers, key, now_s=event.created_at.timestamp() + 3600)
    with pytest.raises(InvalidSignature, match="no signature header"):
        verify(received.body, {}, secret)
    # Everybody knows the public key, so an HMAC by it proves nothing.
    timestamp = received.headers["webhook-timestamp"]
    forged = hmac.digest(public_key.encode(), f"{timestamp}.".encode() + received.body, "sha256")
    with pytest.raises(InvalidSignature, match="No signature matches"):
        verify(
            received.body, {"x-aitopup-signature": f"t={timestamp},v1={forged.hex()}"}, public_key
        )
    # Without the extra, a secret is enough. A public key alone isn't.
    with pytest.MonkeyPatch.context() as without_extra:
        without_extra.setitem(sys.modules, "cryptography.exceptions", None)
        verify(received.body, standard, [public_key, secret])
        with pytest.raises(InvalidSignature, match="No signature matches the secret"):
            verify(received.body + b" ", standard, [public_key, secret])
        with pytest.raises(ImportError, match="pip install"):
            verify(received.body, standard, public_key)
    # A delivery of before its key was named, replayed today.
    older = json.loads(received.body)
    del older["data"]["key_name"]
    assert type(event_of(older)) is Event
