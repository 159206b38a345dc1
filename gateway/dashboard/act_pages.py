"""The operator's pages of acts: a list with a button for each act on an object, and the form that makes one.

Titles, columns, fields, bounds and words come from the acts' rows; a page adds where it stands and what it says
while the list is empty.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from billing.ledger.in_words import in_words
from gateway.dashboard.admin.fields import admin_route
from gateway.dashboard.paging import Paged
from gateway.dashboard.sheet import Sheet, csv_url_of, one_page, whole_list, whole_short_list
from gateway.html.act_form import ShownField, fields_of, form_of, typed_values
from gateway.html.format import SAID
from gateway.html.forms import NO_PROBLEM, Form, Problem, problem_of, read_form
from gateway.html.render import go, page
from gateway.html.typed import Typed
from gateway.http.acts import Door
from gateway.http.fields import place_of, shape_of
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply, Route
from kernel.errors import DomainError, InvalidInput
from kernel.fields import Fields, facts_of
from keys.account import lock_tenants
from keys.act import Act, AnyChange, ListAct, ReadAct
from runtime.acts import run_act, run_alone
from store.database import Transaction
from store.keyset import ListStretch, end_of

_ADMIN: Final = "/dashboard/admin"


# Every subject's pages, in the order in which they were mounted; the test of all doors walks them.
ACT_PAGES: Final[list["ActPages"]] = []


@dataclass(frozen=True, kw_only=True)
class ActPages:
    """The pages of one subject.

    path: below /dashboard/admin. lead: what the page is about. query: what its list is asked with. create: what its
    form does; None: it has none. buttons: acts on one of the listed objects. empty: what stands in place of an empty
    list. has_own: each object has a page of its own below the list's, which the subject's module shows. choices: the
    words that the form's fields can have in this environment. beside: addresses and titles of pages about the same.
    """

    path: str
    title: str
    lead: str
    empty: str
    listed: ListAct[Any, Any]
    query: Any
    create: AnyChange | None = None
    buttons: Sequence[AnyChange] = ()
    has_own: bool = False
    beside: Sequence[tuple[str, str]] = ()
    choices: Callable[[Transaction, str], Awaitable[Mapping[str, Collection[str]]]] | None = None

    def routes(self, *more: AnyChange) -> tuple[Route, ...]:
        """Return the routes of the pages, and make the acts' sentences known to them. more: the acts of own pages."""
        ACT_PAGES.append(self)
        for act in (*self.acts, *more):
            SAID[act.name] = act.done
        return (
            admin_route("GET", self.path, self._show, self.title),
            *(
                admin_route("POST", self._path(act), self._press(act), act.summary)
                for act in self.acts
            ),
        )

    @property
    def acts(self) -> Sequence[AnyChange]:
        """Return the acts that the list's page offers."""
        return self.buttons if self.create is None else (self.create, *self.buttons)

    @property
    def asks_secret(self) -> bool:
        """Return whether the form asks for a secret, which no browser keeps."""
        if self.create is None:
            return False
        struct: type[Fields] = self.create.input
        return any(fact.is_secret for fact in facts_of(struct))

    @property
    def address(self) -> str:
        """Return the list's address."""
        return _ADMIN + self.path

    async def _show(self, call: RequestContext[Any, Any]) -> Reply:
        return await self._page(call, Form({}), NO_PROBLEM)

    def _path(self, act: AnyChange) -> str:
        return self.path if act is self.create else f"{self.path}{_rest(act)}"

    def _press(self, act: AnyChange) -> Any:
        async def press(call: RequestContext[Any, Any]) -> Reply:
            form = read_form(call)
            try:
                await run_typed(call, act, form)
            except DomainError as error:
                if act is not self.create:
                    raise
                return await self._page(call, form, problem_of(error))
            return go(self.address, said=act.name)

        press.__doc__ = act.summary
        return press

    async def _page(self, call: RequestContext[Any, Any], form: Form, problem: Problem) -> Reply:
        act = self.listed
        door = Door(act, call, is_operator=True)
        facts = {one.name: one for one in facts_of(act.result)}
        sheet = Sheet[Any](act.name.partition(".")[0], tuple(facts), sorts=act.sorts)

        async def read(tx: Transaction, cursor: str | None, limit: int) -> Sequence[Any]:
            begin = place_of(cursor, act.prefix, act.sorts) if act.prefix else None
            found = await act.run(await door.context(tx), self.query, begin, limit)
            return ListStretch(map(act.view, found), end_of(found))

        async def read_all(tx: Transaction) -> Sequence[Any]:
            return await read(tx, None, 0)

        if act.prefix:
            whole = await whole_list(call, sheet, read)
        else:
            whole = await whole_short_list(call, sheet, read_all)
        if whole is not None:
            return whole
        if act.prefix:
            listing = await one_page(call, sheet, read)
        else:
            found = await call.context.database.read(read_all)
            listing = Paged(found, csv_url=csv_url_of(self.address))
        return page(
            call,
            "acts/list.html",
            status=problem.status,
            pages=self,
            columns=[facts[name] for name in act.columns],
            listing=listing,
            rows=[(msgspec.to_builtins(row), self.buttons_of(row)) for row in listing.items],
            fields=await self._fields(call, form),
            form=form,
            problem=problem,
        )

    async def _fields(self, call: RequestContext[Any, Any], form: Form) -> Sequence[ShownField]:
        if self.create is None:
            return ()
        if self.choices is None:
            return fields_of(self.create.input, form)
        choices, environment = self.choices, call.principal.environment
        found = await call.context.database.read(lambda tx: choices(tx, environment))
        return fields_of(self.create.input, form, found)

    def buttons_of(self, view: Any) -> list[tuple[str, str, str]]:
        """Return the path, the word and the question of each act that the object is in a state for."""
        fields: dict[str, Any] = msgspec.to_builtins(view)
        return [
            (
                self.address + _rest(act).replace(_param(act), fields[act.named_by]),
                act.name.partition(".")[2].replace("-", " ").capitalize(),
                act.asks.format_map(in_words(act.result, fields)),
            )
            for act in self.buttons
            if act.applies is None or act.applies(view)
        ]


