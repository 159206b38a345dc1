"""Compare the payments that a provider lists with our records of them.

A payment is found by any of its IDs, or else by the provider's object that it belongs to. A payment that matches none of
our orders or customers belongs to another shop that uses the same provider account.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, NamedTuple, TypeVar

import msgspec

from billing.ledger.price import Price
from billing.machine_payments.payment import MPP
from billing.providers.abilities import ListedPayment
from billing.providers.event_log import NotificationRef
from kernel.clock import HOUR_US
from store.database import Database, Row, Transaction
from store.row_mapping import RowMapping

ListDifferenceKind = Literal[
    "missing_here",
    "not_ours",
    "missing_there",
    "amount",
    "currency",
    "status",
    "second_payment",
    "refunded",
    "fee",
]
TOLD_WITHIN_US: Final = HOUR_US
OwnPaymentKind = Literal["order", "period", "machine"]
_PREFIXES: Final = ("ord_", "mpy_")


@dataclass(frozen=True, slots=True)
class OwnPayment:
    """Our record of a payment. `gone` is the refunded or disputed amount. `payment_id` may be empty.

    `is_paid` means that the payment was credited.
    """

    owner_id: str
    account_id: str
    payment_id: str
    price: Price
    gone: int
    is_paid: bool
    paid_at: int
    kind: OwnPaymentKind = "order"
    begins_plan: bool = False


@dataclass(frozen=True, slots=True)
class Judged:
    """A difference in a payment. `is_of_payment` means that this is a second payment for a credited order."""

    kind: ListDifferenceKind
    here: Price | None
    there: Price | None
    is_of_payment: bool = False


def is_of_us(one: ListedPayment, customers: Collection[str]) -> bool:
    return (one.order_id or "").startswith(_PREFIXES) or one.customer_ref in customers


def is_kept(one: ListedPayment) -> bool:
    return one.refunded + one.disputed < one.price.amount


def is_missing(one: ListedPayment, *, now_us: int) -> bool:
    """Return whether the payment was made, hasn't been fully returned, and is so old that its notification is
    overdue.
    """
    return one.status == "paid" and is_kept(one) and one.created_at <= now_us - TOLD_WITHIN_US


def judged(
    mine: OwnPayment, theirs: ListedPayment, kept_fee: Price | None, *, now_us: int
) -> list[Judged]:
    assert theirs.status == "paid", "another one brought nothing"
    if mine.begins_plan:
        is_lost = is_missing(theirs, now_us=now_us)
        return [Judged("missing_here", None, theirs.price)] if is_lost else []
    if not mine.is_paid:
        return [Judged("status", None, theirs.price)] if is_kept(theirs) else []
    is_its_own = mine.payment_id in ("", theirs.payment_id, *theirs.objects)

    if mine.kind != "period" and not is_its_own:
        second = Judged("second_payment", None, theirs.price, is_of_payment=True)
        return [second] if is_kept(theirs) else []
    found = _sums(mine, theirs)
    if kept_fee is not None and theirs.fee is not None and kept_fee != theirs.fee:
        found.append(Judged("fee", kept_fee, theirs.fee))
    return found


def _sums(mine: OwnPayment, theirs: ListedPayment) -> list[Judged]:
    if mine.price.currency != theirs.price.currency:
        return [Judged("currency", mine.price, theirs.price)]
    found = []
    if mine.price != theirs.price:
        found.append(Judged("amount", mine.price, theirs.price))
    back = min(theirs.refunded + theirs.disputed, theirs.price.amount)
    if mine.gone != back:
        currency = mine.price.currency
        found.append(Judged("refunded", Price(mine.gone, currency), Price(back, currency)))
    return found


class PaymentFee(msgspec.Struct, frozen=True, kw_only=True):
    owner_id: str
    account_id: str
    environment: str
    provider: str
    payment_id: str
    amount: int
    currency: str
    paid_at: int
    recorded_at: int


async def save_fees(tx: Transaction, fees: Sequence[PaymentFee]) -> None:
    await tx.insert(
        "payment_fees",
        _ROWS.columns,
        [_ROWS.write(one) for one in sorted(fees, key=lambda fee: fee.owner_id)],
        on_conflict="""ON CONFLICT (owner_id) DO UPDATE SET payment_id = excluded.payment_id,
            amount = excluded.amount, currency = excluded.currency, paid_at = excluded.paid_at,
            recorded_at = excluded.recorded_at""",
    )


async def load(tx: Transaction, owner_ids: Iterable[str]) -> dict[str, PaymentFee]:
    rows = await tx.fetch(
        f"SELECT {_ROWS.listed} FROM payment_fees WHERE owner_id IN :ids[text]",
        ids=sorted(set(owner_ids)),
    )
    return {row["owner_id"]: _ROWS.read(row) for row in rows}


_ROWS = RowMapping(PaymentFee)


# A function that returns the IDs of related objects. It raises ProviderUnavailable if the provider doesn't respond.
Linked = Callable[[NotificationRef, Sequence[str]], Awaitable[Sequence[str]]]
_AT_ONCE: Final = 500

T = TypeVar("T")


class _Owner(NamedTuple):
    """The order or period that a payment was for. `begins_plan` says whether the order began a plan."""

    id: str
    begins_plan: bool


class OwnPayments:
    def __init__(
        self, database: Database, provider: str, environment: str, linked: Linked | None = None
    ) -> None:
        self._database = database
        self._provider = provider
        self._environment = environment
        self._linked = linked

    async def owners(self, listed: Collection[ListedPayment]) -> dict[str, str]:
        found = await self._matched(listed)
        lost = [one for one in listed if one.status == "paid" and _is_open(found, one)]
        if self._linked is not None and lost:
            known = await self.customers(lost)
            ours = [one for one in lost if one.payment_id in found or is_of_us(one, known)]
            found |= await self._matched([await self._with_links(one) for one in ours])
        return {payment_id: owner.id for payment_id, owner in found.items()}

    async def between(self, since: int, until: int) -> list[OwnPayment]:
        async def work(tx: Transaction) -> list[OwnPayment]:
            values = {**self._place, "since": since, "until": until}
            texts = (_OURS, _OUR_PERIODS, _OUR_MACHINES)
            return [_own_of(row) for text in texts for row in await tx.fetch(text, **values)]

        return await self._database.read(work)

    async def load(self, ids: Iterable[str]) -> dict[str, OwnPayment]:
        found: dict[str, OwnPayment] = {}
        for part in _parts(sorted(set(ids))):
            for text in (_BY_ID, _PERIODS_BY_ID, _MACHINES_BY_ID):
                for row in await self._fetch(text, ids=part):
                    found[row["owner_id"]] = _own_of(row)
        return found

    async def stored_fees(self, ids: Iterable[str]) -> dict[str, PaymentFee]:
        found: dict[str, PaymentFee] = {}
        for part in _parts(sorted(set(ids))):
            found |= await self._database.read(lambda tx, part=part: load(tx, part))  # type: ignore[misc]
        return found

    async def customers(self, listed: Iterable[ListedPayment]) -> set[str]:
        refs = sorted({one.customer_ref for one in listed if one.customer_ref})
        found: set[str] = set()
        for part in _parts(refs):
            rows = await self._fetch(_CUSTOMERS, refs=part, **self._place)
            found |= {row["customer_ref"] for row in rows}
        return found

    @property
    def _place(self) -> Mapping[str, str]:
        return {"provider": self._provider, "environment": self._environment}

    async def _fetch(self, text: str, **values: object) -> Sequence[Row]:
        return await self._database.read(lambda tx: tx.fetch(text, **values))

    async def _with_links(self, one: ListedPayment) -> ListedPayment:
        assert self._linked is not None, "its caller asked"
        at = NotificationRef(self._provider, self._environment, "", "")
        ids = await self._linked(at, (one.payment_id, *one.objects))
        return replace(one, objects=tuple(dict.fromkeys((*one.objects, *ids))))

    async def _matched(self, listed: Iterable[ListedPayment]) -> dict[str, _Owner]:
        found: dict[str, _Owner] = {}
        for part in _parts(list(listed)):
            owners = await self._database.read(lambda tx, part=part: self._owners(tx, part))  # type: ignore[misc]
            for one in part:
                ids = (one.order_id, *one.objects)
                named = [owners[name] for name in ids if name in owners]
                if named:
                    found[one.payment_id] = min(named, key=lambda owner: owner.begins_plan)
        return found

    async def _owners(self, tx: Transaction, part: Sequence[ListedPayment]) -> dict[str, _Owner]:
        ids = sorted({name for one in part for name in one.objects})
        linked = await tx.fetch(_LINKED, ids=ids, **self._place)
        pairs = [(row["object_id"], row["linked_id"]) for row in linked]
        known = sorted({*ids, *(name for pair in pairs for name in pair)})
        order_ids = sorted({one.order_id for one in part if one.order_id})
        values = {"ids": known, **self._place}
        found: dict[str, _Owner] = {}
        for row in await tx.fetch(_OWNERS, order_ids=order_ids, **values):
            found[row["object_id"]] = _Owner(row["owner_id"], row["begins_plan"] == 1)
        for row in await tx.fetch(_PERIODS, **values):
            found[row["object_id"]] = _Owner(row["owner_id"], begins_plan=False)
        for name, other in (*pairs, *(pair[::-1] for pair in pairs)):
            if other in found and (name not in found or found[name].begins_plan):
                found[name] = found[other]
        return found


def _is_open(found: Mapping[str, _Owner], one: ListedPayment) -> bool:
    owner = found.get(one.payment_id)
    return owner is None or owner.begins_plan


def _parts(waiting: Sequence[T]) -> Iterable[Sequence[T]]:
    return (waiting[start : start + _AT_ONCE] for start in range(0, len(waiting), _AT_ONCE))


def _own_of(row: Row) -> OwnPayment:
    return OwnPayment(
        row["owner_id"],
        row["account_id"],
        row["payment_id"] or "",
        Price(row["amount"], row["currency"]),
        row["gone"],
        row["paid_at"] is not None,
        row["paid_at"] or 0,
        kind=row["kind"],
        begins_plan=row["begins_plan"] == 1,
    )


_COLUMNS: Final = """o.id AS owner_id, o.account_id, o.payment_id,
    COALESCE(o.paid_amount, o.pay_amount) AS amount,
    COALESCE(o.paid_currency, o.pay_currency) AS currency, o.refunded_amount AS gone, o.paid_at,
    'order' AS kind, CASE WHEN o.kind = 'subscription' THEN 1 ELSE 0 END AS begins_plan"""
_PERIOD_COLUMNS: Final = """p.id AS owner_id, p.account_id, p.invoice_id AS payment_id, p.amount,
    p.currency, p.refunded_amount AS gone, p.created_at AS paid_at,
    'period' AS kind, 0 AS begins_plan"""
# The amounts are in US cents. If a top-up fails, the payer gets a code instead of a refund, so `gone` is 0.
_MACHINE_COLUMNS: Final = """p.id AS owner_id, p.account_id, p.settlement AS payment_id,
    p.charged_cents AS amount, 'USD' AS currency, 0 AS gone, p.settled_at AS paid_at,
    'machine' AS kind, 0 AS begins_plan"""
_OURS: Final = f"""
SELECT {_COLUMNS} FROM orders o
WHERE o.environment = :environment AND o.provider = :provider AND o.kind <> 'subscription'
  AND o.is_simulated = 0 AND o.paid_at >= :since AND o.paid_at < :until
  AND COALESCE(o.paid_amount, o.pay_amount) > 0
