"""Carry out refunds, from the request to the provider's response.

A refund is written and its credit is held before the provider is called. A provider without idempotency keys gets a
request only once, and is then only queried. If the provider doesn't know a refund, the request may still be on its way,
so the refund fails only after ON_THE_WAY_US.
"""

import asyncio
import logging
from typing import Any, Final

from billing.engine.engine import Command, Engine
from billing.orders import records as order_list, refund as refund_rows, working_set
from billing.orders.order import Order
from billing.orders.refund import Refund
from billing.payments.sandbox.checkout import SandboxRefunds
from billing.providers.abilities import Refunding, RefundReport, RefundRequest, ability
from billing.providers.http import refusal_of
from billing.providers.protocol import ProviderRefused, ProviderUnavailable
from billing.providers.registry import Providers
from billing.refunds.commands import (
    ClaimedRefund,
    ClaimRefund,
    DecideRefund,
    NotRefundable,
    PostponeRefund,
    RefundMethod,
    RefundVerdict,
    RequestRefund,
    SettleRefund,
)
from kernel.clock import HOUR_US, MINUTE_US, SECOND_US, Clock
from kernel.errors import InvalidInput, NotFound
from kernel.ids import new_id
from keys.audit_log import Actor
from keys.principal import Environment, environment_of
from store.database import Database, Transaction

ASK_S_MAX: Final = 20.0
FIRST_WAIT_US: Final = 30 * SECOND_US
WAIT_US_MAX: Final = HOUR_US
PENDING_WAIT_US: Final = 6 * HOUR_US
# If a provider doesn't know a request after this time, it never will.
ON_THE_WAY_US: Final = 10 * MINUTE_US
REPEATABLE_US: Final = 20 * HOUR_US
DEFAULT_WAY: Final = RefundMethod()

_log = logging.getLogger(__name__)


