"""Define a delivery's states (MOVES), the values passed between an attempt's stages, and the insertion of codes.

Stored event bodies leave out redeemable codes and links, which are inserted when sending. A code replaces the
`null` at the recorded position, in voucher_code, deliverable.value or decide_url. Every attempt sends the same
bytes, and no copy of the code is stored.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec
from msgspec import Struct

from store.database import Row

PENDING: Final = "pending"
SENDING: Final = "sending"
DELIVERED: Final = "delivered"
FAILED: Final = "failed"
CANCELLED: Final = "cancelled"
# SQLite uses a partial index only if the query repeats its condition exactly.
OPEN: Final = "status IN ('pending', 'sending')"
STATUSES: Final = (PENDING, SENDING, DELIVERED, FAILED, CANCELLED)
MOVES: Final[Mapping[str, frozenset[str]]] = {
    PENDING: frozenset({SENDING, FAILED, CANCELLED}),
    SENDING: frozenset({SENDING, PENDING, DELIVERED, FAILED, CANCELLED}),
    DELIVERED: frozenset(),
    FAILED: frozenset(),
    CANCELLED: frozenset(),
}

LOST_CLAIMS_MAX: Final = 5
LOST: Final = "lost"  # The error of an attempt that was never settled, because its workers died.


TARGET_COLUMNS: Final = (
    "url",
    "secret_sealed",
    "previous_secret_sealed",
    "previous_secret_until_at",
    "headers_sealed",
    "retry_schedule_s",
    "failing_since_at",
    "enabled_at",
    "signing_keys_sealed",
    "subscription_id",
    "subscription_cursor",
)


class Target(NamedTuple):
    """The endpoint's columns that an attempt needs. Secrets stay encrypted until the request is built."""

    id: str
    url: str
    secret_sealed: bytes
    previous_secret_sealed: bytes | None
    previous_secret_until_at: int | None
    headers_sealed: bytes | None
    schedule_s: tuple[int, ...]
    failing_since_at: int | None
    enabled_at: int | None
    signing_keys_sealed: bytes | None = None
    subscription_id: str | None = None
    subscription_cursor: str | None = None

    @classmethod
    def of(cls, id_: str, row: Row) -> "Target":
        return cls(
            id_,
            row["url"],
            row["secret_sealed"],
            row["previous_secret_sealed"],
            row["previous_secret_until_at"],
            row["headers_sealed"],
            tuple(map(int, row["retry_schedule_s"].split())),
            row["failing_since_at"],
            row["enabled_at"],
            row["signing_keys_sealed"],
            row["subscription_id"],
            row["subscription_cursor"],
        )


class Claimed(NamedTuple):
    """A delivery that this process may send once, before lease_until_us on the claim's clock.

    number: the attempt's number, from 1. After LOST_CLAIMS_MAX lost claims, the delivery is settled as lost.
    """

    id: str
    event_id: str
    event_type: str
    account_id: str
    environment: str
    number: int
    claim_no: int
    lost_claims: int
    lease_until_us: int
    target: Target
    body: bytes
    transaction_id: str | None = None
    code_at: int | None = None
    code_sealed: str | None = None
    created_at: int = 0
    due_at: int | None = None  # null: not recorded
    trace: str | None = None  # The trace of the request that caused the event.
    # Other deliveries about the same object may wait for this one (see sequence.py).
    object_id: str | None = None

    @property
    def was_held(self) -> bool:
        enabled_at = self.target.enabled_at
        return enabled_at is not None and self.created_at <= enabled_at

    @property
    def is_lost(self) -> bool:
        return self.lost_claims >= LOST_CLAIMS_MAX


class Later(NamedTuple):
    """When to check an endpoint next. ready_at is None if no delivery is open.

    change_no and event_no were read by the scan, to detect later changes.
    """

    endpoint_id: str
    change_no: int
    event_no: int
    ready_at: int | None