@dataclass(frozen=True, kw_only=True)
class SettingsPage:
    """A page with one form: what holds, and the act that changes it.

    path: below /dashboard/admin. lead: what the page is about. shown: reads what holds, in fields that have the
    names of the change's.
    """

    path: str
    title: str
    lead: str
    shown: ReadAct[Any]
    change: AnyChange

    def routes(self) -> tuple[Route, ...]:
        """Return the routes of the page, and make the act's sentence known to it."""
        SAID[self.change.name] = self.change.done
        return (
            admin_route("GET", self.path, self._show, self.title),
            admin_route("POST", self.path, self._change, self.change.summary),
        )

    async def _show(self, call: RequestContext[Any, Any]) -> Reply:
        door = Door(self.shown, call, is_operator=True)

        async def work(tx: Transaction) -> Any:
            return await self.shown.read(await door.context(tx), self.shown.query())

        current = self.shown.view(await call.context.database.read(work))
        return self._page(call, form_of(self.change.input, current), NO_PROBLEM)

    async def _change(self, call: RequestContext[Any, Any]) -> Reply:
        form = read_form(call)
        try:
            await run_typed(call, self.change, form)
        except DomainError as error:
            return self._page(call, form, problem_of(error))
        return go(_ADMIN + self.path, said=self.change.name)

    def _page(self, call: RequestContext[Any, Any], form: Form, problem: Problem) -> Reply:
        return page(
            call,
            "acts/form.html",
            status=problem.status,
            settings=self,
            action=_ADMIN + self.path,
            fields=fields_of(self.change.input, form),
            problem=problem,
        )


async def run_typed(call: RequestContext[Any, Any], act: AnyChange, form: Form) -> Any:
    """Run the act as the operator who typed the form; raises what it raises, and InvalidInput for all wrong fields."""
    typed = Typed(form)
    values = typed_values(act.input, typed)
    asked = _checked(act.input, values, typed.wrong)
    door = Door(act, call, is_operator=True)
    if not isinstance(act, Act):
        return await run_alone(act, await door.alone(), asked)

    async def work(tx: Transaction) -> Any:
        if owners := await door.owners(tx):
            await lock_tenants(tx, owners)
        return await run_act(act, await door.context(tx), asked)

    return await call.context.database.transaction(work)


def _checked(struct: type[Fields], values: Mapping[str, Any], wrong: Mapping[str, str]) -> Fields:
    problems = [{"param": param, "detail": detail} for param, detail in wrong.items()]
    try:
        asked = shape_of(struct).decode(msgspec.json.encode(values), None)
    except InvalidInput as error:
        listed = error.extra.get("errors") or [{"param": error.param, "detail": error.detail}]
        problems += [one for one in listed if one["param"] not in wrong]
    else:
        if not problems:
            return asked
    raise InvalidInput(problems[0]["detail"], param=problems[0]["param"], errors=problems)


def _rest(act: AnyChange) -> str:
    """Return the act's path from the object on, /{pack_id}/disable."""
    return act.path[act.path.index("{") - 1 :]


def _param(act: AnyChange) -> str:
    return act.path[act.path.index("{") : act.path.index("}") + 1]
