"""A day of clients/python: what a program does with it, typed to the last field."""

import asyncio
import hmac
import json
import sys

import pytest
from topup_gateway import (
    AsyncGateway,
    BadRequest,
    Conflict,
    Gateway,
    InvalidSignature,
    Retries,
    SendBody,
    event_of,
    verify,
)
from topup_gateway.calls import (
    get_events,
    get_topup_history,
    post_sandbox_topups_transaction_id,
    post_topup_send,
    post_webhooks_register,
)
from topup_gateway.models import (
    Event,
    OutcomeBody,
    RegisterBody,
    Sent202Answer,
    SentAnswer,
    TopupDeliveredEvent,
)

from tests.support.receiver import Received, Receiver

EMAIL = "user@example.com"
RETRIES = Retries(wait_s=0.01)


def sync_day(url: str, key: str) -> None:
    with Gateway(url, key, retries=RETRIES) as gateway:
        # Its answer is lost on the way: it is asked for again, and paid once.
        sent = gateway.send(SendBody("claude", 1000, recipient_email=EMAIL, reference="lost"))
        assert isinstance(sent, SentAnswer)
        assert sent.data.charged_cents == 1000
        assert str(sent.data.voucher_code).startswith("ATU-")
        found = list(gateway.items(get_topup_history, reference="lost"))
        assert [one.transaction_id for one in found] == [sent.transaction_id]

        repaired = repair(gateway, SendBody("cluade", 1200, recipient_email=EMAIL))
        assert repaired.platform == "claude"
        answer = gateway.run(post_topup_send(body=repaired, idempotency_key="second"))
        assert answer.code == 1001

        with pytest.raises(Conflict) as refused:
            gateway.send(SendBody("claude", 1300, recipient_email=EMAIL), idempotency_key="second")
        assert refused.value.next_action == "stop"
        assert refused.value.links[0].method == "GET"

        amounts = [one.amount_cents for one in gateway.items(get_topup_history, limit=1)]
        assert amounts == [1200, 1000]
        known = [event_of(event.to_dict()) for event in gateway.items(get_events)]
        assert {type(event) for event in known} == {TopupDeliveredEvent}


def repair(gateway: Gateway, body: SendBody) -> SendBody:
    """What a program does that knows no more than the error says."""
    with pytest.raises(BadRequest) as refused:
        gateway.send(body)
    problem = refused.value.errors[0]
    assert problem.param == "platform"
    assert isinstance(problem.did_you_mean, str)
    body.platform = problem.did_you_mean
    return body


async def async_day(url: str, key: str, receiver: Receiver) -> None:
    async with AsyncGateway(url, key, retries=RETRIES) as gateway:
        hook = RegisterBody(receiver.url, events=["topup.delivered"])
        endpoint = (await gateway.run(post_webhooks_register(body=hook))).data
        waiting = await gateway.send(
            SendBody("claude", 700, recipient_email="pending@sandbox.test")
        )
        assert isinstance(waiting, Sent202Answer)
        transaction_id = waiting.transaction_id
        assert transaction_id is not None

        ended = asyncio.create_task(gateway.wait(transaction_id))
        delivered = post_sandbox_topups_transaction_id(
            transaction_id, body=OutcomeBody("delivered")
        )
        await gateway.run(delivered)
        story = await ended
        assert (story.status, story.events[0].type_) == ("delivered", "topup.pending")

        await receiver.until(lambda: bool(receiver.received))
        assert endpoint.public_key is not None
        checked(receiver.received[0], endpoint.secret, endpoint.public_key)
        pages = [one.amount_cents async for one in gateway.items(get_topup_history, limit=2)]
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
        with pytest.raises(InvalidSignature, match="no signature fits"):
            verify(received.body + b" ", headers, key)
        with pytest.raises(InvalidSignature, match="no signature fits"):
            verify(received.body, headers, other)
        with pytest.raises(InvalidSignature, match="too long ago"):
            verify(received.body, headers, key, now_s=event.created_at.timestamp() + 3600)
    with pytest.raises(InvalidSignature, match="no signature among"):
        verify(received.body, {}, secret)
    # Everybody knows the public key, so an HMAC by it proves nothing.
    timestamp = received.headers["webhook-timestamp"]
    forged = hmac.digest(public_key.encode(), f"{timestamp}.".encode() + received.body, "sha256")
    with pytest.raises(InvalidSignature, match="no signature fits"):
        verify(
            received.body, {"x-aitopup-signature": f"t={timestamp},v1={forged.hex()}"}, public_key
        )
    # Without the extra a secret proves it all the same; a public key alone cannot.
    with pytest.MonkeyPatch.context() as without_extra:
        without_extra.setitem(sys.modules, "cryptography.exceptions", None)
        without_extra.delitem(sys.modules, "topup_gateway.public_keys")
        verify(received.body, standard, [public_key, secret])
        with pytest.raises(InvalidSignature, match="could be checked: pip install"):
            verify(received.body + b" ", standard, [public_key, secret])
        with pytest.raises(ImportError, match="pip install"):
            verify(received.body, standard, public_key)
    # A delivery of before its key was named, replayed today.
    older = json.loads(received.body)
    del older["data"]["key_name"]
    assert type(event_of(older)) is Event
