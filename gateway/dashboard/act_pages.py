"""Make operators' pages from acts: lists with buttons, forms, settings and reports."""

import base64
import re
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, cast
from urllib.parse import urlencode

import msgspec

from billing.ledger.price import in_words
from gateway.answers.answer import Answer
from gateway.dashboard.act import form_key
from gateway.dashboard.admin.fields import SCOPES, admin_route
from gateway.dashboard.listing import (
    ASKED,
    ROWS,
    Paged,
    Summed,
    address,
    all_links,
    columns_of,
    kept_of,
)
from gateway.dashboard.match_all import MATCHED_MAX, NOTHING, Matched, confirm, on_all
from gateway.dashboard.sheet import ReadRows, Sheet, one_page, short, whole_list, whole_short_list
from gateway.html.act_form import (
    STEP_FIELD,
    ShownField,
    checked,
    fields_of,
    form_of,
    problem_before,
    stepped,
    typed_values,
)
from gateway.html.format import SAID
from gateway.html.forms import NO_PROBLEM, Form, Problem, Typed, problem_of, read_form, read_query
from gateway.html.render import go, page, undo_of
from gateway.http.acts import Door, report_file
from gateway.http.fields import place_of, shape_of
from gateway.http.lists import ROWS_AT_ONCE
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply, Route
from kernel.errors import DomainError
from kernel.fields import FieldFacts, Fields, LooseFields, facts_of
from kernel.ids import new_id
from keys.account import lock_tenants
from keys.act import Act, AnyChange, ApiAct, Change, ListAct, ReadAct, ReportAct
from runtime.acts import check_done, run_alone
from store.database import Transaction
from store.keyset import end_of

_ADMIN: Final = "/dashboard/admin"
_LINES_MAX: Final = 500
_READS_MAX: Final = 20
_NO_CELLS: Final = frozenset({"rows", "object"})
_UNITS: Final = re.compile("^last_|_(at|cents|micros)$")
ACT_PAGES: Final[list["ActPages"]] = []
# Acts whose form is on their object's page, with the form's path under /dashboard/admin.
FORM_ACTS: Final[list[tuple[AnyChange, str]]] = []


