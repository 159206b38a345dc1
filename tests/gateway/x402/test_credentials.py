"""The credentials of the scheme Payment: each answers its own challenge, and nothing else is paid."""

import base64
import json
from typing import Any

from mpp import Credential

from tests.support.card_shop import PATH, CardShop, problem_of
from tests.support.paying import BODY, rows


async def test_a_challenge_pays_for_its_own_request_alone(shop: CardShop) -> None:
    challenge, token = await shop.ask(), shop.grant()(1000)
    staging = await shop.ask(environment="staging")
    cheaper = base64.urlsafe_b64encode(b'{"amount":"1","currency":"usd"}').decode().rstrip("=")
    secret = {"environment": "live", "identifier": "f" * 32}
    opaque = base64.urlsafe_b64encode(json.dumps(secret).encode()).decode().rstrip("=")

    refused = {
        "amount": await shop.show(challenge, token, amount_cents=100),
        "recipient": await shop.show(challenge, token, recipient_email="thief@example.com"),
        "id": await shop.show(challenge, token, changes={"id": "A" * 43}),
        "id in other letters": await shop.show(challenge, token, changes={"id": "é" * 43}),
        "identifier": await shop.show(challenge, token, changes={"opaque": opaque}),
        "no identifier": await shop.show(challenge, token, changes={"opaque": "e30"}),
        "end": await shop.show(challenge, token, changes={"expires": "2099-01-01T00:00:00Z"}),
        "environment": await shop.show(staging, token),
    }
    kept = await shop.show(challenge, token, changes={"request": cheaper})

    assert {name: problem_of(answer) for name, answer in refused.items()} == dict.fromkeys(
        refused, "invalid-challenge"
    )
    # What the echo says of the price counts for nothing: the challenge's own price was paid.
    assert (kept.status_code, shop.charged) == (200, [1000])


async def test_what_cannot_be_read_is_asked_for_anew(shop: CardShop) -> None:
    challenge = await shop.ask()
    good = Credential(challenge.to_echo(), {"spt": "spt_x_12"}).to_authorization()
    echo = json.loads(base64.urlsafe_b64decode(good.partition(" ")[2] + "=="))["challenge"]

    def encoded(said: Any) -> str:
        return "Payment " + base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")

    nested = "Payment " + base64.urlsafe_b64encode(b"[" * 9000).decode()
    cases = {
        "Payment x": "malformed-credential",
        "Payment e30": "malformed-credential",
        nested[:16_000]: "malformed-credential",
        "Payment " + "A" * 17_000: "malformed-credential",
        encoded({"challenge": echo, "payload": []}): "invalid-payload",
        encoded({"challenge": echo, "payload": {}}): "invalid-payload",
        encoded({"challenge": echo, "payload": {"spt": "spt_../../v1/refunds"}}): "invalid-payload",
        encoded({"challenge": echo, "payload": {"spt": ["spt_1"]}}): "invalid-payload",
        encoded({"challenge": [], "payload": {"spt": "spt_1"}}): "malformed-credential",
        encoded({"challenge": {**echo, "method": "tempo"}, "payload": {"spt": "spt_12345"}}): (
            "method-unsupported"
        ),
    }

    for header, problem in cases.items():
        answer = await shop.gateway.client.post(PATH, json=BODY, headers={"Authorization": header})
        assert problem_of(answer) == problem, header[:80]
    two = {"Authorization": good, "Payment-Authorization": good}
    assert problem_of(await shop.gateway.client.post(PATH, json=BODY, headers=two)) == (
        "malformed-credential"
    )
    # The field that the challenge did not name.
    beside = await shop.gateway.client.post(
        PATH, json=BODY, headers={"Payment-Authorization": good}
    )
    assert problem_of(beside) == "invalid-challenge"
    both = await shop.gateway.client.post(
        PATH, json=BODY, headers={"Authorization": good, "PAYMENT-SIGNATURE": "e30"}
    )
    assert (both.status_code, both.json()["code"]) == (422, 2007)
    assert await rows(shop.gateway) == []
