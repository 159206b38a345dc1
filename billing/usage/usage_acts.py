"""Usage: charge credit for AI usage, by amount or by tokens, and list what was charged."""

from typing import Annotated, Any, Final, Literal, Self

from msgspec import UNSET, Meta, Struct, UnsetType

from billing.ledger.ledger import InsufficientBalance
from billing.ledger.money import MICROS_PER_CREDIT
from billing.topups.send import AmountOutOfRange
from billing.topups.topup import DuplicateReference
from billing.usage.fields import (
    BalanceCents,
    BalanceCredits,
    BalanceMicros,
    CallerReference,
    FlooredCredits,
    TokenFields,
    UsageDescription,
    balance_fields,
)
from billing.usage.usage import (
    DESCRIPTION,
    RECORDS_MAX,
    Charged,
    UsageItem,
    Used,
    UsedBatch,
    amount_of,
)
from kernel.errors import InvalidInput
from kernel.fields import Int64
from kernel.refused import Failure
from kernel.shaped import Shaped
from kernel.words import CallerReferenceField, Count, Micros, Time
from keys.act import MERCHANT, ApiAct
from keys.caps import CapExceeded

UsageId = Annotated[str, Meta(pattern=r"^usg_[0-9A-Za-z]+$")]


class UsageRecordBody(TokenFields, frozen=True, kw_only=True):
    """The usage to charge. Give exactly one of an amount in credits, an amount in micros, or tokens of a model."""

    description: Annotated[
        UsageDescription | None,
        Meta(description="The purpose of the charge. Required with an amount."),
    ] = None
    credits: Int64 | None = None
    amount_micros: Int64 | None = None
    reference: CallerReferenceField | None = None

    def item(self) -> UsageItem:
        tokens = self.tokens()
        has_amount = self.credits is not None or self.amount_micros is not None
        if tokens is None:
            amount_micros = amount_of(self.credits, self.amount_micros)
            if self.description is None:
                raise InvalidInput("is required", param="description")
            return UsageItem(self.description, self.model, self.reference, amount_micros)
        if has_amount:
            given = "credits" if self.amount_micros is None else "amount_micros"
            raise InvalidInput(f"{given} can't be given together with tokens.", param=given)
        if self.model is None:
            raise InvalidInput("`model` is required with tokens.", param="model")
        description = self.description or DESCRIPTION
        return UsageItem(description, self.model, self.reference, None, tokens)


class UsageBody(UsageRecordBody, frozen=True, kw_only=True):
    """One usage record, or a batch in `records`. Each record of a batch has the fields of a single record."""

    records: (
        Annotated[
            list[UsageRecordBody],
            Meta(
                min_length=1,
                max_length=RECORDS_MAX,
                description="A batch of up to 1,000 records. Each has the fields of a single record.",
            ),
        ]
        | UnsetType
    ) = UNSET


class Usage(Shaped, kw_only=True):
    """A completed charge for usage. The tokens and the price list's version are null if the caller gave an amount
    instead of tokens.

    `repeated` means that the reference had already been charged. The balance is the current one.
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
        bool, Meta(description="Whether the same reference had already been charged.")
    ]

    @classmethod
    def of(cls, used: Used, /, **more: Any) -> Self:
        credits_ = used.record.amount_micros // MICROS_PER_CREDIT
        balance = balance_fields(used.balance_micros)
        repeated = used.is_repeated
        return super().of(used.record, credits=credits_, repeated=repeated, **balance, **more)


class UsageVerdict(Struct, kw_only=True):
    """The result for one record of a batch. It is charged, repeated (if its reference had already been charged) or refused. A
    refused record has a code and an error.
    """

    index: Annotated[int, Meta(ge=0, description="The record's position, counted from 0.")]
    status: Annotated[Literal["charged", "repeated", "refused"], Meta(description="The result.")]
    reference: CallerReference | None
    id: UsageId | None = None
    amount_micros: Micros | None = None
    price_version: int | None = None
    code: Annotated[int | None, Meta(description="The error code, if refused.")] = None
    message: Annotated[str | None, Meta(description="The error code in words, if refused.")] = None
    error: Annotated[Failure | None, Meta(description="The reason for the refusal, if any.")] = None

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
    """The result of a batch. The records' results are in the order given. `amount_micros` is what this call charged."""

    records_total: Annotated[int, Meta(ge=1, description="The number of records in the batch.")]
    charged: Annotated[Count, Meta(description="The number of records charged now.")]
    repeated: Annotated[Count, Meta(description="Records that had already been charged.")]
    refused: Annotated[Count, Meta(description="The number of refused records.")]
    amount_micros: Micros
    balance_micros: BalanceMicros
    balance_credits: BalanceCredits
    balance_cents: BalanceCents
    results: Annotated[list[UsageVerdict], Meta(description="Each record's result, in order.")]

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
            **balance_fields(used.balance_micros),
        )


CHARGE: Final = ApiAct(
    name="usage.charge",
    summary="Charge credit for AI usage",
    description="A record has `credits` or `amount_micros` with a `description`, or `model` with `input_tokens`,"
    " `output_tokens` and optionally `cached_tokens`, which are charged by the operator's price list"
    " (`GET /prices`). Repeating a `reference` with the same fields returns the same charge; with"
    ' other fields it is refused. Promotional credit is spent first. A batch is `{"records": […]}`'
    " with at most 1,000 records. Each is charged or refused separately, in order. CloudEvents are"
    " accepted too, one or a batch: `data` is a record, and `source` and `id` form its reference.",
    path="/usage",
    scopes=("usage:write",),
    audience=(MERCHANT,),
    input=UsageBody,
    result=Usage,
    refuses=(InsufficientBalance, AmountOutOfRange, DuplicateReference, CapExceeded),
    moves_money=True,
    examples=(
        "topup usage charge --description 'a long answer' --credits 500",
        "topup usage charge --records @today.json",
    ),
)
