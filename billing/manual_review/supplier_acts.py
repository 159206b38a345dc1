"""Suppliers: list, check, add, set up, enable and pause them.

A paused supplier's top-ups wait. Secret options are sealed. Simultaneous changes don't undo each
other (billing/fulfilment/options.py).
"""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from operator import attrgetter
from typing import Annotated, Any, ClassVar, Final, cast

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import asdict, replace

from billing.fulfilment.kinds import SupplierKinds, begin
from billing.fulfilment.options import (
    check_secret,
    check_where,
    checked_options,
    opened_options,
    shown_options,
    with_options,
)
from billing.fulfilment.protocol import OptionsRefused, Registration, check_usable, sealed_fields
from billing.fulfilment.suppliers import ReadySupplier, Suppliers
from billing.manual_review.decisions import check_reason
from billing.manual_review.rules import NotNow
from billing.manual_review.waiting import SupplierHealth, health_of
from billing.topups import platform_rows
from billing.topups.platform_rows import PlatformTaken, SupplierRow
from kernel.errors import InvalidInput, LimitReached, NotFound
from kernel.fields import Fields, FormLayout, Page, ShortText, said
from kernel.shaped import Shaped
from kernel.words import Cents, Environment, Time
from keys.act import (
    OPERATOR,
    Act,
    ActContext,
    Audited,
    CallContext,
    Change,
    ListAct,
    ReadAct,
    StepsAct,
)
from keys.vault import Vault
from store.database import Transaction
from store.keyset import Begin


class Supplier(Shaped, kw_only=True):
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


def view_of(row: SupplierRow, /) -> Supplier:
    return Supplier.of(row, **_own_words(row))


def shape_of(row: SupplierRow) -> dict[str, Any]:
    return asdict(view_of(row))


def _own_words(row: SupplierRow) -> dict[str, Any]:
    return {
        "options": shown_options(row),
        "active": row.is_active,
        "simulated": row.is_simulated,
    }


