"""The shapes of what was used: its list, its sums, and the prices of tokens."""

from typing import Annotated, Self

from msgspec import Meta, Struct, field

from billing.ledger.money import MICROS_PER_CREDIT
from billing.reports import usage_report
from billing.reports.usage_report import UsageBy, UsageKind, UsageSum
from kernel.clock import rfc3339
from kernel.shaped import Shaped
from kernel.words import Count, KeyIdText, Micros, Time

Tokens = Annotated[int, Meta(ge=0, description="Of the model.")]
CachedTokens = Annotated[int, Meta(ge=0, description="Of the input tokens.")]
FlooredMicros = Annotated[int, Meta(description="In credits of $0.001, floored.")]
AppIdText = Annotated[str, Meta(description="The app that took it; null: no app.")]


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
    credits: FlooredMicros
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
    credits: FlooredMicros
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
