"""The example of a top-up that its own request paid for."""

from typing import Any, Final

PAID: Final[dict[str, Any]] = {
    "platform": "claude",
    "amount_cents": 1000,
    "fee_cents": 0,
    "charged_cents": 1000,
    "recipient_email": "user@example.com",
    "voucher_code": "ATU-7Q3X-9KVM-2C8R-T5WA-H4NB",
    "voucher_code_hint": "H4NB",
    "deliverable": {
        "kind": "credit",
        "value": None,
        "value_hint": None,
        "redeem_url": None,
        "instructions": None,
        "expires_at": None,
    },
    "claim_url": "https://gateway.example/claim/7Q3X9KVM2C8RT5WA",
    "payment": {
        "id": "mpy_abc123",
        "state": "paid",
        "network": "eip155:8453",
        "asset": "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
        "amount": "10000000",
        "payer": "0x857b06519e91e3a54538791bdbb0e22373e36b66",
        "settlement": "0x1234567890abcdef1234567890abcdef1234567890abcdef1234567890abcdef",
        "created_at": "2026-06-13T12:00:00Z",
        "settled_at": "2026-06-13T12:00:01Z",
    },
    "refund": None,
}
SETTLING: Final[dict[str, Any]] = {
    **PAID,
    "voucher_code": None,
    "voucher_code_hint": None,
    "deliverable": None,
    "claim_url": None,
    "payment": {**PAID["payment"], "state": "settling", "settlement": None, "settled_at": None},
}
