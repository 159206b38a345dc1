"""The security log: sign-ins, keys, secrets, webhook addresses, connected apps; newest first."""

from typing import Any

from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer, listing
from gateway.answers.outcome import Listing, ok
from gateway.api.schemas.audit import AuditEntry as EntryShape
from gateway.http.fields import Fields, Page, cursor_id
from gateway.http.request_context import RequestContext
from gateway.http.routing import Route
from kernel.clock import rfc3339
from keys import audit_log
from keys.audit_log import NotificationRef
from keys.principal import ScopeMissing


async def list_entries(call: RequestContext[Fields, Page]) -> Answer:
    """What happened in the caller's environment, and to the account as a whole."""
    principal, limit = call.principal, call.query.limit
    if len(principal.lineage) > 1:
        raise ScopeMissing(
            "the security log is for sessions, tokens and keys without a parent", reason="lineage"
        )
    before_id = cursor_id(call.query.cursor, "adt")
    rows = await call.context.database.read(
        lambda tx: audit_log.page_of_account(
            tx, principal.scope, before_id=before_id, limit=limit + 1
        )
    )
    data = listing(rows, limit, shape=shape, cursor=lambda told: told.entry.id)
    return answer(codes.SUCCESS, data, now_us=call.now_us)


def shape(told: NotificationRef) -> dict[str, Any]:
    """An entry as its tenant sees it."""
    one = told.entry
    is_key = one.actor_kind == "key"
    return {
        "id": one.id,
        "created_at": rfc3339(one.created_at),
        "action": one.action,
        "outcome": one.outcome,
        "environment": one.environment or None,
        "subject_id": one.subject_id,
        "actor": {"kind": one.actor_kind, "id": one.actor, "name": told.actor_name},
        "key_id": one.actor if is_key else None,
        "key_name": told.actor_name if is_key else None,
        "address": one.address,
        "user_agent": one.user_agent,
        "before": one.before,
        "after": one.after,
        "reason": one.reason,
    }


ROUTES = (
    Route(
        "GET",
        "/audit",
        list_entries,
        "List what concerns the account's security",
        ("keys:write",),
        query=Page,
        description=(
            "Sign-ins (refused ones too), keys, tokens, webhook addresses and secrets, connected apps"
            " and approvals, newest first: of the caller's environment, and of the account as a"
            " whole. For sessions, tokens and keys without a parent."
        ),
        answers=ok(Listing[EntryShape]),
    ),
)
