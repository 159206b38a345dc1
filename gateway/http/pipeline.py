"""Check a request before its handler runs.

The checks run in this order: route, credential, address, rate limit, scope, query, body, origin (for cookies),
and Idempotency-Key. So a stranger learns only that a path exists. Stored responses are looked up only for
callers who may see them.
"""

from collections.abc import Awaitable
from functools import partial
from typing import Any

from starlette.types import Receive

from billing.topups import topup as topups
from gateway.answers import envelope
from gateway.answers.answer import Answer
from gateway.answers.envelope import code_of, transaction_id_of
from gateway.http.auth import check_presented, presented
from gateway.http.body import check_media_type, read_aside, read_body
from gateway.http.fields import canonical
from gateway.http.password_again import require_password
from gateway.http.rate_limit import SMALL_BODY_BYTES, RateLimit, Strangers, limit_agent, take_work
from gateway.http.request_context import RequestContext
from gateway.http.routing import ApiSurface, Reply, Resource, Route, Router, check_params
from gateway.http.session_cookie import check_forgery
from kernel.errors import DomainError, NotFound
from kernel.fields import Fields
from kernel.limits import BODY_BYTES_MAX
from keys.account_access import suspended
from keys.authenticator import InvalidCredential
from keys.mandate import paused
from keys.principal import Environment, Principal, check_address, require_scope
from keys.signatures.web_bot_auth import AGENT_HEADER
from runtime.context import Context
from store.database import Transaction
from store.idempotency import KeyReused, find, request_key


def take_key(call: RequestContext[Any, Any], key_text: str) -> None:
    caller = call.principal
    asked = canonical(call.body)
    if call.query.__struct_fields__:
        # On some routes, only the query identifies the object.
        asked = canonical(call.query) + b"\n" + asked
    call.request_key = request_key(
        account_id=caller.account_id,
        environment=caller.environment,
        owner=caller.key_owner,
        key_text=key_text,
        method=call.method,
        path=call.path,
        canonical_body=asked,
    )


async def handled(route: Route, call: RequestContext[Any, Any]) -> Reply:
    caller = call.credential
    if caller is not None and route.is_unsafe and not route.is_for_paused:
        _check_may_change(caller, route)
        if not route.is_form:
            call.context.staging_room.check(caller, call.context.clock)
        if route.decode is not None or len(call.raw) > SMALL_BODY_BYTES:
            await take_work(call, caller)
    elif caller is not None and route.is_unsafe:
        await _store_no_more(call, caller)
    if route.asks_password:
        await require_password(call)
    try:
        return await route.handler(call)
    except KeyReused as error:
        await _name_first(call, error)
        raise


def _check_may_change(caller: Principal, route: Route) -> None:
    """Raise KeyPaused or AccountSuspended if the caller may not change anything.

    A suspended account may still remove access. Forms on its pages pass this check, because the API requests that they
    make are checked instead.
    """
    if caller.is_paused:
        raise paused()
    if caller.suspended_for is not None and not (route.is_for_suspended or route.is_form):
        raise suspended(caller.suspended_for)


async def _store_no_more(call: RequestContext[Any, Any], caller: Principal) -> None:
    key, context = call.request_key, call.context
    if key is None or context.staging_room.has_room(caller, context.clock):
        return
    stored = await context.database.read(lambda tx: find(tx, [key]))
    if key.place not in stored:
        call.request_key = None


async def _name_first(call: RequestContext[Any, Any], error: KeyReused) -> None:
    key = call.request_key
    if key is None:
        return
    tenant = call.principal.tenant

    async def work(tx: Transaction) -> topups.TopUp | None:
        stored = (await find(tx, [key])).get(key.place)
        if stored is None or stored.is_sealed or not stored.body or not code_of(stored.body):
            return None
        topup_id = transaction_id_of(stored.body)
        return None if topup_id is None else (await topups.load(tx, [topup_id])).get(topup_id)

    first = await call.context.database.read(work)
    if first is not None and first.tenant == tenant:
        error.extra.update(transaction_id=first.id, status=first.status)