def _listed(found: tuple[SupplierRow, SupplierHealth]) -> SupplierWithHealth:
    row, health = found
    shape = health.shape()
    return SupplierWithHealth.of(
        row,
        **_own_words(row),
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
    """Call the suppliers at once, each for CHECK_S at most."""
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


Options = Annotated[
    dict[str, str | int | float | bool | None],
    Meta(description="Options of its kind; null, or an empty value, takes one away."),
    said(unit="pairs"),
]
Secrets = Annotated[
    dict[str, str | None],
    Meta(description="Secret options of its kind: sealed, never shown again."),
    said(unit="pairs", is_secret=True),
]


class SupplierKind(Struct, kw_only=True):
    """What a supplier can be."""

    kind: Annotated[str, Meta(description="Its name, as a new supplier names it.")]
    text: Annotated[str, Meta(description="What it is, in a sentence.")]
    options: Annotated[list[str], Meta(description="The names of its options.")]
    secrets: Annotated[list[str], Meta(description="The names of those that are secret.")]


class NewSupplier(Fields, frozen=True, kw_only=True):
    """A supplier to add."""

    layout: ClassVar[FormLayout | None] = FormLayout(
        "This supplier",
        {"Kind": "kind", "Name": "id simulated", "Options": ""},
        {
            "kind": "Is of the kind %(value)s.",
            "id": "Is called %(value)s.",
            "simulated": "Plays its kind, and calls no provider.",
            "url": "Calls %(value)s.",
        },
        {"simulated": "Calls its provider."},
    )
    id: Annotated[
        ShortText,
        Meta(description="It can't be changed: up to 40 of a-z, 0-9, _ and -."),
        said("ID"),
    ]
    kind: Annotated[
        ShortText,
        Meta(description="What it is; it stays for ever. `topup suppliers kinds` lists them."),
        said("Kind", hint="It can't be changed."),
    ]
    simulated: Annotated[
        bool, Meta(description="Staging only: it plays its kind and calls no provider.")
    ] = False
    options: Options = msgspec.field(default_factory=dict)
    secrets: Secrets = msgspec.field(default_factory=dict)


class SupplierChanges(Fields, frozen=True, kw_only=True):
    """Options to set; the others stay as they are."""

    options: Options = msgspec.field(default_factory=dict)
    secrets: Secrets = msgspec.field(default_factory=dict)
    despite_open_attempts: Annotated[
        bool,
        Meta(
            description="Change where it is called, though top-ups are with it: it is the same service with the"
            " same records."
        ),
    ] = False


async def list_kinds(
    context: ActContext, _asked: Page, _begin: Begin, _limit: int
) -> Sequence[SupplierKind]:
    found = context.service(SupplierKinds).registrations.values()
    return [_kind_of(one) for one in sorted(found, key=lambda one: one.name)]


async def create_supplier(context: ActContext, asked: NewSupplier) -> Change[SupplierRow]:
    kinds = await begin(context)
    registration = kinds.registration(asked.kind)
    row = SupplierRow(
        environment=context.environment,
        id=asked.id,
        kind=asked.kind,
        is_simulated=asked.simulated,
        created_at=context.now_us,
        changed_at=context.now_us,
    )
    given = _given(registration, asked.options, asked.secrets)
    if row.is_simulated:
        _check_none(given)
    else:
        vault = await kinds.vault(context.tx, context.now_us)
        row = _with_options(row, registration, given, vault)
        await check_secret(context.tx, None, row, kinds.registrations, vault)
    return Change(after=await platform_rows.put_supplier(context.tx, row, is_new=True))


async def set_options(context: ActContext, asked: SupplierChanges) -> Change[SupplierRow]:
    kinds, tx = await begin(context), context.tx
    before = await platform_rows.get_supplier(tx, context.environment, context.object_id)
    if not (asked.options or asked.secrets):
        return Change(before=before, after=before)
    registration = kinds.registration(before.kind)
    changes = _given(registration, asked.options, asked.secrets)
    if before.is_simulated:
        _check_none(changes)
    vault = await kinds.vault(tx, context.now_us)
    known = opened_options(before, vault)
    after = _with_options(before, registration, {**known, **changes}, vault)
    if opened_options(after, vault) == known:
        return Change(before=before, after=before)
    await check_secret(tx, before, after, kinds.registrations, vault)
    moved = await check_where(
        tx,
        before,
        after,
        registration,
        despite_open_attempts=asked.despite_open_attempts,
    )
    after = replace(after, changed_at=context.now_us)
    await platform_rows.put_supplier(tx, after, is_new=False)
    return Change(before=before, after=after, told={"open_attempts": moved} if moved else {})


def _kind_of(registration: Registration) -> SupplierKind:
    return SupplierKind(
        kind=registration.name,
        text=registration.text,
        options=list(registration.options.__struct_fields__),
        secrets=sorted(sealed_fields(registration.options)),
    )


def _given(
    registration: Registration, options: Mapping[str, Any], secrets: Mapping[str, Any]
) -> dict[str, Any]:
    sealed = sealed_fields(registration.options)
    if open_secrets := sorted(sealed & options.keys()):
        name = open_secrets[0]
        raise InvalidInput(
            f"{name} is secret, so give it in `secrets`: --secret {name}=@FILE.", param="options"
        )
    if not_sealed := sorted(secrets.keys() & {*registration.options.__struct_fields__} - sealed):
        name = not_sealed[0]
        raise InvalidInput(f"{name} isn't secret, so give it in `options`.", param="secrets")
    return {name: None if value == "" else value for name, value in {**options, **secrets}.items()}


def _check_none(given: Mapping[str, Any]) -> None:
    if given:
        raise InvalidInput("A simulated supplier takes no options.", param="options")


def _with_options(
    row: SupplierRow, registration: Registration, given: Mapping[str, Any], vault: Vault
) -> SupplierRow:
    values = {name: value for name, value in given.items() if value is not None}
    try:
        check_usable(registration, checked_options(registration, values))
        return with_options(row, registration, values, vault)
    except OptionsRefused as error:
        raise InvalidInput(str(error), param="options") from None


LIST_KINDS = ListAct(
    name="suppliers.kinds",
    summary="List the kinds of suppliers and the options of each",
    path="/supplier-kinds",
    audience=(OPERATOR,),
    query=Page,
    run=list_kinds,
    result=SupplierKind,
    is_catalogue=True,
    named_by="kind",
    columns=("kind", "text", "options"),
    examples=("topup suppliers kinds",),
)
CREATE_SUPPLIER = Act(
    name="suppliers.create",
    summary="Add a supplier",
    description="`topup platforms set` then says what for.",
    path="/suppliers",
    audience=(OPERATOR,),
    input=NewSupplier,
    run=create_supplier,
    view=view_of,
    result=Supplier,
    status=201,
    refuses=(PlatformTaken, LimitReached),
    is_catalogue=True,
    moves_money=True,
    audit=Audited("supplier.create", shape_of, is_whole=True),
    done="The supplier is there. Name it for a platform, and it is called.",
    examples=(
        "topup suppliers create --id gift-cards --kind code_stock --environment live",
        (
            "topup suppliers create --id own --kind http --option url=https://topup.example.com"
            " --secret secret=@secret.txt --environment live"
        ),
        "topup suppliers create --id own --kind http --simulated",
    ),
)
SET_OPTIONS = Act(
    name="suppliers.set",
    summary="Change a supplier's options",
    description="The others stay as they are.",
    path="/suppliers/{supplier}",
    method="PATCH",
    audience=(OPERATOR,),
    input=SupplierChanges,
    run=set_options,
    view=view_of,
    result=Supplier,
    is_catalogue=True,
    # Its secrets go to whatever address it has.
    moves_money=True,
    audit=Audited("supplier.update", shape_of, is_whole=True),
    done="The supplier is saved; gateways and workers see it within about a second.",
    examples=("topup suppliers set own --secret secret=@new.txt --environment live",),
)
ACTS = (
    LIST_SUPPLIERS,
    SHOW_SUPPLIER,
    DISABLE_SUPPLIER,
    ENABLE_SUPPLIER,
    PAUSE_SUPPLIER,
    RESUME_SUPPLIER,
    LIST_KINDS,
    CREATE_SUPPLIER,
    SET_OPTIONS,
    CHECK_SUPPLIERS,
)
