"""What the ledger owes to the top-ups, rule by rule: amounts, fees, refunds and what suppliers took.

Each selects the rows that break it: row_id, expected, found (micros), of one account_id and environment.
"""

from typing import Final

from billing.ledger.money import MICROS_PER_CENT
from billing.ledger.rule import Rule

TOPUP_RULES: Final = (
    Rule(
        "what is held equals open top-ups, open holds and open refunds",
        "tenant",
        # The condition that is said twice is the one of an index.
        f"""SELECT s.row_id, s.expected, s.found FROM (
                SELECT :account_id AS row_id,
                    COALESCE((SELECT SUM(amount_cents + COALESCE(fee_cents, 0))
                            * {MICROS_PER_CENT} FROM topups
                        WHERE account_id = :account_id AND environment = :environment
                          AND status IN ('pending', 'scheduled') AND status <> 'delivered'), 0)
                    + COALESCE((SELECT SUM(amount_micros) FROM holds
                        WHERE account_id = :account_id AND environment = :environment
                          AND status = 'held'), 0)
                    + COALESCE((SELECT SUM(held_micros) FROM refunds
                        WHERE account_id = :account_id AND environment = :environment), 0)
                        AS expected,
                    COALESCE((SELECT SUM(balance_micros) FROM ledger_accounts
                        WHERE account_id = :account_id AND environment = :environment
                          AND kind = 'held'), 0) AS found) AS s
            WHERE s.expected <> s.found""",
    ),
    Rule(
        "a delivered top-up credited its recipient once",
        "topups",
        f"""SELECT s.row_id, SUM(s.expected) AS expected, SUM(s.found) AS found FROM (
                SELECT p.id AS row_id, p.amount_cents * {MICROS_PER_CENT} AS expected, 0 AS found,
                    1 AS is_delivered
                FROM topups p
                WHERE p.account_id = :account_id AND p.environment = :environment
                  AND p.status IN ('delivered', 'reversing', 'reversed')
                UNION ALL
                SELECT t.transaction_id, 0, t.amount_micros, 0 FROM transfers t
                WHERE t.account_id = :account_id AND t.environment = :environment
                  AND t.code IN ('topup_send', 'topup_deliver')
            ) AS s GROUP BY s.row_id
            HAVING SUM(s.is_delivered) > 0 AND SUM(s.expected) <> SUM(s.found)""",
    ),
    Rule(
        "a delivered top-up's fee was taken once, and no other one's",
        "topups",
        # What the fees account has of a top-up: of a reversed one it came back.
        f"""SELECT s.row_id, s.expected, s.found FROM (
                SELECT p.id AS row_id, COALESCE(m.moved, 0) AS found,
                    CASE WHEN p.status IN ('delivered', 'reversing')
                        THEN COALESCE(p.fee_cents, 0) * {MICROS_PER_CENT} ELSE 0 END AS expected
                FROM topups p
                LEFT JOIN (
                    SELECT t.transaction_id, SUM(CASE WHEN t.credit_id = f.id
                        THEN t.amount_micros ELSE -t.amount_micros END) AS moved
                    FROM transfers t
                    JOIN ledger_accounts f ON f.account_id = t.account_id
                        AND f.environment = t.environment AND f.kind = 'fees'
                        AND (f.id = t.credit_id OR f.id = t.debit_id)
                    WHERE t.account_id = :account_id AND t.environment = :environment
                    GROUP BY t.transaction_id
                ) AS m ON m.transaction_id = p.id
                WHERE p.account_id = :account_id AND p.environment = :environment) AS s
            WHERE s.expected <> s.found""",
    ),
    Rule(
        "a supplier's cost is what its delivered attempt says, once, and of a reversed one nothing",
        "topups",
        # One way: what was delivered before costs were in the books has no transfer.
        f"""SELECT s.row_id, s.expected, s.found FROM (
                SELECT t.transaction_id AS row_id, SUM(CASE WHEN t.code = 'supplier_cost'
                        THEN t.amount_micros ELSE -t.amount_micros END) AS found,
                    COALESCE((SELECT SUM(a.cost_cents) FROM fulfilment_attempts a
                        JOIN topups p ON p.id = a.transaction_id
                        WHERE a.transaction_id = t.transaction_id AND a.outcome = 'delivered'
                          AND p.status <> 'reversed'), 0) * {MICROS_PER_CENT} AS expected
                FROM transfers t
                WHERE t.account_id = :account_id AND t.environment = :environment
                  AND t.code IN ('supplier_cost', 'supplier_cost_back')
                GROUP BY t.transaction_id) AS s
            WHERE s.expected <> s.found""",
    ),
    Rule(
        "a failed or cancelled top-up was refunded whole",
        "topups",
        """SELECT p.id AS row_id,
                COALESCE(SUM(CASE WHEN t.code = 'topup_hold' THEN t.amount_micros ELSE 0 END), 0)
                    AS expected,
                COALESCE(SUM(CASE WHEN t.code = 'topup_refund' THEN t.amount_micros ELSE 0 END), 0)
                    AS found
           FROM topups p LEFT JOIN transfers t ON t.transaction_id = p.id
           WHERE p.account_id = :account_id AND p.environment = :environment
             AND p.status IN ('failed', 'cancelled')
           GROUP BY p.id
           HAVING COALESCE(SUM(CASE WHEN t.code = 'topup_hold' THEN t.amount_micros ELSE 0 END), 0)
               <> COALESCE(SUM(CASE WHEN t.code = 'topup_refund' THEN t.amount_micros ELSE 0 END), 0)
        """,
    ),
    Rule(
        "a reversed top-up came back whole, and no other did",
        "topups",
        f"""SELECT p.id AS row_id, COALESCE(m.moved, 0) AS found,
                CASE WHEN p.status = 'reversed'
                    THEN (p.amount_cents + COALESCE(p.fee_cents, 0)) * {MICROS_PER_CENT} ELSE 0 END
                    AS expected
            FROM topups p
            LEFT JOIN (
                SELECT transaction_id, SUM(amount_micros) AS moved FROM transfers
                WHERE account_id = :account_id AND environment = :environment
                  AND code = 'topup_reverse'
                GROUP BY transaction_id
            ) AS m ON m.transaction_id = p.id
            WHERE p.account_id = :account_id AND p.environment = :environment
              AND COALESCE(m.moved, 0) <> CASE WHEN p.status = 'reversed'
                  THEN (p.amount_cents + COALESCE(p.fee_cents, 0)) * {MICROS_PER_CENT}
                  ELSE 0 END""",
    ),
    Rule(
        "a recipient's wallet holds what was delivered and neither redeemed nor reversed",
        "topups",
        # Of each top-up: what moves at such a wallet is of one, and its balance is what moved there.
        f"""SELECT s.row_id, SUM(s.expected) AS expected, SUM(s.found) AS found FROM (
                SELECT p.id AS row_id, p.platform || '/' || p.recipient_email AS name, 0 AS found,
                    CASE WHEN p.status = 'delivered' AND r.transaction_id IS NULL
                        THEN p.amount_cents * {MICROS_PER_CENT} ELSE 0 END AS expected
                FROM topups p LEFT JOIN voucher_redemptions r ON r.transaction_id = p.id
                WHERE p.account_id = :account_id AND p.environment = :environment
                UNION ALL
                SELECT t.transaction_id, l.name, CASE WHEN t.credit_id = l.id
                    THEN t.amount_micros ELSE -t.amount_micros END, 0
                FROM transfers t JOIN ledger_accounts l ON l.id IN (t.debit_id, t.credit_id)
                WHERE t.account_id = :account_id AND t.environment = :environment
                  AND t.transaction_id IS NOT NULL AND l.kind = 'recipient'
            ) AS s GROUP BY s.row_id, s.name HAVING SUM(s.expected) <> SUM(s.found)""",
    ),
)