@dataclass(frozen=True, kw_only=True)
class ActPages:
    """The pages of one subject.

    - `path` is relative to /dashboard/admin. `empty` is the text of an empty list.
    - `choices` returns the allowed values of a form's fields in an environment.
    - `own_address` is the address of an object's page, without the object's name. If it is empty, objects have no
      page.
    """

    path: str
    title: str
    lead: str
    empty: str
    listed: ListAct[Any, Any]
    query: Any
    create: AnyChange | None = None
    also: Sequence[AnyChange] = ()
    buttons: Sequence[AnyChange] = ()
    filters: Sequence[str] = ()
    own_address: str = ""
    beside: Sequence[tuple[str, str]] = ()
    choices: Callable[[Transaction, str], Awaitable[Mapping[str, Collection[str]]]] | None = None

    def routes(self, *more: AnyChange) -> tuple[Route, ...]:
        ACT_PAGES.append(self)
        for act in (*self.acts, *more):
            SAID[act.name] = act.done
        return (
            admin_route("GET", self.path, self._show, self.title),
            *(
                admin_route("GET", f"/new{self.path}", self._show_new, act.summary)
                for act in self._made
                if act.input.layout
            ),
            *(
                admin_route("POST", self.path_of(act), self._made_by(act), act.summary)
                for act in self._made
            ),
            *(
                admin_route("POST", self.path_of(act), self._button(act), act.summary)
                for act in self.buttons
            ),
        )

    def path_of(self, act: AnyChange) -> str:
        if act is self.create:
            return self.path
        start = act.path.index("{") - 1 if "{" in act.path else len(self.listed.path)
        return self.path + act.path[start:]

    @property
    def _made(self) -> Sequence[AnyChange]:
        return self.also if self.create is None else (self.create, *self.also)

    @property
    def acts(self) -> Sequence[AnyChange]:
        return (*self._made, *self.buttons)

    @property
    def address(self) -> str:
        return _ADMIN + self.path

    def form_address(self, act: AnyChange) -> str:
        """Return the address of the act's form. A form with steps has its own page. Other forms are on the list's
        page.
        """
        if act.input.layout:
            return f"{_ADMIN}/new{self.path}"
        return f"{self.address}#{_verb(act)}"

    @staticmethod
    def sort_of(fact: FieldFacts) -> str:
        return _UNITS.sub("", fact.name)

    async def _show(self, call: RequestContext[Any, Any]) -> Reply:
        return await self._page(call, Form({}), NO_PROBLEM)

    async def _show_new(self, call: RequestContext[Any, Any]) -> Reply:
        act = next(one for one in self._made if one.input.layout)
        return await self._new_page(call, act, Form({}), NO_PROBLEM)

    async def _new_page(
        self, call: RequestContext[Any, Any], act: AnyChange, form: Form, problem: Problem
    ) -> Reply:
        address, fields, has_secret = await self._form(call, act, form)
        return page(
            call,
            "acts/new.html",
            status=problem.status,
            title=act.summary,
            crumbs=((self.address, self.title),),
            lead=self.lead,
            action=address,
            button=act.summary,
            has_secret=has_secret,
            form_key=new_id("frm"),
            form=stepped(act.input, fields, form, problem),
            problem=problem,
        )

    def _made_by(self, act: AnyChange) -> Any:
        async def send(call: RequestContext[Any, Any]) -> Reply:
            return await self._create(call, act)

        send.__doc__ = act.summary
        return send

    async def _create(self, call: RequestContext[Any, Any], act: AnyChange) -> Reply:
        form = read_form(call)
        if act.input.layout and form.text(STEP_FIELD):
            return await self._new_page(call, act, form, problem_typed(act.input, form))
        try:
            sent = await run_typed(call, act, form)
        except DomainError as error:
            problem = problem_of(error)
            if act.input.layout:
                return await self._new_page(call, act, form, problem)
            return await self._page(call, form, problem, act)
        made = sent.result
        secrets = made.shown_once if isinstance(made, Change) else {}
        if not secrets:
            is_repeated = made is None and act.shows_secret
            return go(self.address, said="shown-before" if is_repeated else act.name)
        files = {name: _csv(name, one) for name, one in secrets.items() if isinstance(one, list)}
        found: dict[str, Any] = {
            "own": self.own_address and self.own_address + sent.object_id,
            "made_id": sent.object_id,
            "secrets": secrets,
            "files": files,
        }
        return page(call, "acts/made.html", pages=self, done=act.done, **found)

    def _button(self, act: AnyChange) -> Any:
        async def press(call: RequestContext[Any, Any]) -> Reply:
            form = Form({**read_query(call).fields, **read_form(call).fields})
            await run_typed(call, act, form)
            back = next((one for one in self.buttons if one.name == act.undo), None)
            if back is None:
                return go(self.address, said=act.name)
            address = self._address_of(back, {**form.fields, **_named(call, act)})
            return go(self.address, said=act.name, **undo_of(call, address))

        press.__doc__ = act.summary
        return press

    async def on_all(self, call: RequestContext[Any, Any], act: AnyChange) -> Reply:
        sheet, read = self._reader(call)
        rows, is_cut = await call.context.database.read(
            lambda tx: self._applicable(tx, act, sheet, read)
        )

        async def run(object_id: str, _form: Form) -> object:
            call.params = {_param(act)[1:-1]: object_id} if "{" in act.path else {}
            return await run_typed(call, act, Form({act.named_by: [object_id]}))

        matched = Matched(
            f"{_verb(act)} all".capitalize(),
            [str(sheet.seen(one)[act.named_by]) for one in rows],
            sheet.total(rows),
            is_cut,
            self.title,
            address(self.address, kept_of(call, self.filters)),
            act.description or act.summary,
        )
        return await on_all(call, matched, run)

    async def _applicable(
        self, tx: Transaction, act: AnyChange, sheet: "_ActSheet", read: ReadRows[Any]
    ) -> tuple[Sequence[Any], bool]:
        """Return up to MATCHED_MAX rows to which the act applies, and whether there may be more."""
        rows: list[Any] = []
        cursor: str | None = None
        for _ in range(_READS_MAX):
            found = await read(tx, cursor, ROWS_AT_ONCE)
            rows += [
                one for one in found if act.applies is None or act.applies(self.listed.show(one))
            ]
            is_long = bool(self.listed.prefix or self.listed.own_cursors)
            cursor = end_of(found)
            if is_long and len(found) == ROWS_AT_ONCE:
                cursor = sheet.after(found[-1], "")
            if cursor is None or len(rows) > MATCHED_MAX:
                break
        return rows[:MATCHED_MAX], cursor is not None or len(rows) > MATCHED_MAX

    async def _page(
        self,
        call: RequestContext[Any, Any],
        form: Form,
        problem: Problem,
        sent: AnyChange | None = None,
    ) -> Reply:
        act = self.listed
        try:
            listing = await self._listing(call)
        except DomainError as error:
            problem, listing = problem_of(error), Paged(filters=read_query(call), is_filtered=True)
        if not isinstance(listing, Paged):
            return listing
        facts = {
            one.name: one
            for one in facts_of(act.result)
            if one.kind not in _NO_CELLS or one.name in act.columns
        }
        chosen = [one for one in columns_of(read_query(call)) if one in facts]
        return page(
            call,
            "acts/list.html",
            status=problem.status,
            pages=self,
            columns=[facts[name] for name in chosen or act.columns],
            offered=[(one.name, one.label) for one in facts.values()],
            usual=act.columns,
            on_all=self._offered_on_all(listing),
            listing=listing,
            rows=[
                (msgspec.to_builtins(view), self.buttons_of(view))
                for view in map(act.show, listing.items)
            ],
            forms=[
                (one, *await self._form(call, one, form if one is sent else Form({})))
                for one in self._made
                if not one.input.layout
            ],
            long_forms=[
                (one.summary, self.form_address(one)) for one in self._made if one.input.layout
            ],
            filters=[
                one for one in fields_of(act.query, listing.filters) if one.name in self.filters
            ],
            form_key=new_id("frm"),
            problem=problem,
        )

    async def _listing(self, call: RequestContext[Any, Any]) -> Paged | Reply:
        """Read a page of the list, or return the whole list as a file."""
        is_long = bool(self.listed.prefix or self.listed.own_cursors)
        sheet, read = self._reader(call)

        async def read_all(tx: Transaction) -> Sequence[Any]:
            return await read(tx, None, 0)

        if is_long:
            whole = await whole_list(call, sheet, read)
        else:
            whole = await whole_short_list(call, sheet, read_all)
        if whole is not None:
            return whole
        if is_long:
            return await one_page(call, sheet, read)
        found = await call.context.database.read(read_all)
        return short(call, sheet, found)

    def _reader(self, call: RequestContext[Any, Any]) -> tuple["_ActSheet", ReadRows[Any]]:
        act, door = self.listed, Door(self.listed, call, is_operator=True)
        facts = {one.name: one for one in facts_of(act.result)}
        sheet = _ActSheet(
            act.name.partition(".")[0],
            tuple(facts),
            filters=self.filters,
            sorts=act.sorts,
            view=act.show,
            summed=Summed(*act.summed),
        )
        query = self._query(call)

        async def read(tx: Transaction, cursor: str | None, limit: int) -> Sequence[Any]:
            begin = place_of(cursor, act.prefix, act.sorts) if act.prefix else cursor
            # These cursors name the last row shown, so no extra row is read.
            limit = ROWS if act.own_cursors and limit == ASKED else limit
            return await act.run(await door.context(tx), query, begin, limit)

        return sheet, read

    async def _form(
        self, call: RequestContext[Any, Any], act: AnyChange, form: Form
    ) -> tuple[str, Sequence[ShownField], bool]:
        """Return the form's address and fields, and whether a field is a secret. Browsers don't store a
        form with a secret.
        """
        choices, environment, found = self.choices, call.principal.environment, None
        if choices is not None:
            found = await call.context.database.read(lambda tx: choices(tx, environment))
        struct: type[Fields] = act.input
        has_secret = any(fact.is_secret for fact in facts_of(struct))
        return _ADMIN + self.path_of(act), fields_of(struct, form, found), has_secret

    def _query(self, call: RequestContext[Any, Any]) -> Any:
        asked = read_query(call)
        given = {name: text for name in self.filters if (text := asked.text(name))}
        if not given:
            return self.query
        values = {**msgspec.to_builtins(self.query), **given}
        query: Any = self.listed.query
        return shape_of(query).decode(msgspec.json.encode(values), None)

    def buttons_of(self, view: Any) -> list[tuple[str, str, str]]:
        """Return the path, the label and the question of each act that the object's state allows."""
        fields: dict[str, Any] = msgspec.to_builtins(view)
        return [
            (
                self._address_of(act, fields),
                _verb(act).replace("-", " ").capitalize(),
                act.asks.format_map(in_words(act.result, fields)),
            )
            for act in self.buttons
            if act.applies is None or act.applies(view)
        ]

    def _offered_on_all(self, listing: Paged) -> Sequence[tuple[str, str]]:
        views = list(map(self.listed.show, listing.items))
        acts = {
            f"{_verb(act)} all".capitalize(): _verb(act)
            for act in self.buttons
            if any(act.applies is None or act.applies(view) for view in views)
        }
        return all_links(f"{_ADMIN}/all", self.path, acts, listing)

    def _address_of(self, act: AnyChange, fields: Mapping[str, Any]) -> str:
        address, named = _ADMIN + self.path_of(act), fields[act.named_by]
        if "{" in act.path:
            return address.replace(_param(act), named)
        return f"{address}?{urlencode({act.named_by: named})}"


