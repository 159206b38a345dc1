"""Run loops that call providers: orders, refunds, recharges, subscription changes and machine payments.

Only one worker makes each call, without an open transaction. A slow provider delays only its own items.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from billing.machine_payments import payment as payments
from billing.machine_payments.settling import MachinePayments
from billing.orders import records as order_list, refund as refund_rows
from billing.orders.order import Order
from billing.orders.refund import Refund
from billing.payments.payments import Payments
from billing.payments.recharging.charging import (
    Charging,
    begun_falls,
    due_charges,
    due_retries,
    next_charge_at,
)
from billing.payments.steering import SubscriptionSteering
from billing.refunds.refunder import Refunder
from billing.subscriptions import records as subscription_rows, subscription_change
from kernel.clock import Clock
from keys.principal import ENVIRONMENTS
from store.database import Database, Transaction
from worker.woken_loop import DueItem, DueLoop, Poll, ProviderLoop, place_of


class Reconciler(ProviderLoop):
    name = "reconcile"
    rows = order_list.DUE
    subject = "order_id"
    under_way_max = 32
    at_one_place_max = 16
    # New orders are first due after a minute, so this interval is short enough.
    beat_s = 30.0

    def __init__(self, database: Database, clock: Clock, payments: Payments) -> None:
        super().__init__(database, clock)
        self._payments = payments

    async def _call(self, row: Order) -> None:
        await self._payments.check(row)


class RefundLoop(ProviderLoop):
    name = "refunds"
    rows = refund_rows.DUE
    subject = "refund_id"
    under_way_max = 16
    at_one_place_max = 4
    beat_s = 30.0

    def __init__(self, database: Database, clock: Clock, refunder: Refunder) -> None:
        super().__init__(database, clock)
        self._refunder = refunder

    async def _call(self, row: Refund) -> None:
        await self._refunder.check(row)


class Recharger(DueLoop):
    name = "recharge"
    subject = "item"
    under_way_max = 32
    at_one_place_max = 8
    beat_s = 15.0

    def __init__(self, database: Database, clock: Clock, charging: Charging) -> None:
        super().__init__(database, clock)
        self._charging = charging

    async def _due(self, tx: Transaction, look: Poll) -> Sequence[DueItem]:
        charging, limit = self._charging, look.limit
        retries = await due_retries(
            tx, now_us=look.now_us, limit=limit, but_tenants=look.exclude_ids
        )
        but: Any = {"exclude_ids": look.exclude_ids, "exclude_keys": look.exclude_keys}
        begun = await begun_falls(tx, limit=limit, **but)
        charges = await due_charges(tx, now_us=look.now_us, limit=limit, **but)
        return [
            # These items call no provider, so they use up no provider's share.
            *(
                DueItem(item := "/".join(one), item, partial(charging.retry, one))
                for one in retries
            ),
            *(
                DueItem(
                    fall.order_id,
                    place_of(fall.tenant.environment, fall.provider),
                    partial(charging.begin, fall.tenant, fall.order_id),
                )
                for fall in begun
            ),
            *(
                DueItem(
                    one.order_id, place_of(one.environment, name), partial(charging.resume, one)
                )
                for name, one in charges
            ),
        ]

    async def _next_at(self, tx: Transaction, look: Poll) -> int | None:
        return await next_charge_at(
            tx, exclude_ids=look.exclude_ids, exclude_keys=look.exclude_keys
        )


class Steerer(DueLoop):
    name = "steer"
    subject = "steer"
    under_way_max = 16
    at_one_place_max = 8
    # This is often enough, because the first retry comes after ten seconds.
    beat_s = 10.0

    def __init__(self, database: Database, clock: Clock, steering: SubscriptionSteering) -> None:
        super().__init__(database, clock)
        self._steering = steering

    async def _due(self, tx: Transaction, look: Poll) -> Sequence[DueItem]:
        asked: Any = {
            "now_us": look.now_us,
            "limit": look.limit,
            "exclude_ids": look.exclude_ids,
            "exclude_keys": look.exclude_keys,
        }
        due = await subscription_change.due(tx, **asked)
        wishes = [
            DueItem(
                one.id, place_of(one.environment, provider), partial(self._steering.resume, one)
            )
            for provider, one in due
        ]
        paused = await subscription_rows.due_checks(tx, **asked)
        checks = [
            DueItem(
                one.id,
                place_of(one.environment, one.provider),
                partial(self._steering.check_pause, one),
            )
            for one in paused
        ]
        return [*wishes, *checks][: look.limit]

    async def _next_at(self, tx: Transaction, look: Poll) -> int | None:
        left_out: Any = {"exclude_ids": look.exclude_ids, "exclude_keys": look.exclude_keys}
        wish_at = await subscription_change.next_due_at(tx, **left_out)
        check_at = await subscription_rows.next_check_at(tx, **left_out)
        return min((at for at in (wish_at, check_at) if at is not None), default=None)


class MachinePayer(DueLoop):
    name = "machine_pay"
    subject = "payment"
    under_way_max = 32
    at_one_place_max = 16
    beat_s = 10.0

    def __init__(self, database: Database, clock: Clock, paying: MachinePayments) -> None:
        super().__init__(database, clock)
        self._paying = paying

    async def _due(self, tx: Transaction, look: Poll) -> Sequence[DueItem]:
        due = await payments.DUE.due(
            tx,
            now_us=look.now_us,
            limit=look.limit,
            exclude_ids=look.exclude_ids,
            exclude_keys=self._not_now(look),
        )
        ended = await payments.undelivered(tx, limit=look.limit, exclude_ids=look.exclude_ids)
        return [
            *(
                DueItem(
                    one.id,
                    place_of(one.environment, one.protocol),
                    partial(self._paying.resume, one),
                )
                for one in due
            ),
            # These items call no provider, so they use up no provider's share.
            *(DueItem(one.id, one.id, partial(self._paying.deliver, one)) for one in ended),
        ]

    async def _next_at(self, tx: Transaction, look: Poll) -> int | None:
        return await payments.DUE.next_at(
            tx, exclude_ids=look.exclude_ids, exclude_keys=self._not_now(look)
        )

    def _not_now(self, look: Poll) -> Sequence[str]:
        """Return the places (see DueItem) whose share is used up, or whose facilitator is no longer configured."""
        known = self._paying.facilitators
        return [
            *look.exclude_keys,
            *(
                place_of(environment, protocol)
                for environment in ENVIRONMENTS
                for protocol in payments.PROTOCOLS
                if (environment, protocol) not in known
            ),
        ]
