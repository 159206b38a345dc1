"""Reconciliation: differences between providers, the ledger and suppliers."""

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal, Self

from msgspec import Meta, Struct

from billing.reconciliation import differences, runs
from billing.reconciliation.daily import DailyReconciliation
from billing.reconciliation.differences import KINDS, REASON_CHARACTERS_MAX, MoneyDifference
from billing.reconciliation.provider_list import Compared, ListDifference
from billing.reconciliation.runs import PartRun
from kernel.clock import rfc3339
from kernel.errors import InvalidInput
from kernel.fields import LINE, ExportPage, Fields, Page, ShortText, Time, said, time_us
from kernel.shaped import Shaped
from kernel.words import Time as ShownTime
from keys.act import (
    MACHINE,
    OPERATOR,
    Act,
    ActContext,
    Audited,
    CallContext,
    Change,
    ListAct,
    ReadAct,
    StepsAct,
)
from store.keyset import Begin

_Part = Annotated[
    str, Meta(description="The part: ledger, suppliers, or provider: and the provider's name.")
]


class DifferencesQuery(ExportPage, frozen=True, kw_only=True):
    state: Annotated[
        Literal["open", "closed"], Meta(description="Return only open or only closed differences.")
    ] = "open"


class Difference(Shaped, kw_only=True):
    """A difference between an amount in the ledger and the amount at a provider or supplier."""

    id: Annotated[str, said("ID")]
    environment: str
    part: _Part
    kind: Annotated[str, Meta(description="The kind of difference, in a word.")]
    account_id: str | None
    subject_id: Annotated[
        str, Meta(description="The ID of the order, payment, top-up or supplier."), said("Subject")
    ]
    expected: Annotated[str, Meta(description="The value in the ledger."), said("Ledger")]
    found: Annotated[str, Meta(description="The value on the other side."), said("Other side")]
    detail: Annotated[str, Meta(description="The details, in a sentence.")]
    means: Annotated[str, Meta(description="The meaning of the difference."), said("Meaning")]
    press: Annotated[str, Meta(description="The action to take."), said("Action")]
    since: ShownTime
    seen_at: Annotated[
        ShownTime, Meta(description="When the difference was last found."), said("Last found")
    ]
    closed_at: Annotated[ShownTime | None, said("Closed")]
    closed_by: Annotated[
        str | None,
        Meta(
            description="The operator who closed the difference. Null if a comparison closed it, because both"
            " sides agree again."
        ),
    ]
    reason: str | None

    @classmethod
    def of(cls, one: MoneyDifference, /, **_more: Any) -> Self:
        expected, found = one.in_words
        words = KINDS[one.kind]
        return super().of(
            one,
            since=rfc3339(one.since),
            account_id=one.account_id or None,
            expected=expected,
            found=found,
            means=words.means,
            press=words.press,
        )


class Part(Shaped, kw_only=True):
    """A part of the daily comparison, with the times of its last and next run."""

    environment: str
    part: _Part
    checked: Annotated[
        int, Meta(ge=0, description="The number of items compared."), said("Compared")
    ]
    ended_at: Annotated[
        ShownTime | None,
        Meta(description="When the last complete run ended."),
        said("Last complete run"),
    ]
    next_at: Annotated[ShownTime, said("Next run")]
    fault: Annotated[str | None, Meta(description="Why the last run couldn't complete.")]


class Parts(Struct, kw_only=True):
    """The parts of the daily comparison."""

    items: Annotated[list[Part], Meta(description="The parts of the comparison.")]

    @classmethod
    def of(cls, ran: Sequence[PartRun]) -> Self:
        return cls(items=[Part.of(one) for one in ran])


class ClosingReason(Fields, frozen=True, kw_only=True):
    """The reason for closing a difference."""

    reason: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=REASON_CHARACTERS_MAX,
            pattern=LINE,
            description="The reason, for later readers.",
        ),
    ]


class WantedPart(Fields, frozen=True, kw_only=True):
    part: Annotated[_Part | None, Meta(description="The part to compare. If omitted, all.")] = None