@dataclass(frozen=True)
class _ActSheet(Sheet[Any]):
    view: Callable[[Any], Any] = field(kw_only=True)

    def seen(self, row: Any) -> Any:
        return msgspec.to_builtins(self.view(row))


@dataclass(frozen=True, kw_only=True)
class SettingsPage:
    """A page with one form.

    - `path` is relative to /dashboard/admin.
    - `of` contains the subject's pages. This page also shows their buttons.
    - `shown` reads the current settings. Its fields have the same names as the form's.
    """

    path: str
    title: str
    lead: str
    shown: ReadAct[Any]
    change: AnyChange
    details: Sequence[str] = ()
    of: ActPages | None = None

    def routes(self) -> tuple[Route, ...]:
        SAID[self.change.name] = self.change.done
        return (
            admin_route("GET", self.path, self._show, self.title),
            admin_route("POST", self.path, self._change, self.change.summary),
        )

    async def _show(self, call: RequestContext[Any, Any]) -> Reply:
        return await self._page(call, None, NO_PROBLEM)

    async def _change(self, call: RequestContext[Any, Any]) -> Reply:
        form = read_form(call)
        if self.change.input.layout and form.text(STEP_FIELD):
            return await self._page(call, form, problem_typed(self.change.input, form))
        try:
            await run_typed(call, self.change, form)
        except DomainError as error:
            return await self._page(call, form, problem_of(error))
        return go(call.path, said=self.change.name)

    async def _page(
        self, call: RequestContext[Any, Any], form: Form | None, problem: Problem
    ) -> Reply:
        door = Door(self.shown, call, is_operator=True)

        async def work(tx: Transaction) -> Any:
            return await self.shown.read(await door.context(tx), self.shown.query())

        current = self.shown.show(await call.context.database.read(work))
        seen = msgspec.to_builtins(current)
        struct: type[Fields] = self.change.input
        shown = form or form_of(struct, current)
        fields = fields_of(struct, shown)
        title = self.title if self.of is None else getattr(current, "name", self.title)
        if struct.layout:
            return page(
                call,
                "acts/new.html",
                status=problem.status,
                title=title,
                crumbs=() if self.of is None else ((self.of.address, self.of.title),),
                lead=self.lead,
                action=call.path,
                button="Save",
                form=stepped(struct, fields, shown, problem, begins_open=False),
                buttons=[] if self.of is None else self.of.buttons_of(current),
                problem=problem,
            )
        return page(
            call,
            "acts/form.html",
            status=problem.status,
            settings=self,
            title=title,
            details=[one for one in facts_of(self.shown.result) if one.name in self.details],
            current=seen,
            question=self.change.asks.format_map(in_words(self.shown.result, seen)),
            buttons=[] if self.of is None else self.of.buttons_of(current),
            action=call.path,
            fields=fields,
            problem=problem,
        )


