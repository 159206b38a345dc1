"""A harmless question to suppliers: does each answer, and what is its balance?"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from msgspec import Meta, Struct

from billing.fulfilment.suppliers import ReadySupplier, Suppliers
from billing.topups import platform_rows
from billing.topups.platform_rows import SupplierRow
from kernel.errors import NotFound
from kernel.fields import Fields, ShortText, said
from kernel.words import Cents
from keys.act import OPERATOR, CallContext, StepsAct
from store.database import Transaction

CHECK_S: Final = 10.0


class CheckQuery(Fields, frozen=True, kw_only=True):
    """Which suppliers."""

    supplier: (
        Annotated[
            ShortText,
            Meta(description="Only this one; else each that is switched on."),
            said("Supplier"),
        ]
        | None
    ) = None


class CheckedSupplier(Struct, kw_only=True):
    """A supplier's answer."""

    id: str
    kind: Annotated[str, Meta(description="The supplier's kind.")]
    well: Annotated[bool, Meta(description="It responds as it should.")]
    detail: Annotated[str, Meta(description="The result in a sentence.")]
    balance_cents: Annotated[Cents | None, Meta(description="null: it reports none.")]


class CheckedSuppliers(Struct, kw_only=True):
    """What each supplier answered."""

    items: Annotated[list[CheckedSupplier], Meta(description="The suppliers.")]


async def check_suppliers(context: CallContext, asked: CheckQuery) -> CheckedSuppliers:
    """Ask the suppliers at once, each for CHECK_S at most; raises NotFound."""
    environment, suppliers = context.environment, context.service(Suppliers)

    async def work(tx: Transaction) -> Sequence[SupplierRow]:
        return await platform_rows.list_suppliers(tx, environment)

    rows = await context.database.read(work)
    wanted = [row for row in rows if asked.supplier in {None, row.id}]
    if asked.supplier is not None and not wanted:
        raise NotFound("Supplier", param="supplier")
    ready = [suppliers.ready(row) for row in wanted if asked.supplier or row.is_active]
    return CheckedSuppliers(items=list(await asyncio.gather(*map(_checked, ready))))


async def _checked(supplier: ReadySupplier) -> CheckedSupplier:
    is_well, balance_cents = False, None
    try:
        async with asyncio.timeout(CHECK_S):
            found = await supplier.asked.probe()
            balance_cents = await supplier.asked.balance_cents()
            is_well, detail = found.is_well, found.detail
    except TimeoutError:
        detail = f"no answer within {CHECK_S:.0f} s"
    except Exception as error:
        detail = type(error).__name__
    return CheckedSupplier(
        id=supplier.id,
        kind=supplier.kind,
        well=is_well and supplier.fault is None,
        detail=supplier.fault or detail,
        balance_cents=balance_cents,
    )


def _is_ill(found: Mapping[str, Any]) -> bool:
    return not all(one["well"] for one in found["items"])


CHECK_SUPPLIERS = StepsAct(
    name="suppliers.check",
    summary="Check each active supplier by a harmless call, and report what is wrong",
    description="Changes nothing. The command exits with 1 if one is not well.",
    path="/suppliers/check",
    audience=(OPERATOR,),
    input=CheckQuery,
    run=check_suppliers,
    result=CheckedSuppliers,
    refuses=(NotFound,),
    is_catalogue=True,
    columns=("id", "kind", "well", "detail", "balance_cents"),
    alarm=_is_ill,
    examples=("topup suppliers check --environment live",),
)
ACTS = (CHECK_SUPPLIERS,)
