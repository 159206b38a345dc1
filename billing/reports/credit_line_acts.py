"""What brought the account credit: payments, and codes and vouchers that it redeemed; as a list or as CSV."""

import re
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal, Self, cast

from msgspec import Meta, Struct

from billing.ledger.money import MICROS_PER_CREDIT
from billing.reports import credit_history
from billing.reports.credit_history import NEWEST, CreditPlace
from kernel.clock import rfc3339
from kernel.errors import UnknownCursor
from kernel.fields import ExportPage
from kernel.words import CurrencyCode, MinorUnits, Time, time_of
from keys.act import MERCHANT, ActContext, ListAct
from store.keyset import Begin, cut

_PLACE: Final = re.compile(r"([0-9]{1,18})\.([a-z]{2,4}_[0-9A-Za-z]{1,32})")


class CreditLine(Struct, kw_only=True):
    """A payment, or a code or voucher that was redeemed. Of a code or a voucher no more than its end is told."""

    id: Annotated[str, Meta(description="The order's, the redemption's or the top-up's id.")]
    kind: Annotated[Literal["payment", "code", "voucher"], Meta(description="What brought it.")]
    number: Annotated[
        str,
        Meta(
            description="Of a payment the order's order_no, of a code the redemption's id, of a voucher"
            " ATU- and its last characters."
        ),
    ]
    method: Annotated[str, Meta(description="How it was paid; redemption or voucher.")]
    status: Annotated[str, Meta(description="The order's state; paid for what was redeemed.")]
    credits: Annotated[int, Meta(description="How many credits it brought, or would bring.")]
    pay_amount: MinorUnits
    pay_currency: CurrencyCode
    created_at: Time
    completed_at: Annotated[Time | None, Meta(description="When the credit came; null: not yet.")]

    @classmethod
    def of(cls, line: credit_history.CreditLine) -> Self:
        return cls(
            id=line.id,
            kind=line.kind,
            number=line.number,
            method=line.method,
            status=line.status,
            credits=line.credits_micros // MICROS_PER_CREDIT,
            pay_amount=line.pay_amount,
            pay_currency=line.pay_currency,
            created_at=rfc3339(line.created_at),
            completed_at=time_of(line.completed_at),
        )


async def list_credits(
    context: ActContext, _asked: ExportPage, begin: Begin, limit: int
) -> Sequence[credit_history.CreditLine]:
    before = _place_of(cast(str | None, begin))
    rows = await credit_history.older(context.tx, context.tenant, before=before, limit=limit + 1)
    return cut(rows, limit, lambda line: f"{line.created_at}.{line.id}")


def _place_of(cursor: str | None) -> CreditPlace:
    if cursor is None:
        return NEWEST
    found = _PLACE.fullmatch(cursor)
    if found is None:
        raise UnknownCursor
    return int(found[1]), found[2]


LIST: Final[ListAct[Any, Any]] = ListAct(
    name="balance.credits",
    summary="What brought the account credit, newest first",
    description=(
        "Orders, and codes and vouchers that were redeemed into the account's wallet. A plan's"
        " credit comes with its periods and stands in the statement."
    ),
    path="/credits",
    scopes=("billing:read",),
    audience=(MERCHANT,),
    query=ExportPage,
    run=list_credits,
    result=CreditLine,
    own_cursors=True,
    export=CreditLine.__struct_fields__,
    columns=("created_at", "kind", "number", "method", "status", "credits"),
    examples=("topup balance credits",),
)
