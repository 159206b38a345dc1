"""Manual credit: what operators give or take, with a stored reason."""

from typing import Annotated, Self

from msgspec import Meta

from billing.accounts.acts import ACCOUNT
from billing.credits.adjustment import (
    CREDITS_MAX,
    REASON_CHARACTERS_MAX,
    AdjustCredit,
    Adjusted,
    new_adjustment,
)
from billing.ledger.ledger import InsufficientBalance
from kernel.fields import Fields, Time as TimeText, said, time_us
from kernel.shaped import SIGNED, Shaped
from kernel.words import Micros, Time, time_of
from keys.act import OPERATOR, CallContext, EngineAct


class CreditChange(Fields, frozen=True, kw_only=True):
    """How much to give or take, and why. Purchased credit pays debts first."""

    amount: Annotated[
        int,
        Meta(
            ge=-CREDITS_MAX,
            le=CREDITS_MAX,
            description="In credits of 0.001 USD; less than 0 takes away.",
        ),
    ]
    reason: Annotated[
        str,
        Meta(
            max_length=REASON_CHARACTERS_MAX,
            description="Why; it stands in the account's history and in the audit log.",
        ),
    ]
    promotional: Annotated[bool, Meta(description="It is no purchased credit, and may end.")] = (
        False
    )
    expires_at: (
        Annotated[
            TimeText,
            Meta(
                description="When promotional credit ends, by the account's clock; left out: never."
            ),
            said("Ends"),
        ]
        | None
    ) = None


class CreditAdjustment(Shaped, kw_only=True):
    """What was given or taken, and the balance after it."""

    id: Annotated[str, Meta(pattern=r"^adj_[0-9A-Za-z]+$")]
    amount: Annotated[int, Meta(description="In credits of 0.001 USD.", extra_json_schema=SIGNED)]
    reason: Annotated[str, Meta(description="Why.")]
    promotional: Annotated[bool, Meta(description="It is no purchased credit.")]
    expires_at: Annotated[Time | None, Meta(description="null: never.")]
    balance_micros: Micros

    @classmethod
    def of_done(cls, done: Adjusted) -> Self:
        return cls(
            id=done.id,
            amount=done.credits,
            reason=done.reason,
            promotional=done.is_promotional,
            expires_at=time_of(done.expires_at),
            balance_micros=done.balance_micros,
        )


async def adjust_credit(context: CallContext, asked: CreditChange) -> AdjustCredit:
    return new_adjustment(
        context.tenant,
        asked.amount,
        asked.reason,
        actor=context.by,
        is_promotional=asked.promotional,
        expires_at=time_us(asked.expires_at, "expires_at"),
    )


ADJUST_CREDIT = EngineAct(
    name="accounts.adjust",
    summary="Give an account credit, or take some away",
    description="Works in one environment. Purchased credit that is given pays debts first. No "
    "balance falls below zero.",
    path=f"{ACCOUNT}/credit",
    audience=(OPERATOR,),
    input=CreditChange,
    command=adjust_credit,
    view=CreditAdjustment.of_done,
    result=CreditAdjustment,
    refuses=(InsufficientBalance,),
    moves_money=True,
    asks="Change the credit of {name} ({id}) by {amount} credits of 0.001 USD?",
    done="The account's credit is changed, and the audit log says why.",
    examples=(
        "topup accounts adjust ops@acme.example --environment live --amount 20000 --reason 'a refund by hand'",
    ),
)
