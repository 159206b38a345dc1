"""Run the loops that handle due work: holds, approvals, credit, renewals, receipts and mail."""

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Final

from billing.credits import grant
from billing.documents.facts import Seller
from billing.documents.numbering import STEP_MAX, number_step
from billing.engine.engine import Command, Engine
from billing.payments.payments import Payments
from billing.payments.sandbox import subscription as sandbox_subscription
from billing.payments.sandbox.subscription import SandboxSubscription
from billing.recipients import approval_mail, gathered_mail
from billing.recipients.gathered_mail import GATHERED, GatheredKind
from billing.subscriptions import expiry_notice, plan_grant, records as subscription_rows
from billing.subscriptions.expiry_notice import NotifyExpiring
from billing.subscriptions.lifecycle import PassTime
from billing.subscriptions.period import EndParts, GiveParts
from billing.subscriptions.subscription import Subscription
from billing.topups import approval as approvals
from billing.topups.settlement import Decide
from billing.usage import hold
from billing.usage.hold import ExpireHolds
from kernel.clock import DAY_US, HOUR_US, SECOND_US, Clock
from kernel.errors import DomainError, Unavailable
from kernel.tenant import Tenant
from keys.principal import ENVIRONMENTS
from store.database import Database, Transaction
from store.errors import StoreError
from worker.woken_loop import PAUSE_S, Setbacks, WokenLoop

SWEPT_MAX: Final = 100
HOLDS_MAX: Final = 500
EXPIRE_BEAT_S: Final = hold.LOOK_US / SECOND_US

_log = logging.getLogger(__name__)

PLAN_STEP_MAX: Final = 100
# This isn't urgent. Expired credit can't be spent anyway, and new credit comes once a month.
PLAN_BEAT_S: Final = 30.0
# How often all expiring grants are read. Other checks read only the grants for which a notice has become due since the
# last check.
WHOLE_LOOK_US: Final = HOUR_US
_Item = tuple[Setbacks, str, Command[object]]
DUE_MAX: Final = 100
# Only moving a sandbox clock forward makes work urgent, and that wakes the loop anyway.
RENEW_BEAT_S: Final = 30.0
_STANDS_IN: Final = "staging"
NOTIFY_BEAT_S: Final = 15.0
# An agent may request an approval at any time, and the user should get the email within seconds.
APPROVAL_BEAT_S: Final = 5.0
NUMBER_BEAT_S: Final = 10.0


