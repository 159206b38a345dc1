"""Serve acts over HTTP. Each act becomes a route. Its handler parses the input, runs the act and
responds.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache, partial, wraps
from operator import attrgetter
from types import MappingProxyType
from typing import Annotated, Any, Final, NamedTuple, TypeVar, cast

from msgspec import Meta, defstruct
from msgspec.structs import asdict, replace
from starlette.requests import Request

from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer, refuse
from gateway.answers.links import person_link
from gateway.answers.outcome import Outcome, exported, ok
from gateway.answers.words import API_PREFIX
from gateway.http.acting import actor_of
from gateway.http.auth import is_traced, is_within
from gateway.http.errors import refusal_of, row_of
from gateway.http.idempotency import run_once, run_steps, stored_answer
from gateway.http.lists import (
    Export,
    page,
    rows_csv,
    rows_page,
    short_csv,
    short_list,
    stretch_page,
    stretches_csv,
)
from gateway.http.password_again import require_password
from gateway.http.rate_limit import guarded, pace, pace_target
from gateway.http.refused_items import RefusedItems
from gateway.http.request_context import RequestContext
from gateway.http.routing import Handler, Reply, Route
from gateway.http.waiting import poll_links, when_changed, with_poll_headers
from kernel.errors import DomainError, NotFound
from kernel.fields import ExportPage, Fields, facts_of
from kernel.refused import Failure
from kernel.shaped import Listing
from kernel.tenant import Tenant
from kernel.words import TopUpStatus
from keys.account import account_named, tenants_of
from keys.act import (
    MERCHANT,
    OPERATOR,
    Act,
    ActContext,
    ActRow,
    AnyAct,
    AnyChange,
    ApiAct,
    ApiRead,
    CallContext,
    Change,
    ChangingAct,
    EngineAct,
    EnvelopeFacts,
    Failing,
    ListAct,
    ReadAct,
    ReportAct,
    StepsAct,
)
from keys.audit_log import Actor
from keys.principal import ADMIN, AddressNotAllowed, Environment, ScopeMissing
from keys.tokens.access_token import check_operates
from runtime.acts import run_act
from runtime.log import mask
from store.database import Transaction
from store.keyset import Begin
from webhooks.endpoints.fields import check_target

R = TypeVar("R")
T = TypeVar("T")
RunAct = Act[Any, Any] | EngineAct[Any, Any] | StepsAct[Any, Any]
HTTP_OK: Final = 200
MOUNTED: Final[dict[str, AnyAct]] = {}
_ROUTES: Final[dict[tuple[str, str], Route]] = {}


class Rendered(NamedTuple):
    """A response that an act's view can't describe: its outcomes, and the function that builds it."""

    answers: tuple[Outcome, ...]
    render: Callable[[RequestContext[Any, Any]], Callable[[Any], Answer]]


def routes_of(
    acts: Sequence[AnyAct],
    *,
    is_operator: bool = False,
    rendered: Mapping[str, Rendered] = MappingProxyType({}),
) -> tuple[Route, ...]:
    """Return a route for each act. `rendered` maps act names to the responses that acts build themselves."""
    audience = OPERATOR if is_operator else MERCHANT
    made = [act for act in acts if audience in act.audience]
    routes = tuple(_route(act, rendered.get(act.name), is_operator=is_operator) for act in made)
    if not is_operator:
        MOUNTED.update({act.name: act for act in made})
        _ROUTES.update({(route.method, route.path): route for route in routes})
    return routes


def route_of(act: AnyChange) -> Route:
    """Return the route of a merchant's act, even if it is only offered on pages."""
    place = act.method, act.path
    if place not in _ROUTES:
        _ROUTES[place] = _route(act, None, is_operator=False)
    return _ROUTES[place]


def own_route(
    act: ApiAct[Any] | ApiRead,
    handler: Handler,
    answers: tuple[Outcome, ...],
    query: type[Fields] = Fields,
    **more: Any,
) -> Route:
    """Return the route of an act with its own handler. `more` adds parameters of Route, such as `decode`."""
    MOUNTED[act.name] = act
    if isinstance(act, ApiAct):
        more |= {"body": act.input, "is_for_paused": act.is_for_paused, "takes_key": act.takes_key}
    else:
        query = act.query
    return Route(
        act.method if isinstance(act, ApiAct) else "GET",
        act.path,
        handler,
        act.summary,
        act.scopes,
        query=query,
        answers=answers,
        **_documents(act),
        **more,
    )


