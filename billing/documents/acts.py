"""Receipts: PDFs, credit notes and billing details."""

from collections.abc import Sequence
from typing import Annotated, Any, Final, Self

from msgspec import Meta, Struct

from billing.documents import billing_details, document
from billing.documents.document import DocumentFilter
from billing.documents.facts import DocumentKind
from billing.orders import records as orders
from kernel.fields import ExportPage, Fields, Page, Text, Time, time_us
from kernel.shaped import Shaped
from kernel.words import CurrencyCode, MinorUnits, Time as ShownTime
from keys.act import MERCHANT, Act, ActContext, Change, ListAct, ReadAct
from keys.principal import ScopeMissing
from store.keyset import Begin


class TaxLine(Struct, kw_only=True):
    """A tax as the payment provider reported it."""

    name: Annotated[str, Meta(description="The tax's name and rate, such as VAT 20 %.")]
    amount: MinorUnits
    included: Annotated[bool, Meta(description="Whether the price includes the tax.")]


class BillingDocument(Shaped, kw_only=True):
    """A receipt, or a note about money that was returned. A document never changes."""

    id: Annotated[str, Meta(pattern=r"^doc_[0-9A-Za-z]+$")]
    kind: Annotated[
        DocumentKind,
        Meta(
            description="credit_note: money was returned. debit_note: a credit note is cancelled, because the"
            " refund failed or the dispute was won."
        ),
    ]
    number: Annotated[
        str, Meta(description="The number; a series has no gaps. In staging, TEST-….")
    ]
    order_id: Annotated[
        str,
        Meta(description="The order's ID. For a plan's period, the ID of the plan's first order."),
    ]
    subscription_id: str | None
    corrects: Annotated[
        str | None, Meta(description="The number of the receipt that a note corrects.")
    ]
    amount: Annotated[
        int, Meta(ge=0, description="The amount paid or returned, with tax, in the smallest unit.")
    ]
    currency: CurrencyCode
    taxes: Annotated[list[TaxLine], Meta(description="The taxes in the amount.")]
    discount: MinorUnits
    pdf_url: Annotated[str, Meta(description="The PDF's path. It needs the same credential.")]
    dated_at: Annotated[ShownTime, Meta(description="When the money was paid or returned.")]
    created_at: ShownTime

    @classmethod
    def of(cls, one: document.BillingDocument, /, **more: Any) -> Self:
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
    """The buyer named on the account's documents. If the name is empty, documents show the account's own name."""

    name: Annotated[
        str, Meta(description="The name on documents. If empty, the account's own name.")
    ]
    address: Annotated[str, Meta(description="The address, with a line end between its lines.")]
    tax_id: str
    updated_at: ShownTime | None


READS: Final = ("billing:read",)
_EXPORT: Final = (
    *("id", "kind", "number", "order_id", "subscription_id", "corrects", "amount", "currency"),
    *("taxes", "discount", "dated_at", "created_at"),
)


class DocumentsQuery(ExportPage, frozen=True, kw_only=True):
    """Select documents. dated_after is inclusive, and dated_before is exclusive."""

    kind: (
        Annotated[DocumentKind, Meta(description="Return only documents of this kind.")] | None
    ) = None
    order_id: Annotated[Text, Meta(description="Return only documents of this order.")] | None = (
        None
    )
    subscription_id: (
        Annotated[Text, Meta(description="Return only documents of this subscription.")] | None
    ) = None
    dated_after: Time | None = None
    dated_before: Time | None = None


class BillingDetailsBody(Fields, frozen=True, kw_only=True):
    """The buyer to name on future documents. Existing documents don't change."""

    name: Annotated[
        str,
        Meta(
            max_length=billing_details.NAME_CHARACTERS_MAX,
            description="The name on documents. If empty, the account's own name.",
        ),
    ] = ""
    address: Annotated[
        str,
        Meta(
            max_length=billing_details.ADDRESS_CHARACTERS_MAX,
            description="The address: at most 8 lines, with line ends between them.",
        ),
    ] = ""
    tax_id: Annotated[str, Meta(max_length=billing_details.TAX_ID_CHARACTERS_MAX)] = ""