class Expirer(WokenLoop):
    """Ends approvals, holds and promotional credit about a second after they expire, by the account's clock.

    Several workers may run this at once, because each command checks its work under the account's lock.
    """

    name = "expiry"
    rest_s = PAUSE_S

    def __init__(
        self,
        database: Database,
        clock: Clock,
        engine: Engine,
        *,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._database = database
        self._clock = clock
        self._engine = engine
        self._approvals = Setbacks(now_s)
        self._grants = Setbacks(now_s)
        self._holds = Setbacks(now_s)

    async def _poll(self) -> float:
        return await self._wait_s() if await self.sweep() == 0 else PAUSE_S

    async def sweep(self) -> int:
        now_us = self._clock.now_us()

        async def fetch(tx: Transaction) -> list[_Ending]:
            asked = await approvals.expired(
                tx, now_us=now_us, limit=SWEPT_MAX, exclude_ids=self._approvals.held_back()
            )
            tenants = await grant.tenants_with_expired(
                tx, now_us=now_us, limit=SWEPT_MAX, but_tenants=self._grants.held_back()
            )
            held = await hold.due(
                tx, now_us=now_us, limit=HOLDS_MAX, exclude_ids=self._holds.held_back()
            )
            return [
                *(_Ending(self._approvals, (one.id,), partial(_decide, one)) for one in asked),
                *(
                    _Ending(self._grants, ("/".join(one),), partial(_expire, one))
                    for one in tenants
                ),
                *(
                    _Ending(self._holds, tuple(ids), partial(ExpireHolds, tenant))
                    for tenant, ids in sorted(held.items())
                ),
            ]

        endings = await self._database.read(fetch)
        # Commands are submitted together, to share a batch. Each has its own outcome.
        were_reached = await asyncio.gather(*(self._end(one) for one in endings))
        if not all(were_reached):
            raise Unavailable("The database is not reachable.")
        return len(endings)

    async def _end(self, ending: "_Ending") -> bool:
        """Submit the command. If it fails, submit each item alone. Return False if the database can't be reached."""
        try:
            await self._engine.submit(ending.command(ending.items))
        except (StoreError, Unavailable):
            return False
        except Exception as error:
            if len(ending.items) > 1:
                apart = [_Ending(ending.setbacks, (item,), ending.command) for item in ending.items]
                return all([await self._end(one) for one in apart])
            ending.setbacks.failed(ending.items[0])
            fields = {"item": ending.items[0]}
            if isinstance(error, DomainError):  # somebody was quicker
                _log.info("expiry.refused", extra={"fields": {**fields, "reason": error.detail}})
            else:
                _log.exception("expiry.broke", extra={"fields": fields})
        else:
            ending.setbacks.went_well(*ending.items)
        return True

    async def _wait_s(self) -> float:
        next_due_at = await self._database.read(hold.next_due_at)
        if next_due_at is None:
            return EXPIRE_BEAT_S
        return min(EXPIRE_BEAT_S, max(PAUSE_S, (next_due_at - self._clock.now_us()) / SECOND_US))


@dataclass(frozen=True, slots=True)
class _Ending:
    setbacks: Setbacks
    items: tuple[str, ...]
    command: Callable[[tuple[str, ...]], Command[object]]


def _expire(tenant: Tenant, _items: tuple[str, ...]) -> grant.ExpireGrants:
    return grant.ExpireGrants(tenant)


def _decide(asked: approvals.Approval, _items: tuple[str, ...]) -> Decide:
    return Decide(
        topup_id=asked.transaction_id,
        tenant=asked.tenant,
        approval_id=asked.id,
        decision="expired",
    )


class PlanCreditor(WokenLoop):
    """Grants each part of a plan's credit once, even if late. Removes expired credit. Publishes upcoming expiries."""

    name = "plan_credit"
    rest_s = PAUSE_S

    def __init__(
        self, database: Database, clock: Clock, engine: Engine, lead_days: Sequence[int]
    ) -> None:
        super().__init__()
        self._database = database
        self._clock = clock
        self._engine = engine
        self._lead_days = lead_days
        self._given = Setbacks()
        self._ended = Setbacks()
        self._told = Setbacks()
        self._looked_until: int | None = None
        self._whole_look_at = 0

    async def _poll(self) -> float:
        return PLAN_BEAT_S if await self.step() == 0 else PAUSE_S

    async def step(self) -> int:
        now_us = self._clock.now_us()
        # The order matters, because granting the next part determines what is left of the previous part.
        done = 0
        for look in (self._to_give, self._to_end, self._to_tell):
            items = await self._database.read(partial(look, now_us=now_us))
            done += sum(await asyncio.gather(*(self._do(item) for item in items)))
        return done

    async def _to_give(self, tx: Transaction, *, now_us: int) -> list[_Item]:
        due = await plan_grant.due(
            tx, now_us=now_us, limit=PLAN_STEP_MAX, exclude_ids=self._given.held_back()
        )
        return [
            (self._given, one, GiveParts(one, tenant)) for tenant, ids in due.items() for one in ids
        ]

    async def _to_end(self, tx: Transaction, *, now_us: int) -> list[_Item]:
        over = await plan_grant.expired(
            tx, now_us=now_us, limit=PLAN_STEP_MAX, exclude_ids=self._ended.held_back()
        )
        return [
            (self._ended, one, EndParts(one, tenant)) for tenant, ids in over.items() for one in ids
        ]

    async def _to_tell(self, tx: Transaction, *, now_us: int) -> list[_Item]:
        if now_us >= self._whole_look_at:
            self._looked_until, self._whole_look_at = None, now_us + WHOLE_LOOK_US
        held_back = self._told.held_back()
        ending = await expiry_notice.due(
            tx,
            self._lead_days,
            now_us=now_us,
            limit=PLAN_STEP_MAX,
            exclude_ids=held_back,
            looked_until=self._looked_until,
        )
        if not ending and not held_back:
            self._looked_until = now_us
        return [(self._told, one.ledger_account_id, NotifyExpiring(one)) for one in ending]

    async def _do(self, item: _Item) -> bool:
        setbacks, name, command = item
        try:
            await self._engine.submit(command)
        except (StoreError, Unavailable):
            raise
        except Exception as error:
            setbacks.failed(name)
            fields = {"item": name}
            if isinstance(error, DomainError):
                _log.warning(
                    "plan_credit.refused", extra={"fields": {**fields, "reason": error.detail}}
                )
            else:
                _log.exception("plan_credit.broke", extra={"fields": fields})
            return False
        setbacks.went_well(name)
        return True


class Renewer(WokenLoop):
    """Bills the sandbox's subscriptions for their next periods, and ends unpaid ones.

    A sandbox renewal is signed and verified like a real provider's notification. A subscription advances only when
    the sandbox has nothing left to bill. So even if a clock jumps ahead, every period is billed.
    """

    name = "renewal"
    rest_s = PAUSE_S

    def __init__(
        self, database: Database, clock: Clock, engine: Engine, payments: Payments
    ) -> None:
        super().__init__()
        self._database = database
        self._clock = clock
        self._engine = engine
        self._payments = payments
        self._bills = Setbacks()
        self._moves = Setbacks()

    async def _poll(self) -> float:
        await self.step()
        return RENEW_BEAT_S

    async def step(self) -> int:
        billed = 0
        while True:
            found = await self._bill()
            if found == 0:
                break
            billed += found
        return billed + await self._pass_time()

    async def _bill(self) -> int:
        now_us = self._clock.now_us()

        async def fetch(tx: Transaction) -> Sequence[SandboxSubscription]:
            return await sandbox_subscription.due(
                tx, now_us=now_us, limit=DUE_MAX, but_refs=self._bills.held_back()
            )

        found = await self._database.read(fetch)
        return sum([await self._try_to_bill(one) for one in found])

    async def _try_to_bill(self, one: SandboxSubscription) -> bool:
        try:
            has_gone_on = await self._bill_one(one)
        except (StoreError, Unavailable):
            raise
        except Exception:
            _log.exception("renewal.broke", extra={"fields": {"order_id": one.order_id}})
            has_gone_on = False
        if has_gone_on:
            self._bills.went_well(one.ref)
        else:
            self._bills.failed(one.ref)
        return has_gone_on

    async def _bill_one(self, one: SandboxSubscription) -> bool:
        providers = self._payments.providers
        provider = providers.of(one.provider, _STANDS_IN)
        sandbox_event, after = sandbox_subscription.bill(one)
        if provider is None or not providers.is_simulated(one.provider, _STANDS_IN):
            # This provider now has real credentials, so it doesn't know the simulated subscription.
            await self._payments.steering.end_orphan_of(one.order_id)
            after = sandbox_subscription.abandoned(one)
        else:
            try:
                await self._payments.notified(one.provider, provider.simulate(sandbox_event))
            except DomainError as error:
                fields = {"order_id": one.order_id, "error": error.detail}
                _log.warning("renewal.not_told", extra={"fields": fields})
                return False
        return await self._database.transaction(
            lambda tx: sandbox_subscription.note(tx, one, after)
        )

    async def _pass_time(self) -> int:
        now_us = self._clock.now_us()

        async def fetch(tx: Transaction) -> Sequence[Subscription]:
            return await subscription_rows.due(
                tx, now_us=now_us, limit=DUE_MAX, exclude_ids=self._moves.held_back()
            )

        found = await self._database.read(fetch)
        for tenant, ones in groupby(sorted(found, key=_by_tenant), _by_tenant):
            await self._move(tenant, tuple(one.id for one in ones))
        return len(found)

    async def _move(self, tenant: Tenant, ids: tuple[str, ...]) -> None:
        try:
            await self._engine.submit(PassTime(ids, tenant))
        except (StoreError, Unavailable):
            raise
        except Exception as error:
            if len(ids) > 1:
                for one in ids:
                    await self._move(tenant, (one,))
                return
            self._moves.failed(ids[0])
            if not isinstance(
                error, DomainError
            ):  # A DomainError means that the subscription has been deleted.
                _log.exception("renewal.broke", extra={"fields": {"subscription_id": ids[0]}})
        else:
            self._moves.went_well(*ids)


def _by_tenant(one: Subscription) -> Tenant:
    return one.tenant


class NotificationWriter(WokenLoop):
    """Writes due notification mail, for the environments in sent_in.

    A new process first checks the last day. Each later check also covers the hour before the previous check,
    because an account's next mail of the same kind is due within an hour.
    """

    name = "notifications"

    def __init__(
        self,
        database: Database,
        clock: Clock,
        sent_in: frozenset[str],
        *,
        accounts_at_once: int = gathered_mail.ACCOUNTS_AT_ONCE,
    ) -> None:
        super().__init__()
        self._database = database
        self._clock = clock
        self._sent_in = sent_in
        self._accounts_at_once = accounts_at_once
        self._looked_at: int | None = None

    async def _poll(self) -> float:
        await self.step()
        return NOTIFY_BEAT_S

    async def step(self) -> int:
        now_us = self._clock.now_us()
        since_us = now_us - DAY_US if self._looked_at is None else self._looked_at - HOUR_US
        mails = 0
        for kind in GATHERED:
            mails += await self._write(kind, since_us=since_us, now_us=now_us)
        self._looked_at = now_us
        return mails

    async def _write(self, kind: GatheredKind, *, since_us: int, now_us: int) -> int:
        mails, is_more = 0, True
        while is_more:
            write = partial(
                gathered_mail.write_due,
                kind=kind,
                sent_in=self._sent_in,
                since_us=since_us,
                now_us=now_us,
                accounts_max=self._accounts_at_once,
            )
            written, is_more = await self._database.transaction(write, durable=False)
            mails += written
        return mails


class ApprovalMailer(WokenLoop):
    """Writes mail about approvals, for the environments in sent_in."""

    name = "approval_mail"

    def __init__(
        self,
        database: Database,
        clock: Clock,
        sent_in: frozenset[str],
        *,
        tenants_at_once: int = approval_mail.TENANTS_AT_ONCE,
    ) -> None:
        super().__init__()
        self._tenants_at_once = tenants_at_once
        self._database = database
        self._clock = clock
        self._sent_in = sent_in

    async def _poll(self) -> float:
        await self.step()
        return APPROVAL_BEAT_S

    async def step(self) -> int:
        mails, after = 0, None
        while True:
            write = partial(
                approval_mail.write_due,
                sent_in=self._sent_in,
                now_us=self._clock.now_us(),
                after=after,
                tenants_max=self._tenants_at_once,
            )
            written = await self._database.transaction(write, durable=False)
            mails, after = mails + written.mails, written.after
            if after is None:
                return mails


class Numberer(WokenLoop):
    """Numbers receipts and credit notes in payment order (billing/documents/numbering.py)."""

    name = "documents"
    rest_s = PAUSE_S

    def __init__(
        self, database: Database, clock: Clock, seller: Seller, mail_sent_in: Collection[str] = ()
    ) -> None:
        super().__init__()
        self._mail_sent_in = mail_sent_in
        self._database = database
        self._clock = clock
        self._seller = seller

    async def _poll(self) -> float:
        is_whole = False
        for environment in ENVIRONMENTS:
            settled = await number_step(
                self._database,
                environment,
                self._seller,
                now_us=self._clock.now_us(),
                mail_sent_in=self._mail_sent_in,
            )
            is_whole = is_whole or settled >= STEP_MAX
        return PAUSE_S if is_whole else NUMBER_BEAT_S
