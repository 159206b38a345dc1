"""Format values for pages. SAID has the notices shown after a change."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import wraps
from typing import Any, Final
from urllib.parse import parse_qs

from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from billing.ledger.chart import account_parts, code_words
from billing.ledger.price import Price
from gateway.html import language
from gateway.html.language import readers_zone, say, say_each, say_known, say_phrase
from gateway.html.phrase import phrase
from kernel.clock import MINUTE_US, SECOND_US, parse_rfc3339, rfc3339

# Most browsers' User-Agent also names older browsers, so the first match is used.
_BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("HeadlessChrome/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
)
_SYSTEMS: Final = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Macintosh", "macOS"),
    ("Linux", "Linux"),
)


def device_of(user_agent: str) -> str:
    browser, system = _first(_BROWSERS, user_agent), _first(_SYSTEMS, user_agent)
    if browser is None:
        words = user_agent.split()
        browser = words[0] if words else phrase("An unknown browser")
    if system is None:
        return browser
    return phrase("%(browser)s on %(system)s", browser=browser, system=system)


def _first(known: Sequence[tuple[str, str]], text: str) -> str | None:
    return next((name for mark, name in known if mark in text), None)


# A link contains only a sentence's name, so nobody can insert other text. gateway/dashboard/act_pages.py adds the
# sentences of acts.
SAID: Final[dict[str, str]] = {
    "signed-out": "You are signed out.",
    "signed-in": "Welcome back.",
    "billing-set": "The next receipts are made out like this.",
    "password-changed": "The password is changed, and every other session is signed out.",
    "account-made": "Welcome. This is staging: everything works, and no real credit moves.",
    "not-signed-in": "You are signed out, so nothing was done. Sign in, and do it once more.",
    "password-set": "Your new password is set, and every browser is signed out: sign in with it.",
    "password-confirmed": "Confirmed for ten minutes. Please repeat what you wanted to do.",
    "address-verified": "Your address is verified.",
    "notifications-chosen": "From the next mail on, you get what is ticked.",
    "address-asked": "A link is on its way to your address; it counts once, for an hour.",
    "address-not-asked": "No link was sent: the address is verified, has five links that count, or gets no mail.",
    "member-changed": "The role is changed: it counts from the next page they open.",
    "member-removed": "They can act for this account no more.",
    "work-ended": "Everything that they made has ended.",
    "member-left": "You left that account, and are in your own again.",
    "member-joined": "You have joined, and act for this account now. Your own is under Team.",
    "account-switched": "From here on you act for this account.",
    "factor-off": "Two-factor sign-in is off: the password alone is enough.",
    "passkey-added": "The passkey is added: it signs you in in place of a code.",
    "passkey-renamed": "The passkey has its new name.",
    "passkey-removed": "The passkey is removed: it signs in no more.",
    "sessions-ended": "You are signed out everywhere else.",
    "session-ended": "That session is signed out.",
    "environment-staging": "You are in staging now: nothing here moves real credit.",
    "environment-live": "You are in live now: what you send is real credit.",
    "all-done": "It is done to all that matched.",
    "view-saved": "The view is saved in this browser.",
    "view-deleted": "The view is deleted.",
    "zone-chosen": "Times are shown in that zone from now on.",
    "key-saved": "The key is changed.",
    "key-paused": "The key is paused: it and the keys it made spend nothing until it is resumed.",
    "key-resumed": "The key works again.",
    "account-limited": "The account's limit is set; it counts from now on.",
    "key-revoked": "The key is revoked; it stops working everywhere within a second.",
    "sent-delivered": "Sent: the credit is in the recipient's wallet.",
    "sent-pending": "Accepted: the top-up is pending, its funds are held.",
    "sent-scheduled": "Accepted: it is sent at its time, its funds are held until then.",
    "sent-failed": "The top-up failed; its funds are back in the wallet.",
    "topup-cancelled": "The top-up is cancelled and its funds are back in the wallet.",
    "mail-written": "The mail is written; a worker sends it.",
    "batch-cancelled": "Sends that weren't delivered yet are cancelled, and their funds are in the wallet.",
    "topup-reversed": "The top-up is reversed and its funds are back in the wallet.",
    "topup-reversing": "Its supplier was requested to take it back. This page shows the result.",
    "topup-settled": "The pending top-up is settled.",
    "funded": "The test credit is in the wallet.",
    "clock-moved": "The account's clock went on.",
    "threshold-set": "The threshold is set.",
    "recharge-set": "It is on: credit is bought when the balance falls.",
    "recharge-removed": "Auto-recharge is off. A charge in progress still completes.",
    "card-removed": "The card was removed.",
    "approved": "Approved: the send went on.",
    "denied": "Denied: the send is cancelled and its funds are back.",
    "endpoint-saved": "The webhook is changed.",
    "endpoint-deleted": "The webhook is deleted, and what waited for it is cancelled.",
    "endpoint-enabled": "The webhook is enabled; what was held for it goes out now.",
    "endpoint-disabled": "The webhook is disabled; its deliveries are held for seven days.",
    "portal-link-revoked": "The link is revoked; its page stops working.",
    "replayed": "The event is on its way again.",
    "delivery-cancelled": "The delivery is cancelled: it is not sent any more.",
    "replayed-several": "The chosen deliveries are on their way again.",
    "replay-paused": "The replay is paused.",
    "replay-resumed": "The replay is resumed.",
    "replay-cancelled": "The replay is cancelled.",
    "token-revoked": "The token is revoked.",
    "app-removed": "The app's access is gone; its tokens stop working everywhere within a second.",
    "app-disabled": "The app is disabled, and every token of it with it.",
    "order-back": "You are back from the payment page. This page shows the result.",
    "order-paid": "Nothing was left to pay: the credit is in the wallet.",
    "hold-released": "The hold is released, and its credit is back.",
    "hold-extended": "The hold ends an hour from now, or later where it already did.",
    "checked-in": "Checked in: the credit is in the wallet.",
    "zone-set": "The time zone counts after your next check-in.",
    "mail-language": "Mail to you comes in that language from now on.",
    "shown-before": "It was made and shown before, and cannot be shown again.",
    "plan-ending": "The plan ends with its period; until then it stays as it is.",
    "plan-ended": "The plan is ended. Credit that was granted stays.",
    "plan-resumed": "The plan was resumed.",
    "plan-paused": "The plan is paused. Nothing is charged until it is resumed.",
    "plan-changed": "The plan is changed.",
    "plan-asked": "The provider gave no clear response. The gateway tries again automatically.",
}
_UNITS: Final = ((86_400, phrase("d")), (3600, phrase("h")), (60, phrase("min")), (1, phrase("s")))
_MS: Final = phrase("ms")
_MS_US: Final = 1000
_SAID_CHARACTERS_MAX = 200
TONES: Final[Mapping[str, str]] = {
    "delivered": "good",
    "recovered": "good",
    "approved": "good",
    "enabled": "good",
    "active": "good",
    "trialing": "good",
    "ending": "wait",
    "paid": "good",
    "done": "good",
    "completed": "good",
    "accepting": "wait",
    "waiting": "wait",
    "redeemed": "good",
    "past_due": "wait",
    "incomplete": "wait",
    "captured": "good",
    "applied": "good",
    "won": "good",
    "succeeded": "good",
    "requested": "wait",
    "replaced": "calm",
    "held": "wait",
    "open": "wait",
    "issued": "calm",
    "pending": "wait",
    "scheduled": "wait",
    "reversing": "wait",
    "sending": "wait",
    "running": "wait",
    "paused": "wait",
    "failed": "bad",
    "disabled": "bad",
    "denied": "bad",
    "revoked": "bad",
    "closed": "bad",
    "disputed": "bad",
    "unknown": "wait",
    "review": "bad",
    "refused": "bad",
    "lost": "bad",
    "sent": "good",
    "queued": "wait",
    "limited": "wait",
    "unwanted": "wait",
    "bounced": "bad",
    "passed": "good",
    "settling": "wait",
    "stuck": "bad",
    "refunded": "calm",
    "warned": "wait",
    "not seen": "wait",
    "skipped": "calm",
}


def notice_of(query: bytes) -> str | None:
    if b"said=" not in query or len(query) > _SAID_CHARACTERS_MAX:
        return None
    return SAID.get(parse_qs(query.decode("latin-1")).get("said", [""])[0])


def money(cents: int | None) -> str:
    """Write 1234567 as $12,345.67."""
    if cents is None:
        return "—"
    reading = language.current.get()
    if not reading.is_english:
        return reading.writing.money(cents)
    sign = "−" if cents < 0 else ""
    whole, part = divmod(abs(cents), 100)
    return f"{sign}${whole:,}.{part:02d}"


def micros(amount: int) -> str:
    """Write millionths of a dollar: 1_234_500 becomes $1.2345."""
    reading = language.current.get()
    return dollars_of_micros(amount) if reading.is_english else reading.writing.micros(amount)


def dollars_of_micros(amount: int) -> str:
    sign = "−" if amount < 0 else ""
    whole, part = divmod(abs(amount), 1_000_000)
    places = f"{part:06d}".rstrip("0").ljust(2, "0")
    return f"{sign}${whole:,}.{places}"


def price(amount: int, currency: str) -> str:
    """Write the amount with its currency: 200000 in USD becomes 2,000.00 USD."""
    reading, amount_due = language.current.get(), Price(amount, currency)
    return amount_due.words() if reading.is_english else reading.writing.price(amount_due)


def count(number: int) -> str:
    """Write 1234567 as 1,234,567."""
    return language.current.get().count(number)


def when(at: int | str | None) -> Markup:
    if at is None:
        return Markup("—")
    text = at if isinstance(at, str) else rfc3339(at)
    at_us, zone = parse_rfc3339(text), readers_zone.get()
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        text, zone.with_utc(at_us), zone.shown(at_us)
    )


def day(at: int | str | date) -> str:
    """Write a date as 2026-11-23. A time becomes its UTC date."""
    text = rfc3339(at) if isinstance(at, int) else str(at)
    return language.current.get().day(date.fromisoformat(text[:10]))


def month(name: str) -> str:
    return language.current.get().month(date.fromisoformat(f"{name}-01"))


def dollars(cents: int) -> str:
    """Write 123450 as 1,234.50."""
    whole, part = divmod(cents, 100)
    return f"{whole:,}.{part:02d}"


def tone(state: str) -> str:
    return TONES.get(state, "calm")


def duration(seconds: int) -> str:
    """Write 90 as 1 min 30 s."""
    parts = []
    for size, unit in _UNITS:
        number, seconds = divmod(seconds, size)
        if number:
            parts.append(f"{number} {say(unit)}")
    return " ".join(parts[:2]) or f"0 {say(_UNITS[-1][1])}"


def elapsed(microseconds: int) -> str:
    """Write 4200 microseconds as 4.2 ms, and 1_204_000 as 1.204 s."""
    if microseconds < SECOND_US:
        ms = microseconds / _MS_US
        return f"{f'{ms:.1f}'.removesuffix('.0') if ms < 10 else int(ms)} {say(_MS)}"
    if microseconds < MINUTE_US:
        shown = f"{microseconds / SECOND_US:.3f}".rstrip("0").rstrip(".")
        return f"{shown} {say(_UNITS[-1][1])}"
    return duration(microseconds // SECOND_US)


def after(microseconds: int) -> str:
    """Write a duration with a plus sign. It stays before the number in right-to-left text, too."""
    number, _, rest = elapsed(microseconds).partition(" ")
    return f"{language.current.get().apart(f'+{number}')} {rest}"


def share(part: float) -> str:
    """Write 0.9876 as 98.7 %. Further digits are cut off, so that only the whole becomes 100 %."""
    return f"{int(part * 1000) / 10:g} %"


def short(text: str, characters: int = 40) -> str:
    if len(text) <= characters:
        return text
    half = (characters - 1) // 2
    return f"{text[:half]}…{text[-half:]}"


def _account_words(label: str) -> str:
    kind, name = account_parts(label)
    if not (kind and name):
        return say(kind) or say_phrase(name)
    return say(phrase("%(kind)s, %(name)s", kind=phrase(kind), name=name))


def _at_render(shown: Callable[..., Any]) -> Callable[..., Any]:
    """Return a filter that Jinja calls for each rendering, because its result depends on the language."""

    @pass_context
    @wraps(shown)
    def asked(_context: Context, *values: Any, **named: Any) -> Any:
        return shown(*values, **named)

    return asked


FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "money": _at_render(money),
    "micros": _at_render(micros),
    "price": _at_render(price),
    "count": _at_render(count),
    "when": _at_render(when),
    "day": _at_render(day),
    "month": _at_render(month),
    "dollars": dollars,
    "device": _at_render(lambda user_agent: say_phrase(device_of(user_agent))),
    "tone": tone,
    "duration": _at_render(duration),
    "elapsed": _at_render(elapsed),
    "after": _at_render(after),
    "share": share,
    "short": short,
    "code_words": _at_render(lambda code: say(code_words(code))),
    "account_words": _at_render(_account_words),
    "say": _at_render(say),
    "say_each": _at_render(say_each),
    "say_known": _at_render(say_known),
    "say_phrase": _at_render(say_phrase),
}
