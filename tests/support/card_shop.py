"""A gateway whose live payments by card go to a stand-in of Stripe, and a payer who pays by hand."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import httpx
from mpp import Challenge, Credential

from kernel.clock import FixedClock
from tests.support.gateway import Gateway
from tests.support.paying import BODY
from tests.support.stripe_api import customers, tokens
from tests.support.stripe_api.server import StripeApi

PATH = "/x402/topup"
PROBLEMS = "https://paymentauth.org/problems/"


class CardShop(NamedTuple):
    """A gateway whose live payments by card go to a stand-in of Stripe."""

    gateway: Gateway
    stripe: StripeApi
    clock: FixedClock

    def grant(self, number: str = customers.PAYS, **limits: Any) -> Callable[[int], str]:
        return lambda cents: tokens.grant(self.stripe.account, cents, number, **limits)

    async def ask(self, **fields: Any) -> Challenge:
        """The challenge of the 402."""
        answer = await self.gateway.client.post(PATH, json={**BODY, **fields})
        assert (answer.status_code, answer.json()["code"]) == (402, 2013)
        return challenge_of(answer)

    async def show(
        self,
        challenge: Challenge,
        token: str,
        *,
        changes: dict[str, str] | None = None,
        **fields: Any,
    ) -> httpx.Response:
        """The request again with a credential; changes: to what the challenge's echo says."""
        echo = replace(challenge.to_echo(), **(changes or {}))
        header = Credential(echo, {"spt": token}).to_authorization()
        return await self.gateway.client.post(
            PATH, json={**BODY, **fields}, headers={"Authorization": header}
        )

    async def pay(self, number: str = customers.PAYS, **fields: Any) -> httpx.Response:
        """Asked and paid by hand, so that the clock may stand still."""
        challenge = await self.ask(**fields)
        return await self.show(
            challenge, self.grant(number)(int(challenge.request["amount"])), **fields
        )

    @property
    def charged(self) -> list[int]:
        """What each charge of a card that went through came to, in cents."""
        charges = self.stripe.account.every("charge", status="succeeded")
        return [one["amount"] for one in charges]

    def pass_time(self, seconds: int) -> None:
        self.clock.advance_s(seconds)
        self.stripe.pass_time(seconds)


def challenge_of(answer: httpx.Response) -> Challenge:
    return Challenge.from_www_authenticate(answer.headers["www-authenticate"])


def problem_of(answer: httpx.Response) -> str:
    """The draft's name of what is wrong; the answer asks anew, and nothing was paid."""
    told = answer.json()
    assert (answer.status_code, told["code"]) == (402, 2013), told
    assert challenge_of(answer).id
    assert "no-store" in answer.headers["cache-control"]
    assert "payment-receipt" not in answer.headers
    return str(told["data"]["error"]["problem"]).removeprefix(PROBLEMS)
