"""Fees: what a send costs in addition to its amount, for all accounts or for one."""

from collections.abc import Sequence
from typing import Annotated, cast

from msgspec import Meta, Struct, to_builtins

from billing.fulfilment.kinds import begin
from billing.topups import platform_rows
from billing.topups.platform import BASIS_POINTS_MAX, FEE_CENTS_MAX
from billing.topups.platform_rows import EVERYBODY, FeeRow
from kernel.errors import LimitReached, NotFound
from kernel.fields import Fields, Int64, Page, said, within
from kernel.limits import EMAIL_CHARACTERS_MAX
from kernel.words import Environment
from keys.account import account_named
from keys.act import OPERATOR, Act, ActContext, Audited, Change, ListAct
from store.database import Transaction
from store.keyset import Begin

Account = Annotated[
    str,
    Meta(
        max_length=EMAIL_CHARACTERS_MAX,
        description="The account to which the fee applies, by ID or email address. If omitted, the fee applies to all"
        " accounts without their own.",
    ),
]


class Fee(Struct, kw_only=True):
    """What a send to a platform costs in addition to its amount. If `account` is null, the fee applies to accounts
    without a fee of their own.
    """

    environment: Environment
    platform: str
    account: Annotated[
        str | None,
        Meta(
            description="The account to which the fee applies; null for all accounts without their own fee."
        ),
    ]
    fixed_cents: Annotated[int, Meta(description="The fixed part of the fee, in US cents.")]
    basis_points: Annotated[int, Meta(description="The share of the amount: 250 is 2.5 %.")]
    min_cents: Annotated[int, Meta(description="The smallest fee, in US cents.")]
    max_cents: Annotated[int | None, Meta(description="The largest fee in US cents, if any.")]


class FeeParts(Fields, frozen=True, kw_only=True):
    """The fee's parts: a fixed amount plus a share of the sent amount, rounded up to a cent."""

    account: Account = ""
    fixed_cents: Annotated[
        Int64,
        within(0, FEE_CENTS_MAX),
        Meta(description="The fixed part of the fee, in US cents."),
        said("Fixed part"),
    ] = 0
    basis_points: Annotated[
        Int64,
        within(0, BASIS_POINTS_MAX),
        Meta(description="The share of the amount: 250 is 2.5 %."),
        said("Share (hundredths of a percent)"),
    ] = 0
    min_cents: Annotated[
        Int64,
        within(0, FEE_CENTS_MAX),
        Meta(description="The smallest fee, in US cents."),
        said("Minimum fee"),
    ] = 0
    max_cents: Annotated[
        Annotated[Int64, within(0, FEE_CENTS_MAX)] | None,
        Meta(description="The largest fee, in US cents. If omitted, there is no maximum."),
        said("Maximum fee", hint="Blank: no maximum."),
    ] = None


class FeeOwner(Fields, frozen=True, kw_only=True):
    """The account whose own fee is removed."""

    account: Account = ""


def view_of(row: FeeRow) -> Fee:
    return Fee(
        environment=cast(Environment, row.environment),
        platform=row.platform,
        account=row.account_id or None,
        fixed_cents=row.fixed_cents,
        basis_points=row.basis_points,
        min_cents=row.min_cents,
        max_cents=row.max_cents,
    )


async def list_fees(
    context: ActContext, _asked: Page, _begin: Begin, _limit: int
) -> Sequence[FeeRow]:
    return await platform_rows.list_fees(context.tx, context.environment)


async def set_fee(context: ActContext, asked: FeeParts) -> Change[FeeRow]:
    await begin(context)
    tx, place = context.tx, (context.environment, context.object_id)
    await platform_rows.get_platform(tx, *place)
    account_id = await _account_id(tx, asked.account)
    before = await platform_rows.find_fee(tx, *place, account_id)
    row = FeeRow(
        environment=context.environment,
        platform=context.object_id,
        account_id=account_id,
        fixed_cents=asked.fixed_cents,
        basis_points=asked.basis_points,
        min_cents=asked.min_cents,
        max_cents=asked.max_cents,
        changed_at=context.now_us,
    )
    if before is not None and before.rule == row.rule:
        return Change(before=before, after=before)
    await platform_rows.put_fee(tx, row)
    await platform_rows.raise_version(tx)
    return Change(before=before, after=row)


async def clear_fee(context: ActContext, asked: FeeOwner) -> Change[FeeRow]:
    await begin(context)
    tx = context.tx
    account_id = await _account_id(tx, asked.account)
    row = await platform_rows.find_fee(tx, context.environment, context.object_id, account_id)
    if row is None:
        raise NotFound("Fee", param="platform")
    await platform_rows.drop_fee(tx, row)
    await platform_rows.raise_version(tx)
    return Change(after=row, is_gone=True)


async def _account_id(tx: Transaction, account: str) -> str:
    try:
        return (await account_named(tx, account)).id if account else EVERYBODY
    except NotFound:
        raise NotFound("Account", param="account") from None


def _place(fee: Fee) -> str:
    return f"{fee.platform}/{fee.account or EVERYBODY}"


def _audited(row: FeeRow) -> dict[str, object]:
    shown: dict[str, object] = to_builtins(view_of(row))
    return shown


LIST_FEES = ListAct(
    name="fees.list",
    summary="List fees",
    description="A fee without an account applies to all accounts without their own fee.",
    path="/fees",
    audience=(OPERATOR,),
    query=Page,
    run=list_fees,
    view=view_of,
    result=Fee,
    is_catalogue=True,
    cursor=_place,
    columns=("platform", "account", "fixed_cents", "basis_points", "min_cents", "max_cents"),
    examples=("topup fees list --environment live",),
)
SET_FEE = Act(
    name="fees.set",
    moves_money=True,
    summary="Set the fee of a platform, or of one account there",
    description="This replaces the earlier fee. If every part is 0, no fee is charged. Top-ups that were sent,"
    " and quotes of the last ten minutes, don't change. An account's own fee replaces the platform's."
    " Set the first fee only after every gateway and worker runs this version.",
    path="/fees/{platform}",
    method="PUT",
    audience=(OPERATOR,),
    input=FeeParts,
    run=set_fee,
    view=view_of,
    result=Fee,
    refuses=(LimitReached,),
    is_catalogue=True,
    audit=Audited("platform.fee_set", _audited, is_whole=True),
    done="The fee is set for sends from now on.",
    examples=(
        "topup fees set claude --fixed-cents 30 --basis-points 250 --environment live",
        "topup fees set claude --basis-points 300 --min-cents 50 --max-cents 2000",
        "topup fees set claude --account shop@example.com",
    ),
)
CLEAR_FEE = Act(
    name="fees.clear",
    moves_money=True,
    summary="Remove a fee",
    description="The account then pays the platform's fee again.",
    path="/fees/{platform}/clear",
    audience=(OPERATOR,),
    input=FeeOwner,
    run=clear_fee,
    view=view_of,
    result=Fee,
    is_catalogue=True,
    audit=Audited("platform.fee_clear", _audited, is_whole=True),
    done="The fee is removed.",
    examples=(
        "topup fees clear claude",
        "topup fees clear claude --account shop@example.com",
    ),
)
ACTS = (LIST_FEES, SET_FEE, CLEAR_FEE)
