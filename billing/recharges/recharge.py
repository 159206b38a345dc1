"""Store recharges: what to buy when the balance drops, and the outcome of each charge.

A recharge is disabled after three failed charges in a row, after a dispute, or by an operator. Each charge belongs to
one balance drop and one order. One transaction ends the charge and the order.

After a paid charge, the next drop below the threshold starts another charge. A declined charge may be retried later. If
it isn't, the recharge waits until the balance has recovered to the threshold.
"""

from collections.abc import Iterable, Sequence
from typing import Final, Literal

from msgspec.structs import replace

from billing.engine.batch_state import BatchState
from billing.ledger.money import CURRENCY, cents_to_micros, micros_to_cents
from billing.providers.abilities import RETRIED
from billing.recipients import owner_mail
from billing.recipients.owner_mail import OwnerMail, new_owner_mail
from kernel.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US, rfc3339
from kernel.errors import InvalidInput
from kernel.tenant import OfTenant, Tenant
from store.database import Transaction
from store.row_mapping import RowMapping

ORIGIN: Final = "recharge"
FAILURES_MAX: Final = 3
# Delays after the first and second declined charges for a balance drop.
RETRIES_US: Final = (HOUR_US, DAY_US)
# Delays between checks of an unknown outcome. The last one repeats.
ASKS_US: Final = (15 * SECOND_US, MINUTE_US, 5 * MINUTE_US, 15 * MINUTE_US, HOUR_US)
BELOW_CENTS_MAX: Final = 100_000_000
AMOUNT_CENTS_MIN: Final = 100
AMOUNT_CENTS_MAX: Final = 1_000_000
MONTHLY_CENTS_MAX: Final = 100_000_000

OffReason = Literal["failures", "operator", "dispute"]


class Recharge(OfTenant, frozen=True, kw_only=True):
    provider: str
    is_simulated: bool = False
    customer_ref: str
    method_ref: str
    brand: str
    last4: str
    below_cents: int
    amount_cents: int
    monthly_max_cents: int
    failures: int = 0
    disabled_reason: OffReason | None = None
    retry_at: int | None = None
    changed_at: int

    @property
    def is_on(self) -> bool:
        return self.disabled_reason is None

    @property
    def below_micros(self) -> int:
        return cents_to_micros(self.below_cents)

    @property
    def method(self) -> str:
        return f"{self.brand} {self.last4}"


class FallCharge(OfTenant, frozen=True, kw_only=True):
    order_id: str
    month: str
    amount_cents: int
    customer_ref: str
    method_ref: str
    method: str
    sent_at: int | None = None
    next_at: int | None = None
    asked: int = 0
    is_counted: bool = True
    reason: str | None = None
    url: str | None = None
    disputed_at: int | None = None
    created_at: int


def check_limits(below_cents: int, amount_cents: int, monthly_max_cents: int) -> None:
    bounds = (
        ("below_cents", below_cents, 1, BELOW_CENTS_MAX),
        ("amount_cents", amount_cents, AMOUNT_CENTS_MIN, AMOUNT_CENTS_MAX),
        ("monthly_max_cents", monthly_max_cents, amount_cents, MONTHLY_CENTS_MAX),
    )
    for param, value, least, most in bounds:
        if not least <= value <= most:
            raise InvalidInput(
                "`{param}` must be from {least} to {most}.", param=param, least=least, most=most
            )


def month_of(own_now_us: int) -> str:
    return rfc3339(own_now_us)[:7]


def next_check_at(asked: int, now_us: int) -> int:
    return now_us + ASKS_US[min(asked, len(ASKS_US)) - 1]