def _route(act: AnyAct, rendered: Rendered | None, *, is_operator: bool) -> Route:
    assert not isinstance(act, ApiAct | ApiRead), "own_route mounts them"
    if isinstance(act, ChangingAct):
        return _changing(act, rendered, is_operator=is_operator)
    if isinstance(act, ReadAct):
        return Route(
            "GET",
            act.path,
            _handler(act, partial(_read, act), is_operator=is_operator),
            act.summary,
            _scopes(act, is_operator=is_operator),
            query=_query(act, act.query, is_operator=is_operator),
            answers=ok(act.result, *_codes(act)),
            session_only=act.session_only and not is_operator,
            **_documents(act),
        )
    handle: Any
    if isinstance(act, ReportAct):
        handle, is_exported = partial(_report, act), True
    else:
        handle, is_exported = partial(_list, act), issubclass(act.query, ExportPage)
    listing: Any = Listing
    return Route(
        "GET",
        act.path,
        _handler(act, handle, is_operator=is_operator),
        act.summary,
        _scopes(act, is_operator=is_operator),
        query=_query(act, act.query, is_operator=is_operator),
        answers=(exported if is_exported else ok)(listing[act.result]),
        **_documents(act),
    )


def _changing(act: RunAct, rendered: Rendered | None, *, is_operator: bool) -> Route:
    found = _codes(act)
    if rendered is not None:
        outcomes = rendered.answers
    elif act.is_pending is None:
        outcomes = (Outcome(act.status, act.result, found),)
    else:
        ended = tuple(code for code in found if code != codes.PENDING)
        waits = (codes.PENDING,) if codes.PENDING in found else found
        outcomes = (Outcome(act.status, act.result, ended), Outcome(202, act.result, waits))
    if isinstance(act, Act) and act.dry is not None:
        outcomes += (Outcome(act.status, act.dry),)
    if isinstance(act, StepsAct) and act.failing is not None:
        outcomes += _failures(act.failing, act.result)
    return Route(
        act.method,
        act.path,
        _handler(act, partial(_change, act, rendered), is_operator=is_operator),
        act.summary,
        _scopes(act, is_operator=is_operator),
        body=Fields if act.is_in_query else act.input,
        query=_query(act, act.input if act.is_in_query else Fields, is_operator=is_operator),
        answers=outcomes,
        asks_password=act.asks_password,
        session_only=act.session_only and not is_operator,
        is_for_paused=act.is_for_paused,
        is_for_suspended=act.is_for_suspended,
        takes_key=act.takes_key,
        **_documents(act),
    )


def _failures(failing: Failing, result: type) -> tuple[Outcome, ...]:
    row = row_of(failing.kind)
    return () if row is None else (Outcome(row.http_status, _failed_shape(result), (row.code,)),)


def _codes(act: ActRow) -> tuple[int, ...]:
    found = (codes.SUCCESS if one == "ok" else codes.OUTCOMES[one] for one in act.outcomes)
    return tuple(dict.fromkeys(found))


def _query(act: ActRow, query: type[Fields], *, is_operator: bool) -> type[Fields]:
    is_found = act.is_catalogue or act.names_account or act.owner_of is not None
    is_named = is_operator and not is_found
    return _of_account(query) if is_named else query


def _scopes(act: ActRow, *, is_operator: bool) -> tuple[str, ...]:
    if not is_operator:
        return act.scopes
    if not isinstance(act, ChangingAct):
        return ("operator:read",)
    return ("operator:money",) if act.moves_money else ("operator:write",)


def _documents(act: ActRow) -> Mapping[str, Any]:
    found = [row for kind in act.refuses if (row := row_of(kind)) is not None]
    refused = tuple(dict.fromkeys(row.code for row in found))
    return {"description": act.description, "refuses": refused}


def _handler(
    act: RunAct | ReadAct[Any] | ListAct[Any, Any] | ReportAct[Any, Any],
    handle: Any,
    *,
    is_operator: bool,
) -> Handler:
    """Return a handler. For the documentation, it has the name and module of the act's function."""
    run: Any = act.command if isinstance(act, EngineAct) else act.run
    subject = run.func if isinstance(run, partial) else run

    def handler(call: RequestContext[Any, Any]) -> Awaitable[Reply]:
        if is_operator:
            _check_address(call)
            _check_live(act, call)
        reply: Awaitable[Reply] = handle(call, is_operator=is_operator)
        return reply

    return wraps(subject)(handler)


