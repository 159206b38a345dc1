"""Redemption codes: credit for the first accounts that redeem them.

A code is shown once, when its batch is created. Only its digest is stored.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from msgspec import Meta, Struct
from msgspec.structs import asdict

from billing.credits import redemption_code as batches
from billing.credits.redemption_code import (
    DATA_KEY,
    CodeRedeemed,
    CodeStatus,
    NewBatch,
    RedeemCode,
    RedemptionCodes,
    find_code,
    is_code,
)
from billing.ledger.money import MICROS_PER_CENT, MICROS_PER_CREDIT, micros_to_cents
from billing.topups.rules import NotRedeemable
from billing.topups.voucher_redemption import Redeem, Redeemed, find_redeem
from kernel.clock import rfc3339, time_of
from kernel.fields import LINE, Fields, Page, Text, Time as TimeText, said, time_us
from kernel.shaped import Shaped
from kernel.words import Cents, Credits, Environment, Micros, Time
from keys.act import (
    MERCHANT,
    OPERATOR,
    Act,
    ActContext,
    Audited,
    CallContext,
    Change,
    EngineAct,
    ListAct,
    ReadAct,
)
from keys.vault import Vault
from store.keyset import Begin

# One response holds at most this many codes. `topup code-batches write` creates larger batches.
AT_ONCE_MAX = 10_000
Uses = Annotated[int, Meta(description="How many accounts can redeem each code, once.")]
Used = Annotated[int, Meta(ge=0, description="The number of redemptions."), said("Redeemed")]
CreditsEach = Annotated[Credits, said("Credits per code")]


class CodeBatch(Shaped, kw_only=True):
    """Redemption codes that were created together, with the same amount and expiry."""

    id: str
    environment: Environment
    name: Annotated[str, said("Batch")]
    credits: CreditsEach
    count: Annotated[int, Meta(description="The number of codes."), said("Codes")]
    uses: Annotated[Uses, said("Accounts per code")]
    used: Used
    promotional: Annotated[bool, Meta(description="Whether the credit is promotional.")]
    days: Annotated[int | None, Meta(description="Days until promotional credit expires.")]
    complete: Annotated[
        bool,
        Meta(
            description="Whether the whole batch was created. If not, its creation was interrupted, and no code can be"
            " redeemed."
        ),
    ]
    expires_at: Annotated[Time | None, said("Expires")]
    disabled_at: Annotated[Time | None, said("Disabled")]
    created_at: Annotated[Time, said("Created")]


class MadeBatch(CodeBatch, kw_only=True):
    """A new batch with its codes. The codes are shown only in this response."""

    codes: Annotated[
        list[str],
        Meta(description="The codes, which are shown only now."),
        said(is_secret=True),
    ]


class RedemptionsRedeemBody(Fields, frozen=True, kw_only=True):
    """The redemption code (TOPUP-XXXX-XXXX-XXXX) or voucher (ATU-…) to redeem."""

    code: Annotated[
        Text,
        Meta(description="TOPUP-XXXX-XXXX-XXXX, or a voucher ATU-…."),
        said(is_secret=True),
    ]


class RedeemedCode(Struct, kw_only=True):
    """Credit from a redeemed code or voucher. `expires_at` is null if the credit doesn't expire."""

    id: Annotated[str | None, Meta(description="The ID of the redemption; null for a voucher.")]
    type: Annotated[Literal["code", "voucher"], Meta(description="The kind of code.")]
    last4: str
    amount_cents: Cents
    amount_micros: Micros
    credits: Annotated[int, Meta(description="The amount in credits of $0.001.")]
    promotional: bool
    expires_at: Time | None
    redeemed_at: Time
    balance_cents: Annotated[int, Meta(description="The caller's balance, in US cents.")]

    @classmethod
    def of(cls, done: CodeRedeemed | Redeemed) -> Self:
        if isinstance(done, Redeemed):
            amount_micros = done.topup.amount_cents * MICROS_PER_CENT
            facts: dict[str, Any] = {
                "id": None,
                "type": "voucher",
                "last4": done.voucher_code[-4:],
                "promotional": False,
                "expires_at": None,
                "redeemed_at": rfc3339(done.redemption.redeemed_at),
                "balance_cents": done.wallet_balance_cents,
            }
        else:
            made = done.redemption
            amount_micros = made.credits_micros
            facts = {
                "id": made.id,
                "type": "code",
                "last4": made.last4,
                "promotional": made.is_promotional,
                "expires_at": time_of(made.expires_at),
                "redeemed_at": rfc3339(made.created_at),
                "balance_cents": micros_to_cents(done.balance_micros),
            }
        return cls(
            amount_cents=micros_to_cents(amount_micros),
            amount_micros=amount_micros,
            credits=amount_micros // MICROS_PER_CREDIT,
            **facts,
        )


class RedemptionCode(Shaped, kw_only=True):
    """A redemption code, identified by its last four characters."""

    id: str
    batch_id: Annotated[str, Meta(description="The batch to which the code belongs.")]
    environment: Environment
    code: Annotated[str, Meta(description="The code's last characters, such as TOPUP-…-7Q3X.")]
    last4: str
    status: CodeStatus
    credits: Credits
    uses: Uses
    used: Used
    expires_at: Annotated[Time | None, said("Expires")]
    created_at: Annotated[Time, said("Created")]


