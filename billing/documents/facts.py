"""Compute the content of a receipt or note. The content is stored with the document's number and never changes.

The total is the sum of the lines, minus the discount, plus added taxes. The paid amount is the total minus what
came from the customer's balance.
"""

from dataclasses import dataclass
from typing import Literal

import msgspec

from billing.providers.breakdown import Breakdown, TaxPart

DocumentKind = Literal["receipt", "credit_note", "debit_note"]
KINDS: tuple[DocumentKind, ...] = DocumentKind.__args__  # type: ignore[attr-defined]
LINES_MAX = 6
TEXT_CHARACTERS_MAX = 200
TEST_PREFIX = "TEST-"
EXAMPLE_SELLER = "Example seller"


class Party(msgspec.Struct, frozen=True, omit_defaults=True):
    name: str
    address: tuple[str, ...] = ()
    tax_id: str = ""
    contact: str = ""


class DocumentLine(msgspec.Struct, frozen=True):
    text: str
    amount: int


class DocumentFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The content of a document. `corrects` is the receipt that a note corrects.

    `price_note` shows the list price if the payment was in another currency.
    """

    seller: Party
    buyer: Party
    currency: str
    lines: tuple[DocumentLine, ...]
    total: int
    paid: int
    discount: int = 0
    taxes: tuple[TaxPart, ...] = ()
    from_balance: int = 0
    provider: str = ""
    payment_id: str = ""
    credits: int = 0
    period_start_at: int | None = None
    period_end_at: int | None = None
    corrects: str = ""
    price_note: str = ""
    logo_text: str = ""
    footer: str = ""
    is_test: bool = False


@dataclass(frozen=True, slots=True)
class Seller:
    party: Party
    prefixes: dict[str, str]
    logo_text: str = ""
    footer: str = ""
    mails_receipts: bool = True

    @property
    def is_known(self) -> bool:
        return bool(self.party.name)


@dataclass(frozen=True, slots=True)
class Sold:
    title: str
    amount: int
    currency: str
    list_amount: int
    discount: int = 0
    price_note: str = ""


def facts_of(
    sold: Sold, told: Breakdown | None, *, seller: Seller, buyer: Party, is_test: bool
) -> DocumentFacts:
    breakdown = told or Breakdown(subtotal=sold.list_amount - sold.discount, total=sold.amount)
    discount = sold.discount + breakdown.discount
    lines = [DocumentLine(_cut(sold.title), breakdown.subtotal + sold.discount)]
    added = sum(one.amount for one in breakdown.taxes if not one.is_included)
    other = breakdown.total - (breakdown.subtotal - breakdown.discount + added)
    if other > 0:
        lines.append(DocumentLine("Other charges, as the provider told them", other))
    elif other < 0:
        discount -= other
    return DocumentFacts(
        seller=seller.party if seller.is_known else Party(EXAMPLE_SELLER),
        buyer=buyer,
        currency=sold.currency,
        lines=tuple(lines),
        total=breakdown.total,
        paid=breakdown.total - breakdown.from_balance,
        discount=discount,
        taxes=breakdown.taxes,
        from_balance=breakdown.from_balance,
        price_note=sold.price_note,
        logo_text=seller.logo_text,
        footer=seller.footer,
        is_test=is_test,
    )


def note_of(
    receipt: DocumentFacts, number: str, *, before: int, after: int, of: int
) -> DocumentFacts:
    """Return a note's content. If a payment is fully returned, its notes add up to the receipt's total."""
    low, high = min(before, after), max(before, after)

    def part(amount: int) -> int:
        return share(amount, high, of) - share(amount, low, of)

    taxes = tuple(TaxPart(one.name, part(one.amount), one.is_included) for one in receipt.taxes)
    paid = part(receipt.paid)
    added = sum(one.amount for one in taxes if not one.is_included)
    return msgspec.structs.replace(
        receipt,
        lines=(DocumentLine(f"Receipt {number}", max(0, paid - added)),),
        total=paid,
        paid=paid,
        discount=0,
        taxes=tuple(one for one in taxes if one.amount),
        from_balance=0,
        credits=0,
        price_note="",
        corrects=number,
    )


def share(amount: int, part: int, whole: int) -> int:
    """Return `part / whole` of the amount, rounded half up."""
    return 0 if whole <= 0 else (2 * amount * min(part, whole) + whole) // (2 * whole)


def number_of(series: str, sequence: int) -> str:
    return f"{series}-{sequence:06d}"


def series_of(prefix: str, year: int, *, is_test: bool) -> str:
    return f"{TEST_PREFIX if is_test else ''}{prefix}-{year}"


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_CHARACTERS_MAX else text[: TEXT_CHARACTERS_MAX - 1] + "…"