def _check_address(call: RequestContext[Any, Any]) -> None:
    settings = call.context.settings
    traced = is_traced(Request(call.scope), settings.trusted_proxies)
    if not traced or not is_within(call.address, settings.operator_api):
        raise AddressNotAllowed("The operators' API doesn't accept calls from this address.")


def _check_live(act: AnyAct, call: RequestContext[Any, Any]) -> None:
    if (
        act.is_account_wide
        and isinstance(act, ChangingAct)
        and call.principal.environment != "live"
    ):
        raise ScopeMissing(
            "This also changes the live account. Use a live operator token.", reason="scope"
        )


async def _change(
    act: RunAct, rendered: Rendered | None, call: RequestContext[Any, Any], *, is_operator: bool
) -> Answer:
    asked = call.query if act.is_in_query else call.body
    door = Door(act, call, is_operator=is_operator)
    if rendered is not None:
        given = await door.run(asked, rendered.render(call))
        return given if given.status == HTTP_OK else with_poll_headers(call, given)
    show = act.show if act.seen is None else await door.shape()
    render = partial(_changed, act, call, show)
    if isinstance(act, Act) and act.dry is not None and asked.dry_run:
        await door.prepare(asked)
        return render(await call.context.database.read(door.work(act, asked)))
    return _to_poll(act, call, await door.run(asked, render))


def _failed(call: RequestContext[Any, Any], error: DomainError, shown: Any) -> Answer:
    refusal, caller = refusal_of(error, call.home), call.principal
    link = person_link(
        refusal.code.code,
        refusal.error,
        home=call.home,
        path=call.path.removeprefix(API_PREFIX),
        key_id=caller.key_id,
        has_person=not caller.is_sandbox,
    )
    data = {"error": {**refusal.error, "links": [link]}, _word_of(type(shown)): shown}
    return answer(refusal.code.code, data, now_us=call.now_us, http_status=refusal.http_status)


@cache
def _failed_shape(result: type) -> type:
    fields = [
        ("error", Annotated[Failure, Meta(description="The error.")]),
        (
            _word_of(result),
            Annotated[result, Meta(description="The result of what was done nevertheless.")],
        ),
    ]
    words = {"__doc__": "The result, and the error of a failed external call."}
    return defstruct(f"Failed{result.__name__}", fields, kw_only=True, namespace=words)


def _word_of(result: type) -> str:
    return result.__name__.lower()


def _changed(
    act: RunAct, call: RequestContext[Any, Any], show: Callable[[Any], Any], result: Any
) -> Answer:
    refused = None
    if isinstance(act, EngineAct) and act.refusal is not None:
        refused = act.refusal(result)
    if refused is not None:
        path = call.template.removeprefix(API_PREFIX)
        return refuse(RefusedItems(call, path).of(refused, {}), call.now_us)
    found = result.after if isinstance(result, Change) else result
    shown = shown_of(act, result) if isinstance(result, Change) else show(result)
    failing = act.failing if isinstance(act, StepsAct) else None
    detail = None if failing is None else failing.detail(result)
    if failing is not None and detail is not None:
        return _failed(call, failing.kind(detail), shown)
    is_pending = act.is_pending is not None and act.is_pending(shown)
    http_status, status = (202, "pending") if is_pending else (act.status, None)
    return _answer(act, call, shown, found, http_status=http_status, status=status)


def _answer(
    act: ActRow,
    call: RequestContext[Any, Any],
    shown: Any,
    found: Any,
    *,
    http_status: int = 200,
    status: str | None = None,
) -> Answer:
    told = EnvelopeFacts() if act.told is None else act.told(found, shown)
    code = codes.SUCCESS
    if told.status in act.outcomes:
        code = codes.OUTCOMES[cast(TopUpStatus, told.status)]
    if code == codes.PENDING and told.id is not None:
        shown.links = poll_links(call, told.id, told.status, told.approval_id)
        shown.next_action = "poll"
    # An isinstance check against a Protocol would take 9 µs.
    in_order = getattr(shown, "in_order", None)
    return answer(
        code,
        shown if in_order is None else in_order(),
        now_us=call.now_us if told.at_us is None else told.at_us,
        http_status=http_status,
        status=told.status or status,
        transaction_id=told.id,
        voucher_of=told.voucher_of,
        voucher_code=told.voucher_code,
    )