class NewCodeBatch(Fields, frozen=True, kw_only=True):
    """The batch of redemption codes to create."""

    credits: Annotated[
        int,
        Meta(
            ge=1,
            le=batches.CREDITS_MAX,
            description="How many credits each code is worth. 1,000 credits are worth $1.00.",
        ),
        said("Credits per code"),
    ]
    count: Annotated[
        int, Meta(ge=1, le=AT_ONCE_MAX, description="The number of codes."), said("Number of codes")
    ] = 1
    uses: Annotated[
        int,
        Meta(
            ge=1,
            le=batches.USES_MAX,
            description="How many accounts can redeem each code, once.",
        ),
        said("Accounts per code", hint="Once each."),
    ] = 1
    expires_at: (
        Annotated[
            TimeText,
            Meta(description="No code can be redeemed from this time on."),
            said("Expires on, UTC", hint="Blank: never."),
        ]
        | None
    ) = None
    promotional: Annotated[bool, Meta(description="Whether the credit is promotional.")] = False
    days: (
        Annotated[
            int,
            Meta(
                ge=1,
                le=batches.DAYS_MAX,
                description="The number of days after which promotional credit expires, counted from redemption.",
            ),
            said(
                "Promotional credit expires after (days)",
                hint="Blank: never. Only for promotional credit.",
            ),
        ]
        | None
    ) = None
    name: Annotated[
        str,
        Meta(
            max_length=batches.NAME_CHARACTERS_MAX,
            pattern=LINE,
            description="Your name for the batch.",
        ),
        said("Batch name"),
    ] = ""

    def of(self, environment: str) -> NewBatch:
        return NewBatch(
            environment=environment,
            credits=self.credits,
            count=self.count,
            uses_max=self.uses,
            is_promotional=self.promotional,
            promotional_days=self.days,
            expires_at=time_us(self.expires_at, "expires_at"),
            name=self.name,
        )


class ManyCodes(NewCodeBatch, frozen=True, kw_only=True):
    count: Annotated[
        int,
        Meta(ge=1, le=batches.COUNT_MAX, description="The number of codes."),
        said("Number of codes"),
    ] = 1


class CodesQuery(Page, frozen=True, kw_only=True):
    batch: Annotated[str, Meta(max_length=40, description="Codes of this batch.")] | None = None
    last4: (
        Annotated[
            str,
            Meta(max_length=4, description="Return only codes that end in these four characters."),
            said("Last four characters"),
        ]
        | None
    ) = None


def batch_view(batch: batches.Batch) -> CodeBatch:
    return CodeBatch.of(
        batch,
        credits=batch.credits_micros // MICROS_PER_CREDIT,
        count=batch.code_count,
        uses=batch.uses_max,
        used=batch.used_count,
        promotional=batch.is_promotional,
        days=batch.promotional_days,
        complete=batch.is_complete,
    )


def batch_shown(batch: batches.Batch) -> dict[str, Any]:
    return asdict(batch_view(batch))


def _code_view(code: batches.ListedCode, now_us: int) -> RedemptionCode:
    return RedemptionCode.of(
        code,
        code=f"TOPUP-…-{code.last4}",
        status=code.status(now_us),
        credits=code.credits_micros // MICROS_PER_CREDIT,
        uses=code.uses_max,
        used=code.used_count,
    )


async def create_batch(context: ActContext, asked: NewCodeBatch) -> Change[batches.Batch]:
    vault = context.service(Vault)
    key = await vault.data_key(context.tx, DATA_KEY, now_us=context.now_us)
    new = asked.of(context.environment)
    batch, codes = await batches.make_at_once(
        context.tx, RedemptionCodes(key), new, now_us=context.now_us
    )
    return Change(after=batch, shown_once={"codes": codes})


async def list_batches(
    context: ActContext, _asked: Page, begin: Begin, limit: int
) -> Sequence[batches.Batch]:
    return await batches.list_batches(context.tx, context.environment, before_id=begin, limit=limit)


async def show_batch(context: ActContext) -> batches.Batch:
    return await batches.get_batch(context.tx, context.environment, context.object_id)


async def disable_batch(context: ActContext, _asked: Fields) -> Change[batches.Batch]:
    before = await show_batch(context)
    is_changed = await batches.disable_batch(context.tx, before.id, now_us=context.now_us)
    return Change(before=before, after=await show_batch(context) if is_changed else before)


async def list_codes(
    context: ActContext, asked: CodesQuery, begin: Begin, limit: int
) -> Sequence[RedemptionCode]:
    found = await batches.list_codes(
        context.tx,
        context.environment,
        batch_id=asked.batch,
        last4=asked.last4,
        before_id=begin,
        limit=limit,
    )
    return [_code_view(one, context.now_us) for one in found]


async def show_code(context: ActContext) -> RedemptionCode:
    code = await batches.get_code(context.tx, context.environment, context.object_id)
    return _code_view(code, context.now_us)


