"""Suppliers' setup: the kinds that there are, and a supplier's options.

A secret option is sealed; nothing shows more than its last characters. Of two simultaneous changes neither is
undone, and none sends a top-up twice (supplier_rules.py).
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from billing.fulfilment.kinds import SupplierKinds, begin
from billing.fulfilment.options import (
    check_secret,
    check_where,
    checked_options,
    opened_options,
    with_options,
)
from billing.fulfilment.protocol import OptionsRefused, Registration, check_usable, sealed_fields
from billing.manual_review.supplier_acts import Supplier, shape_of, view_of
from billing.topups import platform_rows
from billing.topups.platform_rows import PlatformTaken, SupplierRow
from kernel.errors import InvalidInput, LimitReached
from kernel.fields import Fields, FormLayout, Page, ShortText, said
from keys.act import OPERATOR, Act, ActContext, Audited, Change, ListAct
from keys.vault import Vault
from store.keyset import Begin

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
    """Return all options; raise InvalidInput for a secret among the open ones, or the reverse."""
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


def _same(kind: SupplierKind) -> SupplierKind:
    return kind


LIST_KINDS = ListAct(
    name="suppliers.kinds",
    summary="List the kinds of suppliers and the options of each",
    path="/supplier-kinds",
    audience=(OPERATOR,),
    query=Page,
    run=list_kinds,
    view=_same,
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
ACTS = (LIST_KINDS, CREATE_SUPPLIER, SET_OPTIONS)