class ListPeriod(Fields, frozen=True, kw_only=True, rename={"since": "from", "until": "to"}):
    """The provider and the period to compare."""

    provider: Annotated[ShortText, Meta(description="The provider, such as stripe.")]
    since: Annotated[Time, Meta(description="The beginning of the period, inclusive.")]
    until: Annotated[
        Time | None, Meta(description="The end of the period, exclusive. If omitted, now.")
    ] = None
    keep_fees: Annotated[
        bool, Meta(description="Whether to store the fee that the provider kept from each payment.")
    ] = False
    others: Annotated[
        bool,
        Meta(
            description="Whether to return payments of other shops on the same provider account, too."
        ),
    ] = False


class ComparedPayments(Struct, kw_only=True):
    """The result of comparing a provider's list of payments with ours."""

    payments: Annotated[int, Meta(ge=0, description="The number of payments compared.")]
    differences: Annotated[list[ListDifference], Meta(description="The differences found.")]
    fees: Annotated[int, Meta(ge=0, description="The number of fees that the provider reported.")]
    others: Annotated[
        int,
        Meta(
            ge=0,
            description="The number of payments that name no order or customer of this gateway.",
        ),
    ]
    other_payments: Annotated[
        list[ListDifference], Meta(description="The payments of other shops, if requested.")
    ]


async def list_differences(
    context: ActContext, asked: DifferencesQuery, begin: Begin, limit: int
) -> Sequence[MoneyDifference]:
    return await differences.page(
        context.tx,
        context.environment,
        is_closed=asked.state == "closed",
        before_id=begin,
        limit=limit,
    )


async def show_difference(context: ActContext) -> MoneyDifference:
    return await differences.find(context.tx, context.object_id, context.environment)


async def close_difference(context: ActContext, asked: ClosingReason) -> Change[MoneyDifference]:
    closed = await differences.close(
        context.tx,
        context.object_id,
        context.environment,
        asked.reason,
        by=context.by,
        person=context.person,
        now_us=context.now_us,
    )
    return Change(after=closed)


async def list_parts(
    context: ActContext, _asked: Page, _begin: Begin, _limit: int
) -> Sequence[PartRun]:
    return await runs.list_runs(context.tx, context.environment)


async def request_comparison(context: ActContext, _asked: Fields) -> Change[Sequence[PartRun]]:
    await runs.want(context.tx, context.environment, now_us=context.now_us)
    return Change(after=await runs.list_runs(context.tx, context.environment))


async def run_comparison(context: CallContext, asked: WantedPart) -> Sequence[PartRun]:
    daily = context.service(DailyReconciliation)
    known = daily.parts(context.environment)
    if asked.part is not None and asked.part not in known:
        raise InvalidInput(f"Choose one of {', '.join(known)}.", param="part")
    wanted = known if asked.part is None else [asked.part]
    ran = [await daily.run_part(context.environment, one, is_wanted=True) for one in wanted]
    return [one for one in ran if one is not None]


async def compare_list(context: CallContext, asked: ListPeriod) -> ComparedPayments:
    since, until = time_us(asked.since, "from"), time_us(asked.until, "to")
    assert since is not None, "it is required"
    until = context.now_us + 1 if until is None else until
    if until <= since:
        raise InvalidInput("`to` must be later than `from`.", param="to")
    found: Compared = await context.service(DailyReconciliation).compare_list(
        context.environment, asked.provider, (since, until), keep_fees=asked.keep_fees
    )
    return ComparedPayments(
        payments=found.payments,
        differences=list(found.differences),
        fees=len(found.fees),
        others=len(found.others),
        other_payments=list(found.others) if asked.others else [],
    )


def _nothing(_parts: Sequence[PartRun]) -> dict[str, Any]:
    return {}


def _has_faults(ran: Any) -> bool:
    return any(one["fault"] is not None for one in ran["items"])