class Pipeline:
    def __init__(self, context: Context, router: Router, strangers: Strangers) -> None:
        self._router = router
        self._strangers = strangers
        self._settings = context.settings
        self._authenticator = context.authenticator
        self._limit = RateLimit(
            context.limiter,
            context.settings.rate_limit_per_s,
            context.settings.rate_limit_account_per_s,
        )

    def reply(
        self, call: RequestContext[Fields, Fields], receive: Receive
    ) -> Awaitable[Reply] | None:
        """Return the handler's response as an awaitable, or None if no API has this path."""
        resource = self._find(call)
        if resource is None:
            return None
        if call.method == "OPTIONS":
            return self._answer_options(call, resource)
        route = resource.route(call.method)
        if route.is_public:
            self._add_unused_limit(call)
            handle = partial(self._handle, call, resource.surface, route, receive)
            return self._strangers.serve(call, handle)
        return self._handle(call, resource.surface, route, receive)

    async def _answer_options(
        self, call: RequestContext[Fields, Fields], resource: Resource
    ) -> Reply:
        self._add_unused_limit(call)
        call.reply_headers.append((b"allow", ", ".join(resource.allow).encode()))
        return Answer(204, b"")

    async def _handle(
        self,
        call: RequestContext[Fields, Fields],
        surface: ApiSurface,
        route: Route,
        receive: Receive,
    ) -> Reply:
        if not route.is_public:
            bare = surface.takes_bare
            shown = presented(call.scope, call.headers, self._settings, takes_bare=bare)
            caller = self._authenticator.authenticate_now(shown[0])
            if caller is None:
                caller = await self._authenticator.authenticate(shown[0])
            _identify(call, route, caller, shown)
            if not self._limit.take_now(caller, call.reply_headers):
                await self._limit.take(caller, call.reply_headers)
            if AGENT_HEADER in call.headers:
                await limit_agent(call)
            require_scope(caller, *route.scopes)
        _read_query(call, route)
        if route.is_unsafe:
            raw = call.whole
            if raw is None or len(raw) > route.body_bytes_max:
                raw = await read_body(receive, call.headers, route.body_bytes_max)
            call.raw = raw
            if call.session_token is not None:
                check_forgery(call.scope, call.headers, raw, self._settings, call.session_token)
            call.body = (
                _body_of(call, route) if route.decode is None else await _decoded(call, route)
            )
            _take_key(call, route)
        return await handled(route, call)

    def _add_unused_limit(self, call: RequestContext[Fields, Fields]) -> None:
        if call.refuse is envelope.refuse:
            self._limit.add_unused(call.reply_headers)

    def _find(self, call: RequestContext[Fields, Fields]) -> Resource | None:
        found = self._router.match(call.path)
        if found is None:
            surface = self._router.surface_of(call.path)
            if surface is None:
                return None
            call.refuse = surface.refuse
            raise NotFound("Path")
        resource, call.params = found
        call.refuse = resource.surface.refuse
        call.template = resource.template
        if call.params:
            check_params(call.params)
        return resource


def _identify(
    call: RequestContext[Fields, Fields],
    route: Route,
    caller: Principal,
    shown: tuple[str, bool],
) -> None:
    token, is_cookie = shown
    check_presented(caller, is_cookie=is_cookie, takes_mcp=route.takes_mcp)
    call.credential = caller
    if is_cookie:
        call.session_token = token
    elif route.session_only:
        raise InvalidCredential("This requires a signed-in user, not a key.")
    if caller.ip_allow_lists:
        check_address(caller, call.address)


def _read_query(call: RequestContext[Fields, Fields], route: Route) -> None:
    query: bytes = call.scope["query_string"]
    asked = None if query else route.no_query
    call.query = asked or route.query_shape.of_query(query, call.environment)


def _body_of(call: RequestContext[Fields, Fields], route: Route) -> Fields:
    if route.media == "raw":
        return route.body()
    raw, shape = call.raw, route.body_shape
    if not raw:
        return shape.empty()
    if check_media_type(call.headers, route.media):
        return shape.of_form(raw, call.environment)
    return shape.decode(raw, call.environment)


async def _decoded(call: RequestContext[Fields, Fields], route: Route) -> Fields:
    assert route.decode is not None, "the route has a way of its own"
    read = partial(route.decode, call.raw, call.headers, call.query, call.environment)
    return read() if len(call.raw) <= BODY_BYTES_MAX else await read_aside(read)


def _take_key(call: RequestContext[Fields, Fields], route: Route) -> None:
    if route.takes_key and call.credential is not None:
        key_text = call.headers.get(b"idempotency-key")
        if key_text is not None:
            take_key(call, key_text.decode("latin-1"))


async def environment_of(call: RequestContext[Any, Any]) -> Environment | None:
    try:
        token, is_cookie = presented(call.scope, call.headers, call.context.settings)
    except InvalidCredential:
        if b"authorization" in call.headers:
            raise
        return None
    try:
        found = await call.context.authenticator.authenticate(token)
        check_presented(found, is_cookie=is_cookie)
    except DomainError:
        if is_cookie:
            return None
        raise
    return found.environment
