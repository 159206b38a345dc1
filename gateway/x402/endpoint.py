"""POST /x402/topup: a top-up that is paid for in its own request, without a key or account.

The first request imports the payment protocols' packages (gateway/x402/door.py).
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
        # The packages are imported in a thread: that takes a third of a second, in which other requests continue.
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
    from gateway.x402 import door  # noqa: PLC0415 see the module's docstring

    # The imported objects stay, so the garbage collector can skip them.
    gc.freeze()
    return door.topup


SURFACE: Final = ApiSurface(
    "",
    (
        Route(
            "POST",
            PATH,
            topup,
            "Send prepaid credit that the request itself pays for",
            body=PaidBody,
            is_public=True,
            takes_key=False,
            description=(
                "For a payer without an account. Without a payment it answers 402 with the price, and with"
                " a header for each way to pay it: `PAYMENT-REQUIRED` (x402, version 2), paid with"
                " `PAYMENT-SIGNATURE`; `WWW-Authenticate: Payment` (by card), paid with a shared payment"
                " token in `Authorization: Payment`. Then the payment is settled, the credit is sent, and"
                " `PAYMENT-RESPONSE` or `Payment-Receipt` tells of it. A payment by x402 must carry a"
                " `payment-identifier` made at random; a card's challenge has one. Repeat the"
                " very same request after a lost answer, and nothing is charged twice. What was paid and"
                " could not be delivered comes back as a code in `data.refund` (3005). An API key beside it"
                " has the top-up made in its own account; the card's token then comes in"
                " `Payment-Authorization`."
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
