"""POST /x402/topup: a top-up that is paid for in its own request, without a key or account.

The first request imports the payment protocols' packages (gateway/x402/handler.py).
"""

import asyncio
import gc
from collections.abc import Awaitable, Callable
from typing import Any, Final

from gateway.answers import envelope, response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.outcome import Outcome
from gateway.http.auth import block_of
from gateway.http.rate_limit import Allowance, take_one
from gateway.http.request_context import RequestContext
from gateway.http.routing import ApiSurface, Route
from gateway.x402.views import PaidBody, PaidTopUp
from kernel.fields import Fields

PATH: Final = "/x402/topup"
REQUESTS: Final = Allowance(60, 60)
_LOADED: dict[str, Callable[[RequestContext[PaidBody, Fields]], Awaitable[Answer]]] = {}


async def topup(call: RequestContext[PaidBody, Fields]) -> Answer:
    await take_turn(call)
    door = _LOADED.get(PATH)
    if door is None:
        # Importing the packages takes a third of a second, so a thread does it while other requests continue.
        door = _LOADED[PATH] = await asyncio.to_thread(_load)
    return await door(call)


async def take_turn(call: RequestContext[Any, Any]) -> None:
    await take_one(
        call.context.limiter,
        f"x402:{block_of(call.address)}",
        REQUESTS,
        f"{REQUESTS.calls} requests a minute are taken from one address",
    )


def _load() -> Callable[[RequestContext[PaidBody, Fields]], Awaitable[Answer]]:
    from gateway.x402 import handler  # noqa: PLC0415 see the module's docstring

    gc.freeze()
    return handler.topup


SURFACE: Final = ApiSurface(
    "",
    (
        Route(
            "POST",
            PATH,
            topup,
            "Send prepaid credit, paid for in the request",
            body=PaidBody,
            is_public=True,
            takes_key=False,
            description=(
                "Sells a top-up to a payer without an account. Without a payment, the response is 402 with the price"
                " and a header for each payment method. `PAYMENT-REQUIRED` (x402, version 2) is paid with"
                " `PAYMENT-SIGNATURE`. `WWW-Authenticate: Payment` (card) is paid with a shared payment token in"
                " `Authorization: Payment`. Then the payment is settled and the credit is sent, and"
                " `PAYMENT-RESPONSE` or `Payment-Receipt` has the details. An x402 payment must contain a random"
                " `payment-identifier`; a card's challenge contains one. If a response is lost, repeat the same"
                " request: nothing is charged twice. A payment that can't be delivered is returned as a code in"
                " `data.refund` (3005). With an API key, the top-up is made in the key's account, and a card's token"
                " goes into `Payment-Authorization`."
            ),
            answers=(
                Outcome(200, PaidTopUp, (codes.DELIVERED, codes.CANCELLED, codes.REVERSED)),
                Outcome(202, PaidTopUp, (codes.PENDING, codes.APPROVAL_REQUIRED)),
                Outcome(422, PaidTopUp, (codes.FAILED_REFUNDED,)),
            ),
            refuses=(
                codes.PAYMENT_REQUIRED,
                codes.INVALID_KEY,
                codes.KEY_ENDED,
                codes.MISSING_SCOPE,
                codes.INVALID_PLATFORM,
                codes.INVALID_RECIPIENT,
                codes.AMOUNT_OUT_OF_RANGE,
                codes.DUPLICATE,
                codes.CAP_EXCEEDED,
                codes.RATE_LIMITED,
                codes.PROVIDER_UNAVAILABLE,
            ),
        ),
    ),
    envelope.refuse,
)
