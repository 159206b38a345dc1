"""Draw documents and statements as PDFs."""

from collections.abc import Sequence
from typing import Final

from billing.documents.document import BillingDocument
from billing.documents.facts import DocumentFacts, DocumentKind, Party
from billing.documents.sheet import MARGIN_MM, Sheet, day
from billing.documents.statement_sheet import StatementSheet
from billing.ledger.chart import code_words
from billing.ledger.money import dollars
from billing.ledger.price import Price

TITLES: Final[dict[DocumentKind, str]] = {
    "receipt": "Receipt",
    "credit_note": "Credit note",
    "debit_note": "Debit note",
}
TEST_BANNER: Final = "TEST - not a real document: no money was moved"
_ABOUT: Final[dict[DocumentKind, str]] = {
    "receipt": "",
    "credit_note": "Paid back of receipt {number}.",
    "debit_note": "An earlier credit note for receipt {number} counts no longer: the money came back.",
}
_PAID: Final[dict[DocumentKind, str]] = {
    "receipt": "Paid",
    "credit_note": "Paid back",
    "debit_note": "Owed again and received",
}
_HALF_MM: Final = 82


def document_pdf(
    document: BillingDocument, extra_font: str = "", provider_label: str = ""
) -> bytes:
    """Return the document as a PDF. Repeated calls return the same bytes. `provider_label` replaces the provider's
    name.
    """
    facts = document.facts
    title = f"{TITLES[document.kind]} {document.number}"
    sheet = Sheet(
        title=title,
        author=facts.seller.name,
        made_at=document.created_at,
        banner=TEST_BANNER if facts.is_test else "",
        extra_font=extra_font,
    )
    sheet.begin(title)
    _head(sheet, document)
    _parties(sheet, facts)
    _about(sheet, document, provider_label or facts.provider)
    _amounts(sheet, document)
    if facts.footer:
        sheet.ln(8)
        sheet.quiet()
        sheet.words(facts.footer)
    return sheet.made()


def _head(sheet: Sheet, document: BillingDocument) -> None:
    facts = document.facts
    sheet.style(13, "B")
    sheet.words(facts.logo_text or facts.seller.name)
    sheet.ln(6)
    sheet.style(22, "B")
    sheet.cell(0, 10, TITLES[document.kind], new_x="LMARGIN", new_y="NEXT")
    sheet.quiet(10)
    sheet.words(f"{document.number}   {day(document.dated_at)}")
    sheet.ln(6)


def _parties(sheet: Sheet, facts: DocumentFacts) -> None:
    top = sheet.get_y()
    ends = []
    for number, (label, party) in enumerate((("From", facts.seller), ("To", facts.buyer))):
        x = MARGIN_MM + number * (_HALF_MM + 10)
        sheet.set_xy(x, top)
        sheet.quiet()
        sheet.words(label, width=_HALF_MM)
        ends.append(sheet.column(x, sheet.get_y(), _HALF_MM, _lines(party)))
    sheet.set_xy(MARGIN_MM, max(ends) + 6)


def _lines(party: Party) -> list[str]:
    tax = [f"Tax id: {party.tax_id}"] if party.tax_id else []
    contact = [party.contact] if party.contact else []
    return [party.name, *party.address, *tax, *contact]


def _about(sheet: Sheet, document: BillingDocument, provider: str) -> None:
    facts = document.facts
    told = [
        f"Order {document.order_id}",
        f"Subscription {document.subscription_id}" if document.subscription_id else "",
        f"Paid with {provider}, payment {facts.payment_id}" if facts.payment_id else "",
        _ABOUT[document.kind].format(number=facts.corrects),
        f"Issued on {day(document.created_at)}",
    ]
    sheet.quiet(9)
    for one in told:
        sheet.words(one)
    sheet.ln(4)


