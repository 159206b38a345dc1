"""What can be redeemed, left out of the bodies that are stored and put in where it is to be sent.

Promise: the bytes with a code are the stored ones with `null` replaced at the recorded place, so they
are the same for every attempt and replay, for ever, and lie nowhere. Whether a delivery carries the
code is in its row from the moment it was published. Pure.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from webhooks.deliveries.stage import Claimed

# The code that a top-up brought, by its id and what its event keeps sealed; null: the voucher's own.
# Raises keys.vault.SealBroken.
CodeOf = Callable[[str, str | None], str]

HINT_FIELD: Final = "voucher_code_hint"
_NULL: Final = b"null"
_FIELD: Final = b'"voucher_code":'
_ROOM: Final = _FIELD + _NULL
# Of a code that was cut off, so many characters are enough to be taken for a part of it.
_PART_CHARACTERS_MIN: Final = 8
_MASK: Final = b"*"


def place_of_code(body: bytes) -> int:
    """Where in a rendered body the null stands that a code may replace.

    The first one is ours: in JSON a name between quotes is nobody's text, and what stands before it
    in an event has no field of this name.
    """
    return body.index(_ROOM) + len(_FIELD)


def with_code(body: bytes, at: int, code: str) -> bytes:
    """The body with the code at its place."""
    end = at + len(_NULL)
    assert body[at:end] == _NULL, "the place of a code holds null"
    return body[:at] + msgspec.json.encode(code) + body[end:]


def body_to_send(claimed: Claimed, code_of: CodeOf) -> tuple[Claimed, str | None]:
    """The delivery with the very bytes to send, and the code in them; raises SealBroken."""
    if claimed.code_at is None:
        return claimed, None
    assert claimed.transaction_id is not None, "a code is a top-up's"
    code = code_of(claimed.transaction_id, claimed.code_sealed)
    return claimed._replace(body=with_code(claimed.body, claimed.code_at, code)), code


def masked(answered: bytes, code: str | None) -> bytes:
    """What a receiver answered, as it may be kept: without the code that it was sent.

    Also where it was written as people type it, since that can be redeemed, too, and where the
    answer was cut off in the middle of the code.
    """
    if code is None:
        return answered
    text = code.encode()
    kept = answered
    for written in _spellings(code):
        kept = kept.replace(written, _MASK * len(written))
    for length in range(len(text) - 1, min(len(text), _PART_CHARACTERS_MIN) - 1, -1):
        if kept.endswith(text[:length]):
            return kept[:-length] + _MASK * length
    return kept


def _spellings(code: str) -> tuple[bytes, ...]:
    """As it was sent, without its hyphens, with spaces for them, and each in small letters."""
    spelled = (code, code.replace("-", ""), code.replace("-", " "))
    return tuple(dict.fromkeys(one.encode() for each in spelled for one in (each, each.lower())))
