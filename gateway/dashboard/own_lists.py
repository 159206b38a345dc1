"""Make merchants' list pages from acts, and run an act on all matching rows."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, NamedTuple

from starlette.responses import Response

from gateway.dashboard.listing import (
    NOTHING_SUMMED,
    Paged,
    Summed,
    Total,
    address,
    all_links,
    listing,
    total_of,
)
from gateway.dashboard.match_all import MATCHED_MAX, NOTHING, Matched, confirm, on_all
from gateway.dashboard.route import page_route
from gateway.html.forms import Form, read_query
from gateway.html.phrase import phrase
from gateway.html.render import page
from gateway.http.own_acts import run_own
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply, Route
from kernel.fields import Fields, facts_of
from keys.act import AnyChange, ListAct
from keys.principal import ACCOUNT_SCOPES, require_scope

_DASHBOARD: Final = "/dashboard"
_KEY_CHARACTERS: Final = 80
# A column's name and sort order omit these endings of its field's name.
_ENDS: Final = re.compile("_(at|cents)$")
# The warning before an act cancels several sends.
CANCELS_EACH: Final = phrase("Each is cancelled, and its funds go back to your wallet.")
OWN_LISTS: Final[dict[str, "OwnList"]] = {}


class ActOnAll(NamedTuple):
    """An act for all matching rows that are in this `state`."""

    act: AnyChange
    label: str
    state: str
    warns: str


class Column(NamedTuple):
    """A column of a list. `name` also names its sort order.

    `place` contains CSS classes. They also determine where a phone shows the cell (app.css). A column placed
    `whole` holds buttons, and its head isn't visible.
    """

    name: str
    field: str
    place: str

    @classmethod
    def of(cls, text: str) -> "Column":
        words, _, place = text.partition(" ")
        name, _, order = words.partition(":")
        return cls(order or _ENDS.sub("", name), name, place)


class Way(NamedTuple):
    """A button that leads to another page. Only users with the scope see it.

    An empty list shows the button, unless `is_beside` is true. A button with `is_beside` or `is_primary` is shown above
    the list.
    """

    scope: str
    address: str
    label: str
    is_primary: bool = False
    is_beside: bool = False


async def _nothing_more(_call: RequestContext[Any, Any], _listed: Paged) -> Mapping[str, Any]:
    return {}


def _choices(call: RequestContext[Any, Any], name: str) -> Mapping[str, str]:
    """Return the values and labels of a filter whose values aren't defined by the act's query."""
    context = call.context
    if name == "platform":
        offered = context.topup_rules.platforms.of(call.principal.environment).offered()
        return {one.id: one.name for one in offered}
    if name == "provider":
        return {
            name: context.payments.providers.label(name)
            for name in context.payments.providers.names()
        }
    return {}


@dataclass(frozen=True, kw_only=True)
class OwnList:
    """The page of a merchant's list.

    - `path` is relative to /dashboard. `empty` and `advice` are the text of an empty list. `word` is the label of
      an ID.
    - `above` leads to the page that this one belongs to.
    - `columns` are fields of the act's view, each with its `place`. In `field:order`, `order` names the sort order. If
      `leads` is set, the column placed `lead` is a link. The link is `own` or the list's address, followed by the value
      of the field `leads`.
    - `count` counts the rows if showing all is expensive. `more` reads further values for a custom `template`, which
      may fill list.html's blocks `above`, `table` and `below`.
    """

    path: str
    title: str
    listed: ListAct[Any, Any]
    above: Way | None = None
    empty: str = ""
    advice: str = ""
    lead: str = ""
    columns: str = ""
    own: str = ""
    leads: str = "id"
    word: str = ""
    filters: Sequence[str] = ()
    summed: Summed = NOTHING_SUMMED
    count: Callable[[RequestContext[Any, Any], Mapping[str, Any]], Awaitable[Total]] | None = None
    ways: Sequence[Way] = ()
    on_all: Mapping[str, ActOnAll] = field(default_factory=dict)
    template: str = "list.html"
    more: Callable[[RequestContext[Any, Any], Paged], Awaitable[Mapping[str, Any]]] = _nothing_more

    @property
    def address(self) -> str:
        return _DASHBOARD + self.path

    def route(self, scopes: tuple[str, ...] = ()) -> Route:
        OWN_LISTS[self.path.strip("/")] = self
        return page_route("GET", self.path, self.show, self.title, scopes or self.listed.scopes)

    async def show(
        self, call: RequestContext[Any, Any], *, status: int = 200, **values: Any
    ) -> Response:
        """Render the page. `values` are for a custom template, such as a form's problem."""
        found = await listing(
            call,
            self.listed,
            *self.filters,
            here=self.address,
            summed=self.summed,
            count=None if self.count is None else partial(self.count, call),
        )
        query: type[Fields] = self.listed.query
        facts = {one.name: one for one in facts_of(query)}
        return page(
            call,
            self.template,
            status=status,
            listing=found,
            pages=self,
            filled=partial(phrase, environment=phrase(call.principal.environment)),
            columns=[Column.of(one) for one in self.columns.split(", ") if one],
            filters=[(facts[name], _choices(call, name)) for name in self.filters],
            on_all=self._offered(call, found),
            **{**await self.more(call, found), **values},
        )

    def _offered(self, call: RequestContext[Any, Any], listed: Paged) -> Sequence[tuple[str, str]]:
        if not self.on_all:
            return ()
        states = {one["status"] for one in listed.items}
        acts = {
            one.label: verb
            for verb, one in self.on_all.items()
            if one.state in states and not call.principal.scopes.isdisjoint(one.act.scopes)
        }
        return all_links(f"{_DASHBOARD}/all", self.path.strip("/"), acts, listed)

    async def matching(self, call: RequestContext[Any, Any], one: ActOnAll) -> Matched:
        """Return the matching rows that are in the act's state. Rows in other states must not use up the
        limit.
        """
        found = await listing(
            call,
            self.listed,
            *self.filters,
            rows=MATCHED_MAX,
            here=self.address,
            count=_uncounted,
            narrowed={"status": one.state},
        )
        rows = [row for row in found.items if row["status"] == one.state]
        return Matched(
            one.label,
            [row[self.listed.named_by] for row in rows],
            total_of(rows, Summed("amount_cents")),
            found.next_url is not None,
            self.title,
            address(self.address, dict(found.kept)),
            one.warns,
        )


async def _uncounted(_query: Mapping[str, Any]) -> Total:
    return NOTHING.total


async def _act_on_all(call: RequestContext[Fields, Fields]) -> Reply:
    asked = read_query(call)
    of = OWN_LISTS.get(asked.text("on"))
    one = None if of is None else of.on_all.get(asked.text("do"))
    if of is None or one is None:
        return confirm(call, NOTHING)
    require_scope(call.principal, *one.act.scopes)
    if asked.text("status") not in {"", one.state}:
        return confirm(call, NOTHING)

    async def run(object_id: str, form: Form) -> object:
        key = f"{form.idempotency_key}-{object_id}"[-_KEY_CHARACTERS:]
        if "{" not in one.act.path:
            return await run_own(call, one.act, {of.listed.named_by: object_id}, key=key)
        param = one.act.path.partition("{")[2].partition("}")[0]
        return await run_own(call, one.act, ids={param: object_id}, key=key)

    return await on_all(call, await of.matching(call, one), run)


ALL_ROUTES: Final = tuple(
    page_route(method, "/all", _act_on_all, "An act on all that match", ACCOUNT_SCOPES)
    for method in ("GET", "POST")
)