def _amounts(sheet: Sheet, document: BillingDocument) -> None:
    facts, currency = document.facts, document.currency
    sheet.quiet()
    sheet.cell(100, 5, "Description")
    sheet.cell(0, 5, "Amount", align="R", new_x="LMARGIN", new_y="NEXT")
    sheet.rule()
    for line in facts.lines:
        sheet.row(line.text, Price(line.amount, currency).words())
    _beside(sheet, facts)
    sheet.rule()
    at = MARGIN_MM + 60
    if facts.discount:
        sheet.row("Discount", Price(-facts.discount, currency).words(), at=at)
    for tax in (one for one in facts.taxes if not one.is_included):
        sheet.row(tax.name, Price(tax.amount, currency).words(), at=at)
    sheet.row("Total", Price(facts.total, currency).words(), weight="B", at=at)
    for tax in (one for one in facts.taxes if one.is_included):
        sheet.row(f"{tax.name}, included", Price(tax.amount, currency).words(), at=at)
    if facts.from_balance:
        sheet.row(
            "From the customer's balance", Price(-facts.from_balance, currency).words(), at=at
        )
    sheet.row(_PAID[document.kind], Price(facts.paid, currency).words(), weight="B", at=at)


def _beside(sheet: Sheet, facts: DocumentFacts) -> None:
    told = []
    if facts.credits:
        worth = Price(facts.credits // 10, "USD").decimal()
        told.append(f"{facts.credits:,} credits of prepaid use, worth {worth} USD here")
    if facts.period_start_at is not None and facts.period_end_at is not None:
        told.append(f"{day(facts.period_start_at)} to {day(facts.period_end_at)}")
    if facts.price_note:
        told.append(facts.price_note)
    sheet.quiet()
    for one in told:
        sheet.words(one)


STAGING_BANNER: Final = "TEST - staging: no real money"
_WIDTHS: Final = (34, 66, 36, 36)
_NAMES: Final = ("Time, UTC", "What", "Change, USD", "Balance, USD")


def statement_pdf(asked: StatementSheet, extra_font: str = "") -> bytes:
    title = f"Statement {day(asked.since)} to {day(asked.until - 1)}"
    sheet = Sheet(
        title=title,
        author=asked.seller.name,
        made_at=asked.made_at,
        banner=STAGING_BANNER if asked.is_test else "",
        extra_font=extra_font,
    )
    sheet.begin(title)
    sheet.style(13, "B")
    sheet.words(asked.seller.name)
    sheet.ln(4)
    sheet.style(20, "B")
    sheet.cell(0, 10, "Statement", new_x="LMARGIN", new_y="NEXT")
    sheet.quiet(10)
    sheet.words(f"{day(asked.since)} to {day(asked.until - 1)}, all days included, in UTC")
    sheet.words(asked.buyer.name)
    sheet.ln(4)
    _table(sheet, asked)
    return sheet.made()


def _table(sheet: Sheet, asked: StatementSheet) -> None:
    balance = asked.opening_micros
    sheet.row("Opening balance", f"{dollars(balance)} USD", weight="B")
    sheet.rule()
    _cells(sheet, _NAMES, is_head=True)
    for line in asked.lines:
        balance += line.change_micros
        time = str(line.transfer["created_at"])[:16].replace("T", " ")
        what = code_words(str(line.transfer["code"]))
        _cells(sheet, (time, what, dollars(line.change_micros), dollars(balance)))
    if not asked.lines:
        sheet.quiet()
        sheet.words("Nothing changed the balance.")
    sheet.rule()
    sheet.row("Closing balance", f"{dollars(balance)} USD", weight="B")


def _cells(sheet: Sheet, texts: Sequence[str], *, is_head: bool = False) -> None:
    if is_head:
        sheet.quiet()
    else:
        sheet.style(9)
    sheet.set_x(MARGIN_MM)
    for number, (width, text) in enumerate(zip(_WIDTHS, texts, strict=True)):
        sheet.cell(width, 5, sheet.clean(text)[:44], align="R" if number > 1 else "L")
    sheet.ln(5)
