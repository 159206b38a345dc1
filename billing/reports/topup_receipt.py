"""Signed receipts: prove what a top-up moved and delivered.

A receipt contains each transfer's place in its sealed day, and a hash of what was delivered. The hash uses a nonce,
which is shown only to readers who may see the value.
"""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Annotated, Any, Final, NamedTuple, cast

import msgspec
from msgspec import Meta, Struct

from billing.checkpoints import checkpoint
from billing.checkpoints.checkpoint import Checkpoint, shape_of
from billing.checkpoints.jws import encode, sign
from billing.checkpoints.merkle import SealedTransfer, salt_of
from billing.checkpoints.receipt import TYP, Proof, ProvedTransfer, Receipt
from billing.checkpoints.signing_keys import signing_seed
from billing.ledger.chart import OPERATORS_OWN
from billing.ledger.ledger import Transfer, transfers_of
from billing.topups import topup as topups
from billing.topups.approval import load_for_topups
from billing.topups.queries import ledger_labels
from billing.topups.rules import TopUpRules, sees_code
from billing.topups.topup import TopUp
from kernel.clock import DAY_US, day_start_us, rfc3339
from kernel.errors import DomainError, NotFound
from kernel.words import Count, Environment, Time, TopUpStatus, TransactionId
from keys.act import MERCHANT, ApiRead
from keys.api_keys import api_key
from keys.principal import Principal
from keys.vault import Vault
from store.database import Transaction

KEYS_PATH: Final = "/.well-known/receipt-keys"
NONCE_KEY: Final = "receipt_nonce"
_NONCE_BYTES: Final = 16
# A transfer that is committed after its day was sealed is in a later day's checkpoint.
_DAYS_LOOKED: Final = 3
_OPEN: Final = frozenset({"scheduled", "pending", "reversing"})
_Hex = Annotated[str, Meta(description="32 bytes in hex.", pattern="^[0-9a-f]{64}$")]


class NoReceiptYet(NotFound):
    def __init__(self, topup: TopUp) -> None:
        facts = {"transaction_id": topup.id, "status": topup.status}
        detail = f"the top-up is {topup.status}: it has a receipt once that has ended"
        DomainError.__init__(self, detail, reason="not_ended", extra=facts)
        self.kind = "Receipt"


class SealedDay(Struct, kw_only=True):
    """One UTC day of an environment's ledger, sealed against changes."""

    environment: Environment
    day: Annotated[str, Meta(description="The UTC day, such as 2026-11-22.")]
    size: Annotated[Count, Meta(description="The number of transfers of all accounts on that day.")]
    late: Annotated[
        Count,
        Meta(description=("How many of these belong to earlier days that were already sealed.")),
    ]
    root: Annotated[
        _Hex, Meta(description="The root of the Merkle tree (RFC 6962) over the transfers.")
    ]
    digest: Annotated[
        _Hex,
        Meta(
            description="The SHA-256 of the signed statement. The next day's statement contains it."
        ),
    ]
    sealed_at: Time
    jws: Annotated[str, Meta(description="The signed statement, for others to store as evidence.")]

    @staticmethod
    def of_checkpoint(one: Checkpoint) -> "SealedDay":
        return SealedDay(**cast(Any, shape_of(one)))


class TopUpReceipt(Struct, kw_only=True):
    """A top-up's receipt. You can store it and verify it without this gateway."""

    transaction_id: TransactionId
    status: TopUpStatus
    receipt: Annotated[
        str,
        Meta(
            description="JWS in compact form, Ed25519: payment, transfers with their proofs, the"
            " deliverable's digest, mandate and approval. `topup verify-receipt` checks it."
        ),
    ]
    checkpoint: Annotated[
        SealedDay | None,
        Meta(
            description="The sealed day of the top-up's last transfer. Null until all are sealed; try again a day"
            " later."
        ),
    ]
    keys_url: Annotated[str, Meta(description="The URL of the public keys, a JWK Set.")]


class SignedReceipt(NamedTuple):
    """`checkpoint` is None until all transfers are sealed."""

    topup: TopUp
    jws: str
    checkpoint: Checkpoint | None


async def make_receipt(
    tx: Transaction,
    principal: Principal,
    topup_id: str,
    *,
    rules: TopUpRules,
    vault: Vault,
    now_us: int,
) -> SignedReceipt:
    """Raise NotFound if the account has no such top-up, and NoReceiptYet if the top-up isn't final."""
    topup = (await topups.load(tx, [topup_id])).get(topup_id)
    if topup is None or topup.tenant != principal.tenant:
        raise NotFound("Transaction", param="transaction_id")
    if topup.status in _OPEN:
        raise NoReceiptYet(topup)
    moved = [one for one in await transfers_of(tx, [topup_id]) if one.code not in OPERATORS_OWN]
    sealed = {one.id: await _sealed_in(tx, one) for one in moved}
    held = {one.day: one for one, _ in filter(None, sealed.values())}
    labels = await ledger_labels(
        tx, [side for one in moved for side in (one.debit_id, one.credit_id)]
    )
    nonce_key = await vault.data_key(tx, NONCE_KEY, now_us=now_us)
    receipt = Receipt(
        version=1,
        issuer=rules.public_url or None,
        issued_at=rfc3339(now_us),
        payment=_payment(topup),
        transfers=[_transfer(one, labels, sealed[one.id]) for one in moved],
        deliverable=_deliverable(topup, principal, rules, nonce_key),
        mandate=await _mandate(tx, topup, now_us),
        approval=await _approval(tx, topup),
        checkpoints=[held[day].jws for day in sorted(held)],
    )
    seed = await signing_seed(tx, vault, now_us=now_us)
    is_whole = bool(moved) and all(sealed.values())
    last = held[max(held)] if is_whole else None
    payload = msgspec.json.encode(receipt, order="sorted")
    return SignedReceipt(topup, sign(payload, typ=TYP, seed=seed), last)