class Head(NamedTuple):
    ready_at: int
    endpoint_id: str


class Line(NamedTuple):
    """What a claim's scan learned about the queue.

    - turns: endpoints that have had their turn while others are still waiting behind them.
    - after: where the next scan continues.
    - hides_failing: whether the scan may have missed failing endpoints, because those ahead had nothing to claim.
    """

    laters: Sequence[Later]
    turns: Sequence[str]
    after: Head | None
    has_more_failing: bool
    hides_failing: bool


class Claim(NamedTuple):
    """A claim's result.

    - next_at_us: when the next delivery is due, or None.
    - short_ids: endpoints with due deliveries that got no slot.
    - has_more: whether an endpoint may have more due deliveries.
    - was_contended: whether to try again shortly, because some rows couldn't be claimed.
    """

    claimed: list[Claimed]
    next_at_us: int | None
    endpoints_due: int
    short_ids: frozenset[str]
    has_more: bool
    was_contended: bool
    line: Line


class AttemptRow(NamedTuple):
    """An attempt's columns. Header values and reasons contain no secrets."""

    id: str
    started_at: int
    duration_us: int
    http_status: int | None
    error: str | None
    reason: str | None
    remote_address: str | None
    timings_ms: str  # JSON object
    request_headers: str  # JSON object, from message.stored_headers
    body_sha256: str | None  # Hexadecimal, or None if no request could be made.
    response_body: bytes


class Settlement(Struct, frozen=True, gc=False):
    """A delivery's new state. next_attempt_at_us is set only if the delivery is pending."""

    claimed: Claimed
    status: str
    next_attempt_at_us: int | None
    ended_at_us: int
    attempt: AttemptRow
    disable_reason: str | None = None

    def __post_init__(self) -> None:
        assert self.status in MOVES[SENDING], self.status
        assert (self.next_attempt_at_us is None) is (self.status != PENDING), "due iff pending"


class _Approval(Struct):
    id: str


class _Data(Struct):
    approval: _Approval


class _Asked(Struct):
    data: _Data


_decode: Final = msgspec.json.Decoder(_Asked).decode
_encode: Final = msgspec.json.Encoder().encode
# Raises keys.vault.SealBroken if the code can't be decrypted.
CodeOf = Callable[[str, str | None], str]

LinkOf = Callable[[str], str]

LINKED_EVENT: Final = "approval.requested"
_NULL: Final = b"null"
_LINK: Final = b'"decide_url":'
_FIELD: Final = b'"voucher_code":'
_ROOM: Final = _FIELD + _NULL
_DELIVERABLE: Final = b'"deliverable":{"kind":"'
# Kind `credit` is missing here, because it has no value.
_VALUES: Final = tuple(b'%s","value":' % kind for kind in (b"code", b"key", b"link", b"note"))
_EMPTY_VALUES: Final = tuple(field + _NULL for field in _VALUES)
_PART_CHARACTERS_MIN: Final = 8
# The last part of a URL's path, if it is long enough to be a secret.
_SECRET_PART: Final = re.compile(r"/([^/?#]{16,})(?:[?#]|\Z)")
_MASK: Final = b"*"


def place_of_code(body: bytes) -> int:
    """Return the position of the null that a code may replace.

    The first match is the right one. No earlier field contains a tenant's text, and JSON escapes quotes in text.
    """
    given = _place_of_value(body, 0)
    if given is not None and not given[1]:
        return given[0]
    return body.index(_ROOM) + len(_FIELD)


def place_of_link(body: bytes) -> int:
    return body.index(_LINK + _NULL) + len(_LINK)


def with_code(body: bytes, at: int, code: str) -> bytes:
    """Insert the code at its position. If a code was delivered, insert it in deliverable.value as well."""
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
    """Return the delivery with the body to send, and the code or link that was inserted. Raise SealBroken if a
    code was altered.
    """
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
    """Mask all spellings of the code or link in a receiver's response."""
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
