"""Let recipients stop or allow mail, with a footer link or their mail program's unsubscribe button (RFC 8058)."""

from typing import Any

from billing.recipients.refusal import (
    NO_MAIL_PATH,
    allow_mail,
    choice_of_token,
    refuse_mail,
    refusing,
)
from billing.topups.topup import TopUp, load
from gateway.dashboard.recipient.page import language_of, masked, recipient_page, throttle
from gateway.dashboard.route import open_route
from gateway.html.forms import read_form
from gateway.http.acting import note
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import NotFound
from kernel.fields import Fields
from keys.notifications import Notification, Person, choose, find_person
from store.database import Transaction


async def show_choice(call: RequestContext[Any, Any], subject_id: str, kind: Notification) -> Reply:
    return await _act(call, subject_id, kind, is_on=None)


async def change_choice(
    call: RequestContext[Any, Any], subject_id: str, kind: Notification, *, is_on: bool
) -> Reply:
    return await _act(call, subject_id, kind, is_on=is_on)


async def _act(
    call: RequestContext[Any, Any], subject_id: str, kind: Notification, *, is_on: bool | None
) -> Reply:
    await throttle(call)

    async def work(tx: Transaction) -> Person:
        person = await find_person(tx, subject_id)
        if person.email is None:
            # This person has no address, so there is no mail to stop. Respond as if the link were invalid.
            raise NotFound("Page")
        if is_on is not None:
            await note_choice(tx, call, person, {kind: is_on})
        return person

    database = call.context.database
    person = await (database.read(work) if is_on is None else database.transaction(work))
    return recipient_page(
        call,
        "owner_no_mail.html",
        language_of(call, person.language),
        choice=kind,
        is_wanted=kind in person.wanted if is_on is None else is_on,
        mailbox=masked(person.email or ""),
    )


async def note_choice(
    tx: Transaction, call: RequestContext[Any, Any], person: Person, wanted: dict[str, bool]
) -> bool:
    changed = await choose(tx, person, wanted, now_us=call.now_us)
    if changed:
        await note(
            tx,
            call,
            "mail.changed",
            person.subject_id,
            account_id=person.account_id,
            environment="",
            after={f"{choice}_mail": to for choice, to in changed.items()},
        )
    return bool(changed)


_FORM = b"application/x-www-form-urlencoded"


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    chosen = choice_of_token(call.context.topup_rules.links, call.params["mail_token"])
    if chosen is not None:
        return await show_choice(call, *chosen)
    topup = await _find(call)
    digest = call.context.topup_rules.links.digest_of(topup.recipient_email)
    refused = await call.context.database.read(lambda tx: refusing(tx, [digest]))
    return _shown(call, topup, is_refused=bool(refused))


async def change(call: RequestContext[Fields, Fields]) -> Reply:
    chosen = choice_of_token(call.context.topup_rules.links, call.params["mail_token"])
    if chosen is not None:
        return await change_choice(call, *chosen, is_on=_wants_mail(call))
    topup = await _find(call)
    digest = call.context.topup_rules.links.digest_of(topup.recipient_email)
    database, now_us = call.context.database, call.now_us
    if _wants_mail(call):
        await database.transaction(lambda tx: allow_mail(tx, digest))
        return _shown(call, topup, is_refused=False)
    await database.transaction(lambda tx: refuse_mail(tx, digest, now_us=now_us))
    return _shown(call, topup, is_refused=True)


def _wants_mail(call: RequestContext[Fields, Fields]) -> bool:
    """Return whether the form asks for mail again. Any other body, such as a mail program's, unsubscribes."""
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
