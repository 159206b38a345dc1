"""End and allow one kind of mail about an account, without signing in. Opening the link changes nothing."""

from typing import Any

from gateway.dashboard.recipient.page import language_of, masked, recipient_page, throttle
from gateway.http.acting import note
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import NotFound
from keys.notifications import Notification, Person, choose, find_person
from store.database import Transaction


async def show(call: RequestContext[Any, Any], subject_id: str, kind: Notification) -> Reply:
    return await _act(call, subject_id, kind, is_on=None)


async def change(
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
            # As for an invalid link: no person reads mail here.
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
