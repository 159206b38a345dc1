"""The shapes of usage: charges, holds, and the sandbox clock that ends them early."""

from typing import Annotated, Any, Literal, Self, cast

from msgspec import Meta, Struct

from billing.ledger.money import MICROS_PER_CREDIT, micros_to_cents
from billing.usage import hold as holds
from billing.usage.hold_commands import Held
from billing.usage.usage import Used
from billing.usage.usage_batch import Charged, UsedBatch
from gateway.answers.refusals import Refusal
from gateway.answers.refused import Failure
from kernel.shaped import Shaped
from kernel.words import Count, Micros, Time

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
    """Credit that was charged at once. The tokens and the price list's version are null where an amount
    was charged. repeated: it was charged before, under the same reference; the balance is that of now.
    """

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
    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int | None
    price_version: int | None
    repeated: Annotated[
        bool, Meta(description="Whether it was charged before, under the same reference.")
    ]

    @classmethod
    def of(cls, used: Used, /, **more: Any) -> Self:
        credits_ = used.record.amount_micros // MICROS_PER_CREDIT
        balance = _balance(used.balance_micros)
        repeated = used.is_repeated
        return super().of(used.record, credits=credits_, repeated=repeated, **balance, **more)


class UsageVerdict(Struct, kw_only=True):
    """A record of a batch: charged; repeated, which was charged before under its reference; or refused,
    with the code and the error of a single record.
    """

    index: Annotated[int, Meta(ge=0, description="Which record, counted from 0.")]
    status: Annotated[
        Literal["charged", "repeated", "refused"], Meta(description="What became of it.")
    ]
    reference: CallerReference | None
    id: UsageId | None = None
    amount_micros: Micros | None = None
    price_version: int | None = None
    code: Annotated[
        int | None, Meta(description="Why it was refused, as a number; null: it was not.")
    ] = None
    message: Annotated[
        str | None, Meta(description="The code in words; null: it was not refused.")
    ] = None
    error: Annotated[Failure | None, Meta(description="Why it was refused; null: it was not.")] = (
        None
    )

    @staticmethod
    def of_refused(index: int, reference: str | None, refusal: Refusal) -> "UsageVerdict":
        return UsageVerdict(
            index=index,
            status="refused",
            reference=reference,
            code=refusal.code.code,
            message=refusal.message,
            # The object of a refusal, which may carry more than its declared fields.
            error=cast(Failure, refusal.error),
        )

    @staticmethod
    def of_charged(index: int, charged: Charged) -> "UsageVerdict":
        record = charged.record
        return UsageVerdict(
            index=index,
            status="repeated" if charged.is_repeated else "charged",
            reference=record.reference,
            id=record.id,
            amount_micros=record.amount_micros,
            price_version=record.price_version,
        )


class UsageBatch(Struct, kw_only=True):
    """What became of each record, in their order. amount_micros: what this call charged."""

    records_total: Annotated[int, Meta(ge=1, description="How many records there were.")]
    charged: Annotated[Count, Meta(description="How many were charged now.")]
    repeated: Annotated[
        Count, Meta(description="How many were charged before, under their reference.")
    ]
    refused: Annotated[Count, Meta(description="How many were refused.")]
    amount_micros: Micros
    balance_micros: BalanceMicros
    balance_credits: BalanceCredits
    balance_cents: BalanceCents
    results: Annotated[list[UsageVerdict], Meta(description="What became of each, in their order.")]

    @staticmethod
    def of_used(used: UsedBatch, results: list[UsageVerdict]) -> "UsageBatch":
        statuses = [one.status for one in results]
        charged = [one.amount_micros or 0 for one in results if one.status == "charged"]
        return UsageBatch(
            records_total=len(results),
            charged=len(charged),
            repeated=statuses.count("repeated"),
            refused=statuses.count("refused"),
            amount_micros=sum(charged),
            results=results,
            **_balance(used.balance_micros),
        )


class Hold(Shaped, kw_only=True):
    """Credit set aside. What of an ended one was not captured went back."""

    id: HoldId
    status: Literal["held", "captured", "released", "expired"]
    amount_micros: Micros
    credits: FlooredCredits
    captured_micros: Micros
    captured_credits: FlooredCredits
    overage: Annotated[
        Literal["reject", "cap", "owe"],
        Meta(description="What a capture above the amount does; see POST /holds."),
    ]
    overage_micros: Annotated[int, Meta(ge=0, description="Captured above the amount, in micros.")]
    description: str
    model: str | None
    reference: CallerReference | None
    created_at: Time
    expires_at: Annotated[str, Meta(description="By the account's own clock; see the sandbox's.")]
    ended_at: Time | None
    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int | None
    price_version: int | None

    @classmethod
    def of(cls, hold: holds.Hold, /, **more: Any) -> Self:
        return super().of(
            hold,
            overage=hold.overage or "reject",
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
