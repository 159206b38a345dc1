"""What POST /x402/topup does: the price, or the top-up that the payment beside it pays for.

Promises: nothing is settled that could not be sent at this moment; a payment that is known already is never
verified or charged again, whatever is repeated; codes are shown to whoever shows the payment's identifier, or
may see them with a key of the account. A key beside the payment has the top-up made in its own account, by its
own limits; without one it belongs to the machine account, and no account's intent is met.
"""

import hashlib
import hmac
from typing import Any, Final

import msgspec

from billing.machine_payments.account import MACHINE_ACCOUNT
from billing.machine_payments.intent_lookup import find_named
from billing.machine_payments.offer import Offer
from billing.machine_payments.payment import (
    MachinePayment,
    NotOffered,
    PaidRequest,
    PaymentRequired,
    check_same,
)
from billing.topups.deliverable import DeliveryOptions
from billing.topups.send import Send
from billing.topups.send_request import check_same as check_same_intent
from billing.topups.topup import TopUp, load
from billing.topups.voucher import sees_code
from gateway.answers.answer import Answer
from gateway.api.bodies.paid_body import PaidBody
from gateway.html.render import address_of
from gateway.http.auth import check_presented, presented as presented_credential
from gateway.http.fields import EnvironmentMismatch, Fields
from gateway.http.request_context import RequestContext
from gateway.x402 import headers
from gateway.x402.answers import answer_of, named_answer
from gateway.x402.headers import Presented
from kernel.clock import SECOND_US
from kernel.errors import InvalidInput
from kernel.ids import new_id
from kernel.tenant import Tenant
from keys.authenticator import InvalidCredential
from keys.principal import Environment, Principal, check_address, require_scope
from store.database import Transaction

DOOR: Final = "x402"
_SIGNATURE: Final = b"payment-signature"

_Call = RequestContext[PaidBody, Fields]


