"""A recharge: what to buy when the balance drops, and the outcome of its charges.

It is disabled after three failed charges in a row, by a dispute, or by an operator. A charge belongs to one
drop and one order.
"""

from collections.abc import Iterable, Sequence
from typing import Final, Literal

from billing.ledger.money import cents_to_micros
from kernel.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US, rfc3339
from kernel.errors import InvalidInput
from kernel.tenant import OfTenant, Tenant
from store.database import Transaction
from store.row_mapping import RowMapping

ORIGIN: Final = "recharge"
FAILURES_MAX: Final = 3
# After a drop's first and second declined charge.
RETRIES_US: Final = (HOUR_US, DAY_US)
# Between checks of an unknown outcome; the last one repeats.
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


async def keep(tx: Transaction, recharges: Iterable[Recharge]) -> None:
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
