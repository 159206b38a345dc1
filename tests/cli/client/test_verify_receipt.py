"""`topup verify-receipt`: a receipt is believed as it was signed, and in no other form."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from hypothesis import given, strategies as st

from billing.checkpoints import checkpoint
from billing.checkpoints.checkpoint import Statement
from billing.checkpoints.jws import StatementRefused, jwk_of, kid_of, public_of, sign
from billing.checkpoints.merkle import SealedTransfer, audit_path, hash_of, leaf_hash, root_of
from billing.checkpoints.receipt import TYP, Proof, ProvedTransfer, Receipt, verify_receipt
from cli.main import main

SEED = bytes(range(32))
KEYS = {kid_of(public_of(SEED)): public_of(SEED)}
SALT = "AAECAwQFBgcICQoLDA0ODw"  # 00 01 … 0f
MOVED = SealedTransfer(
    id="trf_1",
    account_id="acc_1",
    environment="live",
    debit_id="lac_1",
    credit_id="lac_2",
    amount_micros=10_000_000,
    code="topup_send",
    transaction_id="txn_1",
    subject_id=None,
    created_at=1_782_777_600_000_001,
)
LEAVES = [leaf_hash(b"a"), hash_of(MOVED, bytes(range(16))), leaf_hash(b"c")]
STATEMENT = Statement(
    environment="live",
    day="2026-06-30",
    size=3,
    late=0,
    root=root_of(LEAVES).hex(),
    previous=None,
    sealed_at="2026-07-01T01:00:00Z",
)


def signed(statement: Statement) -> str:
    return sign(statement.encoded(), typ=checkpoint.TYP, seed=SEED)


def receipt_with(**changes: Any) -> Receipt:
    path = [one.hex() for one in audit_path(LEAVES, 1)]
    proof = Proof(day="2026-06-30", index=1, path=path, salt=SALT)
    moved = ProvedTransfer(transfer=MOVED, debit="wallet", credit="recipient:a", proof=proof)
    fields: dict[str, Any] = {
        "version": 1,
        "issuer": "https://topup.example",
        "issued_at": "2026-07-01T02:00:00Z",
        "payment": {
            "transaction_id": "txn_1",
            "account_id": "acc_1",
            "environment": "live",
            "status": "delivered",
            "platform": "claude",
            "recipient_email": "a@example.com",
            "amount_cents": 1000,
            "charged_cents": 1000,
        },
        "transfers": [moved],
        "deliverable": None,
        "mandate": None,
        "approval": None,
        "checkpoints": [signed(STATEMENT)],
    }
    return Receipt(**{**fields, **changes})


def jws_of(receipt: Receipt) -> str:
    return sign(msgspec.json.encode(receipt, order="sorted"), typ=TYP, seed=SEED)


JWS = jws_of(receipt_with())


def test_a_receipt_as_it_was_signed_is_believed() -> None:
    verdict = verify_receipt(JWS, keys=KEYS, kept=[STATEMENT])

    assert verdict.proved == [
        "The holder of the signing key stated all of it, and nothing was changed since.",
        (
            "1 of 1 transfers lie in the ledger's sealed checkpoint (2026-06-30), with these accounts,"
            " amounts and times."
        ),
        "Those checkpoints are the very ones that you kept.",
    ]


@given(place=st.integers(0, len(JWS) - 1), other=st.sampled_from("AZaz09-_.="))
def test_no_character_of_it_can_be_another(place: int, other: str) -> None:
    changed = JWS[:place] + other + JWS[place + 1 :]
    if changed != JWS:
        with pytest.raises(StatementRefused):
            verify_receipt(changed, keys=KEYS)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"amount_cents": 5000}, "5000 US cents were delivered, but its transfers moved 10000000"),
        ({"amount_cents": None}, "None US cents"),
        ({"status": "reversed", "amount_cents": 900}, "900 US cents"),
    ],
)
def test_even_the_signer_states_no_amount_that_was_not_moved(
    changes: dict[str, Any], said: str
) -> None:
    changed = receipt_with(payment=receipt_with().payment | changes)

    with pytest.raises(StatementRefused, match=said):
        verify_receipt(jws_of(changed), keys=KEYS)


def test_a_transfer_counts_once() -> None:
    [one] = receipt_with().transfers
    twice = receipt_with(
        transfers=[one, one], payment=receipt_with().payment | {"amount_cents": 2000}
    )

    with pytest.raises(StatementRefused, match="twice"):
        verify_receipt(jws_of(twice), keys=KEYS)


MOVES = [
    ("id", "trf_2"),
    ("account_id", "acc_2"),
    ("environment", "staging"),
    ("debit_id", "lac_3"),
    ("credit_id", "lac_3"),
    ("amount_micros", 10_000_001),
    ("code", "refund"),
    ("transaction_id", "txn_2"),
    ("subject_id", "ord_1"),
    ("created_at", 1_782_777_600_000_002),
]


@pytest.mark.parametrize(("name", "value"), MOVES)
def test_even_the_signer_states_no_transfer_that_is_not_sealed(name: str, value: Any) -> None:
    [one] = receipt_with().transfers
    moved = msgspec.structs.replace(one.transfer, **{name: value})
    changed = receipt_with(transfers=[msgspec.structs.replace(one, transfer=moved)])

    with pytest.raises(StatementRefused):
        verify_receipt(jws_of(changed), keys=KEYS)


@pytest.mark.parametrize(
    "changes",
    [
        {"index": 0},
        {"index": 3},
        {"index": -1},
        {"path": []},
        {"path": ["zz"]},
        {"salt": "AA"},
        {"salt": "?"},
        {"day": "2026-07-01"},
    ],
)
def test_a_proof_of_another_place_is_refused(changes: dict[str, Any]) -> None:
    [one] = receipt_with().transfers
    assert one.proof is not None
    proof = msgspec.structs.replace(one.proof, **changes)
    changed = receipt_with(transfers=[msgspec.structs.replace(one, proof=proof)])

    with pytest.raises(StatementRefused):
        verify_receipt(jws_of(changed), keys=KEYS)


def test_a_day_that_was_signed_twice_shows_against_the_one_that_was_kept() -> None:
    kept = msgspec.structs.replace(STATEMENT, root="0" * 64)

    with pytest.raises(StatementRefused, match="differs from your stored one"):
        verify_receipt(JWS, keys=KEYS, kept=[kept])


def test_what_is_signed_for_something_else_is_no_receipt() -> None:
    payload = msgspec.json.encode(receipt_with(), order="sorted")
    elsewhere = sign(payload, typ=checkpoint.TYP, seed=SEED)
    stranger = sign(payload, typ=TYP, seed=bytes(32))

    for text in (elsewhere, stranger, signed(STATEMENT), "", "a.b", "..", "{}"):
        with pytest.raises(StatementRefused):
            verify_receipt(text, keys=KEYS)


def test_the_command_reads_files_and_says_what_it_saw(tmp_path: Path) -> None:
    files = {
        "keys.json": json.dumps({"keys": [jwk_of(public_of(SEED)), {"kty": "RSA"}]}),
        "receipt.json": json.dumps({"success": True, "data": {"receipt": JWS}}),
        "day.jws": signed(STATEMENT),
        "forged.jws": JWS[:-4] + "AAAA",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")

    def verify(name: str, *more: str, **arguments: Any) -> Any:
        path = name if name == "-" else str(tmp_path / name)
        line = ["verify-receipt", path, "--keys", str(tmp_path / "keys.json"), *more]
        return CliRunner().invoke(main, line, **arguments)

    good = verify("receipt.json", "--checkpoint", str(tmp_path / "day.jws"))
    piped = verify("-", "--json", input=JWS)
    forged = verify("forged.jws", "--json")
    nonsense = verify("keys.json")

    assert good.exit_code == 0
    assert good.stdout.splitlines()[0] == (
        "txn_1: 1000 US cents for claude to a@example.com, delivered"
    )
    assert "the very ones that you kept" in good.stdout
    assert json.loads(piped.stdout)["receipt"]["payment"]["transaction_id"] == "txn_1"
    assert (forged.exit_code, json.loads(forged.stdout)["valid"]) == (1, False)
    assert (nonsense.exit_code, "The JSON has no field receipt." in nonsense.stdout) == (1, True)
