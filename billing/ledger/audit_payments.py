"""What the ledger owes to machine payments: what was settled came in once, and what went back went once.

Each rule is its name and a statement that selects the rows which break it: row_id, expected, found
(micros), of one account_id and environment.
"""

from typing import Final

from billing.ledger.money import MICROS_PER_CENT


def _moved_once(code: str, condition: str) -> str:
    """Both ways: no payment without its transfer, and no transfer of a payment beside its state."""
    return f"""
        SELECT p.id AS row_id, COALESCE(m.moved, 0) AS found,
            CASE WHEN {condition} THEN p.charged_cents * {MICROS_PER_CENT} ELSE 0 END AS expected
        FROM machine_payments p
        LEFT JOIN (
            SELECT t.subject_id, SUM(t.amount_micros) AS moved FROM transfers t
            WHERE t.account_id = :account_id AND t.environment = :environment
              AND t.subject_id IS NOT NULL AND t.code = '{code}'
            GROUP BY t.subject_id
        ) AS m ON m.subject_id = p.id
        WHERE p.account_id = :account_id AND p.environment = :environment
          AND COALESCE(m.moved, 0)
              <> CASE WHEN {condition} THEN p.charged_cents * {MICROS_PER_CENT} ELSE 0 END"""


PAYMENT_RULES: Final = (
    (
        "a settled machine payment was credited once, any other never",
        _moved_once("purchase", "p.settled_at IS NOT NULL"),
    ),
    (
        "a machine payment that was given back left once, any other never",
        _moved_once("payment_refund", "p.state = 'refunded'"),
    ),
)
