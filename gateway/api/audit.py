"""The security log: sign-ins, keys, secrets, webhook addresses, connected apps; newest first."""

from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer, listing
from gateway.answers.outcome import Listing, ok
from gateway.api.schemas.audit import AuditEntry as EntryShape
from gateway.http.fields import Fields, Page, cursor_id
from gateway.http.request_context import RequestContext
from gateway.http.routing import Route
from keys import audit_log
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
            tx, principal.tenant, before_id=before_id, limit=limit + 1
        )
    )
    data = listing(rows, limit, shape=EntryShape.of, cursor=lambda told: told.entry.id)
    return answer(codes.SUCCESS, data, now_us=call.now_us)


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
