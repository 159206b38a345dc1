"""Suppliers: list, check, add, configure, enable and pause suppliers.

While a supplier is paused, its top-ups wait. Secret options are encrypted. Concurrent changes don't overwrite each
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
    """A supplier that delivers top-ups. Only the last characters of its secret options are shown."""

    environment: Environment
    id: str
    kind: Annotated[str, Meta(description="The kind of supplier, which can't be changed.")]
    options: Annotated[dict[str, Any], Meta(description="Options by name; secrets are masked.")]
    active: bool
    simulated: Annotated[bool, Meta(description="Whether the supplier only simulates deliveries.")]
    paused_at: Annotated[Time | None, Meta(description="When an operator paused it, if paused.")]
    breaker_opened_at: Annotated[
        Time | None,
        Meta(
            description="When workers began to skip the supplier because it failed to respond; null if they call it."
        ),
    ]
    last_error: Annotated[str | None, Meta(description="The supplier's last error.")]
    last_error_at: Time | None


class SupplierWithHealth(Supplier, kw_only=True):
    """A supplier, with the results of its attempts in the last 24 hours."""

    last_day: Annotated[
        dict[str, Any],
        Meta(
            description="The attempts by outcome, the share that was delivered, and how long they took."
        ),
    ]
    did: Annotated[str, Meta(description="The same results in a few words.")]
    waits_s: Annotated[int | None, Meta(description="The longest wait for it, in seconds.")]


class Reason(Fields, frozen=True, kw_only=True):
    """A reason that other operators can read later."""

    reason: Annotated[
        str,
        Meta(max_length=2_000, description="The reason, for other operators."),
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
        raise NotNow(f"Supplier {before.id} is already active: it is neither paused nor skipped.")
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
    summary="List suppliers with their results of the last 24 hours",
    description="Only the last characters of secret options are shown.",
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
    summary="Show a supplier with its results of the last 24 hours",
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
    description="The supplier isn't called any more. Its open top-ups wait until it is enabled again.",
    path="/suppliers/{supplier}/disable",
    audience=(OPERATOR,),
    input=Fields,
    run=partial(_set_active, is_active=False),
    view=view_of,
    result=Supplier,
    is_catalogue=True,
    audit=Audited("supplier.update", shape_of, is_whole=True),
    applies=attrgetter("active"),
    done="The supplier is disabled. Platforms skip it.",
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
    done="The supplier is enabled.",
    examples=("topup suppliers enable own --environment live",),
)
PAUSE_SUPPLIER = Act(
    name="suppliers.pause",
    undo="suppliers.resume",
    summary="Pause a supplier",
    description="The supplier isn't called until you resume it. Its top-ups wait, including new ones (1002,"
    " pending), and none fails.",
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
    done="The supplier is paused. Its top-ups wait until you resume it.",
    examples=("topup suppliers pause own --reason 'they asked us to' --environment live",),
)
RESUME_SUPPLIER = Act(
    name="suppliers.resume",
    undo="suppliers.pause",
    summary="Resume a supplier",
    description="The supplier is called again immediately, whether you paused it or workers skipped it. Waiting"
    " top-ups continue.",
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
    done="The supplier is called again, and waiting top-ups continue.",
    examples=("topup suppliers resume own --reason 'it answers again' --environment live",),
)


CHECK_S: Final = 10.0


class CheckQuery(Fields, frozen=True, kw_only=True):
    """The suppliers to check."""

    supplier: (
        Annotated[
            ShortText,
            Meta(description="Check only this supplier. If omitted, check all enabled suppliers."),
            said("Supplier"),
        ]
        | None
    ) = None


class CheckedSupplier(Struct, kw_only=True):
    """The result of checking a supplier."""

    id: str
    kind: Annotated[str, Meta(description="The supplier's kind.")]
    well: Annotated[bool, Meta(description="Whether the supplier responds as it should.")]
    detail: Annotated[str, Meta(description="The result in a sentence.")]
    balance_cents: Annotated[
        Cents | None,
        Meta(description="The balance there, in US cents, if known."),
    ]


class CheckedSuppliers(Struct, kw_only=True):
    """The result of checking each supplier."""

    items: Annotated[list[CheckedSupplier], Meta(description="The suppliers.")]


async def check_suppliers(context: CallContext, asked: CheckQuery) -> CheckedSuppliers:
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
    summary="Check each active supplier with a harmless call, and report problems",
    description="This changes nothing. The command exits with 1 if a supplier has a problem.",
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
    Meta(description="Options of the supplier's kind. Null or an empty value removes one."),
    said(unit="pairs"),
]
Secrets = Annotated[
    dict[str, str | None],
    Meta(
        description="Secret options of the supplier's kind. They are stored encrypted and never shown again."
    ),
    said(unit="pairs", is_secret=True),
]


class SupplierKind(Struct, kw_only=True):
    """A kind of supplier that can be added, with its options."""

    kind: Annotated[str, Meta(description="The name of the kind, as used when adding a supplier.")]
    text: Annotated[str, Meta(description="A description of the kind in one sentence.")]
    options: Annotated[list[str], Meta(description="The names of the kind's options.")]
    secrets: Annotated[list[str], Meta(description="The names of the secret options.")]


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
        Meta(
            description="The supplier's ID, which can't be changed: up to 40 characters from a-z, 0-9, _ and -."
        ),
        said("ID"),
    ]
    kind: Annotated[
        ShortText,
        Meta(
            description="The kind of supplier, which can't be changed. `topup suppliers kinds` lists the kinds."
        ),
        said("Kind", hint="It can't be changed."),
    ]
    simulated: Annotated[
        bool, Meta(description="Whether to only simulate deliveries. Staging only.")
    ] = False
    options: Options = msgspec.field(default_factory=dict)
    secrets: Secrets = msgspec.field(default_factory=dict)


class SupplierChanges(Fields, frozen=True, kw_only=True):
    """The options to set. Other options keep their values."""

    options: Options = msgspec.field(default_factory=dict)
    secrets: Secrets = msgspec.field(default_factory=dict)
    despite_open_attempts: Annotated[
        bool,
        Meta(
            description="Allow a change of the supplier's location although it has open top-ups. Use this only if the new"
            " location is the same service with the same records."
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
            f"{name} is secret, so give it in `secrets`, or with --secret {name}=@FILE.",
            param="options",
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
    description="Then add the supplier to a platform with `topup platforms set`.",
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
    done="The supplier is added. Add it to a platform to have it called.",
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
    description="Options that you don't name keep their values.",
    path="/suppliers/{supplier}",
    method="PATCH",
    audience=(OPERATOR,),
    input=SupplierChanges,
    run=set_options,
    view=view_of,
    result=Supplier,
    is_catalogue=True,
    # A new URL could send secrets elsewhere, so this needs operator:money.
    moves_money=True,
    audit=Audited("supplier.update", shape_of, is_whole=True),
    done="The supplier is saved. Gateways and workers use the change within about a second.",
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