async def disable_code(context: ActContext, _asked: Fields) -> Change[RedemptionCode]:
    before = await show_code(context)
    is_changed = await batches.disable_code(context.tx, before.id, now_us=context.now_us)
    return Change(before=before, after=await show_code(context) if is_changed else before)


async def redeem(context: CallContext, asked: RedemptionsRedeemBody) -> RedeemCode | Redeem:
    if not is_code(asked.code):
        return await find_redeem(context, asked.code, "wallet")
    code_id = await find_code(
        context.database,
        context.service(RedemptionCodes),
        asked.code,
        environment=context.environment,
    )
    return RedeemCode(code_id, context.tenant)


CREATE_BATCH = Act(
    name="code-batches.create",
    moves_money=True,
    summary="Create redemption codes",
    description="The codes are shown only once, because only their digests are stored.",
    path="/code-batches",
    audience=(OPERATOR,),
    input=NewCodeBatch,
    run=create_batch,
    view=batch_view,
    result=MadeBatch,
    status=201,
    shows_secret=True,
    is_catalogue=True,
    audit=Audited("codes.create", batch_shown, is_whole=True),
    done="The codes are created.",
    examples=(
        "topup code-batches create --credits 1000 --count 5",
        "topup code-batches create --credits 5000 --count 200 --promotional --days 30 --name spring",
    ),
)
LIST_BATCHES = ListAct(
    name="code-batches.list",
    summary="List batches of codes, newest first",
    path="/code-batches",
    audience=(OPERATOR,),
    query=Page,
    run=list_batches,
    view=batch_view,
    result=CodeBatch,
    prefix="rdb",
    is_catalogue=True,
    columns=(
        *("id", "name", "credits", "count", "uses", "used", "promotional"),
        *("expires_at", "disabled_at"),
    ),
    examples=("topup code-batches list --environment live",),
)
SHOW_BATCH = ReadAct(
    name="code-batches.show",
    summary="Show a batch of codes",
    path="/code-batches/{batch_id}",
    audience=(OPERATOR,),
    run=show_batch,
    view=batch_view,
    result=CodeBatch,
    is_catalogue=True,
    examples=("topup code-batches show rdb_3kF9",),
)
DISABLE_BATCH = Act(
    name="code-batches.disable",
    summary="Disable a batch of codes",
    description="The batch's codes can't be redeemed any more. Credit that was redeemed stays.",
    path="/code-batches/{batch_id}/disable",
    audience=(OPERATOR,),
    input=Fields,
    run=disable_batch,
    view=batch_view,
    result=CodeBatch,
    is_catalogue=True,
    audit=Audited("codes.disable", batch_shown, is_whole=True),
    applies=lambda batch: batch.disabled_at is None,
    asks="Disable all {count} codes of batch {id} for good? Each is worth {credits} credits.",
    done="No code of the batch can be redeemed any more.",
    examples=("topup code-batches disable rdb_3kF9",),
)
LIST_CODES = ListAct(
    name="codes.list",
    summary="List redemption codes by their last characters, newest first",
    path="/codes",
    audience=(OPERATOR,),
    query=CodesQuery,
    run=list_codes,
    result=RedemptionCode,
    prefix="rdc",
    is_catalogue=True,
    columns=("id", "code", "status", "credits", "uses", "used", "expires_at", "batch_id"),
    examples=("topup codes list --batch rdb_3kF9", "topup codes list --last4 7Q3X"),
)
SHOW_CODE = ReadAct(
    name="codes.show",
    summary="Show a redemption code",
    path="/codes/{code_id}",
    audience=(OPERATOR,),
    run=show_code,
    result=RedemptionCode,
    is_catalogue=True,
    examples=("topup codes show rdc_81Lm",),
)
DISABLE_CODE = Act(
    name="codes.disable",
    summary="Disable a redemption code",
    description="The code can't be redeemed any more. Credit that was redeemed stays.",
    path="/codes/{code_id}/disable",
    audience=(OPERATOR,),
    input=Fields,
    run=disable_code,
    result=RedemptionCode,
    is_catalogue=True,
    audit=Audited("code.disable", asdict, is_whole=True),
    applies=lambda code: code.status == "active",
    asks="Disable code {code} for good? It is worth {credits} credits.",
    done="The code can't be redeemed any more.",
    examples=("topup codes disable rdc_81Lm",),
)
BATCH_ACTS = (CREATE_BATCH, LIST_BATCHES, SHOW_BATCH, DISABLE_BATCH)
REDEEM = EngineAct(
    name="codes.redeem",
    summary="Redeem a code or a voucher once",
    description="Wrong codes are counted, and too many block further attempts.",
    path="/codes/redeem",
    scopes=("billing:write",),
    audience=(MERCHANT,),
    input=RedemptionsRedeemBody,
    command=redeem,
    result=RedeemedCode,
    refuses=(NotRedeemable,),
    guesses_code=True,
    moves_money=True,
    examples=("topup codes redeem --code @code.txt",),
)
CODE_ACTS = (LIST_CODES, SHOW_CODE, DISABLE_CODE, REDEEM)
