"""Platforms: where credit can be sent, how much at once, and which suppliers deliver it."""

from collections.abc import Mapping, Sequence
from functools import partial
from operator import attrgetter
from typing import Annotated, Any, cast

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, to_builtins
from msgspec.structs import replace

from billing.fulfilment.kinds import begin
from billing.topups import platform_rows
from billing.topups.platform import MAX_AMOUNT_CENTS, MIN_AMOUNT_CENTS
from billing.topups.platform_rows import AMOUNT_CENTS_MAX, PlatformRow, PlatformTaken
from kernel.errors import LimitReached
from kernel.fields import Fields, Int64, Page, ShortText, Text, given, said, within
from kernel.words import Cents, Environment
from keys.act import OPERATOR, Act, ActContext, Audited, Change, ListAct, ReadAct
from store.database import Transaction
from store.keyset import Begin

Name = Annotated[Text, Meta(description="The name that senders see.")]
Smallest = Annotated[
    Int64,
    within(1, AMOUNT_CENTS_MAX),
    Meta(description="The smallest amount of a send, in US cents."),
    said("Minimum amount", hint="For one send."),
]
Largest = Annotated[
    Int64,
    within(1, AMOUNT_CENTS_MAX),
    Meta(description="The largest amount of a send, in US cents."),
    said("Maximum amount", hint="For one send."),
]
SupplierIds = Annotated[
    list[ShortText],
    Meta(
        description="The suppliers' IDs in order. The next one is called after a definite refusal. Without suppliers,"
        " the platform isn't offered."
    ),
    said("Suppliers, in order"),
]


class Platform(Struct, kw_only=True):
    """A platform that credit can be sent to, with its suppliers in the order in which they are called."""

    environment: Environment
    id: str
    name: str
    min_amount_cents: Annotated[Cents, said("Minimum amount")]
    max_amount_cents: Annotated[Cents, said("Maximum amount")]
    active: Annotated[bool, said("Status")]
    suppliers: Annotated[
        list[str],
        Meta(description="The suppliers' IDs, in the order in which they are called."),
        said("Suppliers, in order"),
    ]


class NewPlatform(Fields, frozen=True, kw_only=True):
    """A platform to offer."""

    id: Annotated[
        ShortText,
        Meta(description="The ID: up to 40 characters from a-z, 0-9, _ and -."),
        said("ID"),
    ]
    name: Annotated[Text, Meta(description="The name that senders see; default: the ID.")] = ""
    min_amount_cents: Smallest = MIN_AMOUNT_CENTS
    max_amount_cents: Largest = MAX_AMOUNT_CENTS
    suppliers: SupplierIds = msgspec.field(default_factory=list)


class PlatformChanges(Fields, frozen=True, kw_only=True):
    """The fields to change. Omitted fields keep their values."""

    name: Name | UnsetType = UNSET
    min_amount_cents: Smallest | UnsetType = UNSET
    max_amount_cents: Largest | UnsetType = UNSET
    suppliers: SupplierIds | UnsetType | None = UNSET


def view_of(row: PlatformRow, suppliers: Sequence[str]) -> Platform:
    return Platform(
        environment=cast(Environment, row.environment),
        id=row.id,
        name=row.name,
        min_amount_cents=row.min_amount_cents,
        max_amount_cents=row.max_amount_cents,
        active=row.is_active,
        suppliers=list(suppliers),
    )


async def list_platforms(
    context: ActContext, _asked: Page, _begin: Begin, _limit: int
) -> Sequence[Platform]:
    tx, environment = context.tx, context.environment
    suppliers = await platform_rows.suppliers_of(tx, environment)
    rows = await platform_rows.list_platforms(tx, environment)
    return [view_of(row, suppliers.get(row.id, ())) for row in rows]


async def show_platform(context: ActContext) -> Platform:
    return await _shown(context.tx, context.environment, context.object_id)


async def create_platform(context: ActContext, asked: NewPlatform) -> Change[Platform]:
    await begin(context)
    row = PlatformRow(
        environment=context.environment,
        id=asked.id,
        name=asked.name.strip() or asked.id.capitalize(),
        min_amount_cents=asked.min_amount_cents,
        max_amount_cents=asked.max_amount_cents,
        created_at=context.now_us,
    )
    made = await platform_rows.put_platform(context.tx, row, is_new=True)
    if asked.suppliers:
        await platform_rows.set_suppliers(
            context.tx, context.environment, asked.id, asked.suppliers
        )
    return Change(after=view_of(made, asked.suppliers))


async def change_platform(context: ActContext, asked: PlatformChanges) -> Change[Platform]:
    changes = given(asked)
    suppliers = changes.pop("suppliers", UNSET)
    return await _change(context, changes, suppliers)