class Refunder:
    def __init__(
        self, database: Database, clock: Clock, engine: Engine, providers: Providers
    ) -> None:
        self._database = database
        self._clock = clock
        self._engine = engine
        self._providers = providers

    async def request(
        self,
        order_id: str,
        environment: str,
        *,
        reason: str,
        actor: Actor,
        amount: int | None = None,
        currency: str | None = None,
        period_id: str | None = None,
        payment_ref: str | None = None,
        allow_owed: bool = False,
        made_at_provider: str | None = None,
        by_name: str | None = None,
    ) -> RequestRefund:
        """Return the command that requests a refund.

        `currency` is the currency of the amount. `made_at_provider` is the provider's ID of a refund that was made
        there. `payment_ref` names a payment other than the order's own.
        """
        order = await self._database.read(lambda tx: order_list.find(tx, order_id))
        if order is None or order.environment != environment:
            raise NotFound("Order", param="id")
        paid = await self._database.read(lambda tx: _currency_of(tx, order, payment_ref))
        if amount is not None and currency not in {None, paid}:
            raise InvalidInput(
                f"`pay_currency` must be {paid}, the payment's currency.", param="pay_currency"
            )
        if payment_ref in {None, order.payment_id}:
            await self._check_own(order)
        asked = self._ability_at(order.provider, order.environment, is_simulated=order.is_simulated)
        if asked is None and made_at_provider is None:
            raise NotRefundable(
                f"{order.provider} has no API for refunds. Make the refund on its own pages, then "
                "record it with made_at_provider.",
                reason="no_api",
                extra={"order_id": order.id},
            )
        return RequestRefund(
            refund_id=new_id("rfd"),
            order_id=order.id,
            tenant=order.tenant,
            reason=reason,
            actor=actor,
            way=_way_of(asked),
            amount=amount,
            period_id=period_id,
            allow_owed=allow_owed,
            provider_refund_id=made_at_provider,
            payment_ref=payment_ref,
            is_plan=order.kind == "subscription",
            by_name=by_name,
        )

    async def _check_own(self, order: Order) -> None:
        """Raise NotRefundable if the payment belongs to another order. It must be refunded through that order."""
        payment_id = order.payment_id
        if order.kind == "subscription" or payment_id is None:
            return
        at = (order.provider, order.environment)
        owner = await self._database.read(
            lambda tx: order_list.find_by_objects(tx, *at, [payment_id])
        )
        if owner is not None and owner.id != order.id:
            raise NotRefundable(
                f"Payment {payment_id} belongs to order {owner.id}. Refund that order.",
                reason="other_order",
                extra={"order_id": order.id, "other_order_id": owner.id},
            )

    def way_of(self, order: Order) -> RefundMethod | None:
        asked = self._ability_at(order.provider, order.environment, is_simulated=order.is_simulated)
        return None if asked is None else _way_of(asked)

    async def decision(
        self,
        refund_id: str,
        environment: str,
        verdict: RefundVerdict,
        *,
        reason: str,
        actor: Actor,
        provider_refund_id: str | None = None,
        by_name: str | None = None,
    ) -> DecideRefund:
        found = await self._database.read(lambda tx: refund_rows.find(tx, refund_id, environment))
        order = await self._database.read(lambda tx: order_list.find(tx, found.order_id))
        way = None if order is None else self.way_of(order)
        return DecideRefund(
            **_named(found),
            verdict=verdict,
            reason=reason,
            actor=actor,
            tells_parts=way is not None and way.tells_parts,
            provider_refund_id=provider_refund_id,
            by_name=by_name,
        )

    async def check(self, due: Refund) -> None:
        wait_us = min(WAIT_US_MAX, FIRST_WAIT_US * 2 ** min(due.checks_made, 7))
        if due.status == "pending":
            wait_us = PENDING_WAIT_US
        now_us = self._clock.now_us()
        next_at = now_us + wait_us
        # Set the deadline before the claim, so that the call ends before another worker may claim.
        until_s = asyncio.get_running_loop().time() + ASK_S_MAX
        asked = await self._engine.submit(
            ClaimRefund(**_named(due), seen_checks_made=due.checks_made, next_check_at=next_at)
        )
        if not asked.is_mine:
            return
        word = await self._word(asked, until_s)
        command: Command[Refund]
        if isinstance(word, RefundReport):
            command = SettleRefund(**_named(due), word=word)
        else:
            command = PostponeRefund(**_named(due), detail=word)
        after = await self._engine.submit(command)
        fields = {"refund_id": due.id, "provider": due.provider, "status": after.status}
        _log.info("refund.asked", extra={"fields": fields})

    async def _word(self, asked: ClaimedRefund, until_s: float) -> RefundReport | str:
        refund, order = asked.refund, asked.payment.order
        provider = self._ability_at(
            refund.provider, refund.environment, is_simulated=order.is_simulated
        )
        if provider is None:
            return f"{refund.provider} is no longer configured as the refund needs it"
        request = RefundRequest(
            id=refund.id,
            order_id=refund.order_id,
            payment_ref=refund.payment_ref,
            checkout_ref=None if order.kind == "subscription" else order.provider_ref,
            price=refund.price,
            paid=asked.payment.paid,
            reason=refund.reason,
            provider_refund_id=refund.provider_refund_id,
            is_beside=asked.payment.is_beside,
        )
        try:
            async with asyncio.timeout_at(until_s):
                if refund.checks_made <= 1:
                    return await _first(provider, request)
                return await self._again(provider, request, refund)
        except TimeoutError:
            return "timeout"
        except ProviderUnavailable as error:
            return error.detail
        except Exception as error:
            _log.exception("refund.broke", extra={"fields": {"refund_id": refund.id}})
            return type(error).__name__

    async def _again(
        self, provider: Refunding, request: RefundRequest, refund: Refund
    ) -> RefundReport | str:
        age_us = self._clock.now_us() - (refund.requested_at or refund.created_at)
        found = await provider.find_refund(request)
        if found is not None:
            return found
        if refund.status == "pending":
            return "the provider said that it is under way, and knows of it no more"
        if provider.is_repeatable and age_us < REPEATABLE_US:
            try:
                return await provider.refund(request)
            except ProviderRefused as error:
                return _refused(error)
        if age_us < ON_THE_WAY_US:
            return "the provider knows of no such refund yet"
        return RefundReport("failed", detail="the provider knows of no such refund")

    def _ability_at(self, name: str, environment: str, *, is_simulated: bool) -> Refunding | None:
        where: Environment = environment_of(environment)
        provider = self._providers.of(name, where)
        if provider is None or self._providers.is_simulated(name, where) is not is_simulated:
            return None
        found = ability(provider, Refunding)  # type: ignore[type-abstract]
        return SandboxRefunds(found) if is_simulated else found


async def _first(provider: Refunding, request: RefundRequest) -> RefundReport:
    try:
        return await provider.refund(request)
    except ProviderRefused as error:
        return _refused(error)


def _refused(error: ProviderRefused) -> RefundReport:
    return RefundReport("failed", detail=refusal_of(error, "the refund").detail)


def _way_of(asked: Refunding | None) -> RefundMethod:
    if asked is None:
        return DEFAULT_WAY
    return RefundMethod(asked.takes_part, asked.is_named, asked.tells_parts)


def _named(refund: Refund) -> dict[str, Any]:
    return {
        "refund_id": refund.id,
        "order_id": refund.order_id,
        "owner_id": refund.owner_id,
        "period_start_at": refund.period_start_at,
        "tenant": refund.tenant,
    }


async def _currency_of(tx: Transaction, order: Order, payment_ref: str | None) -> str:
    found = await working_set.uncredited_of(tx, [order.id])
    named = (one.currency for one in found if one.payment_ref == payment_ref)
    return next(named, order.payment.currency)
