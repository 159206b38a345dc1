"""What a top-up delivers: credit, or a code, key, link or note.

Only `value` can be spent. It is stored sealed, and shown only to readers who may see codes. No
other field contains it.
"""

import re
import unicodedata
from typing import Any, Final, Literal, get_args
from urllib.parse import quote, quote_plus, unquote, unquote_plus

import msgspec

from kernel.clock import rfc3339
from kernel.storable import is_storable, storable

DeliverableKind = Literal["credit", "code", "key", "link", "note"]
KINDS: Final = frozenset(get_args(DeliverableKind))
VALUE_CHARACTERS_MAX: Final = 2_000
REDEEM_URL_CHARACTERS_MAX: Final = 500
INSTRUCTIONS_CHARACTERS_MAX: Final = 1_000
MESSAGE_CHARACTERS_MAX: Final = 500
LOCALE_CHARACTERS_MAX: Final = 35
MASK: Final = "****"
HINT_CHARACTERS: Final = 4
# The last four characters of a shorter code would reveal too much.
_HINTED_CHARACTERS_MIN = 12
_NO_HINT = "*" * HINT_CHARACTERS
# Invisible letters, marks and symbols; other invisible characters are found by category.
_SHOWS_NOTHING = re.compile(
    r"[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\ufe00-\ufe0f\U000e0100-\U000e01ef]"
)


class DeliverableRefused(ValueError):
    """The deliverable can't be stored; the message doesn't repeat it."""


class DeliveryOptions(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A send's `delivery`. It is the recipient's data, and is erased with it. locale: a language tag such as
    zh-Hans; null: English in the mail, the browser's language on the page.
    """

    email: bool = False
    locale: str | None = None
    message: str | None = None


class Deliverable(msgspec.Struct, frozen=True, gc=False):
    """What the recipient is given. `credit` has no value: it is already in the recipient's account.
    expires_at null: it doesn't end.
    """

    kind: DeliverableKind
    value: str | None = None
    redeem_url: str | None = None
    instructions: str | None = None
    expires_at: int | None = None

    def __repr__(self) -> str:
        return f"Deliverable({self.kind})"


class StoredDeliverable(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The open part of a top-up's row: a deliverable without its value."""

    kind: DeliverableKind
    value_hint: str | None = None
    redeem_url: str | None = None
    instructions: str | None = None
    expires_at: int | None = None

    def shape(self, value: str | None = None) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "value": value,
            "value_hint": self.value_hint,
            "redeem_url": self.redeem_url,
            "instructions": self.instructions,
            "expires_at": None if self.expires_at is None else rfc3339(self.expires_at),
        }


# A top-up of a wallet here; its voucher's code is stored beside it.
WALLET_CREDIT: Final = StoredDeliverable("credit")
WALLET_CREDIT_SHAPE: Final = WALLET_CREDIT.shape()
# Encoded once, because almost every send's event contains it.
WALLET_CREDIT_JSON: Final = msgspec.Raw(msgspec.json.encode(WALLET_CREDIT_SHAPE))


def hint_of(code: str) -> str:
    if len(code) < _HINTED_CHARACTERS_MIN or not (code.isascii() and code.isprintable()):
        return _NO_HINT
    return code[-HINT_CHARACTERS:]


def visible(value: str) -> str:
    """Return what a reader sees of a value: NFKC, without white space and invisible characters. Letters keep
    their case, which matters in keys and links.
    """
    plain = _SHOWS_NOTHING.sub("", unicodedata.normalize("NFKC", value))
    return "".join(one for one in plain if unicodedata.category(one)[0] not in "CZ")


def checked(given: Deliverable) -> Deliverable:
    """Return the deliverable as it can be stored; raise DeliverableRefused.

    The value stays exactly as it is. Instructions are cut. A link or instructions that repeat the
    value lose it, because readers without the right to the value see them.
    """
    if given.kind not in KINDS:
        raise DeliverableRefused(f"the kind of a deliverable is one of {', '.join(sorted(KINDS))}")
    value = given.value
    if (value is None) != (given.kind == "credit"):
        raise DeliverableRefused("every kind of deliverable but credit has a value")
    if value is not None and (
        not visible(value) or not is_storable(value, characters_max=VALUE_CHARACTERS_MAX)
    ):
        raise DeliverableRefused(f"a value has 1 to {VALUE_CHARACTERS_MAX} visible characters")
    url, text = given.redeem_url, given.instructions
    if url is not None and not _is_shown_url(url, value):
        url = None
    if text is not None:
        text = storable(text, characters_max=INSTRUCTIONS_CHARACTERS_MAX)
        text = text if value is None else _without(value, text)
    return Deliverable(given.kind, value, url, text or None, given.expires_at)


def stored(given: Deliverable) -> StoredDeliverable:
    hint = None if given.value is None else hint_of(given.value)
    return StoredDeliverable(
        given.kind, hint, given.redeem_url, given.instructions, given.expires_at
    )


def _is_shown_url(url: str, value: str | None) -> bool:
    return (
        url.startswith(("https://", "http://"))
        and is_storable(url, characters_max=REDEEM_URL_CHARACTERS_MAX)
        and (value is None or not _is_in(value, url))
    )


def _is_in(value: str, text: str) -> bool:
    return any(value in read for read in (text, unquote(text), unquote_plus(text)))


def _without(value: str, text: str) -> str:
    for spelled in (value, quote(value), quote(value, safe=""), quote_plus(value)):
        text = text.replace(spelled, MASK)
    # The value is spelled in yet another way.
    return MASK if _is_in(value, text) else text
