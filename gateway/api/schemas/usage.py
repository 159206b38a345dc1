"""The shapes of usage: charges, holds, and the sandbox clock that ends them early."""

from typing import Annotated, Any, Literal, Self

from msgspec import Meta, Struct

from billing.ledger.money import MICROS_PER_CREDIT, micros_to_cents
from billing.usage import hold as holds
from billing.usage.hold_commands import Held
from billing.usage.usage import Used
from gateway.answers.words import Micros, Time
from kernel.shaped import Shaped

UsageId = Annotated[str, Meta(pattern=r"^usg_[0-9A-Za-z]+$")]
HoldId = Annotated[str, Meta(pattern=r"^hld_[0-9A-Za-z]+$")]
FlooredCredits = Annotated[int, Meta(description="In credits of $0.001, floored.")]
BalanceMicros = Annotated[
    int, Meta(description="The account's wallet afterwards, in millionths of a US dollar.")
]
BalanceCredits = Annotated[int, Meta(description="The same in credits of $0.001, floored.")]
BalanceCents = Annotated[int, Meta(description="The same in US cents, floored.")]
CallerReference = Annotated[
    str, Meta(description="The caller's own name for it, once per environment.")
]


class Usage(Shaped, kw_only=True):
    """Credit that was charged at once."""

    id: UsageId
    amount_micros: Micros
    credits: FlooredCredits
    description: str
    model: str | None
    reference: CallerReference | None
    created_at: Time
    balance_micros: BalanceMicros
    balance_credits: BalanceCredits
    balance_cents: BalanceCents

    @classmethod
    def of(cls, used: Used, /, **more: Any) -> Self:
        credits_ = used.record.amount_micros // MICROS_PER_CREDIT
        balance = _balance(used.balance_micros)
        return super().of(used.record, credits=credits_, **balance, **more)


class Hold(Shaped, kw_only=True):
    """Credit set aside. What of an ended one was not captured went back."""

    id: HoldId
    status: Literal["held", "captured", "released", "expired"]
    amount_micros: Micros
    credits: FlooredCredits
    captured_micros: Micros
    captured_credits: FlooredCredits
    description: str
    model: str | None
    reference: CallerReference | None
    created_at: Time
    expires_at: Annotated[str, Meta(description="By the account's own clock; see the sandbox's.")]
    ended_at: Time | None

    @classmethod
    def of(cls, hold: holds.Hold, /, **more: Any) -> Self:
        return super().of(
            hold,
            credits=hold.amount_micros // MICROS_PER_CREDIT,
            captured_credits=hold.captured_micros // MICROS_PER_CREDIT,
            **more,
        )


class ChangedHold(Hold, kw_only=True):
    """A hold that was just made or ended, and the wallet afterwards."""

    balance_micros: BalanceMicros
    balance_credits: BalanceCredits
    balance_cents: BalanceCents

    @classmethod
    def of_held(cls, held: Held) -> Self:
        return cls.of(held.hold.at(held.account_now_us), **_balance(held.balance_micros))


def _balance(micros: int) -> dict[str, Any]:
    return {
        "balance_micros": micros,
        "balance_credits": micros // MICROS_PER_CREDIT,
        "balance_cents": micros_to_cents(micros),
    }


class AccountClock(Struct, kw_only=True):
    """The sandbox clock: how far it went on now, and how far it is ahead of ours."""

    advanced_s: int
    ahead_s: int
    now: Annotated[Time, Meta(description="The account's own time.")]