_ROWS = RowMapping(Recharge)
CHARGES = RowMapping(FallCharge)
_LOAD = f"""
SELECT {_ROWS.of("r")} FROM :tenants[account_id text, environment text] AS v
CROSS JOIN recharges r
WHERE r.account_id = v.account_id AND r.environment = v.environment
"""
_CHANGING = tuple(name for name in _ROWS.columns if name not in {"account_id", "environment"})
_KEEP = f"""ON CONFLICT (account_id, environment) DO UPDATE SET
{", ".join(f"{name} = excluded.{name}" for name in _CHANGING)}"""
_LOAD_CHARGES = f"SELECT {CHARGES.listed} FROM recharge_charges WHERE order_id IN :ids[text]"
_CHARGE_CHANGING = ("next_at", "is_counted", "reason", "url", "disputed_at")
_CHANGED = CHARGES.part("order_id", *_CHARGE_CHANGING)
_UPDATE_CHARGES = f"""
UPDATE recharge_charges SET {CHARGES.part(*_CHARGE_CHANGING).assigned}
FROM :rows[{_CHANGED.typed}] AS v WHERE recharge_charges.order_id = v.order_id
"""
_SPENT = """
SELECT c.account_id, c.environment, c.month, SUM(c.amount_cents) AS cents
FROM :tenants[account_id text, environment text] AS v
CROSS JOIN recharge_charges c
WHERE c.account_id = v.account_id AND c.environment = v.environment AND c.is_counted = 1
GROUP BY c.account_id, c.environment, c.month
"""


async def load(tx: Transaction, tenants: Iterable[Tenant]) -> dict[Tenant, Recharge]:
    rows = await tx.fetch(_LOAD, tenants=sorted(set(tenants)))
    return {found.tenant: found for found in map(_ROWS.read, rows)}


async def find(tx: Transaction, tenant: Tenant) -> Recharge | None:
    return (await load(tx, [tenant])).get(tenant)


async def load_charges(tx: Transaction, order_ids: Iterable[str]) -> dict[str, FallCharge]:
    rows = await tx.fetch(_LOAD_CHARGES, ids=sorted(set(order_ids)))
    return {found.order_id: found for found in map(CHARGES.read, rows)}


async def latest_charges(tx: Transaction, tenant: Tenant, *, limit: int) -> Sequence[FallCharge]:
    rows = await tx.fetch(
        f"""SELECT {CHARGES.listed} FROM recharge_charges
            WHERE account_id = :account_id AND environment = :environment
            ORDER BY order_id DESC LIMIT :limit""",
        account_id=tenant.account_id,
        environment=tenant.environment,
        limit=limit,
    )
    return [CHARGES.read(row) for row in rows]


async def spent_cents(tx: Transaction, tenants: Iterable[Tenant]) -> dict[tuple[Tenant, str], int]:
    rows = await tx.fetch(_SPENT, tenants=sorted(set(tenants)))
    return {
        (Tenant(row["account_id"], row["environment"]), row["month"]): int(row["cents"])
        for row in rows
    }


async def save(tx: Transaction, recharges: Iterable[Recharge]) -> None:
    rows = [_ROWS.write(one) for one in sorted(recharges, key=lambda one: one.tenant)]
    await tx.insert("recharges", _ROWS.columns, rows, on_conflict=_KEEP)


async def remove(tx: Transaction, tenants: Iterable[Tenant]) -> None:
    for tenant in sorted(set(tenants)):
        await tx.execute(
            "DELETE FROM recharges WHERE account_id = :account_id AND environment = :environment",
            account_id=tenant.account_id,
            environment=tenant.environment,
        )


async def insert_charges(tx: Transaction, charges: Iterable[FallCharge]) -> None:
    rows = [CHARGES.write(one) for one in sorted(charges, key=lambda one: one.order_id)]
    await tx.insert("recharge_charges", CHARGES.columns, rows)


async def update_charges(tx: Transaction, charges: Iterable[FallCharge]) -> None:
    rows = [_CHANGED.write(one) for one in sorted(charges, key=lambda one: one.order_id)]
    if rows:
        await tx.execute(_UPDATE_CHARGES, rows=rows)


async def note_asking(tx: Transaction, charge: FallCharge, *, now_us: int, next_at: int) -> bool:
    touched = await tx.execute(
        """UPDATE recharge_charges
           SET sent_at = COALESCE(sent_at, :now_us), asked = asked + 1, next_at = :next_at
           WHERE order_id = :id AND asked = :seen AND next_at IS NOT NULL""",
        now_us=now_us,
        next_at=next_at,
        id=charge.order_id,
        seen=charge.asked,
    )
    return touched == 1


async def list_open(
    tx: Transaction, environment: str, *, before_us: int, limit: int
) -> Sequence[FallCharge]:
    rows = await tx.fetch(
        f"""SELECT {CHARGES.listed} FROM recharge_charges
            WHERE next_at IS NOT NULL AND created_at <= :before AND environment = :environment
            ORDER BY created_at, order_id LIMIT :limit""",
        before=before_us,
        environment=environment,
        limit=limit,
    )
    return [CHARGES.read(row) for row in rows]


