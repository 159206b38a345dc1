"""End and allow mail by the link at its foot, or by a mail program's button (RFC 8058)."""

from typing import Any

from billing.recipients.refusal import (
    NO_MAIL_PATH,
    allow_mail,
    choice_of_token,
    refuse_mail,
    refusing,
)
from billing.topups.topup import TopUp, load
from gateway.dashboard.recipient import owner_no_mail
from gateway.dashboard.recipient.page import language_of, masked, recipient_page, throttle
from gateway.dashboard.route import open_route
from gateway.html.forms import read_form
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import NotFound
from kernel.fields import Fields

_FORM = b"application/x-www-form-urlencoded"


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    chosen = choice_of_token(call.context.topup_rules.links, call.params["mail_token"])
    if chosen is not None:
        return await owner_no_mail.show(call, *chosen)
    topup = await _find(call)
    digest = call.context.topup_rules.links.digest_of(topup.recipient_email)
    refused = await call.context.database.read(lambda tx: refusing(tx, [digest]))
    return _shown(call, topup, is_refused=bool(refused))


async def change(call: RequestContext[Fields, Fields]) -> Reply:
    chosen = choice_of_token(call.context.topup_rules.links, call.params["mail_token"])
    if chosen is not None:
        return await owner_no_mail.change(call, *chosen, is_on=_wants_mail(call))
    topup = await _find(call)
    digest = call.context.topup_rules.links.digest_of(topup.recipient_email)
    database, now_us = call.context.database, call.now_us
    if _wants_mail(call):
        await database.transaction(lambda tx: allow_mail(tx, digest))
        return _shown(call, topup, is_refused=False)
    await database.transaction(lambda tx: refuse_mail(tx, digest, now_us=now_us))
    return _shown(call, topup, is_refused=True)


def _wants_mail(call: RequestContext[Fields, Fields]) -> bool:
    """Return whether the form asks for mail. Mail programs send various bodies, and all unsubscribe."""
    is_form = call.headers.get(b"content-type", b"").startswith(_FORM)
    return is_form and read_form(call).text("want") == "mail"


async def _find(call: RequestContext[Fields, Fields]) -> TopUp:
    await throttle(call)
    topup_id = call.context.topup_rules.links.id_of("mail", call.params["mail_token"])
    if topup_id is None:
        raise NotFound("Page")
    topup = (await call.context.database.read(lambda tx: load(tx, [topup_id]))).get(topup_id)
    if topup is None:
        raise NotFound("Page")
    return topup


def _shown(call: RequestContext[Any, Any], topup: TopUp, *, is_refused: bool) -> Reply:
    language = language_of(call, None if topup.delivery is None else topup.delivery.locale)
    return recipient_page(
        call,
        "no_mail.html",
        language,
        is_refused=is_refused,
        mailbox=masked(topup.recipient_email),
    )


ROUTES = (
    open_route("GET", f"{NO_MAIL_PATH}/{{mail_token}}", show, "Mail to this address, or not"),
    open_route("POST", f"{NO_MAIL_PATH}/{{mail_token}}", change, "End mail, or allow it again"),
)