# These acts are for operators, and concern a whole environment.
_OF_ALL: Final[dict[str, Any]] = {"audience": (OPERATOR,), "is_catalogue": True}
LIST_DIFFERENCES = ListAct(
    name="reconciliation.list",
    summary="List differences between the ledger and other records, newest first",
    path="/reconciliation",
    query=DifferencesQuery,
    run=list_differences,
    result=Difference,
    prefix="dif",
    **_OF_ALL,
    export=Difference.__struct_fields__,
    columns=("id", "means", "subject_id", "expected", "found", "since", "press"),
    examples=("topup reconciliation list --environment live",),
)
LIST_PARTS = ListAct(
    name="reconciliation.parts",
    summary="List the parts of the daily comparison, with their last run",
    path="/reconciliation/parts",
    query=Page,
    run=list_parts,
    result=Part,
    named_by="part",
    **_OF_ALL,
    columns=("part", "checked", "ended_at", "next_at", "fault"),
    examples=("topup reconciliation parts --environment live",),
)
SHOW_DIFFERENCE = ReadAct(
    name="reconciliation.show",
    summary="Show a difference, and what to do about it",
    path="/reconciliation/{difference_id}",
    run=show_difference,
    result=Difference,
    **_OF_ALL,
    examples=("topup reconciliation show dif_4Kp1 --environment live",),
)
CLOSE_DIFFERENCE = Act(
    name="reconciliation.close",
    summary="Close a difference that you accept",
    description="A closed difference opens again if its figures change.",
    path="/reconciliation/{difference_id}/close",
    input=ClosingReason,
    run=close_difference,
    result=Difference,
    **_OF_ALL,
    names_person=True,
    audit=None,
    asks="Close the difference of {subject_id}, {expected} in the ledger and {found} on the other side? It opens"
    " again if its figures change.",
    done="The difference is closed, with your reason in the audit log.",
    examples=(
        "topup reconciliation close dif_4Kp1 --environment live --reason 'refunded by hand'",
    ),
)
REQUEST_COMPARISON = Act(
    name="reconciliation.request",
    summary="Ask a worker to compare everything now",
    description="The comparison starts within about a minute.",
    path="/reconciliation/requests",
    input=Fields,
    run=request_comparison,
    result=Parts,
    **_OF_ALL,
    audit=Audited("reconciliation.request", _nothing),
    done="A worker compares everything within about a minute. Then reload this page.",
    examples=("topup reconciliation request --environment live",),
)
RUN_COMPARISON = StepsAct(
    name="reconciliation.run",
    summary="Compare now, in this process",
    description="No worker is needed. The command exits with 1 if a part couldn't be compared.",
    path="/reconciliation/runs",
    audience=(MACHINE,),
    input=WantedPart,
    run=run_comparison,
    result=Parts,
    is_catalogue=True,
    alarm=_has_faults,
    columns=LIST_PARTS.columns,
    examples=(
        "topup reconciliation run --environment live",
        "topup reconciliation run --environment live --part provider:stripe",
    ),
)
COMPARE_LIST = StepsAct(
    name="reconciliation.compare",
    summary="Compare a provider's own list of payments with the gateway's",
    description="The result names payments that are missing on a side or differ in amount, currency, status,"
    " refunds or fee. Only fees are changed, if you set `keep_fees`. Payments of other shops on the same account"
    " don't count. It may take minutes. The command exits with 1 if there is a difference.",
    path="/reconciliation/compare",
    input=ListPeriod,
    run=compare_list,
    result=ComparedPayments,
    **_OF_ALL,
    lease_s=600,
    alarm=lambda compared: bool(compared["differences"]),
    examples=(
        "topup reconciliation compare --provider stripe --from 2026-06 --to 2026-07",
        "topup reconciliation compare --provider creem --from 2026-06-01 --keep-fees --json",
    ),
)
ACTS = (
    LIST_DIFFERENCES,
    LIST_PARTS,
    SHOW_DIFFERENCE,
    CLOSE_DIFFERENCE,
    REQUEST_COMPARISON,
    RUN_COMPARISON,
    COMPARE_LIST,
)
