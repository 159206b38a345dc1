"""Packs: fixed amounts of credit at a fixed price."""

from collections.abc import Sequence
from functools import partial
from operator import attrgetter
from typing import Annotated

from msgspec import Meta, Struct

from billing.catalog import pack as packs
from billing.catalog.pack import CREDITS_MAX, PackTaken
from billing.ledger.price import check_currency, price_of
from kernel.errors import LimitReached
from kernel.fields import Fields, Page, ShortText, Text, said
from kernel.words import Credits, CurrencyCode, MinorUnits
from keys.act import MERCHANT, OPERATOR, Act, ActContext, Audited, Change, ListAct
from store.keyset import Begin


class Pack(Struct, kw_only=True):
    """A fixed amount of credit at a fixed price. `credits` includes `bonus_credits`."""

    id: str
    name: str
    amount: MinorUnits
    currency: CurrencyCode
    credits: Credits
    bonus_credits: Credits
    popular: bool
    active: bool


class NewPack(Fields, frozen=True, kw_only=True):
    """A pack to sell."""

    id: Annotated[
        ShortText,
        Meta(description="a-z, 0-9, _ and -, such as pack_starter."),
        said("ID"),
    ]
    name: Annotated[Text, Meta(description="The name that payers see.")]
    price: Annotated[ShortText, Meta(description="The price, as a decimal number such as 20.00.")]
    currency: Annotated[ShortText, Meta(description="The currency (ISO 4217).")] = "USD"
    credits: Annotated[
        int,
        Meta(
            ge=1,
            le=CREDITS_MAX,
            description="How many credits a buyer receives, including the bonus. 1,000 credits are worth $1.00.",
        ),
    ]
    bonus_credits: Annotated[
        int, Meta(ge=0, le=CREDITS_MAX, description="Credits shown as a bonus.")
    ] = 0
    popular: Annotated[bool, Meta(description="Whether the pack is marked as popular.")] = False
    position: Annotated[int, Meta(ge=0, le=1_000_000, description="The position; 0 is last.")] = 0


class PackQuery(Page, frozen=True, kw_only=True):
    all: Annotated[bool, Meta(description="Include packs that are no longer sold.")] = False


def view_of(pack: packs.Pack) -> Pack:
    return Pack(**pack.shape())


async def create_pack(context: ActContext, asked: NewPack) -> Change[packs.Pack]:
    price = price_of(asked.price, check_currency(asked.currency), param="price")
    pack = packs.Pack(
        environment=context.tenant.environment,
        id=asked.id,
        name=asked.name,
        amount=price.amount,
        currency=price.currency,
        credits=asked.credits,
        bonus_credits=asked.bonus_credits,
        is_popular=asked.popular,
        position=asked.position,
        created_at=context.now_us,
    )
    return Change(after=await packs.create(context.tx, pack))


async def _set_active(
    context: ActContext, _asked: Fields, *, is_active: bool
) -> Change[packs.Pack]:
    place = (context.tenant.environment, context.object_id)
    before = await packs.get(context.tx, place)
    return Change(
        before=before, after=await packs.set_active(context.tx, place, is_active=is_active)
    )


async def offered(
    context: ActContext, _asked: Page, _begin: Begin, _limit: int
) -> Sequence[packs.Pack]:
    return await packs.list_packs(context.tx, context.tenant.environment)


async def listed(
    context: ActContext, asked: PackQuery, _begin: Begin, _limit: int
) -> Sequence[packs.Pack]:
    environment = context.tenant.environment
    return await packs.list_packs(context.tx, environment, with_inactive=asked.all)


OFFERED_PACKS = ListAct(
    name="packs.offered",
    summary="List the packs that can be bought",
    path="/packs",
    scopes=("billing:read",),
    audience=(MERCHANT,),
    query=Page,
    run=offered,
    view=view_of,
    result=Pack,
    is_catalogue=True,
)
LIST_PACKS = ListAct(
    name="packs.list",
    summary="List the catalogue in its order",
    path="/packs",
    audience=(OPERATOR,),
    query=PackQuery,
    run=listed,
    view=view_of,
    result=Pack,
    is_catalogue=True,
    columns=("id", "name", "amount", "credits", "bonus_credits", "active"),
    examples=("topup packs list --all",),
)
CREATE_PACK = Act(
    name="packs.create",
    moves_money=True,
    summary="Create a pack",
    path="/packs",
    audience=(OPERATOR,),
    input=NewPack,
    run=create_pack,
    view=view_of,
    result=Pack,
    status=201,
    refuses=(PackTaken, LimitReached),
    is_catalogue=True,
    audit=Audited("pack.create", packs.Pack.shape, is_whole=True),
    done="The pack is offered from now on.",
    examples=(
        "topup packs create --id pack_mini --name Mini --price 5.00 --credits 5500 --bonus-credits 500",
    ),
)
DISABLE_PACK = Act(
    name="packs.disable",
    undo="packs.enable",
    summary="Disable a pack",
    description="The pack can't be bought any more. Existing orders don't change.",
    path="/packs/{pack_id}/disable",
    audience=(OPERATOR,),
    input=Fields,
    run=partial(_set_active, is_active=False),
    view=view_of,
    result=Pack,
    is_catalogue=True,
    audit=Audited("pack.disable", packs.Pack.shape, is_whole=True),
    applies=attrgetter("active"),
    done="The pack is no longer offered. Existing orders don't change.",
    examples=("topup packs disable pack_mini",),
)
ENABLE_PACK = Act(
    name="packs.enable",
    undo="packs.disable",
    moves_money=True,
    summary="Enable a pack",
    description="The pack can be bought again.",
    path="/packs/{pack_id}/enable",
    audience=(OPERATOR,),
    input=Fields,
    run=partial(_set_active, is_active=True),
    view=view_of,
    result=Pack,
    is_catalogue=True,
    audit=Audited("pack.enable", packs.Pack.shape, is_whole=True),
    applies=lambda pack: not pack.active,
    done="The pack is offered again.",
    examples=("topup packs enable pack_mini --environment live",),
)
ACTS = (OFFERED_PACKS, LIST_PACKS, CREATE_PACK, DISABLE_PACK, ENABLE_PACK)
