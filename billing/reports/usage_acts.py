"""Usage reports: list charges, or add them up by day, model or key."""

import re
from collections.abc import Sequence
from typing import Annotated, Any, Final, Self

from msgspec import Meta, Struct, field

from billing.ledger.money import MICROS_PER_CREDIT
from billing.reports import usage_report
from billing.reports.usage_report import (
    LineKey,
    UsageBy,
    UsageKind,
    UsageSum,
    UsageWanted,
    usage_lines,
)
from billing.usage.fields import FlooredCredits
from kernel.clock import DAY_US, rfc3339
from kernel.errors import InvalidInput, UnknownCursor
from kernel.fields import ExportPage, Text, time_us
from kernel.limits import INT64_MAX
from kernel.shaped import Shaped
from kernel.words import Count, KeyIdText, Micros, Time
from keys.act import MERCHANT, ActContext, ApiRead, ListAct
from store.keyset import Begin, cut

READS: Final = ("usage:read",)
GROUP_DAYS: Final = 30
GROUP_DAYS_MAX: Final = 366
_DATE_CHARACTERS: Final = 10
_PLACE: Final = re.compile(r"([0-9]{1,18})\.((?:usg|hld|chg)_[0-9A-Za-z]{1,32})")
Moment = Annotated[
    str,
    Meta(
        max_length=40,
        description="A time in RFC 3339, or a day such as 2026-06-13, which means its start.",
    ),
]
Tokens = Annotated[int, Meta(ge=0, description="The number of the model's tokens.")]
CachedTokens = Annotated[int, Meta(ge=0, description="The number of cached input tokens.")]
AppIdText = Annotated[str, Meta(description="The ID of the app that charged, or null.")]


class UsageListQuery(
    ExportPage, frozen=True, kw_only=True, rename={"since": "from", "until": "to"}
):
    """Select charges. `from` is inclusive, and `to` is exclusive."""

    model: Annotated[Text, Meta(description="Return only charges for this model.")] | None = None
    key: Annotated[
        Text | None, Meta(description="Return only charges by this key or app. Pass its ID.")
    ] = None
    reference: Annotated[
        Text | None, Meta(description="Your own reference, or an app's order_no.")
    ] = None
    since: Moment | None = None
    until: Moment | None = None


class UsageQuery(UsageListQuery, frozen=True, kw_only=True):
    """Select charges, or with `group_by`, sums over whole UTC days. `from` is inclusive, and `to` is exclusive."""

    group_by: (
        Annotated[UsageBy, Meta(description="Return sums over whole UTC days instead of charges.")]
        | None
    ) = None


class UsageSumsQuery(UsageListQuery, frozen=True, kw_only=True):
    """Select charges to add up. `from` is inclusive, and `to` is exclusive."""

    group_by: Annotated[UsageBy, Meta(description="The field that charges are grouped by.")]


