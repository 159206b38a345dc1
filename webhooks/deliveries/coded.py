"""Leave redeemable codes and links out of stored event bodies, and insert them when sending.

A code replaces the `null` at the recorded position: in voucher_code, deliverable.value or decide_url. So every
attempt sends the same bytes, and no copy of the code is stored.
"""

import re
from collections.abc import Callable
from typing import Final

import msgspec
from msgspec import Struct

from webhooks.deliveries.stage import Claimed


class _Approval(Struct):
    id: str


class _Data(Struct):
    approval: _Approval


class _Asked(Struct):
    data: _Data


_decode: Final = msgspec.json.Decoder(_Asked).decode
_encode: Final = msgspec.json.Encoder().encode
# Raises keys.vault.SealBroken if the code can't be opened.
CodeOf = Callable[[str, str | None], str]

LinkOf = Callable[[str], str]

LINKED_EVENT: Final = "approval.requested"
_NULL: Final = b"null"
_LINK: Final = b'"decide_url":'
_FIELD: Final = b'"voucher_code":'
_ROOM: Final = _FIELD + _NULL
_DELIVERABLE: Final = b'"deliverable":{"kind":"'
# Kind `credit` isn't listed, because it has no value.
_VALUES: Final = tuple(b'%s","value":' % kind for kind in (b"code", b"key", b"link", b"note"))
_EMPTY_VALUES: Final = tuple(field + _NULL for field in _VALUES)
_PART_CHARACTERS_MIN: Final = 8
# The last part of a URL's path, if it is long enough to be a secret.
_SECRET_PART: Final = re.compile(r"/([^/?#]{16,})(?:[?#]|\Z)")
_MASK: Final = b"*"


def place_of_code(body: bytes) -> int:
    """Return the position of the null that a code may replace.

    The first match is the right one: no earlier field contains a tenant's text, and JSON escapes quotes in
    text.
    """
    given = _place_of_value(body, 0)
    if given is not None and not given[1]:
        return given[0]
    return body.index(_ROOM) + len(_FIELD)


def place_of_link(body: bytes) -> int:
    return body.index(_LINK + _NULL) + len(_LINK)


def with_code(body: bytes, at: int, code: str) -> bytes:
    """Insert the code at its position, and in deliverable.value, too, if a code was delivered."""
    written = _encode(code)
    given = _place_of_value(body, at)
    if given is not None and given[1]:
        body = _replaced(body, given[0], written)
    return _replaced(body, at, written)


def _place_of_value(body: bytes, after: int) -> tuple[int, bool] | None:
    at = body.find(_DELIVERABLE, after)
    if at < 0:
        return None
    at += len(_DELIVERABLE)
    if not body.startswith(_EMPTY_VALUES, at):
        return None
    number = next(i for i, field in enumerate(_VALUES) if body.startswith(field, at))
    return at + len(_VALUES[number]), number == 0


def _replaced(body: bytes, at: int, written: bytes) -> bytes:
    end = at + len(_NULL)
    assert body[at:end] == _NULL, "the place of a code holds null"
    return body[:at] + written + body[end:]


def body_to_send(claimed: Claimed, code_of: CodeOf, link_of: LinkOf) -> tuple[Claimed, str | None]:
    """Return the delivery with the body to send, and the code in the body. Raise SealBroken."""
    at = claimed.code_at
    if at is None:
        return claimed, None
    if claimed.event_type == LINKED_EVENT:
        link = link_of(_decode(claimed.body).data.approval.id)
        return claimed._replace(body=_replaced(claimed.body, at, _encode(link))), link
    assert claimed.transaction_id is not None, "a code is a top-up's"
    code = code_of(claimed.transaction_id, claimed.code_sealed)
    return claimed._replace(body=with_code(claimed.body, at, code)), code


def masked(answered: bytes, code: str | None) -> bytes:
    """Mask the code or link in a receiver's response, in any spelling that people or JSON use."""
    if code is None:
        return answered
    kept = answered
    for written in _spellings(code):
        kept = kept.replace(written, _MASK * len(written))
    for secret in (code, *_SECRET_PART.findall(code)):
        kept = _without_start(kept, secret.encode())
    return kept


def _without_start(kept: bytes, secret: bytes) -> bytes:
    for length in range(len(secret) - 1, min(len(secret), _PART_CHARACTERS_MIN) - 1, -1):
        if kept.endswith(secret[:length]):
            return kept[:-length] + _MASK * length
    return kept


def _spellings(code: str) -> tuple[bytes, ...]:
    in_json = msgspec.json.encode(code)[1:-1].decode()
    secrets = _SECRET_PART.findall(code)
    spelled = (code, in_json, code.replace("-", ""), code.replace("-", " "), *secrets)
    return tuple(dict.fromkeys(one.encode() for each in spelled for one in (each, each.lower())))
