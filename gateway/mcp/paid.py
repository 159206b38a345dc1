"""Run a send that is paid for in its own tool call, by x402 or the Machine Payments Protocol.

gateway/x402/handler.py gets the payment from `_meta` as an HTTP header. The headers of its response go back
into `_meta`.
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from mpp import Challenge
from mpp.extensions.mcp.types import MCPChallenge, MCPCredential

from billing.machine_payments.payment import MachinePayment
from gateway.answers.answer import Answer
from gateway.answers.envelope import Envelope, transaction_id_of
from gateway.http.fields import Shape, canonical
from gateway.http.idempotency import run_steps
from gateway.http.own_acts import run_route
from gateway.http.request_context import RequestContext
from gateway.mcp.message import CREDENTIAL, X402, PaymentMeta
from gateway.mcp.schemas import Offer, input_schema
from gateway.mcp.tools import PAID, SEND, TOOLS
from gateway.surfaces import API_PREFIX
from gateway.x402 import handler, headers
from gateway.x402.endpoint import take_turn
from gateway.x402.headers import HEADER
from gateway.x402.payment_methods import PaidToolCall
from gateway.x402.views import PaidBody
from kernel.errors import InvalidInput
from keys.account import lock_tenants
from store.database import Transaction
from store.idempotency import (
    KeyInProgress,
    RequestKey,
    Stored,
    StoredAnswer,
    check,
    complete,
    find,
    forget,
    request_key,
    save,
)

_X402_ANSWER: Final = "x402/payment-response"
_RECEIPT: Final = "org.paymentauth/receipt"
_CHALLENGES: Final = "org.paymentauth/payment-required"
_PAYMENT_REQUIRED: Final = 402
_BAD: Final = 400
# A payment may take this long to settle. If this process dies first, only the same payment can continue the call.
_LEASE_S: Final = 86_400
_SPENDABLE: Final = ("voucher_code", "deliverable", "claim_url")
_SHAPE: Final = Shape(PaidBody)
_encode = msgspec.json.Encoder(order="deterministic").encode
_decode = msgspec.json.Decoder(Envelope).decode
_decode_json = msgspec.json.decode


class PaidSend:
    """A send_topup call that contains a payment or must be paid for. `arguments` don't include the
    idempotency_key.
    """

    def __init__(
        self, call: RequestContext[Any, Any], arguments: Mapping[str, Any], meta: Mapping[str, Any]
    ) -> None:
        self._call, self._arguments, self._meta = call, arguments, meta
        self._full: Answer | None = None
        raw = _encode(arguments)
        inner = self._inner = PaidToolCall(call.context, call.scope)
        inner.trace, inner.method, inner.path = call.trace, "POST", call.path
        inner.credential = call.credential
        inner.headers = {b"host": call.headers.get(b"host", b""), **_headers_of(meta)}
        inner.raw = b"tools/call " + SEND.encode() + raw
        inner.body = _SHAPE.decode(raw, call.environment)
        inner.entry = headers.bazaar_tool_entry(SEND, PAID.description, input_schema(PAID, Offer()))

    async def run(self, key_text: str | None = None) -> Envelope:
        """Return the top-up. If it must be paid for, set `said` to the payment options and raise PaymentRequired."""
        await take_turn(self._call)
        try:
            if key_text is None:
                return _decode((await handler.topup(self._inner)).body)
            key, earlier = self._request_key(key_text), await self.earlier(key_text)
            known = await handler.known(self._inner)
            if known is None:
                return earlier or await self._run_once(key)
            answer = await handler.topup(self._inner)
            if answer.status < _BAD and transaction_id_of(answer.body) is not None:
                await self._save(key, known, answer)
            return _decode(answer.body)
        except InvalidInput as error:
            if error.param != HEADER:
                raise
            words = error.detail.replace(HEADER, f"_meta {X402}")
            raise InvalidInput(words, param=X402, reason=error.reason) from None

    async def earlier(self, key_text: str) -> Envelope | None:
        """Return the response stored for the key, brought up to date, or None.

        If the payment was refused, delete the stored response. Raise KeyReused if the key was used for another
        call.
        """
        call, key = self._call, self._request_key(key_text)
        stored = (await call.context.database.read(lambda tx: find(tx, [key]))).get(key.place)
        if stored is None or not stored.status:
            return None
        waits_for = None if stored.fingerprint != key.fingerprint else _waits_for(stored)
        if waits_for is None:
            return await run_route(call, TOOLS[SEND].route, self._arguments, key=key_text)
        answer = await handler.state_of(self._inner, waits_for)
        if answer is not None:
            return _decode(answer.body)

        async def work(tx: Transaction) -> None:
            await lock_tenants(tx, [call.principal.tenant])
            await forget(tx, key, stored.body)

        await call.context.database.transaction(work)
        return None

    @property
    def said(self) -> PaymentMeta:
        replies = dict(self._inner.reply_headers)
        meta: dict[str, Any] = {}
        if b"www-authenticate" in replies:
            challenge = _challenge_of(replies[b"www-authenticate"].decode())
            meta[_CHALLENGES] = {"httpStatus": _PAYMENT_REQUIRED, "challenges": [challenge]}
        if b"payment-response" in replies:
            meta[_X402_ANSWER] = _decode_json(b64decode(replies[b"payment-response"]))
        if b"payment-receipt" in replies:
            told = _decode_json(_of_base64url(replies[b"payment-receipt"]))
            meta[_RECEIPT] = {**told, "challengeId": self._meta[CREDENTIAL]["challenge"]["id"]}
        required = replies.get(b"payment-required")
        return PaymentMeta({} if required is None else _decode_json(b64decode(required)), meta)

    async def _run_once(self, key: RequestKey) -> Envelope:
        call = self._call
        try:
            answer = await run_steps(
                call.context,
                call.principal,
                key,
                self._steps,
                lease_s=_LEASE_S,
                token=handler.identifier_of(self._inner),
            )
        except _NothingBought as error:
            return _decode(error.answer.body)
        if self._full is None and await handler.known(self._inner) is not None:
            self._full = await handler.topup(self._inner)
        return _decode((self._full or answer).body)

    async def _steps(self) -> Answer:
        answer = self._full = await handler.topup(self._inner)
        if answer.status >= _BAD:
            raise _NothingBought(answer)
        return _without_codes(answer)

    async def _save(self, key: RequestKey, payment: MachinePayment, answer: Answer) -> None:
        context, tenant = self._call.context, self._call.principal.tenant
        kept = _without_codes(answer)

        async def work(tx: Transaction) -> None:
            await lock_tenants(tx, [tenant])
            now_us = context.clock.now_us()
            stored = (await find(tx, [key])).get(key.place)
            try:
                earlier = check(stored, key, now_us)
            except KeyInProgress:
                await complete(tx, key, kept, token=payment.identifier, now_us=now_us)
                return
            if earlier is None or _waits_for(earlier) == payment.id:
                await save(tx, [(key, kept)], now_us=now_us)

        await context.database.transaction(work)

    def _request_key(self, key_text: str) -> RequestKey:
        call = self._call
        shape = TOOLS[SEND].route.body_shape
        return request_key(
            account_id=call.principal.account_id,
            environment=call.principal.environment,
            owner=call.principal.key_owner,
            key_text=key_text,
            method="POST",
            path=API_PREFIX + TOOLS[SEND].path,
            canonical_body=canonical(shape.decode(_encode(self._arguments), call.environment)),
        )


def _without_codes(answer: Answer) -> Answer:
    told = _decode_json(answer.body)
    told["data"] |= dict.fromkeys(_SPENDABLE)
    return Answer(answer.status, msgspec.json.encode(told))


def _waits_for(stored: Stored | StoredAnswer) -> str | None:
    if stored.is_sealed or stored.body is None or transaction_id_of(stored.body) is not None:
        return None
    payment = _decode_json(stored.body)["data"].get("payment")
    return None if payment is None else str(payment["id"])


class _NothingBought(Exception):
    """Nothing was bought, so this response isn't stored for the key."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer


def _headers_of(meta: Mapping[str, Any]) -> dict[bytes, bytes]:
    headers: dict[bytes, bytes] = {}
    if meta.get(X402) is not None:
        headers[b"payment-signature"] = b64encode(msgspec.json.encode(meta[X402]))
    if meta.get(CREDENTIAL) is not None:
        try:
            headers[b"authorization"] = _authorization(meta[CREDENTIAL])
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
            words = f"_meta {CREDENTIAL} is no credential: send {{challenge, payload}}, the challenge as it came"
            raise InvalidInput(words, param=CREDENTIAL) from None
    return headers


def _authorization(credential: Any) -> bytes:
    challenge = credential["challenge"]
    # For this field, the mppx client sends the text that it received, but pympp sends the decoded object.
    if isinstance(challenge.get("opaque"), str):
        opaque = challenge["opaque"].encode()
        challenge = {**challenge, "opaque": _decode_json(_of_base64url(opaque))}
    found = MCPCredential.from_dict({**credential, "challenge": challenge})
    return found.to_core().to_authorization().encode()


def _challenge_of(header: str) -> Mapping[str, Any]:
    found = Challenge.from_www_authenticate(header)
    made = MCPChallenge.from_core(found, found.realm, found.expires, found.description)
    return {**made.to_dict(), "opaque": found.to_echo().opaque}


def _of_base64url(text: bytes) -> bytes:
    return b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_")
