"""Number receipts in the order of payments, without gaps, and then number their notes.

One transaction locks the environment and writes all documents. Payments don't wait for this lock.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import msgspec

from billing.documents import billing_details, document
from billing.documents.document import BillingDocument, NoReceipt, NoSeller
from billing.documents.facts import (
    DocumentKind,
    Party,
    Seller,
    Sold,
    facts_of,
    note_of,
    number_of,
    series_of,
)
from billing.documents.receipt_letter import receipt_mail
from billing.ledger.money import MICROS_PER_CREDIT
from billing.orders import records as order_list, records as order_rows, refund
from billing.orders.order import Order
from billing.orders.refund import Reversal, returned_of
from billing.providers import breakdown
from billing.providers.breakdown import Breakdown, PaymentKey
from billing.recipients import owner_mail
from billing.recipients.owner_mail import OwnerMail
from billing.subscriptions import records as subscription_rows
from kernel.clock import SECOND_US
from kernel.errors import Unavailable
from kernel.ids import new_id
from kernel.tenant import Tenant
from store.database import Database, Row, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """A payment without a receipt yet. If `sold` is None, there was nothing to pay, and no receipt is made."""

    subject_id: str
    account_id: str
    provider: str
    payment_id: str
    order_id: str
    subscription_id: str | None = None
    sold: Sold | None
    credits: int
    period_start_at: int | None = None
    period_end_at: int | None = None
    paid_at: int

    @property
    def is_period(self) -> bool:
        return self.subscription_id is not None


@dataclass(frozen=True, slots=True)
class ReturnedPayment:
    """Money returned from a payment. `after` is the total returned so far, of which earlier notes cover `before`."""

    subject_id: str
    is_period: bool
    before: int
    after: int
    of: int
    at: int


async def payments(tx: Transaction, environment: str, *, limit: int) -> Sequence[Payment]:
    orders = await tx.fetch(_ORDERS, environment=environment, limit=limit)
    periods = await tx.fetch(_PERIODS, environment=environment, limit=limit)
    found = [_of_order(order_rows.ROWS.read(row)) for row in orders]
    found += [_of_period(row) for row in periods]
    return sorted(found, key=lambda one: (one.paid_at, one.subject_id))[:limit]


async def payments_of(tx: Transaction, ids: Iterable[str]) -> Mapping[str, Payment]:
    wanted = sorted(ids)
    if not wanted:
        return {}
    orders = await order_rows.load(tx, wanted)
    found = {one.id: _of_order(one) for one in orders.values() if one.paid_at is not None}
    periods = await tx.fetch(f"{_PERIOD} WHERE p.id IN :ids[text]", ids=wanted)
    return found | {row["id"]: _of_period(row) for row in periods}


def _of_period(row: Row) -> Payment:
    is_paid = row["amount"] > 0
    sold = Sold(row["plan_name"], row["amount"], row["currency"], row["amount"])
    return Payment(
        subject_id=row["id"],
        account_id=row["account_id"],
        provider=row["provider"],
        payment_id=row["invoice_id"],
        order_id=row["order_id"],
        subscription_id=row["subscription_id"],
        sold=sold if is_paid else None,
        credits=row["credits_micros"] // MICROS_PER_CREDIT,
        period_start_at=row["period_start_at"],
        period_end_at=row["period_end_at"],
        paid_at=row["created_at"],
    )


async def returned_since(
    tx: Transaction, environment: str, *, after_id: str, limit: int
) -> tuple[Sequence[ReturnedPayment], str]:
    """List returned money that has no note yet. Also return the ID at which to continue, or "" at the end.

    Open disputes and refunds are left out.
    """
    values = {"environment": environment, "after_id": after_id, "limit": limit}
    orders = await tx.fetch(_GONE_ORDERS, **values)
    periods = await tx.fetch(_GONE_PERIODS, **values)
    rows = sorted([*orders, *periods], key=lambda row: str(row["id"]))[:limit]
    if not rows:
        return (), ""
    reversals = await _reversals(tx, [row["id"] for row in rows])
    found = []
    for row in rows:
        if not row["receipt_id"]:
            continue
        told = reversals.get(row["id"], [])
        closed = [one for one in told if one.status not in {"open", "asked"}]
        before, after = row["noted_amount"], returned_of(closed, row["paid"])
        if before != after:
            at = max((one.created_at for one in told), default=0)
            is_period = row["is_period"] == 1
            found.append(ReturnedPayment(row["id"], is_period, before, after, row["paid"], at))
    return found, rows[-1]["id"] if len(rows) == limit else ""


def _of_order(order: Order) -> Payment:
    assert order.paid_at is not None, "the statement looks for paid ones"
    paid = order.payment
    # The invoices of a plan belong to its periods, not to its order.
    is_sold = order.kind != "subscription" and paid.amount > 0
    return Payment(
        subject_id=order.id,
        account_id=order.account_id,
        provider=order.provider,
        payment_id=order.payment_id or "",
        order_id=order.id,
        sold=_sold(order) if is_sold else None,
        credits=order.credits_micros // MICROS_PER_CREDIT,
        paid_at=order.paid_at,
    )


def _sold(order: Order) -> Sold:
    paid = order.payment
    credits_ = order.credits_micros // MICROS_PER_CREDIT
    title = order.pack_name or f"{credits_:,} credits"
    is_listed = paid.currency == order.currency and paid.amount == order.amount - order.discount
    if is_listed:
        return Sold(title, paid.amount, paid.currency, order.amount, order.discount)
    note = ""
    if paid.currency != order.currency:
        note = f"Charged in {paid.currency} for {order.listed.decimal()} {order.currency}"
    return Sold(title, paid.amount, paid.currency, paid.amount, price_note=note)


async def _reversals(tx: Transaction, ids: Sequence[str]) -> dict[str, list[Reversal]]:
    found: dict[str, list[Reversal]] = {}
    for text in (_ORDER_REVERSALS, _PERIOD_REVERSALS):
        for row in await tx.fetch(text, ids=sorted(ids)):
            one = refund.read_row(row)
            found.setdefault(one.owner_id, []).append(one)
    return found


_ORDERS = f"""
SELECT {order_rows.ROWS.listed} FROM orders
WHERE environment = :environment AND paid_at IS NOT NULL AND receipt_id IS NULL
ORDER BY paid_at, id LIMIT :limit
"""
_PERIOD = """
SELECT p.id, p.account_id, p.subscription_id, p.invoice_id, p.amount, p.currency, p.credits_micros,
    p.period_start_at, p.period_end_at, p.created_at, s.provider, s.order_id, s.plan_name
