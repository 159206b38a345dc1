"""Model a top-up: prepaid credit that an account sends from its wallet to a recipient on a platform.

A pending or scheduled top-up holds its funds, and reaches a final state exactly once. Only `move` changes the state.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal, get_args
from urllib.parse import quote, quote_plus, unquote, unquote_plus

import msgspec
from msgspec.structs import replace

from billing.topups.platform import WALLET, earned_cents
from kernel.clock import rfc3339
from kernel.errors import DomainError
from kernel.storable import is_storable, storable
from kernel.tenant import Tenant
from keys import caps
from store.database import BatchRead, Rows, Transaction
from store.row_mapping import NULL_AS_ZERO, WORDS_OR_NULL, RowMapping, as_json

DeliverableKind = Literal["credit", "code", "key", "link", "note"]
KINDS: Final = frozenset(get_args(DeliverableKind))
VALUE_CHARACTERS_MAX: Final = 2_000
REDEEM_URL_CHARACTERS_MAX: Final = 500
INSTRUCTIONS_CHARACTERS_MAX: Final = 1_000
MESSAGE_CHARACTERS_MAX: Final = 500
LOCALE_CHARACTERS_MAX: Final = 35
MASK: Final = "****"
HINT_CHARACTERS: Final = 4
# For a code shorter than this, the last four characters would reveal too much.
_HINTED_CHARACTERS_MIN = 12
_NO_HINT = "*" * HINT_CHARACTERS
_SHOWS_NOTHING = re.compile(
    r"[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\ufe00-\ufe0f\U000e0100-\U000e01ef]"
)


class DeliverableRefused(ValueError):
    pass


class DeliveryOptions(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """How to notify the recipient. It is erased together with the recipient. `locale` is a language tag such as
    zh-Hans.
    """

    email: bool = False
    locale: str | None = None
    message: str | None = None


class Deliverable(msgspec.Struct, frozen=True, gc=False):
    """What a top-up delivers: credit, or a code, key, link or note. Credit has no `value`. Other kinds store it
    encrypted.
    """

    kind: DeliverableKind
    value: str | None = None
    redeem_url: str | None = None
    instructions: str | None = None
    expires_at: int | None = None

    def __repr__(self) -> str:
        return f"Deliverable({self.kind})"


class StoredDeliverable(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
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


WALLET_CREDIT: Final = StoredDeliverable("credit")
WALLET_CREDIT_SHAPE: Final = WALLET_CREDIT.shape()
WALLET_CREDIT_JSON: Final = msgspec.Raw(msgspec.json.encode(WALLET_CREDIT_SHAPE))


def hint_of(code: str) -> str:
    if len(code) < _HINTED_CHARACTERS_MIN or not (code.isascii() and code.isprintable()):
        return _NO_HINT
    return code[-HINT_CHARACTERS:]


def visible(value: str) -> str:
    """Return the visible characters of a value, normalised to NFKC and without white space."""
    plain = _SHOWS_NOTHING.sub("", unicodedata.normalize("NFKC", value))
    return "".join(one for one in plain if unicodedata.category(one)[0] not in "CZ")


def checked_deliverable(given: Deliverable) -> Deliverable:
    if given.kind not in KINDS:
        raise DeliverableRefused(f"The kind must be one of {', '.join(sorted(KINDS))}.")
    value = given.value
    if (value is None) != (given.kind == "credit"):
        raise DeliverableRefused("A code, key, link or note needs a value; credit has none.")
    if value is not None and (
        not visible(value) or not is_storable(value, characters_max=VALUE_CHARACTERS_MAX)
    ):
        raise DeliverableRefused(
            f"The value must have 1 to {VALUE_CHARACTERS_MAX} visible characters."
        )
    url, text = given.redeem_url, given.instructions
    if url is not None and not _is_shown_url(url, value):
        url = None
    if text is not None:
        text = storable(text, characters_max=INSTRUCTIONS_CHARACTERS_MAX)
        text = text if value is None else _without(value, text)
    return Deliverable(given.kind, value, url, text or None, given.expires_at)


def stored_deliverable(given: Deliverable) -> StoredDeliverable:
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
    # If the text contains the value in another spelling, mask all of the text.
    return MASK if _is_in(value, text) else text


HINT: Final = "fulfilment"
SCHEDULED_HINT: Final = "scheduled"
TopUpStatus = Literal[
    "scheduled", "pending", "delivered", "failed", "cancelled", "reversing", "reversed"
]

MOVES: Mapping[TopUpStatus, frozenset[TopUpStatus]] = {
    "scheduled": frozenset({"pending", "delivered", "failed", "cancelled"}),
    # A top-up that is approved before its scheduled time becomes scheduled again.
    "pending": frozenset({"scheduled", "delivered", "failed", "cancelled"}),
    "delivered": frozenset({"reversing", "reversed"}),
    "failed": frozenset(),
    "cancelled": frozenset(),
    "reversing": frozenset({"reversed", "delivered"}),
    "reversed": frozenset(),
}
HELD_STATES: Final = frozenset[TopUpStatus]({"scheduled", "pending"})

# These ways of fulfilment need no supplier. `voucher` is the former name of WALLET.
_HERE = frozenset({WALLET, "voucher", "sandbox", "approval"})


class AlreadyDelivered(DomainError):
    pass


class AlreadyEnded(DomainError):
    pass


class DuplicateReference(DomainError):
    pass


class TopUp(msgspec.Struct, frozen=True, gc=False):
    id: str
    account_id: str
    environment: str
    spent_by: tuple[str, ...]  # the sending key and its ancestors; empty without a key
    status: TopUpStatus
    platform: str
    amount_cents: int
    recipient_email: str
    created_at: int
    fulfilment: str
    reference: str | None = None
    metadata: Mapping[str, str] = {}
    note: str | None = None
    failure_reason: str | None = None
    new_balance_cents: int | None = None
    # the code's last characters, set on delivery (the code isn't stored)
    voucher_code_hint: str | None = None
    fulfilment_code: str | None = None  # a supplier's encrypted code, which replaces the voucher's
    handed_over_at: int | None = None
    next_check_at: int | None = None
    checks_made: int = 0
    settled_at: int | None = None
    # The trace of the send's request (kernel/trace.py). If another process ends the top-up, its event still contains
    # this trace.
    trace: str | None = None
    # the supplier that is being called or has delivered; None for a wallet in this gateway
    supplier: str | None = None
    # the delivery without its value; None for credit to a wallet in this gateway
    deliverable: StoredDeliverable | None = None
    delivery: DeliveryOptions | None = None
    claimed_at: int | None = None
    emailed_at: int | None = None
    # the scheduled time on the tenant's clock; None if sent immediately
    scheduled_for: int | None = None
    fee_cents: int = 0
    earned_fee_cents: int = 0  # the fee, once delivered; 0 before delivery and after a reversal
    # the rows of spend_windows that count this send, except its day's and month's (keys/caps.py)
    counted_in: str | None = None
    key_name: str | None = None  # the key's name at the time of the send; None without a key
    # the sender's IP address, if known
    caller_address: str | None = None
    idempotency_key: str | None = None  # the send's Idempotency-Key, masked; None if it had none
    # the sender of a waiting top-up (Principal.sender); None for a key or an immediate send
    sent_by: str | None = None

    @property
    def charged_cents(self) -> int:
        return self.amount_cents + self.fee_cents

    @property
    def counted_at(self) -> int:
        return caps.counted_at(self.counted_in, self.created_at)

    @property
    def given(self) -> StoredDeliverable | None:
        is_given = self.status in {"delivered", "reversing"}
        return (self.deliverable or WALLET_CREDIT) if is_given else None

    @property
    def lies_here(self) -> bool:
        is_by_wallet = self.fulfilment == WALLET or self.supplier is None
        is_nothing_given = self.deliverable is None and self.fulfilment_code is None
        return is_nothing_given and is_by_wallet and self.fulfilment in _HERE

    @property
    def needs_review(self) -> bool:
        is_left = self.next_check_at is None and self.handed_over_at is not None
        return is_left and self.status == "pending"

    @property
    def tenant(self) -> Tenant:
        return Tenant(self.account_id, self.environment)

    @property
    def recipient_name(self) -> str:
        return f"{self.platform}/{self.recipient_email}"

    @property
    def key_id(self) -> str | None:
        return self.spent_by[0] if self.spent_by else None

    def event_data(self) -> dict[str, Any]:
        deliverable: dict[str, Any] | msgspec.Raw | None = None
        if self.status == "delivered":
            given = self.deliverable
            deliverable = WALLET_CREDIT_JSON if given is None else given.shape()
        data: dict[str, Any] = {
            "transaction_id": self.id,
            "status": self.status,
            "platform": self.platform,
            "amount_cents": self.amount_cents,
            "fee_cents": self.fee_cents,
            "charged_cents": self.charged_cents,
            "recipient_email": self.recipient_email,
            "voucher_code": None,
            "voucher_code_hint": self.voucher_code_hint,
            "deliverable": deliverable,
            "new_balance_cents": self.new_balance_cents,
            "reference": self.reference,
            "metadata": dict(self.metadata),
            "key_id": self.key_id,
            "key_name": self.key_name,
        }
        if self.scheduled_for is not None:
            data["scheduled_for"] = rfc3339(self.scheduled_for)
        if self.failure_reason is not None:
            data["failure_reason"] = self.failure_reason
        return data


def move(
    topup: TopUp,
    status: TopUpStatus,
    *,
    now_us: int,
    seen: TopUpStatus | None = None,
    **changes: Any,
) -> TopUp:
    """Return the top-up in its new state. By default, the top-up must hold funds. If `seen` is given, the top-up must
    be in that state instead. Raise AlreadyDelivered or AlreadyEnded if the top-up isn't in the required state.
    """
    is_seen = topup.status in HELD_STATES if seen is None else topup.status == seen
    if not is_seen or status not in MOVES[topup.status]:
        facts = {"transaction_id": topup.id, "status": topup.status}
        if topup.status in {"delivered", "reversing"}:
            raise AlreadyDelivered("The top-up is already delivered.", extra=facts)
        raise AlreadyEnded(f"The top-up has already ended: {topup.status}.", extra=facts)
    if status not in HELD_STATES:
        changes["next_check_at"] = None
        changes["earned_fee_cents"] = earned_cents(status, topup.fee_cents)
        if topup.status in HELD_STATES:
            changes["settled_at"] = now_us
    return replace(topup, status=status, **changes)


async def load(tx: Transaction, ids: Iterable[str]) -> dict[str, TopUp]:
    rows = await tx.fetch(_LOAD, ids=sorted(set(ids)))
    return {row["id"]: ROWS.read(row) for row in rows}


def references_reading(
    references: Iterable[tuple[str, str, str]],
    into: dict[tuple[str, str, str], tuple[str, TopUpStatus]],
) -> BatchRead:
    wanted = sorted(set(references))

    def take(rows: Rows) -> None:
        for row in rows:
            into[row[0], row[1], row[2]] = (row[3], row[4])

    return BatchRead(_REFERENCES if wanted else "", take, pairs=wanted)


async def free_references(tx: Transaction, ids: Sequence[str]) -> None:
    freed = await tx.execute(
        "UPDATE topups SET reference = NULL WHERE id IN :ids[text] AND status = 'cancelled'",
        ids=sorted(ids),
    )
    assert freed == len(ids), "what was not accepted was cancelled before"


async def postpone(tx: Transaction, topup_id: str, until: int) -> None:
    text = """UPDATE topups SET next_check_at = :until
        WHERE id = :id AND status = 'pending' AND next_check_at < :until"""
    await tx.execute(text, id=topup_id, until=until)


async def insert(tx: Transaction, topups: Sequence[TopUp]) -> None:
    await tx.insert_deferred("topups", _NEW.columns, [_NEW.write(topup) for topup in topups])


async def update(tx: Transaction, topups: Sequence[TopUp]) -> None:
    if not topups:
        return
    rows = [_CHANGED.write(topup) for topup in sorted(topups, key=lambda topup: topup.id)]
    changed = await tx.execute(_UPDATE, rows=rows)
    assert changed == len(topups), "a top-up that may still change vanished under the lock"


async def note_claimed(tx: Transaction, topups: Sequence[TopUp]) -> None:
    if topups:
        await tx.execute(_CLAIMED, rows=sorted((one.id, one.claimed_at) for one in topups))


async def note_emailed(tx: Transaction, ids: Iterable[str], *, now_us: int) -> None:
    if wanted := sorted(set(ids)):
        await tx.execute(
            """UPDATE topups SET emailed_at = :now_us
               WHERE id IN :ids[text] AND emailed_at IS NULL""",
            now_us=now_us,
            ids=wanted,
        )


ROWS = RowMapping(
    TopUp,
    stored={
        "spent_by": WORDS_OR_NULL,
        "metadata": as_json(dict[str, str]),
        "deliverable": as_json(StoredDeliverable),
        "fee_cents": NULL_AS_ZERO,
        "earned_fee_cents": NULL_AS_ZERO,
        "delivery": as_json(DeliveryOptions),
    },
)
_NEW = ROWS.part(*(name for name in ROWS.columns if name not in {"claimed_at", "emailed_at"}))
_CHANGING = (
    "status",
    "failure_reason",
    "new_balance_cents",
    "voucher_code_hint",
    "fulfilment_code",
    "fulfilment",
    "handed_over_at",
    "next_check_at",
    "checks_made",
    "settled_at",
    "supplier",
    "deliverable",
    "earned_fee_cents",
)
_CHANGED = ROWS.part("id", *_CHANGING)
_LOAD = f"SELECT {ROWS.listed} FROM topups WHERE id IN :ids[text]"
_UPDATE = f"""
UPDATE topups SET {ROWS.part(*_CHANGING).assigned} FROM :rows[{_CHANGED.typed}] AS v
WHERE topups.id = v.id AND topups.status IN ('pending', 'scheduled', 'delivered', 'reversing')
"""
_CLAIMED = """
UPDATE topups SET claimed_at = v.claimed_at FROM :rows[id text, claimed_at bigint] AS v
WHERE topups.id = v.id AND topups.claimed_at IS NULL
"""
_REFERENCES = """
SELECT t.account_id, t.environment, t.reference, t.id, t.status
FROM :pairs[account_id text, environment text, reference text] AS v
CROSS JOIN topups t
WHERE t.account_id = v.account_id AND t.environment = v.environment AND t.reference = v.reference
"""
