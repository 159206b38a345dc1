"""Asks the operator's own service, with a request signed like a webhook.

POST <url> {transaction_id, environment, platform, amount_cents, recipient_email, voucher_code};
200 {"status": "delivered" | "failed" | "pending", "reason", "transaction_id"}. Anything else, an answer
that names another transaction, and no answer, is unknown: asked again with the same transaction_id,
on which the service is idempotent. The answer is believed because the request reached that url: use
https. It can also settle a pending one itself with POST /fulfilment/{transaction_id} under the same
secret. Options: url, secret (whsec_…), timeout_s (10, at most 60). Source: contract, section 3.
"""

import math
from collections.abc import Mapping
from typing import Any, Literal

import httpx
import msgspec

from billing.fulfilment.asking import NoSupplierAnswer, ask, decoded
from billing.fulfilment.protocol import (
    ASK_S_MAX,
    Delivered,
    OptionsRefused,
    Outcome,
    Refused,
    Registration,
    Request,
    Unknown,
    Waiting,
)
from kernel.clock import SECOND_US, Clock
from kernel.errors import DomainError
from keys.signing import secret_key, signature_headers


class HttpOptions(msgspec.Struct, forbid_unknown_fields=True):
    """A platform's options for this way."""

    url: str
    secret: str
    timeout_s: float = 10.0


class _Reply(msgspec.Struct):
    status: Literal["delivered", "failed", "pending"]
    reason: str | None = None
    transaction_id: str | None = None


class Http:
    """One platform's service."""

    def __init__(self, options: HttpOptions, client: httpx.AsyncClient, clock: Clock) -> None:
        self._options = options
        self._client = client
        self._clock = clock

    async def fulfil(self, request: Request) -> Outcome:
        body = msgspec.json.encode(
            {
                "transaction_id": request.transaction_id,
                "environment": request.environment,
                "platform": request.platform,
                "amount_cents": request.amount_cents,
                "recipient_email": request.recipient_email,
                "voucher_code": request.voucher_code,
            }
        )
        headers = {
            "Content-Type": "application/json",
            **signature_headers(
                secrets=[self._options.secret],
                message_id=request.transaction_id,
                timestamp_s=self._clock.now_us() // SECOND_US,
                body=body,
            ),
        }
        try:
            answer = await ask(
                self._client,
                "POST",
                self._options.url,
                headers=headers,
                content=body,
                timeout_s=self._options.timeout_s,
            )
            reply = decoded(answer, _Reply)
        except NoSupplierAnswer as error:
            return Unknown(str(error))
        return _judge(reply, request.transaction_id)


def _judge(reply: _Reply, transaction_id: str) -> Outcome:
    if reply.transaction_id not in {None, transaction_id}:
        return Unknown("an answer for another transaction")
    if reply.status == "delivered":
        return Delivered()
    if reply.status == "failed":
        return Refused(reply.reason or "refused by the fulfilment")
    return Waiting()


def _make(options: Mapping[str, Any], client: httpx.AsyncClient, clock: Clock) -> Http:
    try:
        parsed = msgspec.convert(dict(options), HttpOptions)
        secret_key(parsed.secret)
    except msgspec.ValidationError as error:
        raise OptionsRefused(f"http fulfilment: {error}") from None
    except DomainError:
        raise OptionsRefused("http fulfilment: secret is not a whsec_ secret") from None
    if not parsed.url.startswith(("https://", "http://")):
        raise OptionsRefused("http fulfilment: url begins with https:// or http://")
    if not (math.isfinite(parsed.timeout_s) and 0 < parsed.timeout_s <= ASK_S_MAX):
        raise OptionsRefused(f"http fulfilment: timeout_s is above 0 and at most {ASK_S_MAX:g}")
    return Http(parsed, client, clock)


FULFILMENT = Registration(name="http", is_asynchronous=True, make=_make)
