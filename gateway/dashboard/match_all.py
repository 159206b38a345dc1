"""Run an act on all rows that match a list's filters, after a confirmation. If other rows match by then, it
asks again.
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from billing.topups.acts import CANCEL, LIST as LIST_TOPUPS
from billing.topups.approval_acts import APPROVE, DENY, LIST as LIST_APPROVALS
from gateway.dashboard.listing import listing
from gateway.dashboard.paging import Paged, Summed, Total, address, total_of
from gateway.dashboard.route import page_route
from gateway.html.forms import NO_PROBLEM, Form, Problem, read_form, read_query
from gateway.html.phrase import phrase
from gateway.html.render import go, page
from gateway.http.own_acts import run_own
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import DomainError
from kernel.fields import Fields
from kernel.ids import new_id
from kernel.limits import PAGE_ITEMS_MAX
from keys.act import AnyChange, ListAct
from keys.principal import ACCOUNT_SCOPES, require_scope

MATCHED_MAX: Final = PAGE_ITEMS_MAX
_KEY_CHARACTERS: Final = 80
_CHANGED: Final = Problem(
    409, phrase("What matches has changed: nothing was done. Check it, and press the button again.")
)


class Matched(NamedTuple):
    """is_cut: more objects may match."""

    label: str
    ids: Sequence[str]
    total: Total
    is_cut: bool
    title: str
    back: str
    warns: str = ""


NOTHING: Final = Matched(
    phrase("All that match"), (), Total(0), False, phrase("Overview"), "/dashboard"
)


async def on_all(
    call: RequestContext[Any, Any],
    matched: Matched,
    run: Callable[[str, Form], Awaitable[object]],
) -> Reply:
    if call.method != "POST":
        return confirm(call, matched)
    form = read_form(call)
    if form.text("of") != _digest(matched.ids):
        return confirm(call, matched, _CHANGED)
    refused: list[str] = []
    for one in matched.ids:
        try:
            await run(one, form)
        except DomainError as error:
            refused.append(error.detail)
    if refused:
        said = phrase(
            "%(done)s of %(all)s are done; of the others the first was refused: %(said)s",
            done=len(matched.ids) - len(refused),
            all=len(matched.ids),
            said=phrase(refused[0]),
        )
        return confirm(call, matched, Problem(409, said))
    return go(matched.back, said="all-done")


def confirm(
    call: RequestContext[Any, Any], matched: Matched, problem: Problem = NO_PROBLEM
) -> Reply:
    return page(
        call,
        "match_all.html",
        status=problem.status,
        problem=problem,
        matched=matched,
        of=_digest(matched.ids),
        form_key=new_id("frm"),
    )


def _digest(ids: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(ids).encode()).hexdigest()


class ActOnAll(NamedTuple):
    """field: of the input, which names the object; empty: the path's parameter does."""

    act: AnyChange
    label: str
    state: str
    warns: str
    field: str = ""
    param: str = ""


class MatchList(NamedTuple):
    title: str
    act: ListAct[Any, Any]
    filters: Sequence[str]
    named_by: str
    acts: Mapping[str, ActOnAll]


_BACK: Final = phrase("Each is cancelled, and its funds go back to your wallet.")
_SENT: Final = phrase("Each is sent at once, as if you approved it alone.")
TOPUPS: Final = MatchList(
    phrase("Top-ups"),
    LIST_TOPUPS,
    ("status", "platform", "recipient_email", "reference", "created_after", "created_before"),
    "transaction_id",
    {
        "cancel": ActOnAll(
            CANCEL,
            phrase("Cancel all that are scheduled"),
            "scheduled",
            _BACK,
            field="transaction_id",
        )
    },
)
LISTS: Final[Mapping[str, MatchList]] = {
    "topups": TOPUPS,
    "approvals": MatchList(
        phrase("Approvals"),
        LIST_APPROVALS,
        ("status",),
        "id",
        {
            "approve": ActOnAll(
                APPROVE, phrase("Approve all"), "pending", _SENT, param="approval_id"
            ),
            "deny": ActOnAll(DENY, phrase("Deny all"), "pending", _BACK, param="approval_id"),
        },
    ),
}


def all_links(
    path: str, on: str, acts: Mapping[str, str], listed: Paged
) -> Sequence[tuple[str, str]]:
    kept = dict(listed.kept)
    return [(label, address(path, {"on": on, "do": act, **kept})) for label, act in acts.items()]


def offered_on_all(
    call: RequestContext[Any, Any], name: str, listed: Paged
) -> Sequence[tuple[str, str]]:
    states = {one["status"] for one in listed.items}
    acts = {
        one.label: verb
        for verb, one in LISTS[name].acts.items()
        if one.state in states and not call.principal.scopes.isdisjoint(one.act.scopes)
    }
    return all_links("/dashboard/all", name, acts, listed)


async def _uncounted(_query: Mapping[str, Any]) -> Total:
    return NOTHING.total


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    asked = read_query(call)
    name = asked.text("on")
    of = LISTS.get(name)
    act = None if of is None else of.acts.get(asked.text("do"))
    if of is None or act is None:
        return confirm(call, NOTHING)
    require_scope(call.principal, *act.act.scopes)
    here = f"/dashboard/{name}"
    chosen = asked.text("status")
    if chosen not in {"", act.state}:
        return confirm(call, NOTHING)
    # Rows in another state would hide matching rows beyond the limit.
    state = {"status": act.state}
    found = await listing(
        call,
        of.act,
        *of.filters,
        rows=MATCHED_MAX,
        here=here,
        count=_uncounted,
        narrowed=state,
    )
    rows = [one for one in found.items if one["status"] == act.state]

    async def run(object_id: str, form: Form) -> object:
        key = f"{form.idempotency_key}-{object_id}"[-_KEY_CHARACTERS:]
        body = {act.field: object_id} if act.field else {}
        ids = {act.param: object_id} if act.param else {}
        return await run_own(call, act.act, body, ids, key=key)

    matched = Matched(
        act.label,
        [one[of.named_by] for one in rows],
        total_of(rows, Summed("amount_cents")),
        found.next_url is not None,
        of.title,
        address(here, dict(found.kept)),
        act.warns,
    )
    return await on_all(call, matched, run)


ROUTES = tuple(
    page_route(method, "/all", show, "An act on all that match", ACCOUNT_SCOPES)
    for method in ("GET", "POST")
)