async def list_documents(
    context: ActContext, asked: DocumentsQuery, begin: Begin, limit: int
) -> Sequence[document.BillingDocument]:
    narrowed = DocumentFilter(
        kind=asked.kind,
        order_id=asked.order_id,
        subscription_id=asked.subscription_id,
        dated_after=time_us(asked.dated_after, "dated_after"),
        dated_before=time_us(asked.dated_before, "dated_before"),
    )
    return await document.page(
        context.tx, context.tenant, before_id=begin, limit=limit, narrowed=narrowed
    )


async def list_credit_notes(
    context: ActContext, _asked: Page, begin: Begin, limit: int
) -> Sequence[document.BillingDocument]:
    """Return an order's notes. Raise NotFound if the order belongs to another account."""
    tx, tenant, order_id = context.tx, context.tenant, context.object_id
    await orders.get(tx, tenant, order_id)
    narrowed = DocumentFilter(order_id=order_id, notes=True)
    return await document.page(tx, tenant, before_id=begin, limit=limit, narrowed=narrowed)


async def show_details(context: ActContext) -> billing_details.BillingDetails:
    return await billing_details.find(context.tx, context.tenant.account_id)


async def set_details(
    context: ActContext, asked: BillingDetailsBody
) -> Change[billing_details.BillingDetails]:
    """Store the billing details. Refuse a staging key, because the details also apply to live receipts."""
    asker = context.asker
    if asker is not None and asker.kind != "session" and asker.environment != "live":
        raise ScopeMissing(
            "Billing details also apply to live receipts. Use a live key, or change them on the account's page.",
            reason="live_key_needed",
        )
    checked = billing_details.checked(
        context.tenant.account_id, name=asked.name, address=asked.address, tax_id=asked.tax_id
    )
    return Change(after=await billing_details.save(context.tx, checked, now_us=context.now_us))


LIST: Final[ListAct[Any, Any]] = ListAct(
    name="documents.list",
    summary="List receipts and credit notes, newest first",
    path="/documents",
    scopes=READS,
    audience=(MERCHANT,),
    query=DocumentsQuery,
    run=list_documents,
    result=BillingDocument,
    prefix="doc",
    export=_EXPORT,
    columns=("id", "kind", "number", "amount", "order_id", "dated_at"),
    examples=("topup documents list --kind receipt",),
)
CREDIT_NOTES: Final[ListAct[Any, Any]] = ListAct(
    name="documents.credit-notes",
    summary="List an order's credit notes and debit notes, newest first",
    path="/orders/{order_id}/credit-notes",
    scopes=READS,
    audience=(MERCHANT,),
    query=Page,
    run=list_credit_notes,
    result=BillingDocument,
    prefix="doc",
    columns=("id", "kind", "number", "amount", "corrects", "dated_at"),
    examples=("topup documents credit-notes ord_7Hq2",),
)
DETAILS: Final = ReadAct(
    name="documents.details",
    summary="Show the billing details for receipts",
    path="/billing/details",
    scopes=READS,
    audience=(MERCHANT,),
    run=show_details,
    result=BillingDetails,
    examples=("topup documents details",),
)
SET_DETAILS: Final = Act(
    name="documents.set-details",
    summary="Set the billing details for receipts",
    description="The details apply to both environments, so a staging key can't set them (2009, `reason`"
    " `live_key_needed`): use a live key or sign in. Existing documents don't change.",
    method="PUT",
    path="/billing/details",
    scopes=("billing:write",),
    audience=(MERCHANT,),
    input=BillingDetailsBody,
    run=set_details,
    result=BillingDetails,
    audit=None,
    examples=("topup documents set-details --name 'Acme Ltd' --tax-id GB123",),
)
ACTS: Final = (LIST, CREDIT_NOTES, DETAILS, SET_DETAILS)