FROM subscription_periods p
JOIN subscriptions s ON s.id = p.subscription_id"""
_PERIODS = f"""
{_PERIOD} WHERE p.environment = :environment AND p.receipt_id IS NULL
ORDER BY p.created_at, p.id LIMIT :limit
"""
# Write the condition exactly as in the partial indexes. With a direct comparison of the two columns, PostgreSQL would
# read all orders.
_UNNOTED = "CASE WHEN refunded_amount = noted_amount THEN 0 ELSE 1 END = 1"
_GONE_ORDERS = f"""
SELECT id, receipt_id, noted_amount, COALESCE(paid_amount, pay_amount) AS paid, 0 AS is_period
FROM orders WHERE environment = :environment AND {_UNNOTED} AND id > :after_id
ORDER BY id LIMIT :limit
"""
_GONE_PERIODS = f"""
SELECT id, receipt_id, noted_amount, amount AS paid, 1 AS is_period
FROM subscription_periods WHERE environment = :environment AND {_UNNOTED} AND id > :after_id
ORDER BY id LIMIT :limit
"""
_ORDER_REVERSALS = f"""
SELECT order_id, {refund.LISTED} FROM order_reversals WHERE order_id IN :ids[text]
"""
_PERIOD_REVERSALS = f"""
SELECT period_id, {refund.LISTED} FROM period_reversals WHERE period_id IN :ids[text]
"""


STEP_MAX: Final = 100
_LOCK_SERIES: Final = ""


async def number_step(
    database: Database,
    environment: str,
    seller: Seller,
    *,
    now_us: int,
    mail_sent_in: Collection[str] = (),
    limit: int = STEP_MAX,
) -> int:
    """Number receipts and notes, and return how many payments were processed.

    In the live environment, nothing is numbered until a seller is configured, because documents never change.
    """
    if environment == "live" and not seller.is_known:
        return 0

    async def work(tx: Transaction) -> int:
        await _lock(tx, environment)
        is_sent = environment in mail_sent_in
        clerk = _Clerk(tx, environment, seller, now_us, is_sent=is_sent)
        settled = await clerk.receipts(await payments(tx, environment, limit=limit))
        if settled < limit:
            settled += await clerk.notes(limit)
        await clerk.write()
        return settled

    if not await database.read(lambda tx: _is_due(tx, environment)):
        return 0
    return await database.transaction(work)


async def _lock(tx: Transaction, environment: str) -> None:
    values = {"environment": environment, "series": _LOCK_SERIES}
    await tx.execute(
        """INSERT INTO document_series (environment, series, last_number)
           VALUES (:environment, :series, 0) ON CONFLICT DO NOTHING""",
        **values,
    )
    await tx.fetch(
        """SELECT last_number FROM document_series
           WHERE environment = :environment AND series = :series FOR UPDATE""",
        **values,
    )


async def _is_due(tx: Transaction, environment: str) -> bool:
    if await payments(tx, environment, limit=1):
        return True
    after_id = ""
    while True:
        found, after_id = await returned_since(tx, environment, after_id=after_id, limit=STEP_MAX)
        if found or not after_id:
            return bool(found)


class _Clerk:
    def __init__(
        self, tx: Transaction, environment: str, seller: Seller, now_us: int, *, is_sent: bool
    ) -> None:
        self._tx = tx
        self._environment = environment
        self._seller = seller
        self._now_us = now_us
        self._is_sent = is_sent
        self._mails: list[OwnerMail] = []
        self._last: dict[str, int] = {}
        self._made: list[BillingDocument] = []
        self._receipts: dict[bool, list[tuple[str, str]]] = {False: [], True: []}
        self._noted: dict[bool, list[tuple[str, int]]] = {False: [], True: []}

    async def receipts(self, payments: Sequence[Payment]) -> int:
        places = {one.subject_id: self._place(one) for one in payments}
        told = await breakdown.load(self._tx, places.values())
        buyers = await self._buyers(one.account_id for one in payments)
        for one in payments:
            receipt_id = ""
            if one.sold is not None:
                found = told.get(places[one.subject_id])
                receipt_id = await self._receipt(one, found, buyers[one.account_id])
            self._receipts[one.is_period].append((one.subject_id, receipt_id))
        return len(payments)

    async def notes(self, limit: int) -> int:
        await self.write()
        made, after_id = 0, ""
        while made < limit:
            found, after_id = await returned_since(
                self._tx, self._environment, after_id=after_id, limit=limit
            )
            receipts = await self._receipts_of(found)
            for one in sorted(found, key=lambda gone: (gone.at, gone.subject_id)):
                await self._note(one, receipts[one.subject_id])
            made += len(found)
            if not after_id:
                break
        return made

    async def write(self) -> None:
        tx = self._tx
        await tx.insert(
            "document_series",
            ("environment", "series", "last_number"),
            [(self._environment, series, last) for series, last in sorted(self._last.items())],
            on_conflict="""ON CONFLICT (environment, series)
                DO UPDATE SET last_number = excluded.last_number""",
        )
        await tx.insert(
            "billing_documents",
            document.ROWS.columns,
            [document.ROWS.write(one) for one in self._made],
        )
        await owner_mail.insert(tx, self._mails)
        await order_rows.mark_receipts(tx, self._receipts[False])
        await order_rows.mark_noted(tx, self._noted[False])
        await subscription_rows.mark_receipts(tx, self._receipts[True])
        await subscription_rows.mark_noted(tx, self._noted[True])
        self._made = []
        self._mails = []
        self._receipts = {False: [], True: []}
        self._noted = {False: [], True: []}

    async def _receipt(self, one: Payment, told: Breakdown | None, buyer: Party) -> str:
        assert one.sold is not None, "its caller asked"
        facts = msgspec.structs.replace(
            facts_of(one.sold, told, seller=self._seller, buyer=buyer, is_test=self._is_test),
            provider=one.provider,
            payment_id=one.payment_id,
            credits=one.credits,
            period_start_at=one.period_start_at,
            period_end_at=one.period_end_at,
        )
        series, sequence = await self._next("receipt", one.paid_at)
        made = BillingDocument(
            id=new_id("doc"),
            account_id=one.account_id,
            environment=self._environment,
            kind="receipt",
            series=series,
            sequence=sequence,
            number=number_of(series, sequence),
            subject_id=one.subject_id,
            order_id=one.order_id,
            subscription_id=one.subscription_id,
            amount=facts.paid,
            currency=facts.currency,
            facts=facts,
            dated_at=one.paid_at,
            created_at=self._now_us,
        )
        self._made.append(made)
        mail = receipt_mail(made, is_sent=self._is_sent, now_us=self._now_us)
        if mail is not None and self._seller.mails_receipts:
            self._mails.append(mail)
        return made.id

    async def _note(self, gone: ReturnedPayment, receipt: BillingDocument) -> None:
        kind: DocumentKind = "credit_note" if gone.after > gone.before else "debit_note"
        facts = note_of(
            receipt.facts, receipt.number, before=gone.before, after=gone.after, of=gone.of
        )
        # A reversal's `at` is when it began. A debit note is about a refund that failed later, so the note is dated
        # now.
        dated_at = gone.at if kind == "credit_note" else self._now_us
        series, sequence = await self._next(kind, dated_at)
        self._made.append(
            msgspec.structs.replace(
                receipt,
                id=new_id("doc"),
                kind=kind,
                series=series,
                sequence=sequence,
                number=number_of(series, sequence),
                amount=facts.paid,
                facts=facts,
                dated_at=dated_at,
                created_at=self._now_us,
            )
        )
        self._noted[gone.is_period].append((gone.subject_id, gone.after))

    async def _next(self, kind: DocumentKind, at_us: int) -> tuple[str, int]:
        year = datetime.fromtimestamp(at_us // SECOND_US, UTC).year
        series = series_of(self._seller.prefixes[kind], year, is_test=self._is_test)
        if series not in self._last:
            row = await self._tx.fetch_one(
                """SELECT last_number FROM document_series
                   WHERE environment = :environment AND series = :series""",
                environment=self._environment,
                series=series,
            )
            self._last[series] = 0 if row is None else int(row["last_number"])
        self._last[series] += 1
        return series, self._last[series]

    async def _buyers(self, account_ids: Iterable[str]) -> dict[str, Party]:
        return await billing_details.buyers(self._tx, account_ids)

    async def _receipts_of(self, found: Sequence[ReturnedPayment]) -> dict[str, BillingDocument]:
        rows = await self._tx.fetch(
            f"""SELECT {document.ROWS.listed} FROM billing_documents
                WHERE subject_id IN :ids[text] AND kind = 'receipt'""",
            ids=sorted(one.subject_id for one in found),
        )
        read = [document.ROWS.read(row) for row in rows]
        return {one.subject_id: one for one in read}

    def _place(self, one: Payment) -> PaymentKey:
        return (one.provider, self._environment, one.payment_id)

    @property
    def _is_test(self) -> bool:
        return self._environment != "live"


# After this many steps, the caller must wait for the worker.
STEPS_MAX = 3


async def receipt(
    database: Database,
    tenant: Tenant,
    order_id: str,
    *,
    seller: Seller,
    mail_sent_in: Collection[str],
    now_us: int,
) -> BillingDocument:
    """Return the order's receipt, and number it first if necessary.

    Raise Unavailable if too many earlier payments must be numbered first.
    """

    async def fetch(tx: Transaction) -> tuple[Order, BillingDocument | None]:
        order = await order_list.get(tx, tenant, order_id)
        return order, await document.receipt_of(tx, tenant, order_id)

    for _ in range(STEPS_MAX):
        order, found = await database.read(fetch)
        if found is not None:
            return found
        if order.paid_at is None:
            raise NoReceipt(f"The order is {order.status}, so it has no receipt yet.")
        if tenant.environment == "live" and not seller.is_known:
            raise NoSeller(
                "The operator must set TOPUP_SELLER_NAME before documents can be created."
            )
        numbered = await number_step(
            database, tenant.environment, seller, now_us=now_us, mail_sent_in=mail_sent_in
        )
        if not numbered:
            _, found = await database.read(fetch)
            if found is None:
                raise NoReceipt("Nothing was paid for the order, so there is no receipt.")
            return found
    _, found = await database.read(fetch)
    if found is None:
        raise Unavailable(
            "Receipts for earlier payments must be created first. Try again shortly.",
            retry_after_s=10,
        )
    return found
