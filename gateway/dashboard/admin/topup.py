"""Show one top-up's history, and what an operator may do with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final
from urllib.parse import urlencode

from starlette.responses import Response

from billing.fulfilment.kinds import SupplierKinds
from billing.ledger.price import in_words
from billing.manual_review import waiting
from billing.manual_review.acts import (
    DECISIONS,
    GIVEN_KINDS,
    HANDED_KINDS,
    PATH as ACTS_PATH,
    SEE_WORDS,
    WaitingTopUp,
    review,
)
from billing.manual_review.rules import MEANINGS, ReviewAct, ReviewedTopUp
from billing.manual_review.waiting import VIEWS, ReviewFilter, View
from billing.reports.topup_story import TopUpStory, topup_story
from billing.topups import queries
from billing.topups.platform_rows import SupplierRow, list_platforms, list_suppliers
from billing.topups.queries import TopUpTimeline
from billing.topups.supplier_words import SupplierWord, load_words
from gateway.dashboard.act_pages import act_form, form_route
from gateway.dashboard.admin.fields import admin_route, decider
from gateway.dashboard.sheet import Sheet, list_page
from gateway.dashboard.story import shown_story
from gateway.html.act_form import ShownField
from gateway.html.forms import NO_PROBLEM, Form, Problem, read_query
from gateway.html.render import page
from gateway.http.fields import cursor_id
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply, Route
from kernel.clock import HOUR_US
from kernel.fields import Fields
from kernel.ids import new_id
from kernel.shaped import to_builtins
from keys.act import AnyChange
from store.database import Transaction


@dataclass(frozen=True, slots=True)
class Story:
    """`holder` is the supplier that handles the top-up."""

    seen: ReviewedTopUp
    timeline: TopUpTimeline
    told: TopUpStory
    holder: SupplierRow | None
    words: Sequence[SupplierWord]


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    return await _story_page(call, None, Form(), NO_PROBLEM)


async def _story_page(
    call: RequestContext[Any, Any], sent: AnyChange | None, form: Form, problem: Problem
) -> Response:
    story, who = await _story(call), decider(call)
    seen = story.seen
    platforms = call.context.suppliers.book.of(call.principal.environment)
    suppliers = [one.id for one in platforms.suppliers_of(seen.topup.platform)]
    choices = {
        "to": [one for one in suppliers if one != seen.topup.supplier],
        "kind": GIVEN_KINDS if any(one.sealed for one in story.words) else HANDED_KINDS,
    }
    words = in_words(WaitingTopUp, to_builtins(WaitingTopUp.of(seen)))
    acts = [DECISIONS[verb] for verb in seen.acts(who)]
    seen_form, *forms = [
        act_form(act, _address(act, seen.topup.id), words, (sent, form, problem), choices)
        for act in (SEE_WORDS, *acts)
    ]
    return page(
        call,
        "admin/topup.html",
        status=problem.status,
        problem=problem,
        story=story,
        shown=shown_story(story.told, is_operator=True, now_us=call.now_us, has_links=False),
        seen=seen,
        topup=seen.topup,
        meaning=MEANINGS[seen.state],
        forms=[
            one._replace(fields=_needed(one.fields, seen, verb, who))
            for verb, one in zip(seen.acts(who), forms, strict=True)
        ],
        sent=sent,
        seen_form=seen_form,
        who=who,
        others=choices["to"],
        form_key=new_id("frm"),
    )


def _needed(
    fields: Sequence[ShownField], seen: ReviewedTopUp, verb: ReviewAct, who: str
) -> Sequence[ShownField]:
    needs = {"reason": seen.needs_reason(verb, who), "checked": seen.must_check(verb)}
    return [
        one._replace(is_required=needs.get(one.name, one.is_required))
        for one in fields
        if one.name != "checked" or needs["checked"]
    ]


def _address(act: AnyChange, topup_id: str) -> str:
    return f"/dashboard/admin{_path(act)}".format(transaction_id=topup_id)


def _path(act: AnyChange) -> str:
    return f"/topups{act.path.removeprefix(ACTS_PATH)}"


def _route(act: AnyChange) -> Route:
    return form_route(
        act, lambda call, form, problem: _story_page(call, act, form, problem), path=_path(act)
    )


async def _story(call: RequestContext[Any, Any]) -> Story:
    environment, topup_id = call.principal.environment, call.params["transaction_id"]
    kinds = call.context.part(SupplierKinds)

    async def work(tx: Transaction) -> Story:
        seen = await review(tx, kinds, topup_id, environment, call.now_us)
        tenant = seen.topup.tenant
        suppliers = {row.id: row for row in await list_suppliers(tx, environment)}
        return Story(
            seen,
            await queries.topup_timeline(tx, tenant, topup_id, now_us=call.now_us),
            await topup_story(tx, tenant, topup_id, with_deliveries=True, now_us=call.now_us),
            suppliers.get(seen.topup.supplier or ""),
            (await load_words(tx, [topup_id])).get(topup_id, ()),
        )

    return await call.context.database.read(work)


PATH: Final = "/dashboard/admin/topups"
FIRST_VIEW: Final[View] = "person"
AGES_H: Final = {"1": "1 hour", "4": "4 hours", "24": "1 day", "168": "7 days"}
_FILTERS: Final = ("view", "supplier", "platform", "account_id", "age")
_SHEET: Final = Sheet[ReviewedTopUp](
    "topups-at-suppliers",
    (
        *("topup.id", "topup.account_id", "topup.status", "topup.platform", "topup.amount_cents"),
        *("topup.fee_cents", "topup.recipient_email", "topup.supplier", "topup.checks_made"),
        *("topup.next_check_at", "topup.created_at", "topup.settled_at", "topup.failure_reason"),
    ),
    cursor=attrgetter("topup.id"),
    filters=_FILTERS,
)


async def show_list(call: RequestContext[Fields, Fields]) -> Reply:
    environment, asked, now_us = call.principal.environment, read_query(call), call.now_us
    wanted = _wanted(environment, asked, now_us)

    async def read(tx: Transaction, cursor: str | None, limit: int) -> Sequence[ReviewedTopUp]:
        after_id = cursor_id(cursor, "txn")
        return await waiting.page(tx, wanted, after_id=after_id, limit=limit, now_us=now_us)

    async def choices(tx: Transaction) -> tuple[list[str], list[str]]:
        suppliers = [row.id for row in await list_suppliers(tx, environment)]
        return suppliers, [row.id for row in await list_platforms(tx, environment)]

    suppliers, platforms = await call.context.database.read(choices)
    chosen = {name: text for name in _FILTERS[1:] if (text := asked.text(name))}
    return await list_page(
        call,
        "admin/topups.html",
        _SHEET,
        read,
        view=wanted.view,
        views=[
            (name, word, f"{PATH}?{urlencode({'view': name, **chosen})}")
            for name, word in VIEWS.items()
        ],
        is_narrowed=bool(chosen),
        suppliers=suppliers,
        platforms=platforms,
        ages=AGES_H,
    )


def _wanted(environment: str, asked: Form, now_us: int) -> ReviewFilter:
    age = asked.text("age")
    return ReviewFilter(
        environment,
        next((view for view in VIEWS if view == asked.text("view")), FIRST_VIEW),
        asked.text("supplier") or None,
        asked.text("platform") or None,
        asked.text("account_id") or None,
        now_us - int(age) * HOUR_US if age in AGES_H else None,
    )


ROUTES = (
    admin_route("GET", "/topups/{transaction_id}", show, "One top-up's story"),
    *map(_route, (*DECISIONS.values(), SEE_WORDS)),
    admin_route("GET", "/topups", show_list, "Top-ups that wait"),
)