@dataclass(frozen=True, kw_only=True)
class ReportPage:
    """A page with a report's options and first lines, and a link to the whole report.

    `summed` names the columns to add up.
    """

    path: str
    title: str
    lead: str
    empty: str
    act: ReportAct[Any, Any]
    summed: Sequence[str] = ()
    beside: Sequence[tuple[str, str]] = ()

    def routes(self) -> tuple[Route, ...]:
        struct: type[Fields] = self.act.query
        ticked: list[Any] = [
            (fact.name, list[str], msgspec.field(default_factory=list))
            for fact in facts_of(struct)
            if fact.is_list
        ]
        name = f"{self.act.result.__name__}PageQuery"
        query = msgspec.defstruct(name, ticked, bases=(LooseFields,), kw_only=True)
        return (
            admin_route("GET", self.path, self._show, self.title, cast(type[LooseFields], query)),
        )

    async def _show(self, call: RequestContext[Any, Any]) -> Reply:
        act, form, problem, lines = self.act, read_query(call), NO_PROBLEM, list[Any]()
        struct: type[Fields] = act.query
        try:
            typed = Typed(form)
            asked: Any = checked(struct, typed_values(struct, typed), typed.wrong)
            door = Door(act, call, is_operator=True)
            database = call.context.database.unhurried()
            lines = [act.show(one) for one in await act.run(await door.alone(), asked, database)]
            if asked.format != "json":
                return await report_file(act, call, lines, asked.format, SCOPES)
        except DomainError as error:
            problem = problem_of(error)
        shown = [msgspec.to_builtins(one) for one in lines[:_LINES_MAX]]
        facts = {one.name: one for one in facts_of(act.result)}
        chosen = {fact.name: form.many(fact.name) for fact in facts_of(struct)}
        return page(
            call,
            "acts/report.html",
            status=problem.status,
            report=self,
            action=call.path,
            fields=[one for one in fields_of(struct, form) if one.name != "format"],
            # A column without values belongs to an option that wasn't chosen.
            columns=[
                facts[name] for name in act.columns if any(one[name] is not None for one in shown)
            ],
            lines=shown,
            lines_total=len(lines),
            sums={name: sum(getattr(one, name) for one in lines) for name in self.summed},
            file_url=f"{call.path}?{urlencode({**chosen, 'format': 'csv_excel'}, doseq=True)}",
            problem=problem,
        )


