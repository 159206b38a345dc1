"""Verify a top-up's receipt with public keys only, and report what couldn't be checked."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from billing.checkpoints.checkpoint import Statement, statement_of
from billing.checkpoints.jws import NOT_JSON, StatementRefused, decode, verify
from billing.checkpoints.merkle import SealedTransfer, hash_of, root_from_path
from billing.ledger.chart import Code
from billing.ledger.money import MICROS_PER_CENT

TYP: Final = "topup-receipt+jws"
_GIVEN: Final = frozenset({Code.TOPUP_SEND, Code.TOPUP_DELIVER})
_DELIVERED: Final = frozenset({"delivered", "reversed"})


class Proof(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A proof that a transfer is in a checkpoint. The path's hashes are in hex, beginning with the leaf's sibling."""

    day: str
    index: int
    path: list[str]
    salt: str


class ProvedTransfer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A transfer with its proof. `proof` is None until the transfer's day is sealed."""

    transfer: SealedTransfer
    debit: str
    credit: str
    proof: Proof | None


class Receipt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: int
    issuer: str | None
    issued_at: str
    payment: dict[str, Any]
    transfers: list[ProvedTransfer]
    deliverable: dict[str, Any] | None
    mandate: dict[str, Any] | None
    approval: dict[str, Any] | None
    checkpoints: list[str]


class ReceiptVerdict(NamedTuple):
    receipt: Receipt
    kid: str
    proved: Sequence[str]
    not_proved: Sequence[str]


def verify_receipt(
    text: str, *, keys: Mapping[str, bytes], kept: Sequence[Statement] = ()
) -> ReceiptVerdict:
    """Verify a receipt. `kept` contains checkpoints verified earlier. Raise StatementRefused if the receipt
    contradicts them.
    """
    verified = verify(text.strip(), typ=TYP, keys=keys)
    try:
        receipt = msgspec.json.decode(verified.payload, type=Receipt)
    except NOT_JSON as error:
        raise StatementRefused(
            f"The statement is signed, but it isn't a receipt: {error}."
        ) from None
    sealed = _statements(receipt, keys)
    _compare_kept(sealed, kept)
    for one in receipt.transfers:
        _check(one, receipt, sealed)
    _check_amount(receipt)
    return ReceiptVerdict(receipt, verified.kid, *_words(receipt, sealed, kept))


def _statements(receipt: Receipt, keys: Mapping[str, bytes]) -> Mapping[str, Statement]:
    found = [statement_of(jws, keys)[0] for jws in receipt.checkpoints]
    if any(one.environment != receipt.payment.get("environment") for one in found):
        raise StatementRefused("A checkpoint in the receipt is from another environment.")
    return {one.day: one for one in found}


def _compare_kept(sealed: Mapping[str, Statement], kept: Sequence[Statement]) -> None:
    for one in kept:
        other = sealed.get(one.day)
        if other is not None and other.environment == one.environment and other != one:
            raise StatementRefused(
                f"The receipt's checkpoint for {one.day} differs from your stored one. The signer "
                "signed two different checkpoints for that day."
            )


def _check(one: ProvedTransfer, receipt: Receipt, sealed: Mapping[str, Statement]) -> None:
    moved, payment = one.transfer, receipt.payment
    own = (payment.get("transaction_id"), payment.get("account_id"), payment.get("environment"))
    if (moved.transaction_id, moved.account_id, moved.environment) != own:
        raise StatementRefused(f"Transfer {moved.id} doesn't belong to this top-up.")
    if one.proof is None:
        return
    checkpoint = sealed.get(one.proof.day)
    if checkpoint is None:
        raise StatementRefused(f"The receipt doesn't contain the checkpoint for {one.proof.day}.")
    try:
        path = [bytes.fromhex(step) for step in one.proof.path]
        leaf = hash_of(moved, decode(one.proof.salt))
    except ValueError:
        raise StatementRefused(f"The proof of transfer {moved.id} can't be read.") from None
    root = root_from_path(leaf, one.proof.index, checkpoint.size, path)
    if root is None or root.hex() != checkpoint.root:
        raise StatementRefused(f"Transfer {moved.id} isn't in the checkpoint for {one.proof.day}.")


def _check_amount(receipt: Receipt) -> None:
    moved = {one.transfer.id: one.transfer for one in receipt.transfers}
    if len(moved) < len(receipt.transfers):
        raise StatementRefused("The receipt contains a transfer twice.")
    if receipt.payment.get("status") not in _DELIVERED:
        return
    given = sum(one.amount_micros for one in moved.values() if one.code in _GIVEN)
    cents = receipt.payment.get("amount_cents")
    if not isinstance(cents, int) or given != cents * MICROS_PER_CENT:
        raise StatementRefused(
            f"The receipt says that {cents} US cents were delivered, but its transfers moved {given} micros."
        )


def _words(
    receipt: Receipt, sealed: Mapping[str, Statement], kept: Sequence[Statement]
) -> tuple[list[str], list[str]]:
    proved = ["The holder of the signing key stated all of it, and nothing was changed since."]
    missing: list[str] = []
    inside = sum(one.proof is not None for one in receipt.transfers)
    if inside:
        days = ", ".join(sorted(sealed))
        proved.append(
            f"{inside} of {len(receipt.transfers)} transfers lie in the ledger's sealed checkpoint"
            f" ({days}), with these accounts, amounts and times."
        )
    if inside < len(receipt.transfers):
        missing.append(
            f"{len(receipt.transfers) - inside} of {len(receipt.transfers)} transfers lie in no checkpoint"
            " yet: ask for the receipt again a day later."
        )
    known = {(one.environment, one.day) for one in kept}
    unkept = sorted(day for day, one in sealed.items() if (one.environment, day) not in known)
    if sealed and not unkept:
        proved.append("Those checkpoints are the very ones that you kept.")
    if unkept:
        missing.append(
            f"That others were shown the same checkpoint of {', '.join(unkept)}: compare it with one that"
            " you, or somebody you trust, kept."
        )
    if inside:
        missing.append(
            "Whose a ledger account is: its id is sealed, and its name and the recipient's address are what"
            " the signer stated later."
        )
    missing.append(
        "What a ledger cannot know: that the credit was of use, and what was done before the day was"
        " sealed."
    )
    if receipt.mandate is not None:
        missing.append(
            "The limits of the key are those of the time of the receipt, not of the send."
        )
    return proved, missing
