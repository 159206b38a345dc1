"""How documents and billing details are shown."""

from typing import Annotated, Any, Self

from msgspec import Meta, Struct

from billing.documents import document as documents
from billing.documents.facts import DocumentKind
from kernel.shaped import Shaped
from kernel.words import CurrencyCode, MinorUnits, Time


class TaxLine(Struct, kw_only=True):
    """A tax as the provider told it."""

    name: Annotated[str, Meta(description="The tax, such as VAT 20 %.")]
    amount: MinorUnits
    included: Annotated[bool, Meta(description="The price contains it; else it is added.")]


class BillingDocument(Shaped, kw_only=True):
    """A receipt, or a note of what went back of its payment. It never changes."""

    id: Annotated[str, Meta(pattern=r"^doc_[0-9A-Za-z]+$")]
    kind: Annotated[
        DocumentKind,
        Meta(
            description=(
                "credit_note: money went back. debit_note: what a credit note said is undone, since"
                " the refund failed or the dispute was won."
            )
        ),
    ]
    number: Annotated[str, Meta(description="Without a gap in its series; TEST-… in staging.")]
    order_id: Annotated[str, Meta(description="Of a plan's period: the order that began the plan.")]
    subscription_id: str | None
    corrects: Annotated[str | None, Meta(description="The number of the receipt it is about.")]
    amount: Annotated[
        int, Meta(ge=0, description="Paid or paid back, with tax, in the smallest unit.")
    ]
    currency: CurrencyCode
    taxes: Annotated[list[TaxLine], Meta(description="The taxes in the amount.")]
    discount: MinorUnits
    pdf_url: Annotated[str, Meta(description="Where its PDF is; needs the same credential.")]
    dated_at: Annotated[Time, Meta(description="When it was paid or paid back.")]
    created_at: Time

    @classmethod
    def of(cls, one: documents.BillingDocument, /, **more: Any) -> Self:
        facts = one.facts
        return super().of(
            one,
            corrects=facts.corrects or None,
            taxes=[
                TaxLine(name=tax.name, amount=tax.amount, included=tax.is_included)
                for tax in facts.taxes
            ],
            discount=facts.discount,
            pdf_url=f"/api/public/v1/documents/{one.id}/pdf",
            **more,
        )


class BillingDetails(Shaped, kw_only=True):
    """Whom the account's documents are made out to; empty texts: by the account's own name."""

    name: Annotated[
        str, Meta(description="Whom documents are made out to; empty: the account's own name.")
    ]
    address: Annotated[str, Meta(description="Lines, apart by line ends.")]
    tax_id: str
    updated_at: Time | None