"""
_OUR_PERIODS: Final = f"""
SELECT {_PERIOD_COLUMNS} FROM subscription_periods p
JOIN subscriptions s ON s.id = p.subscription_id
WHERE p.environment = :environment AND s.provider = :provider AND s.is_simulated = 0
  AND p.created_at >= :since AND p.created_at < :until AND p.amount > 0
"""
_OUR_MACHINES: Final = f"""
SELECT {_MACHINE_COLUMNS} FROM machine_payments p
WHERE p.environment = :environment AND p.protocol = '{MPP}' AND p.network = :provider
  AND p.settled_at >= :since AND p.settled_at < :until
"""
_BY_ID: Final = f"SELECT {_COLUMNS} FROM orders o WHERE o.id IN :ids[text]"
_PERIODS_BY_ID: Final = (
    f"SELECT {_PERIOD_COLUMNS} FROM subscription_periods p WHERE p.id IN :ids[text]"
)
_MACHINES_BY_ID: Final = (
    f"SELECT {_MACHINE_COLUMNS} FROM machine_payments p WHERE p.id IN :ids[text]"
)
_LINKED: Final = """
SELECT object_id, linked_id FROM provider_links
WHERE provider = :provider AND environment = :environment AND object_id IN :ids[text]
UNION
SELECT object_id, linked_id FROM provider_links
WHERE provider = :provider AND environment = :environment AND linked_id IN :ids[text]
"""
_OWNERS: Final = """
SELECT k.object_id, k.order_id AS owner_id,
    CASE WHEN o.kind = 'subscription' THEN 1 ELSE 0 END AS begins_plan