class ActForm(NamedTuple):
    act: AnyChange
    address: str
    fields: Sequence[ShownField]
    question: str
    problem: Problem


def act_form(
    act: AnyChange,
    address: str,
    words: Mapping[str, Any],
    sent: tuple[AnyChange | None, Form, Problem],
    choices: Mapping[str, Any] | None = None,
) -> ActForm:
    """Fill in an act's form. `words` fill the placeholders in its question. `sent` is the submitted form: its act,
    fields and problem.
    """
    form, problem = sent[1:] if sent[0] is act else (Form({}), NO_PROBLEM)
    fields = fields_of(act.input, form, choices)
    return ActForm(act, address, fields, act.asks.format_map(words), problem)


class Sent(NamedTuple):
    """The result of a form. `result` is None if the form was already sent."""

    object_id: str
    result: Any


def form_route(
    act: AnyChange,
    shown: Callable[[RequestContext[Any, Any], Form, Problem], Awaitable[Reply]],
    *,
    path: str = "",
    goes_to: Callable[[str], str] | None = None,
) -> Route:
    """Return the route of an act's form on its object's page.

    - `shown` renders the page again with a problem.
    - `path` is relative to /dashboard/admin. If it is empty, the act's path is used.
    - `goes_to` makes the next page's address from the result's ID. If it is None, the object's page is
      next.
    """
    path = path or act.path
    own = _ADMIN + path[: path.index("}") + 1]

    async def send(call: RequestContext[Any, Any]) -> Reply:
        form = read_form(call)
        try:
            sent = await run_typed(call, act, form)
        except DomainError as error:
            return await shown(call, form, problem_of(error))
        address = own.format_map(call.params) if goes_to is None else goes_to(sent.object_id)
        return go(address, said=act.name)

    send.__doc__ = act.summary
    SAID[act.name] = act.done
    FORM_ACTS.append((act, path))
    return admin_route("POST", path, send, act.summary)