async def _set_active(context: ActContext, _asked: Fields, *, is_active: bool) -> Change[Platform]:
    return await _change(context, {"is_active": is_active})


async def _change(
    context: ActContext,
    changes: Mapping[str, Any],
    suppliers: Sequence[str] | UnsetType | None = UNSET,
) -> Change[Platform]:
    await begin(context)
    tx, place = context.tx, (context.environment, context.object_id)
    before = await _shown(tx, *place)
    row = await platform_rows.get_platform(tx, *place)
    wanted = replace(row, **changes)
    if wanted != row:
        await platform_rows.put_platform(tx, wanted, is_new=False)
    if suppliers is not UNSET and list(suppliers or ()) != before.suppliers:
        await platform_rows.set_suppliers(tx, *place, suppliers or ())
    return Change(before=before, after=await _shown(tx, *place))


async def _shown(tx: Transaction, environment: str, platform: str) -> Platform:
    row = await platform_rows.get_platform(tx, environment, platform)
    suppliers = await platform_rows.suppliers_of(tx, environment)
    return view_of(row, suppliers.get(platform, ()))


LIST_PLATFORMS = ListAct(
    name="platforms.list",
    summary="List platforms in their order",
    path="/platforms",
    audience=(OPERATOR,),
    query=Page,
    run=list_platforms,
    result=Platform,
    is_catalogue=True,
    columns=("id", "name", "min_amount_cents", "max_amount_cents", "active", "suppliers"),
    examples=("topup platforms list --environment live",),
)
SHOW_PLATFORM = ReadAct(
    name="platforms.show",
    summary="Show a platform",
    path="/platforms/{platform}",
    audience=(OPERATOR,),
    run=show_platform,
    result=Platform,
    is_catalogue=True,
    examples=("topup platforms show claude --environment live",),
)
CREATE_PLATFORM = Act(
    name="platforms.create",
    summary="Create a platform",
    description="A platform without a supplier isn't offered.",
    path="/platforms",
    audience=(OPERATOR,),
    input=NewPlatform,
    run=create_platform,
    result=Platform,
    status=201,
    refuses=(PlatformTaken, LimitReached),
    is_catalogue=True,
    audit=Audited("platform.create", to_builtins, is_whole=True),
    done="The platform is created. It is offered while it has a supplier.",
    examples=(
        "topup platforms create --id gpt --name GPT --supplier gift-cards --environment live",
    ),
)
CHANGE_PLATFORM = Act(
    name="platforms.set",
    summary="Change a platform's name, amounts or suppliers",
    description="A top-up that a supplier already has stays there until that supplier refuses it.",
    path="/platforms/{platform}",
    method="PATCH",
    audience=(OPERATOR,),
    input=PlatformChanges,
    run=change_platform,
    result=Platform,
    is_catalogue=True,
    audit=Audited("platform.update", to_builtins, is_whole=True),
    done="The platform is changed. Gateways use the change within about a second.",
    examples=(
        "topup platforms set claude --supplier gift-cards --supplier by-hand --environment live",
        "topup platforms set gpt --max-amount-cents 50000",
        "topup platforms set gpt --no suppliers --environment live",
    ),
)
DISABLE_PLATFORM = Act(
    name="platforms.disable",
    undo="platforms.enable",
    summary="Stop offering a platform",
    description="Top-ups in progress continue.",
    path="/platforms/{platform}/disable",
    audience=(OPERATOR,),
    input=Fields,
    run=partial(_set_active, is_active=False),
    result=Platform,
    is_catalogue=True,
    audit=Audited("platform.update", to_builtins, is_whole=True),
    applies=attrgetter("active"),
    done="The platform is no longer offered. Top-ups in progress continue.",
    examples=("topup platforms disable gpt --environment live",),
)
ENABLE_PLATFORM = Act(
    name="platforms.enable",
    undo="platforms.disable",
    summary="Offer a platform again",
    path="/platforms/{platform}/enable",
    audience=(OPERATOR,),
    input=Fields,
    run=partial(_set_active, is_active=True),
    result=Platform,
    is_catalogue=True,
    audit=Audited("platform.update", to_builtins, is_whole=True),
    applies=lambda platform: not platform.active,
    done="The platform is offered again if it has a supplier.",
    examples=("topup platforms enable gpt --environment live",),
)
ACTS = (
    LIST_PLATFORMS,
    SHOW_PLATFORM,
    CREATE_PLATFORM,
    CHANGE_PLATFORM,
    DISABLE_PLATFORM,
    ENABLE_PLATFORM,
)
