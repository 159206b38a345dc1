"""The security log: sign-ins, keys, secrets, webhook addresses, connected apps; newest first."""

from functools import partial

from gateway.answers.outcome import Listing, exported
from gateway.api.schemas.audit import AuditEntry as EntryShape
from gateway.http.lists import Export, list_or_csv
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply, Route
from kernel.fields import ExportPage, Fields
from keys import audit_log
from keys.principal import ScopeMissing

_SCOPES = ("keys:write",)
_EXPORT = Export(
    "security-log",
    _SCOPES,
    (
        *("id", "created_at", "action", "outcome", "environment", "subject_id", "actor.kind"),
        *("actor.id", "actor.name", "address", "user_agent", "before", "after", "reason"),
    ),
)


async def list_entries(call: RequestContext[Fields, ExportPage]) -> Reply:
    """What happened in the caller's environment, and to the account as a whole."""
    principal = call.principal
    if len(principal.lineage) > 1:
        raise ScopeMissing(
            "the security log is for sessions, tokens and keys without a parent", reason="lineage"
        )
    read = partial(audit_log.page_of_account, tenant=principal.tenant)
    return await list_or_csv(
        call, "adt", read, _EXPORT, shape=EntryShape.of, cursor=lambda named: named.entry.id
    )


ROUTES = (
    Route(
        "GET",
        "/audit",
        list_entries,
        "List what concerns the account's security",
        _SCOPES,
        query=ExportPage,
        description=(
            "Sign-ins (refused ones too), keys, tokens, webhook addresses and secrets, connected apps"
            " and approvals, newest first: of the caller's environment, and of the account as a"
            " whole. For sessions, tokens and keys without a parent."
        ),
        answers=exported(Listing[EntryShape]),
    ),
)
