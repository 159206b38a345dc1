"""The shapes of usage: charges, one or a batch, their list and its sums."""

from typing import Annotated, Any, Literal, Self, cast

from msgspec import Meta, Struct, field

from billing.ledger.money import MICROS_PER_CREDIT
from billing.reports import usage_report
from billing.reports.usage_report import UsageBy, UsageKind, UsageSum
from billing.usage.fields import (
    BalanceCents,
    BalanceCredits,
    BalanceMicros,
    CallerReference,
    FlooredCredits,
    balance_fields,
)
from billing.usage.usage import Charged, Used, UsedBatch
from gateway.answers.refusals import Refusal
from gateway.answers.refused import Failure
from kernel.clock import rfc3339
from kernel.shaped import Shaped
from kernel.words import Count, KeyIdText, Micros, Time

Tokens = Annotated[int, Meta(ge=0, description="Of the model.")]
CachedTokens = Annotated[int, Meta(ge=0, description="Of the input tokens.")]
AppIdText = Annotated[str, Meta(description="The app that took it; null: no app.")]
UsageId = Annotated[str, Meta(pattern=r"^usg_[0-9A-Za-z]+$")]


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
        balance = balance_fields(used.balance_micros)
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
            **balance_fields(used.balance_micros),
        )


class UsageLine(Shaped, kw_only=True):
    """One charge. kind: usage, a hold that was captured (created_at: when it was set aside), or what an
    app took. The tokens and the price list's version are null where an amount was charged.
    """

    id: str
    kind: Annotated[
        UsageKind, Meta(description="A charge, a hold that was captured, or what an app took.")
    ]
    created_at: Time
    amount_micros: Micros
    credits: FlooredCredits
    description: str
    model: str | None
    key_id: Annotated[KeyIdText | None, Meta(description="That charged it; null: no key.")]
    app_id: AppIdText | None
    reference: Annotated[str | None, Meta(description="The caller's own; an app's order_no.")]
    input_tokens: Tokens | None
    output_tokens: Tokens | None
    cached_tokens: CachedTokens | None
    price_version: Annotated[int | None, Meta(description="Of the price list that priced it.")]

    @classmethod
    def of_line(cls, line: usage_report.UsageLine) -> Self:
        return cls.of(line, credits=line.amount_micros // MICROS_PER_CREDIT)


class UsageGroup(Struct, kw_only=True):
    """What a group adds up to; of day, model and key_id with app_id those are set that it is grouped by.

    All null: of the total, or of what named none.
    """

    day: Annotated[str | None, Meta(description="In UTC, such as 2026-06-13.")] = None
    model: str | None = None
    key_id: KeyIdText | None = None
    app_id: AppIdText | None = None
    records: Annotated[Count, Meta(description="How many charges.")]
    amount_micros: Micros
    credits: FlooredCredits
    input_tokens: Tokens
    output_tokens: Tokens
    cached_tokens: CachedTokens

    @property
    def cursor(self) -> str:
        return self.day or self.model or self.key_id or self.app_id or "-"

    @classmethod
    def of_sum(cls, found: UsageSum) -> Self:
        day = found.day_start_at
        return cls(
            day=None if day is None else rfc3339(day)[:10],
            model=found.model,
            key_id=found.key_id,
            app_id=found.app_id,
            records=found.records,
            amount_micros=found.amount_micros,
            credits=found.amount_micros // MICROS_PER_CREDIT,
            input_tokens=found.input_tokens,
            output_tokens=found.output_tokens,
            cached_tokens=found.cached_tokens,
        )

    @classmethod
    def of_total(cls, found: UsageSum | None) -> Self:
        """Accept None: nothing was used."""
        if found is not None:
            return cls.of_sum(found)
        return cls(
            records=0,
            amount_micros=0,
            credits=0,
            input_tokens=0,
            output_tokens=0,
            cached_tokens=0,
        )


class UsageGroups(Struct, kw_only=True):
    """Sums of whole UTC days: days newest first, models and keys by their amounts. to is exclusive."""

    group_by: Annotated[UsageBy, Meta(description="What each group is of.")]
    since: Time = field(name="from")
    until: Time = field(name="to")
    total: Annotated[UsageGroup, Meta(description="The sum of all, on every page.")]
    items: Annotated[list[UsageGroup], Meta(description="This page's groups.")]
    next_cursor: str | None
    has_more: bool
