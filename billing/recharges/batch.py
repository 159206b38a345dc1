"""The recharges of one transaction, and what a charge's end means for the next.

A charge ends once, in its order's transaction. A paid one arms the watch again. A declined one may be retried
later; the third in a row disables the recharge. Otherwise the watch waits until the balance has been at the
mark again.
"""

from collections.abc import Iterable

from msgspec.structs import replace

from billing.engine.batch_state import BatchState
from billing.ledger.money import CURRENCY, micros_to_cents
from billing.providers.abilities import RETRIED
from billing.recharges import recharge
from billing.recharges.recharge import FAILURES_MAX, RETRIES_US, FallCharge, Recharge
from billing.recipients import owner_mail
from billing.recipients.owner_mail import OwnerMail, new_owner_mail
from kernel.clock import rfc3339
from kernel.tenant import Tenant
from store.database import Transaction


class RechargesOfBatch:
    def __init__(self) -> None:
        self.tenants: set[Tenant] = set()  # whose recharge a command asks for
        self.counted: set[Tenant] = set()  # whose months are added up
        self.changes = 0
        self._recharges: dict[Tenant, Recharge] = {}
        self._charges: dict[str, FallCharge] = {}
        self._spent: dict[tuple[Tenant, str], int] = {}
        self._kept: dict[Tenant, Recharge] = {}
        self._removed: set[Tenant] = set()
        self._new: dict[str, FallCharge] = {}
        self._changed: dict[str, FallCharge] = {}
        self._mails: list[OwnerMail] = []

    async def load(self, tx: Transaction, order_ids: Iterable[str]) -> None:
        ids = set(order_ids)
        if ids:
            self._charges = await recharge.load_charges(tx, ids)
            self.tenants.update(one.tenant for one in self._charges.values())
        if self.tenants:
            self._recharges = await recharge.load(tx, self.tenants)
        if self.counted:
            self._spent = await recharge.spent_cents(tx, self.counted)

    async def update(self, tx: Transaction) -> None:
        if self._removed:
            await recharge.remove(tx, self._removed)
        if self._kept:
            await recharge.keep(tx, self._kept.values())
        if self._new:
            await recharge.insert_charges(tx, self._new.values())
        await recharge.update_charges(tx, self._changed.values())
        if self._mails:
            await owner_mail.insert(tx, self._mails)

    def mail_owner(self, mail: OwnerMail) -> None:
        self.changes += 1
        self._mails.append(mail)

    def find(self, tenant: Tenant) -> Recharge | None:
        return self._recharges.get(tenant)

    def charge_of(self, order_id: str) -> FallCharge | None:
        return self._charges.get(order_id)

    def spent_cents(self, tenant: Tenant, month: str) -> int:
        return self._spent.get((tenant, month), 0)

    def keep(self, recharge: Recharge) -> None:
        self.changes += 1
        self._recharges[recharge.tenant] = self._kept[recharge.tenant] = recharge
        self._removed.discard(recharge.tenant)

    def remove(self, tenant: Tenant) -> None:
        self.changes += 1
        self._recharges.pop(tenant, None)
        self._kept.pop(tenant, None)
        self._removed.add(tenant)

    def add_charge(self, charge: FallCharge) -> None:
        self.changes += 1
        self._charges[charge.order_id] = self._new[charge.order_id] = charge
        place = (charge.tenant, charge.month)
        self._spent[place] = self._spent.get(place, 0) + charge.amount_cents

    def change_charge(self, charge: FallCharge) -> None:
        self.changes += 1
        self._charges[charge.order_id] = charge
        (self._new if charge.order_id in self._new else self._changed)[charge.order_id] = charge


def note_paid(state: BatchState, recharges: RechargesOfBatch, order_id: str) -> None:
    charge = recharges.charge_of(order_id)
    if charge is None:
        return
    tenant, found = charge.tenant, recharges.find(charge.tenant)
    recharges.change_charge(replace(charge, next_at=None, is_counted=True, reason=None, url=None))
    balance_micros = state.ledger.balance_micros(tenant, state.now_us)
    if found is not None:
        recharges.keep(replace(found, failures=0, retry_at=None, changed_at=state.now_us))
    _end_flight(state, tenant, found, order_id, is_paid=True)
    state.publish(
        tenant,
        "recharge.succeeded",
        {
            "order_id": order_id,
            "amount_cents": charge.amount_cents,
            "method": charge.method,
            "balance_cents": micros_to_cents(balance_micros),
            "currency": CURRENCY,
        },
    )


