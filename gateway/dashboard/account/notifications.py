"""Choose which mail the user gets for each of their accounts, and its language."""

from collections.abc import Mapping
from typing import Any, Final

from billing.accounts.people_acts import CHOOSE_LANGUAGE
from billing.recipients.language import ENGLISH, languages
from gateway.dashboard.account.verify_address import is_mailed
from gateway.dashboard.act import press
from gateway.dashboard.recipient.no_mail import note_choice
from gateway.dashboard.route import page_route
from gateway.html.forms import Form, read_form
from gateway.html.phrase import phrase
from gateway.html.render import go
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import InvalidInput
from kernel.fields import Fields
from keys.account import Account, get_account
from keys.notifications import CHOICES, STAGING, Person, mail_language, places_of
from keys.principal import ACCOUNT_SCOPES
from store.database import Transaction

_ACCOUNT_PATH: Final = "/dashboard/account"
WORDS: Final[Mapping[str, str]] = {
    "webhook": phrase("Webhooks that fail, are disabled or work again"),
    "approval": phrase("Sends that wait for a decision"),
    "balance": phrase("The balance falls below a threshold"),
    "key": phrase("A new key was made"),
    "receipt": phrase("Receipts of payments"),
    "expiring": phrase("Credit that expires soon"),
    STAGING: phrase("The same of staging"),
}
ROLES: Final[Mapping[str, str]] = {
    "owner": phrase("Owner"),
    "developer": phrase("Developer"),
    "finance": phrase("Finance"),
    "support": phrase("Support"),
    "reader": phrase("Read only"),
}


async def shown(call: RequestContext[Any, Any]) -> dict[str, Any]:
    person_id, context = call.principal.person_id, call.context

    async def work(tx: Transaction) -> tuple[Account, list[Person], str | None]:
        own = await get_account(tx, person_id)
        return own, list(await places_of(tx, person_id)), await mail_language(tx, person_id)

    own, places, language = await context.database.read(work)
    sent_in = context.topup_rules.mail.sent_in
    return {
        "own": own,
        "places": places,
        "choices": _offered(call),
        "roles": ROLES,
        "is_mailed": is_mailed(call, own.email),
        "sends_mail": "live" in sent_in,
        "sends_staging": "staging" in sent_in,
        "live_by_address": context.settings.self_serve_live,
        "language": language or ENGLISH,
        "languages": list(languages().values()),
    }


def _offered(call: RequestContext[Any, Any]) -> dict[str, str]:
    mails_receipts = call.context.settings.seller.mails_receipts
    return {name: text for name, text in WORDS.items() if name != "receipt" or mails_receipts}


async def choose(call: RequestContext[Fields, Fields]) -> Reply:
    form, person_id = read_form(call), call.principal.person_id

    async def work(tx: Transaction) -> None:
        for place in await places_of(tx, person_id):
            if place.account_id in form.many("account"):
                await note_choice(tx, call, place, _wanted(call, form, place))

    await call.context.database.transaction(work)
    return go(_ACCOUNT_PATH, said="notifications-chosen")


def _wanted(call: RequestContext[Any, Any], form: Form, place: Person) -> dict[str, bool]:
    ticked = form.many(f"told_{place.account_id}")
    if not set(ticked) <= set(CHOICES):
        raise InvalidInput(f"Choose from these kinds of email: {', '.join(CHOICES)}.", param="told")
    return {name: name in ticked for name in _offered(call)}


async def set_language(call: RequestContext[Fields, Fields]) -> Reply:
    wanted = {"language": read_form(call).text("language")}
    return await press(call, CHOOSE_LANGUAGE, wanted, then=_ACCOUNT_PATH, said="mail-language")


ROUTES = (
    page_route("POST", "/account/notifications", choose, "Choose notifications", ACCOUNT_SCOPES),
    page_route(
        "POST", "/account/mail", set_language, "Choose the language of mail", ACCOUNT_SCOPES
    ),
)