FROM provider_objects k JOIN orders o ON o.id = k.order_id
WHERE k.provider = :provider AND k.environment = :environment AND k.object_id IN :ids[text]
UNION
SELECT o.id AS object_id, o.id AS owner_id,
    CASE WHEN o.kind = 'subscription' THEN 1 ELSE 0 END AS begins_plan
FROM orders o
WHERE o.provider = :provider AND o.environment = :environment AND o.id IN :order_ids[text]
UNION
SELECT p.id AS object_id, p.id AS owner_id, 0 AS begins_plan
FROM machine_payments p
WHERE p.network = :provider AND p.environment = :environment AND p.id IN :order_ids[text]
"""
# If a period was approved before its invoice came, its start differs from the start at the provider.
_PERIODS: Final = """
SELECT k.object_id, p.id AS owner_id FROM subscription_objects k
JOIN subscription_periods p ON p.subscription_id = k.subscription_id
  AND (p.period_start_at = k.period_start_at OR EXISTS (
      SELECT 1 FROM subscription_objects n
      WHERE n.subscription_id = k.subscription_id AND n.period_start_at = k.period_start_at
        AND n.object_id = p.invoice_id))
WHERE k.provider = :provider AND k.environment = :environment AND k.object_id IN :ids[text]
"""
_CUSTOMERS: Final = """
SELECT customer_ref FROM provider_customers
WHERE provider = :provider AND environment = :environment AND customer_ref IN :refs[text]
UNION
SELECT customer_ref FROM subscriptions
WHERE provider = :provider AND environment = :environment AND customer_ref IN :refs[text]
"""
