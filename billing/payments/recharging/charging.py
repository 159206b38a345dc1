"""Charge a saved payment method when the balance drops, and process the outcome.

The order and the charge are written before the provider is called. After a crash, another worker sends the charge again
only if the provider doesn't know it.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from billing.engine.engine import Engine
from billing.orders import records as order_list
from billing.orders.order import Order
from billing.orders.place import NewOrder
from billing.orders.settlement import ending
from billing.payments.checkout import Checkouts, title_of
from billing.payments.notifications import NotificationHandler
from billing.payments.recharging.saving import Savings
from billing.payments.recharging.setting import (
    LeaveToOrder,
    RefuseFall,
    RequestAction,
    RetryFall,
    TieCharge,
    new_begin,
)
from billing.providers.abilities import (
    CHARGE_KEY_S,
    Charged,
    ChargeRequest,
    Declined,
    SavedPayments,
)
from billing.providers.event_log import NotificationRef
from billing.providers.protocol import ProviderRefused, ProviderUnavailable
from billing.providers.registry import Providers
from billing.recharges import recharge
from billing.recharges.recharge import CHARGES, ORIGIN, FallCharge, Recharge, next_check_at
from kernel.clock import SECOND_US, Clock
from kernel.errors import DomainError, Unavailable
from kernel.tenant import Tenant
from keys.principal import environment_of
from store.database import Database, Transaction

CHARGE: Final = "charge"
_KEY_US: Final = CHARGE_KEY_S * SECOND_US

_log = logging.getLogger(__name__)


class Charging:
    def __init__(
        self,
        database: Database,
        clock: Clock,
        engine: Engine,
        providers: Providers,
        savings: Savings,
        checkouts: Checkouts,
        notifications: NotificationHandler,
    ) -> None:
        self._database = database
        self._clock = clock
        self._engine = engine
        self._providers = providers
        self._savings = savings
        self._checkouts = checkouts
        self._notifications = notifications

    async def retry(self, tenant: Tenant) -> None:
        await self._engine.submit(RetryFall(tenant))

    async def begin(self, tenant: Tenant, order_id: str) -> None:
        seen = await self._database.read(lambda tx: recharge.find(tx, tenant))
        if seen is None or not seen.is_on:
            await self._engine.submit(RefuseFall(order_id, tenant, None))
            return
        new = self._wanted(seen)
        if new is None:
            await self._engine.submit(RefuseFall(order_id, tenant, "refused"))
            return
        try:
            order = await self._engine.submit(new_begin(seen, order_id, new))
        except Unavailable:
            raise
        except DomainError as error:
            fields = {"account_id": tenant.account_id, "reason": error.detail}
            _log.warning("recharge.refused", extra={"fields": fields})
            await self._engine.submit(RefuseFall(order_id, tenant, "refused"))
            return
        if order is not None:
            charge = await self._charge_of(order.id)
            if charge is not None:
                await self.resume(charge)

    async def resume(self, charge: FallCharge) -> None:
        """Send the charge or check it. Only one of several workers continues. The provider's failures aren't raised."""
        order = await self._database.read(lambda tx: order_list.find(tx, charge.order_id))
        if order is None or order.status != "pending":
            await self._engine.submit(LeaveToOrder(charge.order_id, charge.tenant))
            return
        saved = self._savings.of(charge.tenant, order.provider, is_simulated=order.is_simulated)
        if charge.sent_at is None and not await self._is_wanted(charge, saved):
            await self._fail(order, "switched_off" if saved is not None else "refused")
            return
        now_us = self._clock.now_us()
        if not await self._is_mine(charge, now_us):
            return
        if saved is None:
            return
        request = ChargeRequest(
            order.id, charge.customer_ref, charge.method_ref, order.price, title_of(order)
        )
        try:
            outcome = await self._outcome(saved, charge, request, now_us)
        except ProviderUnavailable as error:
            fields = {"order_id": order.id, "reason": error.detail}
            _log.warning("recharge.not_known", extra={"fields": fields})
            return
        except ProviderRefused as error:
            fields = {"order_id": order.id, "reason": error.detail}
            _log.warning("recharge.refused", extra={"fields": fields})
            await self._fail(order, "refused")
            return
        await self._act(order, saved, outcome)

    async def _outcome(
        self, saved: SavedPayments, charge: FallCharge, request: ChargeRequest, now_us: int
    ) -> Charged | Declined | None:
        if charge.sent_at is not None:
            known = await saved.charged(request, charge.sent_at)
            if known is not None:
                return known
            if now_us - charge.sent_at > _KEY_US:
                return None
        return await saved.charge(request)

    async def _act(
        self, order: Order, saved: SavedPayments, outcome: Charged | Declined | None
    ) -> None:
        if outcome is None:
            await self._fail(order, "unknown_outcome")
        elif isinstance(outcome, Charged):
            tied = await self._engine.submit(
                TieCharge(
                    order_id=order.id, tenant=order.tenant, notification=None, ref=outcome.ref
                )
            )
            told = NotificationRef(
                order.provider, environment_of(order.environment), f"{CHARGE}:{order.id}", CHARGE
            )
            await self._notifications.confirm(tied.order, outcome.facts, told)
        elif outcome.reason == "authentication_required":
            await self._request_action(order, saved, outcome)
        else:
            await self._fail(order, outcome.reason)

    async def _request_action(self, order: Order, saved: SavedPayments, outcome: Declined) -> None:
        try:
            # Cancel the charge first, because otherwise the payer might pay twice.
            if outcome.ref is not None and not await saved.give_up(outcome.ref):
                return
            opened = await self._checkouts.open(order)
        except ProviderUnavailable as error:
            fields = {"order_id": order.id, "reason": error.detail}
            _log.warning("recharge.not_known", extra={"fields": fields})
            return
        except ProviderRefused:
            return  # the order failed
        await self._engine.submit(
            RequestAction(
                order_id=opened.id,
                tenant=opened.tenant,
                notification=None,
                reason=outcome.reason,
            )
        )

    async def _fail(self, order: Order, reason: str) -> None:
        await self._engine.submit(ending(order, "failed", reason))

    async def _is_wanted(self, charge: FallCharge, saved: SavedPayments | None) -> bool:
        found = await self._database.read(lambda tx: recharge.find(tx, charge.tenant))
        return saved is not None and found is not None and found.is_on

    async def _is_mine(self, charge: FallCharge, now_us: int) -> bool:
        next_at = next_check_at(charge.asked + 1, now_us)

        async def work(tx: Transaction) -> bool:
            return await recharge.note_asking(tx, charge, now_us=now_us, next_at=next_at)

        return await self._database.transaction(work)

    async def _charge_of(self, order_id: str) -> FallCharge | None:
        return (await self._database.read(lambda tx: recharge.load_charges(tx, [order_id]))).get(
            order_id
        )

    def _wanted(self, seen: Recharge) -> NewOrder | None:
        environment = environment_of(seen.environment)
        saved = self._savings.of(seen.tenant, seen.provider, is_simulated=seen.is_simulated)
        if saved is None or seen.provider not in self._providers.offered(environment):
            return None
        new = NewOrder(
            provider=seen.provider,
            amount_cents=seen.amount_cents,
            customer_ref=seen.customer_ref,
            is_simulated=seen.is_simulated,
            origin=ORIGIN,
        )
        return replace(new, charge=self._providers.charge(seen.provider, environment))


class BegunFall(NamedTuple):
    """A balance drop whose charge isn't written yet. `provider` is empty if the recharge was removed."""

    tenant: Tenant
    order_id: str
    provider: str