def note_unpaid(
    state: BatchState, recharges: RechargesOfBatch, order_id: str, reason: str | None
) -> None:
    """Record that a charge ended unpaid; an unconfirmed one was already reported."""
    charge = recharges.charge_of(order_id)
    if charge is None:
        return
    found = recharges.find(charge.tenant)
    why = charge.reason or reason or "unknown_outcome"
    is_told = charge.reason is not None
    recharges.change_charge(replace(charge, next_at=None, is_counted=False, reason=why))
    _end_flight(state, charge.tenant, found, order_id, is_paid=False)
    if not is_told:
        _tell_failed(state, recharges, charge, why, url=None)


def note_confirmation(
    state: BatchState, recharges: RechargesOfBatch, charge: FallCharge, *, reason: str, url: str
) -> None:
    if charge.reason is not None:
        return
    recharges.change_charge(replace(charge, next_at=None, reason=reason, url=url))
    _tell_failed(state, recharges, charge, reason, url=url)


def note_dispute(
    state: BatchState, recharges: RechargesOfBatch, order_id: str, *, is_new: bool
) -> None:
    """Disable the recharge after a dispute. `is_new`: it is the first report. An inquiry leaves no other trace,
    so it counts once for each charge.
    """
    charge = recharges.charge_of(order_id)
    if charge is None or (charge.disputed_at is not None and not is_new):
        return
    recharges.change_charge(replace(charge, disputed_at=charge.disputed_at or state.now_us))
    found = recharges.find(charge.tenant)
    if found is None or not found.is_on:
        return
    off = replace(found, disabled_reason="dispute", retry_at=None, changed_at=state.now_us)
    recharges.keep(off)
    state.watches.stop(charge.tenant)
    _tell(state, recharges, off, charge, "disputed", url=None)


def note_refusal(
    state: BatchState,
    recharges: RechargesOfBatch,
    tenant: Tenant,
    *,
    order_id: str,
    reason: str | None,
) -> None:
    found = recharges.find(tenant)
    _end_flight(state, tenant, found, order_id, is_paid=False)
    if found is not None and reason is not None:
        _tell(state, recharges, found, None, reason, url=None)


def _tell_failed(
    state: BatchState,
    recharges: RechargesOfBatch,
    charge: FallCharge,
    reason: str,
    *,
    url: str | None,
) -> None:
    found = recharges.find(charge.tenant)
    if found is None:
        return
    failures = found.failures + 1
    is_off = failures >= FAILURES_MAX or not found.is_on
    retry_at = None
    if reason in RETRIED and not is_off:
        retry_at = state.now_of(found.tenant) + RETRIES_US[failures - 1]
    failed = replace(
        found,
        failures=failures,
        disabled_reason="failures" if is_off and found.is_on else found.disabled_reason,
        retry_at=retry_at,
        changed_at=state.now_us,
    )
    recharges.keep(failed)
    if is_off:
        state.watches.stop(found.tenant)
    _tell(state, recharges, failed, charge, reason, url=url)


def _tell(
    state: BatchState,
    recharges: RechargesOfBatch,
    found: Recharge,
    charge: FallCharge | None,
    reason: str,
    *,
    url: str | None,
) -> None:
    """Publish the event and mail the owner. `charge` is null if none was attempted."""
    data = {
        "order_id": None if charge is None else charge.order_id,
        "amount_cents": found.amount_cents if charge is None else charge.amount_cents,
        "method": found.method if charge is None else charge.method,
        "reason": reason,
        "disabled": not found.is_on,
        "failures": found.failures,
        "retry_at": None if found.retry_at is None else rfc3339(found.retry_at),
        "url": url,
        "currency": CURRENCY,
    }
    state.publish(found.tenant, "recharge.failed", data)
    recharges.mail_owner(new_owner_mail(state, found.tenant, "recharge_failed", data=data))


def _end_flight(
    state: BatchState, tenant: Tenant, found: Recharge | None, order_id: str, *, is_paid: bool
) -> None:
    watch = state.watches.find(tenant)
    if watch is None or watch.recharge_order_id != order_id:
        return  # another fall's order is under way
    state.watches.end(tenant)
    if found is None or not found.is_on:
        state.watches.stop(tenant)
        return
    below_micros = found.below_micros
    balance_micros = state.ledger.balance_micros(tenant, state.now_us)
    # If it is still below the mark, the next spend is another drop.
    is_rearmed = is_paid and 0 < balance_micros < below_micros
    state.watches.watch(
        tenant, below_micros=below_micros, from_micros=0 if is_rearmed else below_micros
    )
