"""One top-up's whole story, and what an operator may do with it now.

The buttons are those of billing/desk/acts.py; each press is a command of billing/desk/decisions.py, the same
that `topup desk` gives. A form that is sent twice has its effect once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, get_args

from starlette.responses import Response

from billing.desk import decisions, waiting, words
from billing.desk.acts import MEANINGS, DeskAct, DeskTopUp
from billing.desk.decisions import DeskCommand, Person
from billing.reports.topup_story import TopUpStory, topup_story
from billing.topups import queries
from billing.topups.platform_rows import SupplierRow, list_suppliers
from billing.topups.queries import TopUpTimeline
from billing.topups.supplier_words import SupplierWord, last_handed_over, load_words
from billing.topups.topup import (
    KINDS,
    Deliverable,
    DeliverableKind,
    DeliverableRefused,
    checked_deliverable,
)
from gateway.answers.answer import Answer
from gateway.dashboard.admin.fields import admin_route, commit, decider
from gateway.dashboard.admin.topups import PATH
from gateway.dashboard.form_idempotency import form_key
from gateway.dashboard.story import shown_story
from gateway.html.forms import NO_PROBLEM, Form, Problem, problem_of, read_form
from gateway.html.render import go, page
from gateway.http.idempotency import run_steps
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import DomainError, InvalidInput, NotFound
from kernel.fields import Fields
from kernel.ids import new_id
from keys.audit_log import Actor
from store.database import Transaction

# The form's choice for what the recipient gets: what the supplier reported and was stored.
KEPT: Final = "kept"
_COMMANDS: Final[Mapping[DeskAct, type[DeskCommand]]] = {
    "take": decisions.TakeTask,
    "give_back": decisions.GiveBackTask,
    "settle": decisions.SettleByHand,
    "refuse": decisions.RefuseTask,
    "fail": decisions.FailByHand,
    "retry": decisions.AskAgain,
    "not_done": decisions.DeclareNotDone,
    "switch": decisions.SwitchSupplier,
}
assert set(_COMMANDS) == set(get_args(DeskAct))


@dataclass(frozen=True, slots=True)
class DeskStory:
    """All that is known of one top-up, read at one moment; holder: the supplier that has it."""

    seen: DeskTopUp
    timeline: TopUpTimeline
    told: TopUpStory
    holder: SupplierRow | None
    words: Sequence[SupplierWord]


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    return await _story_page(call, "", Form())


async def act(call: RequestContext[Fields, Fields]) -> Reply:
    form, pressed = read_form(call), call.params["act"]
    command = next((made for name, made in _COMMANDS.items() if name == pressed), None)
    if command is None:
        raise NotFound("Path")
    story = await _story(call)
    seen = story.seen
    by = Person(Actor.of(call.principal), decider(call))

    async def steps() -> Answer:
        made = command(
            seen.topup.id,
            seen.topup.tenant,
            by,
            form.text("reason") or None,
            form.text("checked") == "yes",
            seen.can_be_asked,
            **_more(pressed, form, story, call),
        )
        await call.context.engine.submit(made)
        return Answer(200, pressed.encode())

    try:
        await run_steps(call.context, call.principal, form_key(call, form), steps)
    except DomainError as error:
        return await _story_page(call, pressed, form, problem_of(error))
    return go(f"{PATH}/{seen.topup.id}", said=f"desk-{pressed.replace('_', '-')}")


async def see(call: RequestContext[Fields, Fields]) -> Reply:
    form, who, topup_id = read_form(call), decider(call), call.params["transaction_id"]
    environment = call.principal.environment
    try:
        await commit(
            call,
            lambda tx, by, now_us: words.see(
                tx,
                environment,
                topup_id,
                reason=form.text("reason"),
                by=Person(by, who),
                now_us=now_us,
            ),
        )
    except DomainError as error:
        return await _story_page(call, "seen", form, problem_of(error))
    return go(f"{PATH}/{topup_id}", said="desk-seen")


def _more(
    pressed: str, form: Form, story: DeskStory, call: RequestContext[Any, Any]
) -> dict[str, Any]:
    """Return what this act needs beside who and why; raise InvalidInput."""
    if pressed == "switch":
        return {"to": form.text("to")}
    if pressed != "settle":
        return {}
    topup, known = story.seen.topup, call.context.suppliers
    terms = known.terms_of(topup.environment, topup.supplier, topup.platform, topup.amount_cents)
    if form.text("kind") == KEPT:
        given = last_handed_over(call.context.topup_rules.codes, story.words)
        if given is None:
            raise InvalidInput("Nothing is kept that its supplier handed over.", param="value")
        return {"given": given, "terms": terms}
    kind = next((name for name in get_args(DeliverableKind) if name == form.text("kind")), None)
    if kind is None:
        raise InvalidInput(f"Choose one of {', '.join(sorted(KINDS))}.", param="kind")
    given = Deliverable(
        kind,
        None if kind == "credit" else form.text("value"),
        form.text("redeem_url") or None,
        form.text("instructions") or None,
    )
    try:
        return {"given": checked_deliverable(given), "terms": terms}
    except DeliverableRefused as error:
        raise InvalidInput(str(error), param="value") from None


async def _story_page(
    call: RequestContext[Any, Any], pressed: str, form: Form, problem: Problem = NO_PROBLEM
) -> Response:
    story = await _story(call)
    seen, who = story.seen, decider(call)
    platforms = call.context.suppliers.book.of(call.principal.environment)
    others = platforms.suppliers_of(seen.topup.platform)
    return page(
        call,
        "admin/desk_topup.html",
        status=problem.status,
        problem=problem,
        pressed=pressed,
        form=form,
        story=story,
        shown=shown_story(story.told, is_operator=True, now_us=call.now_us, has_links=False),
        seen=seen,
        topup=seen.topup,
        shape=waiting.shape(seen),
        meaning=MEANINGS[seen.state],
        acts=seen.acts(who),
        who=who,
        kept=any(one.sealed for one in story.words),
        others=[one.id for one in others if one.id != seen.topup.supplier],
        form_key=new_id("frm"),
    )


async def _story(call: RequestContext[Any, Any]) -> DeskStory:
    """Raise NotFound, also for a top-up of the other environment."""
    environment, topup_id = call.principal.environment, call.params["transaction_id"]

    async def work(tx: Transaction) -> DeskStory:
        seen = await waiting.get_seen(tx, topup_id, now_us=call.now_us, environment=environment)
        tenant = seen.topup.tenant
        known = call.context.suppliers
        seen = replace(seen, can_be_asked=known.can_be_asked(environment, seen.topup.supplier))
        suppliers = {row.id: row for row in await list_suppliers(tx, environment)}
        return DeskStory(
            seen,
            await queries.topup_timeline(tx, tenant, topup_id, now_us=call.now_us),
            await topup_story(tx, tenant, topup_id, with_deliveries=True, now_us=call.now_us),
            suppliers.get(seen.topup.supplier or ""),
            (await load_words(tx, [topup_id])).get(topup_id, ()),
        )

    return await call.context.database.read(work)


ROUTES = (
    admin_route("GET", "/topups/{transaction_id}", show, "One top-up's story"),
    admin_route("POST", "/topups/{transaction_id}/seen", see, "Note a supplier's words as seen"),
    admin_route("POST", "/topups/{transaction_id}/{act}", act, "Act on a top-up that waits"),
)
