"""Record security-relevant changes in the account's security log."""

from typing import Any

from gateway.http.request_context import RequestContext
from keys import audit_log
from keys.account_access import enter_live
from keys.audit_log import Actor
from keys.principal import Environment
from store.database import Transaction


def actor_of(call: RequestContext[Any, Any]) -> Actor:
    address = call.address
    where = None if address is None else str(address)
    user_agent = call.headers.get(b"user-agent", b"").decode("latin-1")
    principal = call.credential
    if principal is None:
        return Actor("visitor", None, "visitor", where, user_agent)
    return Actor.of(principal, address=where, user_agent=user_agent)


async def note(
    tx: Transaction,
    call: RequestContext[Any, Any],
    action: str,
    subject_id: str,
    *,
    environment: str | None = None,
    account_id: str | None = None,
    **more: Any,
) -> None:
    if account_id is None:
        account_id = call.principal.account_id
    if environment is None:
        environment = call.principal.environment
    entry = audit_log.security(
        actor_of(call),
        action,
        account_id=account_id,
        environment=environment,
        subject_id=subject_id,
        now_us=call.now_us,
        **more,
    )
    await audit_log.record(tx, [entry])


async def enter(tx: Transaction, call: RequestContext[Any, Any], environment: Environment) -> None:
    if environment != "live":
        return
    account_id, is_self_serve = call.principal.account_id, call.context.settings.self_serve_live
    if await enter_live(tx, account_id, is_self_serve=is_self_serve, now_us=call.now_us):
        await note(tx, call, "live.opened", account_id, environment="")