async def _on_all(call: RequestContext[Any, Any]) -> Reply:
    asked = read_query(call)
    for pages in ACT_PAGES:
        for act in pages.buttons:
            if (pages.path, _verb(act)) == (asked.text("on"), asked.text("do")):
                return await pages.on_all(call, act)
    return confirm(call, NOTHING)


ALL_ROUTES: Final = tuple(
    admin_route(method, "/all", _on_all, "An act on all that match") for method in ("GET", "POST")
)


async def run_typed(call: RequestContext[Any, Any], act: AnyChange, form: Form) -> Sent:
    """Run the act once, as the operator who filled in the form. If fields are wrong, raise InvalidInput with all of
    them.
    """
    typed = Typed(form)
    asked = checked(act.input, typed_values(act.input, typed), typed.wrong)
    results: list[Any] = []

    def render(result: Any) -> Answer:
        # If the commit is retried, this renders again, and only the last result is used.
        results[:] = [result]
        found = result.after if isinstance(result, Change) else result
        check_done(act, found)
        return Answer(200, str(getattr(act.show(found), act.named_by, "")).encode())

    call.request_key = form_key(call, form)
    answer = await Door(act, call, is_operator=True).run(asked, render)
    return Sent(answer.body.decode(), None if answer.is_replay else results[0])


def problem_typed(struct: type[Fields], form: Form) -> Problem:
    typed = Typed(form)
    return problem_before(struct, typed_values(struct, typed), typed.wrong, form)


async def run_asked(call: RequestContext[Any, Any], act: AnyChange, asked: Fields) -> Any:
    assert not isinstance(act, ApiAct), "the API runs it itself"
    door = Door(act, call, is_operator=True)
    if not isinstance(act, Act):
        return await run_alone(act, await door.alone(), asked)
    await door.prepare(asked)
    change = door.work(act, asked)

    async def work(tx: Transaction) -> Any:
        if owners := await door.owners(tx):
            await lock_tenants(tx, owners)
        return await change(tx)

    return await call.context.database.transaction(work)


def _csv(name: str, lines: Sequence[str]) -> str:
    """Return the CSV as a data URL, because its secrets can't be fetched again."""
    text = "".join(f"{line}\r\n" for line in (name.removesuffix("s"), *lines))
    return f"data:text/csv;base64,{base64.b64encode(text.encode()).decode()}"


def _verb(act: AnyChange) -> str:
    return act.name.partition(".")[2]


def _named(call: RequestContext[Any, Any], act: AnyChange) -> Mapping[str, str]:
    return {act.named_by: next(iter(call.params.values()))} if call.params else {}


def _param(act: AnyChange) -> str:
    return act.path[act.path.index("{") : act.path.index("}") + 1]
