"""Run an act for every interface, and write its audit entry and event.

Engine commands, and acts in several transactions, write their own entries and events.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar, cast

from billing.engine.engine import Engine
from keys import audit_log
from keys.act import (
    Act,
    ActContext,
    AloneAct,
    AnyChange,
    Audited,
    CallContext,
    Change,
    EngineAct,
    StepsAct,
)
from keys.api_keys.api_key import ApiKey
from webhooks.events.key_events import publish_key

R = TypeVar("R")

_TELLS: Final[Mapping[type, Callable[..., Any]]] = {ApiKey: publish_key}


async def run_act(act: Act[Any, R], context: ActContext, asked: Any) -> Change[R]:
    """Run the act. If it changed anything, write its audit entry and event.

    The caller holds the tenant's lock, and renders the result before the commit.
    """
    change = await act.run(context, asked)
    if change.is_change:
        entries = [_entry(one, act, context, change) for one in _audits(act, change)]
        if entries:
            await audit_log.record(context.tx, entries)
        if act.event is not None:
            tell = _TELLS[type(change.after)]
            by = context.by.name
            await tell(context.tx, act.event, change.after, by=by, now_us=context.now_us)
    return change


async def run_alone(act: AloneAct, context: CallContext, asked: Any) -> Any:
    """Run an engine command, or an act in several transactions. Return the result once it is durable."""
    if isinstance(act, EngineAct):
        command = await act.command(context, asked)
        return await context.service(Engine).submit(command)
    result = await act.run(context, asked)
    check_done(act, result)
    return result


def check_done(act: AnyChange, result: Any) -> None:
    failing = act.failing if isinstance(act, StepsAct) else None
    detail = None if failing is None else failing.detail(result)
    if failing is not None and detail is not None:
        raise failing.kind(detail)


def _audits(act: Act[Any, Any], change: Change[Any]) -> Sequence[Audited]:
    if act.audit is None:
        return ()
    if isinstance(act.audit, Audited):
        return (act.audit,)
    return act.audit(change.before, change.after)


def _entry(
    audit: Audited, act: Act[Any, Any], context: ActContext, change: Change[Any]
) -> audit_log.AuditEntry:
    before, after = _audit_values(audit, change)
    return audit_log.entry(
        context.by,
        audit.action,
        environment=context.tenant.environment,
        account_id=context.tenant.account_id or None,
        is_security=not act.is_catalogue,
        subject_id=_subject_of(act, context, change),
        before=before,
        after=after,
        reason=change.reason,
        now_us=context.now_us,
    )


def _audit_values(
    audit: Audited, change: Change[Any]
) -> tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]:
    if change.noted is not None:
        return None, change.noted
    if change.is_gone:
        return audit.shows(change.after), change.told or None
    after = {**audit.shows(change.after), **change.told}
    if change.before is None:
        return None, after or None
    before = audit.shows(change.before)
    if before == after:
        return None, after or None
    if audit.is_whole:
        return before, after
    names = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    return {name: before.get(name) for name in names}, {name: after.get(name) for name in names}


def _subject_of(act: Act[Any, Any], context: ActContext, change: Change[Any]) -> str:
    tenant = context.tenant
    if act.names_account:
        return tenant.account_id
    if context.object_id and act.named_by == "id":
        return context.object_id
    return cast(str, getattr(change.after, "id", tenant.account_id or tenant.environment))
