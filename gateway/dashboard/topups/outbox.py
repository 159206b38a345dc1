"""List the account's mail to recipients."""

from collections.abc import Sequence
from typing import Any, Final

from billing.recipients import owner_mail
from billing.recipients.mail_acts import RESEND, outbox_mail, outbox_page
from billing.topups.mail import Mail
from gateway.dashboard.act import press
from gateway.dashboard.route import page_route
from gateway.dashboard.sheet import Sheet, list_page
from gateway.html.forms import read_form
from gateway.html.render import page
from gateway.http.fields import cursor_id
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.fields import Fields

OWNER_MAILS_SHOWN = 20
_READ = ("topup:read",)
_SEND = ("topup:send",)
_SHEET: Final = Sheet[Mail](
    "outbox",
    (
        "id",
        "transaction_id",
        "recipient_email",
        "status",
        "reason",
        "attempts",
        "created_at",
        "ended_at",
    ),
    scopes=_READ,
)


async def show_list(call: RequestContext[Fields, Fields]) -> Reply:
    tenant = call.principal.tenant

    async def read(tx: Any, cursor: str | None, limit: int) -> Sequence[Mail]:
        return await outbox_page(tx, tenant, before_id=cursor_id(cursor, "mal"), limit=limit)

    to_owner = await call.context.database.read(
        lambda tx: owner_mail.latest(tx, tenant, limit=OWNER_MAILS_SHOWN)
    )
    is_sent = call.context.topup_rules.mail.sent_in
    return await list_page(
        call,
        "outbox.html",
        _SHEET,
        read,
        to_owner=to_owner,
        is_sent=tenant.environment in is_sent,
    )


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    principal, rules, mail_id = call.principal, call.context.topup_rules, call.params["mail_id"]
    found = await call.context.database.read(lambda tx: outbox_mail(tx, principal, rules, mail_id))
    return page(call, "outbox_mail.html", mail=found.mail, letter=found.letter)


async def resend(call: RequestContext[Fields, Fields]) -> Reply:
    transaction_id = read_form(call).text("transaction_id")
    return await press(
        call,
        RESEND,
        ids={"transaction_id": transaction_id},
        then=f"/dashboard/topups/{transaction_id}",
        said="mail-written",
    )


ROUTES = (
    page_route("GET", "/outbox", show_list, "Mail to recipients", _READ),
    page_route("POST", "/outbox", resend, "Send a recipient's mail once more", _SEND),
    page_route("GET", "/outbox/{mail_id}", show, "One mail", _READ),
)
