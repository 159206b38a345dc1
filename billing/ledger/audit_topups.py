"""What the ledger owes to the top-ups, rule by rule: amounts, fees, refunds and what suppliers took.

Each rule is its name and a statement that selects the rows which break it: row_id, expected, found
(micros), of one account_id and environment.
"""

from typing import Final

from billing.ledger.money import MICROS_PER_CENT

TOPUP_RULES: Final = (
    (
        "what is held equals open top-ups, open holds and open refunds",
        f"""SELECT s.row_id, s.expected, s.found FROM (
                SELECT :account_id AS row_id,
                    COALESCE((SELECT SUM(amount_cents + COALESCE(fee_cents, 0))
                            * {MICROS_PER_CENT} FROM topups
                        WHERE account_id = :account_id AND environment = :environment
                          AND status IN ('pending', 'scheduled')), 0)
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
    (
        "a delivered top-up credited its recipient once",
        f"""SELECT p.id AS row_id, p.amount_cents * {MICROS_PER_CENT} AS expected,
                COALESCE(SUM(t.amount_micros), 0) AS found
            FROM topups p
            LEFT JOIN transfers t ON t.transaction_id = p.id
                AND t.code IN ('topup_send', 'topup_deliver')
            WHERE p.account_id = :account_id AND p.environment = :environment
              AND p.status IN ('delivered', 'reversing', 'reversed')
            GROUP BY p.id, p.amount_cents
            HAVING COALESCE(SUM(t.amount_micros), 0) <> p.amount_cents * {MICROS_PER_CENT}""",
    ),
    (
        "a delivered top-up's fee was taken once, and no other one's",
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
    (
        "a supplier's cost is what its delivered attempt says, once, and of a reversed one nothing",
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
    (
        "a failed or cancelled top-up was refunded whole",
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
    (
        "a reversed top-up came back whole, and no other did",
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
    (
        "a recipient's wallet holds what was delivered and neither redeemed nor reversed",
        f"""SELECT l.id AS row_id, l.balance_micros AS found, COALESCE(d.cents, 0) * {MICROS_PER_CENT}
                AS expected
            FROM ledger_accounts l
            LEFT JOIN (
                SELECT p.platform || '/' || p.recipient_email AS name, SUM(p.amount_cents) AS cents
                FROM topups p
                LEFT JOIN voucher_redemptions r ON r.transaction_id = p.id
                WHERE p.account_id = :account_id AND p.environment = :environment
                  AND p.status = 'delivered' AND r.transaction_id IS NULL
                GROUP BY p.platform || '/' || p.recipient_email
            ) AS d ON d.name = l.name
            WHERE l.account_id = :account_id AND l.environment = :environment
              AND l.kind = 'recipient'
              AND l.balance_micros <> COALESCE(d.cents, 0) * {MICROS_PER_CENT}""",
    ),
)