class UsageLine(Shaped, kw_only=True):
    """One charge. If the caller gave an amount instead of tokens, the token counts and price_version are null.

    A charge of kind `hold` is a captured hold, and its created_at is when the money was held.
    """

    id: str
    kind: Annotated[
        UsageKind,
        Meta(description="usage: a charge; hold: a captured hold; app: charged by an app."),
    ]
    created_at: Time
    amount_micros: Micros
    credits: FlooredCredits
    description: str
    model: str | None
    key_id: Annotated[
        KeyIdText | None, Meta(description="The ID of the key that charged, or null.")
    ]
    app_id: AppIdText | None
    reference: Annotated[
        str | None, Meta(description="The caller's own reference, or an app's order_no.")
    ]
    input_tokens: Tokens | None
    output_tokens: Tokens | None
    cached_tokens: CachedTokens | None
    price_version: Annotated[
        int | None, Meta(description="The version of the price list that was used.")
    ]

    @classmethod
    def of_line(cls, line: usage_report.UsageLine) -> Self:
        return cls.of(line, credits=line.amount_micros // MICROS_PER_CREDIT)


class UsageGroup(Struct, kw_only=True):
    """The sum of one group. Only the fields of the grouping are set: `day`, `model`, or, for keys, `key_id` or
    `app_id`.

    All four are null in the total, and in the group of charges that have no model or key.
    """

    day: Annotated[str | None, Meta(description="The UTC day, such as 2026-06-13.")] = None
    model: str | None = None
    key_id: KeyIdText | None = None
    app_id: AppIdText | None = None
    records: Annotated[Count, Meta(description="The number of charges.")]
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
        """Return the total, or zeros if nothing was used."""
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
    """Sums over whole UTC days. Days are listed newest first. Models and keys are listed by amount, largest first. `to`
    is exclusive.
    """

    group_by: Annotated[UsageBy, Meta(description="The field that charges are grouped by.")]
    since: Time = field(name="from")
    until: Time = field(name="to")
    total: Annotated[UsageGroup, Meta(description="The sum of all groups, on every page.")]
    items: Annotated[list[UsageGroup], Meta(description="The groups on this page.")]
    next_cursor: str | None
    has_more: bool


async def list_usage(
    context: ActContext, asked: UsageListQuery, begin: Begin, limit: int
) -> Sequence[usage_report.UsageLine]:
    wanted, after = wanted_of(asked), _place_of(begin)
    found = await usage_lines(context.tx, context.tenant, wanted, after=after, limit=limit + 1)
    return cut(found, limit, _cursor)


def wanted_of(query: UsageListQuery) -> UsageWanted:
    since, until = _moment(query.since, "from"), _moment(query.until, "to")
    wanted = UsageWanted(
        since=0 if since is None else since,
        until=INT64_MAX if until is None else until,
        model=query.model,
        key_id=query.key,
        reference=query.reference,
    )
    if wanted.since >= wanted.until:
        raise InvalidInput("`from` must be before `to`.", param="from")
    return wanted


def whole_days(query: UsageListQuery, now_us: int) -> UsageWanted:
    """Return the query's period as whole UTC days. By default, return the last 30, including today."""
    wanted = wanted_of(query)
    if query.reference is not None:
        raise InvalidInput(
            "Sums can't be filtered by reference. Leave out `reference` or `group_by`.",
            param="reference",
        )
    until = wanted.until if query.until is not None else now_us // DAY_US * DAY_US + DAY_US
    since = wanted.since if query.since is not None else until - GROUP_DAYS * DAY_US
    for param, at in (("from", since), ("to", until)):
        if at % DAY_US:
            raise InvalidInput(
                "Sums cover whole UTC days. Give a day such as 2026-06-13.", param=param
            )
    if not since < until <= since + GROUP_DAYS_MAX * DAY_US:
        raise InvalidInput(f"A sum can cover from 1 to {GROUP_DAYS_MAX} days.", param="from")
    return UsageWanted(since=since, until=until, model=wanted.model, key_id=wanted.key_id)


def _moment(text: str | None, param: str) -> int | None:
    if text is not None and len(text) == _DATE_CHARACTERS:
        text += "T00:00:00Z"
    return time_us(text, param)


def _cursor(line: usage_report.UsageLine) -> str:
    at, line_id = line.place
    return f"{at}.{line_id}"


def _place_of(cursor: Begin) -> LineKey | None:
    if cursor is None:
        return None
    found = _PLACE.fullmatch(str(cursor))
    if found is None:
        raise UnknownCursor
    return int(found[1]), found[2]


LIST: Final[ListAct[Any, Any]] = ListAct(
    name="usage.list",
    summary="List usage, newest first, or add it up by day, model or key",
    description=(
        "Lists charges, captured holds at the time of the hold, and apps' charges. With `group_by`, returns sums"
        f" over whole UTC days: by default {GROUP_DAYS}, at most {GROUP_DAYS_MAX}. `format=csv` streams all"
        " charges."
    ),
    path="/usage",
    scopes=READS,
    audience=(MERCHANT,),
    query=UsageListQuery,
    run=list_usage,
    view=UsageLine.of_line,
    result=UsageLine,
    own_cursors=True,
    export=UsageLine.__struct_fields__,
    columns=("id", "kind", "amount_micros", "model", "description", "created_at"),
    examples=("topup usage list --model gpt --from 2026-06-01",),
)
SUMS: Final = ApiRead(
    name="usage.sums",
    summary="Add up usage by day, model or key",
    path="/usage",
    scopes=READS,
    audience=(MERCHANT,),
    query=UsageSumsQuery,
    result=UsageGroups,
    examples=("topup usage sums --group-by model",),
)
ACTS: Final = (LIST, SUMS)