def _to_poll(act: ActRow, call: RequestContext[Any, Any], given: Answer) -> Answer:
    return given if act.outcomes == ("ok",) else with_poll_headers(call, given)


async def _looked_up(
    act: ActRow, call: RequestContext[Any, Any], look_up: Callable[[], Awaitable[T]]
) -> T:
    if not act.guesses_code:
        return await look_up()
    return await guarded(call.context.limiter, call.principal, look_up)


async def _read(act: ReadAct[Any], call: RequestContext[Any, Any], *, is_operator: bool) -> Answer:
    found, shown = await read_act(act, call, is_operator=is_operator)
    return _to_poll(act, call, _answer(act, call, shown, found))


async def read_act(
    act: ReadAct[Any], call: RequestContext[Any, Any], *, is_operator: bool = False
) -> tuple[Any, Any]:
    """Run the act with the request's query. Return the result, and its view for this caller."""
    door = Door(act, call, is_operator=is_operator)
    await door.prepare(call.query)

    async def work(tx: Transaction) -> Any:
        return await act.read(await door.context(tx), call.query)

    async def read() -> Any:
        return await call.context.database.read(work)

    if act.state is None:
        found = await _looked_up(act, call, read)
    else:
        found = await when_changed(call, read, act.state, _scopes(act, is_operator=is_operator))
    return found, (await door.shape())(found)


def list_reply(act: ListAct[Any, Any], call: RequestContext[Any, Any]) -> Awaitable[Reply]:
    return _list(act, call, is_operator=False)


async def _list(
    act: ListAct[Any, Any], call: RequestContext[Any, Any], *, is_operator: bool
) -> Reply:
    if not act.export or call.query.format == "json":
        data = await list_act(act, call, is_operator=is_operator)
        return answer(codes.SUCCESS, data, now_us=call.now_us)
    door = Door(act, call, is_operator=is_operator)
    scopes, show, rows = _scopes(act, is_operator=is_operator), await door.shape(), door.rows
    name = act.path.strip("/")
    export = Export(
        act.name.partition(".")[0] if "/" in name else name,
        scopes,
        act.export,
        None if act.seen is None else act.show,
    )
    if act.own_cursors:
        return await stretches_csv(call, rows, export, shape=show)
    if act.prefix:
        return await rows_csv(call, act.prefix, rows, export, shape=show, sorts=act.sorts)
    found = await call.context.database.read(partial(rows, before_id=None, limit=0))
    return await short_csv(call, export, call.query.format, [show(one) for one in found])


async def list_act(
    act: ListAct[Any, Any], call: RequestContext[Any, Any], *, is_operator: bool = False
) -> Listing[Any]:
    door = Door(act, call, is_operator=is_operator)
    show, rows = await door.shape(), door.rows
    if act.own_cursors:
        return await stretch_page(call, rows, shape=show)
    if act.prefix:
        return await rows_page(call, act.prefix, rows, shape=show, sorts=act.sorts)
    found = await call.context.database.read(partial(rows, before_id=None, limit=0))
    items = [show(one) for one in found]
    return short_list(items, call.query, act.cursor or attrgetter(act.named_by))


async def _report(
    act: ReportAct[Any, Any], call: RequestContext[Any, Any], *, is_operator: bool
) -> Reply:
    door = Door(act, call, is_operator=is_operator)
    database = call.context.database.unhurried()
    found = await act.run(await door.alone(), call.query, database)
    lines = [act.show(one) for one in found]
    if call.query.format == "json":
        return answer(codes.SUCCESS, page(lines, None), now_us=call.now_us)
    scopes = _scopes(act, is_operator=is_operator)
    return await report_file(act, call, lines, call.query.format, scopes)


async def report_file(
    act: ReportAct[Any, Any],
    call: RequestContext[Any, Any],
    lines: Sequence[Any],
    form: str,
    scopes: Sequence[str],
) -> Reply:
    export = Export(
        act.name.partition(".")[2], scopes, [fact.name for fact in facts_of(act.result)]
    )
    return await short_csv(call, export, form, lines, is_everybodys=act.is_catalogue)


