"""Number documents one after the other: receipts in order of payment, then their notes.

A series has no gap and no number twice, whatever process ends when. One transaction takes the environment's
lock, reads what is due behind it, and writes numbers, documents, marks and the receipt's mail. A payment's
own transaction waits for nobody; a late one gets the next number and its own date.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from billing.documents import billing_details, document, due
from billing.documents.document import BillingDocument, NoReceipt, NoSeller
from billing.documents.due import Gone, Payment
from billing.documents.facts import (
    DocumentKind,
    Party,
    Seller,
    facts_of,
    note_of,
    number_of,
    series_of,
)
from billing.documents.receipt_letter import receipt_mail
from billing.orders import records as order_list, records as order_rows
from billing.orders.order import Order
from billing.providers import breakdown
from billing.providers.breakdown import Breakdown, PaymentKey
from billing.recipients import owner_mail
from billing.recipients.owner_mail import OwnerMail
from billing.subscriptions import records as subscription_rows
from kernel.clock import SECOND_US
from kernel.errors import Unavailable
from kernel.ids import new_id
from kernel.tenant import Tenant
from store.database import Database, Transaction

STEP_MAX: Final = 100
# Numbers nothing: its row is the lock.
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
    """Number at most `limit` payments and as many notes; return how many were settled.

    mail_sent_in: environments whose mail leaves. In live nothing is numbered before a seller is configured,
    because what is frozen would lack it.
    """
    if environment == "live" and not seller.is_known:
        return 0

    async def work(tx: Transaction) -> int:
        await _lock(tx, environment)
        is_sent = environment in mail_sent_in
        clerk = _Clerk(tx, environment, seller, now_us, is_sent=is_sent)
        settled = await clerk.receipts(await due.payments(tx, environment, limit=limit))
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
    """Check without the lock: mostly nothing is due."""
    if await due.payments(tx, environment, limit=1):
        return True
    after_id = ""
    while True:
        found, after_id = await due.gone(tx, environment, after_id=after_id, limit=STEP_MAX)
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
        """Make a note of each payment whose notes don't match; return how many."""
        # Their receipts may be of this very step.
        await self.write()
        made, after_id = 0, ""
        while made < limit:
            found, after_id = await due.gone(
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

    async def _note(self, gone: Gone, receipt: BillingDocument) -> None:
        kind: DocumentKind = "credit_note" if gone.after > gone.before else "debit_note"
        facts = note_of(
            receipt.facts, receipt.number, before=gone.before, after=gone.after, of=gone.of
        )
        # The reversal's row says when it began; a failed refund is reported later.
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

    async def _receipts_of(self, found: Sequence[Gone]) -> dict[str, BillingDocument]:
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


# With more due before it, the caller waits for the worker.
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
    """Return the order's receipt, numbered at once if the worker hasn't come to it; for a plan's order its
    first period's. Raises NotFound, NoReceipt, NoSeller, and Unavailable while earlier payments are numbered.
    """

    async def look(tx: Transaction) -> tuple[Order, BillingDocument | None]:
        order = await order_list.get(tx, tenant, order_id)
        return order, await document.receipt_of(tx, tenant, order_id)

    for _ in range(STEPS_MAX):
        order, found = await database.read(look)
        if found is not None:
            return found
        if order.paid_at is None:
            raise NoReceipt(f"The order is {order.status}, so it has no receipt yet.")
        if tenant.environment == "live" and not seller.is_known:
            raise NoSeller("The operator must set TOPUP_SELLER_NAME before documents can be made.")
        numbered = await number_step(
            database, tenant.environment, seller, now_us=now_us, mail_sent_in=mail_sent_in
        )
        if not numbered:
            _, found = await database.read(look)
            if found is None:
                raise NoReceipt("Nothing was paid for the order, so there is no receipt.")
            return found
    _, found = await database.read(look)
    if found is None:
        raise Unavailable("Receipts of earlier payments are made first.", retry_after_s=10)
    return found
