"""Show a top-up's claim page to its recipient. It says who sent what. When a button is pressed, it shows the
deliverable.
"""

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from markupsafe import Markup

from billing.recipients.claim import (
    Claimable,
    RecipientClaim,
    find_claimable,
    handed_out,
    topup_of_claim,
)
from billing.recipients.language import Language
from billing.recipients.letter import platform_name
from billing.topups.rules import CLAIM_PATH
from gateway.dashboard.recipient.page import language_of, recipient_page, throttle
from gateway.dashboard.route import open_route
from gateway.html.qr_code import qr_code
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.fields import Fields

# Cameras can't read a QR code for a longer text.
QR_CHARACTERS_MAX: Final = 500
_LINKS: Final = ("https://", "http://")


@dataclass(frozen=True, slots=True)
class ClaimedVoucher:
    """`kind` is the deliverable's kind, or `voucher`. `is_link` is true if the value is a link."""

    kind: str
    value: str | None
    is_link: bool
    qr: Markup | None
    redeem_url: str | None
    redeem_host: str | None
    instructions: str | None
    ends_on: str | None
    used_on: str | None


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    found = await _find(call)
    language = _language(call, found)
    return _shown(call, found, language, None)


async def claim(call: RequestContext[Fields, Fields]) -> Reply:
    """Show the deliverable in the response itself, so that no address leads to a secret."""
    found = await _find(call)
    language = _language(call, found)
    if found.state != "ready":
        return _shown(call, found, language, None)
    await call.context.engine.submit(RecipientClaim(found.topup.id, found.topup.tenant))
    return _shown(call, found, language, _handed_out(call, found, language))


async def _find(call: RequestContext[Fields, Fields]) -> Claimable:
    await throttle(call)
    topup_id = topup_of_claim(call.context.topup_rules, call.params["claim_token"])
    return await call.context.database.read(lambda tx: find_claimable(tx, topup_id))


def _language(call: RequestContext[Any, Any], found: Claimable) -> Language:
    options = found.topup.delivery
    return language_of(call, None if options is None else options.locale)


def _shown(
    call: RequestContext[Any, Any], found: Claimable, language: Language, out: ClaimedVoucher | None
) -> Reply:
    topup, rules = found.topup, call.context.topup_rules
    options = topup.delivery
    return recipient_page(
        call,
        "claim.html",
        language,
        known={
            "sender": found.sender,
            "amount": language.money(topup.amount_cents),
            "platform": platform_name(rules, topup),
        },
        message=None if options is None else options.message,
        is_test=topup.environment == "staging",
        state=found.state,
        out=out,
        page_qr=_qr(rules.claim_url(topup.id)),
    )


def _handed_out(
    call: RequestContext[Any, Any], found: Claimable, language: Language
) -> ClaimedVoucher:
    topup = found.topup
    given = topup.deliverable
    value = handed_out(call.context.topup_rules, topup)
    kind = "voucher" if given is None else given.kind
    url = None if given is None else given.redeem_url
    ends_at = None if given is None else given.expires_at
    return ClaimedVoucher(
        kind=kind,
        value=value,
        is_link=kind == "link" and value is not None and value.startswith(_LINKS),
        qr=None if value is None or kind == "note" else _qr(value),
        redeem_url=url,
        redeem_host=None if url is None else urlsplit(url).hostname,
        instructions=None if given is None else given.instructions,
        ends_on=None if ends_at is None else language.day(ends_at),
        used_on=None if found.redeemed_at is None else language.day(found.redeemed_at),
    )


def _qr(text: str) -> Markup | None:
    return None if len(text) > QR_CHARACTERS_MAX else qr_code(text)


ROUTES = (
    open_route("GET", f"{CLAIM_PATH}/{{claim_token}}", show, "A recipient's page of a top-up"),
    open_route("POST", f"{CLAIM_PATH}/{{claim_token}}", claim, "Show what was delivered"),
)