class Door:
    __slots__ = ("_act", "_call", "_is_operator", "_locked", "_prepared")

    def __init__(self, act: AnyAct, call: RequestContext[Any, Any], *, is_operator: bool) -> None:
        self._act, self._call = act, call
        # The public API also has some operators' acts.
        self._is_operator = is_operator or (act.owner_of is not None and ADMIN in act.scopes)
        self._locked: Tenant | None = None
        self._prepared: Any = None

    @property
    def _ids(self) -> tuple[str, str]:
        found = self._call.params
        if not found or "{" not in self._act.path:
            return "", ""
        first, second, *_ = (*found.values(), "")
        return first, second

    async def prepare(self, asked: Any) -> None:
        if isinstance(self._act, Act | ReadAct) and self._act.prepare is not None:
            database = self._call.context.database
            self._prepared = await self._act.prepare(await self.alone(), asked, database)

    def run(self, asked: Any, render: Callable[[Any], Answer]) -> Awaitable[Answer]:
        """Run the act once for the request_key, and store the response that `render` builds from its result.

        An act with one transaction stores its response in the same transaction.
        """
        act = self._act
        if isinstance(act, EngineAct):
            return self._submit(act, asked, render)
        if isinstance(act, Act):
            return self._in_one(act, asked, render)
        assert isinstance(act, StepsAct), "only acts that change something are run"
        return self._in_steps(act, asked, render)

    async def _in_steps(
        self, act: StepsAct[Any, Any], asked: Any, render: Callable[[Any], Answer]
    ) -> Answer:
        call = self._call

        async def steps() -> Answer:
            await self._check_password(act, asked)
            context = await self.alone()
            caller, limiter = context.asker, call.context.limiter
            if caller is not None:
                counted = partial(pace, limiter, caller, act.name, act.paces, context.object_id)
                context = replace(context, pace=counted)
            return render(await act.run(context, asked))

        return await run_steps(
            call.context,
            call.principal,
            call.request_key,
            steps,
            lease_s=act.lease_s,
            sealed=act.shows_secret,
        )

    def work(self, act: Act[Any, R], asked: Any) -> Callable[[Transaction], Awaitable[Change[R]]]:
        async def work(tx: Transaction) -> Change[R]:
            return await run_act(act, await self.context(tx), asked)

        return work

    async def _in_one(
        self, act: Act[Any, Any], asked: Any, render: Callable[[Any], Answer]
    ) -> Answer:
        call = self._call
        if act.target or act.asks_password_if or act.prepare or act.paces:
            # A repeated request needs no checks before the transaction.
            stored = await stored_answer(call.context, call.request_key)
            if stored is not None:
                if act.shows_secret:
                    await self._check_password(act, asked)
                return stored
            await self._check_before(act, asked)
            await self.prepare(asked)
        work = self.work(act, asked)
        return await run_once(call, work, render, sealed=act.shows_secret, also_lock=self.owners)

    async def _check_before(self, act: Act[Any, Any], asked: Any) -> None:
        call, context = self._call, self._call.context
        await self._check_password(act, asked)
        if act.paces and not self._is_operator:
            await pace(context.limiter, call.principal, act.paces[0].what, act.paces)
        target = None if act.target is None else act.target(asked)
        if target is not None:
            await pace_target(context.limiter, call.principal)
            await check_target(target, call.principal.tenant, context.policy, context.transport)

    async def _check_password(self, act: AnyChange, asked: Any) -> None:
        is_asked = act.asks_password_if
        if is_asked is None:
            return

        async def work(tx: Transaction) -> bool:
            return await is_asked(await self.context(tx), asked)

        if await self._call.context.database.read(work):
            environment: Environment | None = "live" if act.is_account_wide else None
            await require_password(self._call, environment=environment)

    async def _submit(
        self, act: EngineAct[Any, Any], asked: Any, render: Callable[[Any], Answer]
    ) -> Answer:
        context, key = self._call.context, self._call.request_key
        try:
            tenant = None if self._is_operator else self._own_tenant
            caller = await self.alone() if tenant is None else self.in_tenant(tenant)
            if act.guesses_code:
                command = await _looked_up(act, self._call, lambda: act.command(caller, asked))
            else:
                command = await act.command(caller, asked)
        except DomainError:
            # If this request is a repeat, the state may have changed since the first. Return the stored response.
            stored = await stored_answer(context, key)
            if stored is not None:
                return stored
            raise
        return await context.engine.submit_once(command, key, render)

    async def owners(self, tx: Transaction) -> Sequence[Tenant]:
        """Return the tenants to lock in addition to the caller's. Raise NotFound if the object is unknown."""
        self._locked = await self._tenant(tx)
        return tenants_of(self._locked)

    async def rows(self, tx: Transaction, *, before_id: Begin, limit: int) -> Sequence[Any]:
        assert isinstance(self._act, ListAct), "only lists have rows"
        return await self._act.run(await self.context(tx), self._call.query, before_id, limit)

    async def context(self, tx: Transaction) -> ActContext:
        found = self.in_tenant(await self._allowed(tx))
        return ActContext(tx=tx, prepared=self._prepared, **asdict(found))

    async def alone(self) -> CallContext:
        tenant = None if self._is_operator else self._own_tenant
        if tenant is None:
            tenant = await self._call.context.database.read(self._allowed)
        return self.in_tenant(tenant)

    async def shape(self) -> Callable[[Any], Any]:
        seen = self._act.seen
        return self._act.show if seen is None else partial(seen, await self.alone())

    def in_tenant(self, tenant: Tenant) -> CallContext:
        """Return the context. All fields are written out, because unpacking a dict would take nine times as
        long.
        """
        call, caller = self._call, self._call.principal
        is_nobodys = self._is_operator or self._act.is_catalogue
        object_id, inner_id = self._ids
        return CallContext(
            tenant=tenant,
            asker=None if is_nobodys else caller,
            origin=self,
            now_us=call.now_us,
            service=call.context.part,
            person=caller.account_email or caller.account_id,
            object_id=object_id,
            inner_id=inner_id,
        )

    @property
    def by(self) -> Actor:
        if self._act.is_catalogue:
            return Actor.of(self._call.principal)
        if self._is_operator:
            # The account's users read this entry, so it must not show the operator's address.
            return replace(Actor.of(self._call.principal), kind="operator")
        return actor_of(self._call)

    @property
    def address(self) -> str | None:
        return self._call.address_text

    @property
    def masked_key(self) -> str | None:
        key = self._call.request_key
        return None if key is None else mask(key.text)

    @property
    def request_digest(self) -> str | None:
        return self._call.request_digest

    @property
    def _own_tenant(self) -> Tenant | None:
        caller, act = self._call.principal, self._act
        if act.is_catalogue:
            return Tenant("", "" if act.is_account_wide else caller.environment)
        if self._is_operator:
            return None
        if act.is_persons:
            return Tenant(caller.person_id, "")
        return Tenant(caller.account_id, "") if act.is_account_wide else caller.tenant

    async def _allowed(self, tx: Transaction) -> Tenant:
        if self._is_operator and isinstance(self._act, ChangingAct):
            await check_operates(tx, self._call.principal)
        return self._locked or await self._tenant(tx)

    async def _tenant(self, tx: Transaction) -> Tenant:
        own = self._own_tenant
        if own is not None:
            return own
        caller, act = self._call.principal, self._act
        if act.owner_of is None:
            name = self._ids[0] if act.names_account else self._call.query.account
            environment = "" if act.is_account_wide else caller.environment
            return Tenant((await account_named(tx, name)).id, environment)
        tenant = await act.owner_of(tx, self._ids[0])
        if tenant.environment != caller.environment:
            raise NotFound(act.name.partition(".")[0].removesuffix("s").capitalize())
        return tenant


def context_of(act: AnyAct, call: RequestContext[Any, Any]) -> CallContext:
    """Return the context of a merchant's act that has its own handler."""
    return Door(act, call, is_operator=False).in_tenant(call.principal.tenant)


def shown_of(act: ActRow, change: Change[Any]) -> Any:
    shown = act.show(change.after)
    if not change.shown_once:
        return shown
    return act.result(**{**asdict(shown), **change.shown_once})


@cache
def _of_account(query: type[Fields]) -> type[Fields]:
    words = "The account's ID or email address."
    account = Annotated[str, Meta(min_length=1, max_length=320, description=words)]
    made = defstruct(
        f"Account{query.__name__}", [("account", account)], bases=(query,), kw_only=True
    )
    return cast(type[Fields], made)
