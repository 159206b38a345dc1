"""Pay for a top-up without an account, with the x402 package. Needs the extra: topup-gateway-client[x402].

payer = x402Client().register("eip155:*", ExactEvmScheme(account))
call = await sign(client, payer, platform="claude", amount_cents=1000, recipient_email="user@example.com")
bought = await client.run(call)

sign() asks for the price and signs a payment. Only run() pays. If run() gets no answer, or answers that the
payment is `settling`, run the same call again: it is charged once.
"""

import base64
import secrets
from dataclasses import replace
from typing import Any, Unpack

from x402 import x402Client, x402ClientSync
from x402.extensions.payment_identifier import append_payment_identifier_to_extensions
from x402.schemas import PaymentPayload, PaymentRequired

from .answers import Answer
from .client import AsyncClient, Client
from .errors import ApiError
from .models import PaidTopUp
from .requests import PaidBody
from .retries import Call

_ASKED, _PAID = "payment-required", "PAYMENT-SIGNATURE"


async def sign(
    client: AsyncClient,
    payer: x402Client,
    *,
    payment_id: str | None = None,
    **fields: Unpack[PaidBody],
) -> Call[Answer[PaidTopUp]]:
    """Return the call that pays for the top-up.

    payment_id: your own secret name for this top-up, 16 to 128 characters. Only it shows the code again.
    """
    call = _call(fields)
    try:
        await client.run(call)
    except ApiError as error:
        required = _required(error, payment_id)
        return _paid(call, await payer.create_payment_payload(required))
    return call


def sign_sync(
    client: Client,
    payer: x402ClientSync,
    *,
    payment_id: str | None = None,
    **fields: Unpack[PaidBody],
) -> Call[Answer[PaidTopUp]]:
    """The same as sign(), for a client that blocks."""
    call = _call(fields)
    try:
        client.run(call)
    except ApiError as error:
        required = _required(error, payment_id)
        return _paid(call, payer.create_payment_payload(required))
    return call


def _call(fields: PaidBody) -> Call[Answer[PaidTopUp]]:
    # Without a payment nothing is sent, so that it may be repeated.
    return Call("POST", "/x402/topup", Answer[PaidTopUp], body=fields, is_repeatable=True)


def _required(error: ApiError, payment_id: str | None) -> PaymentRequired:
    """Return what the gateway asks for, with an identifier. Raises the error if it isn't a price."""
    asked = error.response.headers.get(_ASKED)
    if asked is None:
        raise error
    required = PaymentRequired.model_validate_json(base64.b64decode(asked))
    extensions: dict[str, Any] = required.extensions or {}
    append_payment_identifier_to_extensions(
        extensions, payment_id or f"pay_{secrets.token_hex(16)}"
    )
    return required.model_copy(update={"extensions": extensions})


def _paid(call: Call[Answer[PaidTopUp]], payload: Any) -> Call[Answer[PaidTopUp]]:
    assert isinstance(payload, PaymentPayload)
    shown = payload.model_dump_json(by_alias=True, exclude_none=True)
    return replace(call, headers={_PAID: base64.b64encode(shown.encode()).decode()})
