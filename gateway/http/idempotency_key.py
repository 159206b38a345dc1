"""Run a request under its Idempotency-Key, and say what a reused one was about."""

from typing import Any

from billing.topups import topup as topups
from gateway.answers.envelope import code_of, transaction_id_of
from gateway.http.fields import canonical
from gateway.http.password_again import require_password
from gateway.http.rate_limit import SMALL_BODY_BYTES, take_work
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply, Route
from keys.account_access import suspended
from keys.mandate import paused
from keys.principal import Principal
from store.database import Transaction
from store.idempotency import KeyReused, find, request_key


def take_key(call: RequestContext[Any, Any], key_text: str) -> None:
    caller = call.principal
    asked = canonical(call.body)
    if call.query.__struct_fields__:
        # The query may be all that names the object.
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
    """Raise KeyPaused or AccountSuspended.

    A suspended account's page forms pass, because the API call behind them is refused. So does what
    removes access.
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
