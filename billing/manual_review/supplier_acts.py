"""Suppliers: health, enabling and pausing.

A paused supplier's top-ups wait and aren't failed, whatever its kind. Processes see a change within about a
second.
"""

from collections.abc import Sequence
from functools import partial
from operator import attrgetter
from typing import Annotated, Any, cast

from msgspec import Meta, Struct
from msgspec.structs import replace

from billing.fulfilment.kinds import begin
from billing.fulfilment.options import shown_options
from billing.manual_review.decisions import check_reason
from billing.manual_review.health import SupplierHealth, health_of
from billing.manual_review.rules import NotNow
from billing.topups import platform_rows
from billing.topups.platform_rows import SupplierRow
from kernel.clock import rfc3339
from kernel.fields import Fields, Page, said
from kernel.words import Environment, Time
from keys.act import OPERATOR, Act, ActContext, Audited, Change, ListAct, ReadAct
from store.keyset import Begin


class Supplier(Struct, kw_only=True):
    """Who provides the credit; of secret options only the last characters."""

    environment: Environment
    id: str
    kind: Annotated[str, Meta(description="What it is; it stays for ever.")]
    options: Annotated[
        dict[str, Any], Meta(description="By name; of a secret its last characters.")
    ]
    active: bool
    simulated: Annotated[bool, Meta(description="It plays its kind and calls no provider.")]
    paused_at: Annotated[Time | None, Meta(description="An operator paused it then.")]
    breaker_opened_at: Annotated[
        Time | None, Meta(description="Workers skip it since then, as it failed to answer.")
    ]
    last_error: Annotated[str | None, Meta(description="What it said last that was no answer.")]
    last_error_at: Time | None


class SupplierWithHealth(Supplier, kw_only=True):
    """A supplier with the results of its last day's attempts."""

    last_day: Annotated[
        dict[str, Any],
        Meta(description="Its attempts by outcome, the share delivered, and how long they took."),
    ]
    did: Annotated[str, Meta(description="The same in a few words.")]
    waits_s: Annotated[
        int | None, Meta(description="How long the oldest pending top-up has waited for it.")
    ]


class Reason(Fields, frozen=True, kw_only=True):
    """Why, for later readers."""

    reason: Annotated[
        str,
        Meta(max_length=2_000, description="For later readers."),
        said("Reason"),
    ]


def shape_of(row: SupplierRow) -> dict[str, Any]:
    return {
        "environment": row.environment,
        "id": row.id,
        "kind": row.kind,
        "options": shown_options(row),
        "active": row.is_active,
        "simulated": row.is_simulated,
        "paused_at": _time(row.paused_at),
        "breaker_opened_at": _time(row.breaker_opened_at),
        "last_error": row.last_error,
        "last_error_at": _time(row.last_error_at),
    }


def view_of(row: SupplierRow) -> Supplier:
    return Supplier(**shape_of(row))


def _time(at_us: int | None) -> str | None:
    return None if at_us is None else rfc3339(at_us)


def _listed(found: tuple[SupplierRow, SupplierHealth]) -> SupplierWithHealth:
    row, health = found
    shape = health.shape()
    return SupplierWithHealth(
        **shape_of(row),
        last_day=shape,
        did=health.sentence(row.kind),
        waits_s=cast(int | None, shape["waits_s"]),
    )


async def list_suppliers(
    context: ActContext, _asked: Page, _begin: Begin, _limit: int
) -> Sequence[tuple[SupplierRow, SupplierHealth]]:
    rows = await platform_rows.list_suppliers(context.tx, context.environment)
    health = await health_of(
        context.tx, context.environment, [row.id for row in rows], now_us=context.now_us
    )
    return [(row, health[row.id]) for row in rows]


async def show_supplier(context: ActContext) -> tuple[SupplierRow, SupplierHealth]:
    row = await platform_rows.get_supplier(context.tx, context.environment, context.object_id)
    health = await health_of(context.tx, context.environment, [row.id], now_us=context.now_us)
    return row, health[row.id]


async def _set_active(
    context: ActContext, _asked: Fields, *, is_active: bool
) -> Change[SupplierRow]:
    before = await _locked(context)
    if before.is_active is is_active:
        return Change(before=before, after=before)
    after = replace(before, is_active=is_active, changed_at=context.now_us)
    await platform_rows.put_supplier(context.tx, after, is_new=False)
    return Change(before=before, after=after)


async def pause_supplier(context: ActContext, asked: Reason) -> Change[SupplierRow]:
    before = await _locked(context)
    check_reason(asked.reason)
    if before.paused_at is not None:
        raise NotNow(f"Supplier {before.id} is already paused.")
    return await _set_paused(context, before, context.now_us, asked.reason)