async def begun_falls(
    tx: Transaction,
    *,
    limit: int,
    exclude_ids: Sequence[str] = (),
    exclude_keys: Sequence[str] = (),
) -> list[BegunFall]:
    rows = await tx.fetch(
        """SELECT e.account_id, e.environment, e.recharge_order_id,
               COALESCE(r.provider, '') AS provider
           FROM account_environments e
           LEFT JOIN recharges r ON r.account_id = e.account_id AND r.environment = e.environment
           WHERE e.recharge_order_id IS NOT NULL AND e.suspended_at IS NULL AND NOT EXISTS (
               SELECT 1 FROM recharge_charges c WHERE c.order_id = e.recharge_order_id)
             AND NOT e.recharge_order_id IN :exclude_ids[text]
             AND NOT e.environment || '/' || COALESCE(r.provider, '') IN :exclude_keys[text]
           ORDER BY e.recharge_order_id LIMIT :limit""",
        limit=limit,
        exclude_ids=exclude_ids,
        exclude_keys=exclude_keys,
    )
    return [
        BegunFall(
            Tenant(row["account_id"], row["environment"]), row["recharge_order_id"], row["provider"]
        )
        for row in rows
    ]


async def due_charges(
    tx: Transaction,
    *,
    now_us: int,
    limit: int,
    exclude_ids: Sequence[str] = (),
    exclude_keys: Sequence[str] = (),
) -> list[tuple[str, FallCharge]]:
    """Return the due charges, each with its provider's name, or "" if the order is gone.

    `exclude_keys` have the form "environment/provider".
    """
    rows = await tx.fetch(
        f"""SELECT {CHARGES.of("c")}, COALESCE(o.provider, '') AS provider {_WAITING}
              AND c.next_at <= :now
            ORDER BY c.next_at LIMIT :limit""",
        now=now_us,
        limit=limit,
        exclude_ids=exclude_ids,
        exclude_keys=exclude_keys,
    )
    return [(row["provider"], CHARGES.read(row)) for row in rows]


async def next_charge_at(
    tx: Transaction, *, exclude_ids: Sequence[str] = (), exclude_keys: Sequence[str] = ()
) -> int | None:
    row = await tx.fetch_one(
        f"SELECT c.next_at {_WAITING} ORDER BY c.next_at LIMIT 1",
        exclude_ids=exclude_ids,
        exclude_keys=exclude_keys,
    )
    return None if row is None else int(row["next_at"])


async def due_retries(
    tx: Transaction, *, now_us: int, limit: int, but_tenants: Sequence[str] = ()
) -> list[Tenant]:
    """Return the tenants whose declined charge is due again on their own clocks.

    `but_tenants` lists tenants to leave out, each as "account/environment".
    """
    rows = await tx.fetch(
        """SELECT r.account_id, r.environment FROM recharges r
           JOIN account_environments e
             ON e.account_id = r.account_id AND e.environment = r.environment
           WHERE r.retry_at IS NOT NULL AND r.retry_at <= :now + e.clock_ahead_us
             AND e.suspended_at IS NULL
             AND NOT r.account_id || '/' || r.environment IN :but_tenants[text]
           ORDER BY r.retry_at LIMIT :limit""",
        now=now_us,
        limit=limit,
        but_tenants=but_tenants,
    )
    return [Tenant(row["account_id"], row["environment"]) for row in rows]


_WAITING = """
FROM recharge_charges c LEFT JOIN orders o ON o.id = c.order_id
WHERE c.next_at IS NOT NULL AND NOT c.order_id IN :exclude_ids[text]
  AND NOT c.environment || '/' || COALESCE(o.provider, '') IN :exclude_keys[text]
"""