async def count_open(tx: Transaction, *, before_us: int) -> dict[str, int]:
    rows = await tx.fetch(
        """SELECT environment, COUNT(*) AS number FROM recharge_charges
           WHERE next_at IS NOT NULL AND created_at <= :before GROUP BY environment""",
        before=before_us,
    )
    return {row["environment"]: int(row["number"]) for row in rows}


class RechargesOfBatch:
    def __init__(self) -> None:
        self.tenants: set[Tenant] = set()
        self.counted: set[Tenant] = set()
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
            self._charges = await load_charges(tx, ids)
            self.tenants.update(one.tenant for one in self._charges.values())
        if self.tenants:
            self._recharges = await load(tx, self.tenants)
        if self.counted:
            self._spent = await spent_cents(tx, self.counted)

    async def update(self, tx: Transaction) -> None:
        if self._removed:
            await remove(tx, self._removed)
        if self._kept:
            await save(tx, self._kept.values())
        if self._new:
            await insert_charges(tx, self._new.values())
        await update_charges(tx, self._changed.values())
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

    def save(self, changed: Recharge) -> None:
        self.changes += 1
        self._recharges[changed.tenant] = self._kept[changed.tenant] = changed
        self._removed.discard(changed.tenant)

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
        recharges.save(replace(found, failures=0, retry_at=None, changed_at=state.now_us))
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
    """Record that a charge ended unpaid. Publish this, unless a failure of the charge was already published."""
    charge = recharges.charge_of(order_id)
    if charge is None:
        return
    found = recharges.find(charge.tenant)
    why = charge.reason or reason or "unknown_outcome"
    is_told = charge.reason is not None
    recharges.change_charge(replace(charge, next_at=None, is_counted=False, reason=why))
    _end_flight(state, charge.tenant, found, order_id, is_paid=False)
    if not is_told:
        _publish_failed(state, recharges, charge, why, url=None)


def note_confirmation(
    state: BatchState, recharges: RechargesOfBatch, charge: FallCharge, *, reason: str, url: str
) -> None:
    if charge.reason is not None:
        return
    recharges.change_charge(replace(charge, next_at=None, reason=reason, url=url))
    _publish_failed(state, recharges, charge, reason, url=url)


def note_dispute(
    state: BatchState, recharges: RechargesOfBatch, order_id: str, *, is_new: bool
) -> None:
    """Disable the recharge after a dispute. `is_new` means that the dispute wasn't reported before.

    An inquiry moves no credit. It is recorded only in the charge's `disputed_at`, so later inquiries are ignored.
    """
    charge = recharges.charge_of(order_id)
    if charge is None or (charge.disputed_at is not None and not is_new):
        return
    recharges.change_charge(replace(charge, disputed_at=charge.disputed_at or state.now_us))
    found = recharges.find(charge.tenant)
    if found is None or not found.is_on:
        return
    off = replace(found, disabled_reason="dispute", retry_at=None, changed_at=state.now_us)
    recharges.save(off)
    state.watches.stop(charge.tenant)
    _publish(state, recharges, off, charge, "disputed", url=None)


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
        _publish(state, recharges, found, None, reason, url=None)


def _publish_failed(
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
    recharges.save(failed)
    if is_off:
        state.watches.stop(found.tenant)
    _publish(state, recharges, failed, charge, reason, url=url)


def _publish(
    state: BatchState,
    recharges: RechargesOfBatch,
    found: Recharge,
    charge: FallCharge | None,
    reason: str,
    *,
    url: str | None,
) -> None:
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
        return
    state.watches.end(tenant)
    if found is None or not found.is_on:
        state.watches.stop(tenant)
        return
    below_micros = found.below_micros
    balance_micros = state.ledger.balance_micros(tenant, state.now_us)
    # If the balance is still below the threshold, the next spend is treated as another drop.
    is_rearmed = is_paid and 0 < balance_micros < below_micros
    state.watches.watch(
        tenant, below_micros=below_micros, from_micros=0 if is_rearmed else below_micros
    )