async def resume_supplier(context: ActContext, asked: Reason) -> Change[SupplierRow]:
    """Call a supplier again at once, whether it was paused or rested."""
    before = await _locked(context)
    check_reason(asked.reason)
    if before.paused_at is None and before.breaker_opened_at is None:
        raise NotNow(f"Supplier {before.id} is already in use: it is neither paused nor resting.")
    return await _set_paused(context, before, None, asked.reason)


async def _locked(context: ActContext) -> SupplierRow:
    await begin(context)
    return await platform_rows.get_supplier(context.tx, context.environment, context.object_id)


async def _set_paused(
    context: ActContext, before: SupplierRow, paused_at: int | None, reason: str
) -> Change[SupplierRow]:
    after = await platform_rows.set_paused(context.tx, before, paused_at)
    return Change(before=before, after=after, reason=reason, told={"by": context.person})


LIST_SUPPLIERS = ListAct(
    name="suppliers.list",
    summary="List suppliers with their results of the last day",
    description="Of secret options the last characters are shown.",
    path="/suppliers",
    audience=(OPERATOR,),
    query=Page,
    run=list_suppliers,
    view=_listed,
    result=SupplierWithHealth,
    is_catalogue=True,
    columns=(
        *("id", "kind", "active", "simulated", "did", "waits_s"),
        *("paused_at", "breaker_opened_at", "last_error"),
    ),
    examples=("topup suppliers list --environment live",),
)
SHOW_SUPPLIER = ReadAct(
    name="suppliers.show",
    summary="Show a supplier with its results of the last day",
    path="/suppliers/{supplier}",
    audience=(OPERATOR,),
    run=show_supplier,
    view=_listed,
    result=SupplierWithHealth,
    is_catalogue=True,
    examples=("topup suppliers show own --environment live",),
)
DISABLE_SUPPLIER = Act(
    name="suppliers.disable",
    undo="suppliers.enable",
    summary="Disable a supplier",
    description="It isn't called any more. Its open top-ups wait until it is enabled again.",
    path="/suppliers/{supplier}/disable",
    audience=(OPERATOR,),
    input=Fields,
    run=partial(_set_active, is_active=False),
    view=view_of,
    result=Supplier,
    is_catalogue=True,
    audit=Audited("supplier.update", shape_of, is_whole=True),
    applies=attrgetter("active"),
    done="The supplier is switched off: platforms pass over it.",
    examples=("topup suppliers disable own --environment live",),
)
ENABLE_SUPPLIER = Act(
    name="suppliers.enable",
    undo="suppliers.disable",
    summary="Enable a supplier",
    path="/suppliers/{supplier}/enable",
    audience=(OPERATOR,),
    input=Fields,
    run=partial(_set_active, is_active=True),
    view=view_of,
    result=Supplier,
    is_catalogue=True,
    audit=Audited("supplier.update", shape_of, is_whole=True),
    applies=lambda supplier: not supplier.active,
    done="The supplier is switched on.",
    examples=("topup suppliers enable own --environment live",),
)
PAUSE_SUPPLIER = Act(
    name="suppliers.pause",
    undo="suppliers.resume",
    summary="Pause a supplier",
    description="It isn't called until you resume it, whatever its kind. What is meant for it waits, also what is"
    " sent from now on (1002, pending); nothing fails.",
    path="/suppliers/{supplier}/pause",
    audience=(OPERATOR,),
    input=Reason,
    run=pause_supplier,
    view=view_of,
    result=Supplier,
    refuses=(NotNow,),
    is_catalogue=True,
    names_person=True,
    audit=Audited("supplier.pause", shape_of, is_whole=True),
    done="The supplier is paused. What is meant for it waits until you resume it.",
    examples=("topup suppliers pause own --reason 'they asked us to' --environment live",),
)
RESUME_SUPPLIER = Act(
    name="suppliers.resume",
    undo="suppliers.pause",
    summary="Resume a supplier",
    description="It is called again at once, whether it was paused or workers skipped it. What waited is delivered.",
    path="/suppliers/{supplier}/resume",
    audience=(OPERATOR,),
    input=Reason,
    run=resume_supplier,
    view=view_of,
    result=Supplier,
    refuses=(NotNow,),
    is_catalogue=True,
    names_person=True,
    audit=Audited("supplier.resume", shape_of, is_whole=True),
    done="The supplier is called again, and what waited is delivered.",
    examples=("topup suppliers resume own --reason 'it answers again' --environment live",),
)
ACTS = (
    LIST_SUPPLIERS,
    SHOW_SUPPLIER,
    DISABLE_SUPPLIER,
    ENABLE_SUPPLIER,
    PAUSE_SUPPLIER,
    RESUME_SUPPLIER,
)