async def topup(call: _Call) -> Answer:
    """402 with the price, or the top-up."""
    principal = await _caller(call)
    offer = _offer(call, principal)
    asked = _asked(call, offer, principal)
    header = call.headers.get(_SIGNATURE)
    presented = None if header is None else headers.read(header)
    if presented is not None:
        found = await _known(call, offer.environment, presented)
        if found is not None:
            check_same(found, _payment(offer, asked, presented, principal, call.now_us))
            ended = await call.context.machine_payments.go_on(found, wait_s=WAIT_S)
            return await _answer(call, ended, presented, principal, offer)
    named = await _named(call, asked, _account_of(principal), offer.environment)
    if named is not None:
        check_same_intent(named, asked.prepare(_platforms(call, offer), named.account_id))
        may_see = principal is not None and sees_code(principal, named.spent_by)
        return named_answer(call, named, may_see=may_see)
    if presented is None:
        raise _required(call, offer, asked, "pay this price: sign one of accepts")
    misfit = headers.misfit(presented, offer, asked, call.now_us // SECOND_US)
    if misfit is not None:
        raise _required(call, offer, asked, misfit)
    return await _pay(call, offer, asked, presented, principal)


WAIT_S: Final = 20.0


async def _pay(
    call: _Call,
    offer: Offer,
    asked: PaidRequest,
    presented: Presented,
    principal: Principal | None,
) -> Answer:
    """A payment that is new here: rehearsed, verified, settled."""
    payments = call.context.machine_payments
    payment = _payment(offer, asked, presented, principal, call.now_us)
    send = Send(
        payment.transaction_id,
        payment.tenant,
        payment.spent_by,
        asked.prepare(_platforms(call, offer), payment.account_id),
    )
    await payments.rehearse(payment, send)
    request = msgspec.json.encode(headers.request_of(presented, offer, asked.charged_cents))
    verified = await payments.verify(payment, request)
    if not verified.is_valid:
        raise _required(call, offer, asked, verified.reason)
    sealed = msgspec.structs.replace(payment, proof=payments.seal(payment.id, request))
    ended = await payments.pay(sealed)
    check_same(ended, payment)
    return await _answer(call, ended, presented, principal, offer)


async def _answer(
    call: _Call,
    payment: MachinePayment,
    presented: Presented,
    principal: Principal | None,
    offer: Offer,
) -> Answer:
    is_payer = hmac.compare_digest(payment.identifier, presented.identifier)
    is_settled = payment.settled_at is not None
    header = headers.response_header(
        is_settled=is_settled,
        payer=payment.payer,
        network=payment.network,
        amount=payment.amount,
        settlement=payment.settlement,
        reason=payment.detail if payment.state == "refused" else None,
    )
    call.reply_headers.append((b"payment-response", header))
    if payment.state == "refused":
        why = f"the payment was refused: {payment.detail or 'no reason given'}"
        raise _required(call, offer, payment.request, why)
    found = await _topup(call, payment)
    may_see = is_payer or (
        principal is not None and found is not None and sees_code(principal, found.spent_by)
    )
    return answer_of(call, payment, found, may_see=may_see)


async def _topup(call: _Call, payment: MachinePayment) -> TopUp | None:
    async def work(tx: Transaction) -> TopUp | None:
        return (await load(tx, [payment.transaction_id])).get(payment.transaction_id)

    return await call.context.database.read(work)


async def _known(
    call: _Call, environment: Environment, presented: Presented
) -> MachinePayment | None:
    return await call.context.machine_payments.find_same(
        environment, DOOR, payment_ref=presented.ref, identifier=presented.identifier
    )


async def _named(
    call: _Call, asked: PaidRequest, account_id: str, environment: Environment
) -> TopUp | None:
    """The top-up that the request's intent names in that account."""
    intent = asked.intent
    if intent is None:
        return None
    tenant = Tenant(account_id, environment)
    return await call.context.database.read(lambda tx: find_named(tx, tenant, intent))


async def _caller(call: _Call) -> Principal | None:
    """Whose key stands beside the payment; None: nobody's. Raises what refuses a key."""
    if b"authorization" not in call.headers:
        return None
    token, is_cookie = presented_credential(call.scope, call.headers, call.context.settings)
    principal = await call.context.authenticator.authenticate(token)
    check_presented(principal, is_cookie=is_cookie)
    if is_cookie:
        raise InvalidCredential("send an API key as Authorization: Bearer ak_…")
    if principal.ip_allow_lists:
        check_address(principal, call.address)
    require_scope(principal, "topup:send")
    call.principal = principal
    return principal


def _offer(call: _Call, principal: Principal | None) -> Offer:
    """How the request's environment is paid; raises EnvironmentMismatch, InvalidInput and NotOffered."""
    offers = call.context.machine_payments.offers
    asked = call.body.environment
    if principal is not None:
        if asked not in (None, principal.environment):
            raise EnvironmentMismatch(f"the key is of {principal.environment}", param="environment")
        asked = principal.environment
    wanted: tuple[Environment, ...] = ("live", "staging") if asked is None else (asked,)
    for environment in wanted:
        if environment in offers:
            return offers[environment]
    if offers and principal is None:
        allowed = sorted(offers)
        detail = f"such payments are taken in {' and '.join(allowed)} alone"
        problem = {"param": "environment", "detail": detail, "allowed": allowed}
        raise InvalidInput(detail, param="environment", errors=[problem])
    raise NotOffered("this gateway takes no such payment: its operator has set none up")


def _asked(call: _Call, offer: Offer, principal: Principal | None) -> PaidRequest:
    """What is paid for at the price of now; raises InvalidPlatform, InvalidEmail or AmountOutOfRange."""
    body = call.body
    said = body.delivery
    asked = PaidRequest(
        platform=body.platform,
        amount_cents=body.amount_cents,
        recipient_email=body.recipient_email,
        metadata=body.metadata,
        note=body.note,
        delivery=None if said is None else DeliveryOptions(said.email, said.locale, said.message),
        intent=body.intent,
    )
    platforms = _platforms(call, offer)
    request = asked.prepare(platforms, _account_of(principal))
    platform = platforms.find(body.platform)
    return msgspec.structs.replace(
        asked,
        platform=platform.id,
        recipient_email=request.recipient_email,
        fee_cents=platform.fee_cents(_account_of(principal), body.amount_cents),
    )


def _payment(
    offer: Offer,
    asked: PaidRequest,
    presented: Presented,
    principal: Principal | None,
    now_us: int,
) -> MachinePayment:
    """The payment as it would be opened; nothing is posted yet."""
    account_id = _account_of(principal)
    return MachinePayment(
        id=new_id("mpy"),
        account_id=account_id,
        environment=offer.environment,
        spent_by=() if principal is None else principal.lineage,
        door=DOOR,
        payment_ref=presented.ref,
        identifier=presented.identifier,
        body_digest=_digest(account_id, offer.environment, asked),
        request=asked,
        network=presented.network,
        asset=offer.asset.address,
        payer=presented.payer,
        amount=presented.amount,
        charged_cents=asked.charged_cents,
        proof="",
        transaction_id=new_id("txn"),
        expires_at=presented.valid_before_s * SECOND_US,
        created_at=now_us,
    )


def _digest(account_id: str, environment: str, asked: PaidRequest) -> str:
    """Of all that is paid for; the fee is the platform's, which may have changed since."""
    body = {**msgspec.to_builtins(asked), "fee_cents": 0}
    text = msgspec.json.encode([account_id, environment, body], order="deterministic")
    return hashlib.sha256(text).hexdigest()


def _required(call: _Call, offer: Offer, asked: PaidRequest, why: str) -> PaymentRequired:
    """The refusal that names the price, with its header."""
    url = f"{address_of(call)}{call.path}"
    header = headers.required_header(offer, asked.charged_cents, url=url, why=why)
    call.reply_headers.append((b"payment-required", header))
    facts: dict[str, Any] = {
        "x402Version": 2,
        "accepts": [offer.requirements(asked.charged_cents)],
        "charged_cents": asked.charged_cents,
        "environment": offer.environment,
    }
    return PaymentRequired(
        f"{why}. Send the same request with PAYMENT-SIGNATURE, as x402 version 2 has it; its"
        " payment-identifier is a secret of at least 128 random bits",
        extra=facts,
    )


def _platforms(call: _Call, offer: Offer) -> Any:
    return call.context.topup_rules.platforms.of(offer.environment)


def _account_of(principal: Principal | None) -> str:
    return MACHINE_ACCOUNT if principal is None else principal.account_id
