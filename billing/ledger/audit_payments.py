"""The audit's rules for machine payments; billing/ledger/rule.py describes the statements."""

from typing import Final

from billing.ledger.money import MICROS_PER_CENT
from billing.ledger.rule import Rule


def _moved_once(code: str, condition: str) -> str:
    """Return the rule in both directions: each payment in that state and its transfer."""
    return f"""
        SELECT s.row_id, SUM(s.expected) AS expected, SUM(s.found) AS found FROM (
            SELECT p.id AS row_id, p.charged_cents * {MICROS_PER_CENT} AS expected, 0 AS found
            FROM machine_payments p
            WHERE p.account_id = :account_id AND p.environment = :environment AND {condition}
            UNION ALL
            SELECT t.subject_id, 0, t.amount_micros FROM transfers t
            WHERE t.account_id = :account_id AND t.environment = :environment
              AND t.code = '{code}' AND t.subject_id LIKE 'mpy_%'
        ) AS s GROUP BY s.row_id HAVING SUM(s.expected) <> SUM(s.found)"""


PAYMENT_RULES: Final = (
    Rule(
        "a settled machine payment was credited once, any other never",
        "machine_payments",
        _moved_once("purchase", "p.settled_at IS NOT NULL"),
    ),
    Rule(
        "a machine payment that was given back left once, any other never",
        "machine_payments",
        _moved_once("payment_refund", "p.state = 'refunded'"),
    ),
    Rule(
        "a paid machine payment has the top-up that it paid for",
        "machine_payments",
        f"""SELECT p.id AS row_id, p.charged_cents * {MICROS_PER_CENT} AS expected,
                COALESCE(t.amount_cents + COALESCE(t.fee_cents, 0), 0) * {MICROS_PER_CENT} AS found
            FROM machine_payments p
            LEFT JOIN topups t ON t.id = p.transaction_id AND t.account_id = p.account_id
                AND t.environment = p.environment
            WHERE p.account_id = :account_id AND p.environment = :environment AND p.state = 'paid'
              AND COALESCE(t.amount_cents + COALESCE(t.fee_cents, 0), 0) <> p.charged_cents""",
    ),
    Rule(
        "a machine payment is settled exactly if it was paid or given back",
        "machine_payments",
        """SELECT p.id AS row_id, CASE WHEN p.settled_at IS NULL THEN 0 ELSE 1 END AS found,
                CASE WHEN p.state IN ('paid', 'refunded') THEN 1 ELSE 0 END AS expected
            FROM machine_payments p
            WHERE p.account_id = :account_id AND p.environment = :environment
              AND (p.settled_at IS NULL) = (p.state IN ('paid', 'refunded'))""",
    ),
)