async def _sealed_in(
    tx: Transaction, moved: Transfer
) -> tuple[Checkpoint, checkpoint.Inclusion] | None:
    day = day_start_us(moved.created_at)
    for number in range(_DAYS_LOOKED):
        found = await checkpoint.find(tx, moved.environment, day + number * DAY_US)
        if found is None:
            return None if number else await _in_first(tx, moved)
        place = await checkpoint.inclusion(tx, moved.environment, found.day_start_at, moved.id)
        if place is not None:
            return found, place
    return None


async def _in_first(
    tx: Transaction, moved: Transfer
) -> tuple[Checkpoint, checkpoint.Inclusion] | None:
    """Look in the first checkpoint, because it also contains the transfers of all earlier days."""
    found = await checkpoint.after(tx, moved.environment, day_start_at=-1, limit=1)
    if not found or found[0].day_start_at < moved.created_at:
        return None
    place = await checkpoint.inclusion(tx, moved.environment, found[0].day_start_at, moved.id)
    return None if place is None else (found[0], place)


def _transfer(
    moved: Transfer,
    labels: Mapping[str, str],
    sealed: tuple[Checkpoint, checkpoint.Inclusion] | None,
) -> ProvedTransfer:
    fields = {**msgspec.structs.asdict(moved), "code": str(moved.code)}
    proof = None
    if sealed is not None:
        held, place = sealed
        proof = Proof(
            day=held.day,
            index=place.number,
            path=[step.hex() for step in place.path],
            salt=encode(salt_of(held.seed, moved.id)),
        )
    return ProvedTransfer(
        transfer=SealedTransfer(**fields),
        debit=labels[moved.debit_id],
        credit=labels[moved.credit_id],
        proof=proof,
    )


def _payment(topup: TopUp) -> dict[str, Any]:
    return {
        "transaction_id": topup.id,
        "account_id": topup.account_id,
        "environment": topup.environment,
        "status": topup.status,
        "platform": topup.platform,
        "recipient_email": topup.recipient_email,
        "amount_cents": topup.amount_cents,
        "fee_cents": topup.fee_cents,
        "charged_cents": topup.charged_cents,
        "reference": topup.reference,
        "key_id": topup.key_id,
        "created_at": rfc3339(topup.created_at),
        "settled_at": None if topup.settled_at is None else rfc3339(topup.settled_at),
    }


def _deliverable(
    topup: TopUp, principal: Principal, rules: TopUpRules, nonce_key: bytes
) -> dict[str, Any] | None:
    given = topup.given
    if given is None or topup.status != "delivered" or topup.voucher_code_hint is None:
        return None
    value = rules.codes.issued(topup.id, topup.fulfilment_code)
    nonce = hmac.digest(nonce_key, topup.id.encode(), hashlib.sha256)[:_NONCE_BYTES]
    return {
        "kind": "voucher" if topup.deliverable is None else given.kind,
        "sha256": hashlib.sha256(nonce + value.encode()).hexdigest(),
        "nonce": encode(nonce) if sees_code(principal, topup.spent_by) else None,
    }


async def _mandate(tx: Transaction, topup: TopUp, now_us: int) -> dict[str, Any] | None:
    """Use the keys' current limits, because a top-up doesn't store the limits that applied to the send."""
    if not topup.spent_by:
        return None
    keys = [await _key(tx, topup, key_id) for key_id in topup.spent_by]
    return {"as_of": rfc3339(now_us), "keys": [one for one in keys if one is not None]}


async def _key(tx: Transaction, topup: TopUp, key_id: str) -> dict[str, Any] | None:
    try:
        key = await api_key.get(tx, topup.tenant, key_id)
    except NotFound:
        # `spent_by` can contain the ID of an app's grant instead of a key's.
        return None
    named = ("id", "name", "purpose", "per_call_cents", "per_day_cents", "per_month_cents")
    above = {
        "lifetime_cents": key.lifetime_cents,
        "approval_above_cents": key.approval_threshold_cents,
        "approval_above_per_day_cents": key.approval_above_per_day_cents,
        "expires_at": None if key.expires_at is None else rfc3339(key.expires_at),
    }
    shown: dict[str, Any] = {name: getattr(key, name) for name in named} | above
    limits: dict[str, Any] = msgspec.to_builtins(key.mandate)
    return {**{name: value for name, value in shown.items() if value is not None}, **limits}


async def _approval(tx: Transaction, topup: TopUp) -> dict[str, Any] | None:
    asked = (await load_for_topups(tx, [topup.id])).get(topup.id)
    if asked is None:
        return None
    return {
        "id": asked.id,
        "status": asked.status,
        "requested_by": asked.requested_by,
        "decided_by": asked.decided_by,
        "decided_at": None if asked.decided_at is None else rfc3339(asked.decided_at),
    }


RECEIPT: Final = ApiRead(
    name="topups.receipt",
    summary="Get a top-up's signed receipt",
    description="The receipt is signed with Ed25519. Each transfer's place in a sealed day of the ledger is added"
    " once that day is sealed, an hour after the UTC day's end. With `Accept: application/jose`, only the JWS is"
    " returned. The receipt has a digest of what was delivered; the nonce for comparing it is only for callers"
    " who may see the code. Returns 3003 with reason not_ended until the top-up has ended.",
    path="/topup/{transaction_id}/receipt",
    scopes=("billing:read",),
    audience=(MERCHANT,),
    result=TopUpReceipt,
    refuses=(NotFound,),
    examples=("topup topups receipt txn_4Kp1",),
)
