"""List the ledger audit's rules for top-ups."""

from typing import Final

from billing.ledger.money import MICROS_PER_CENT
from billing.ledger.rule import Rule

OF_TOPUPS: Final = (
    *("approvals", "fulfilment_attempts", "mails", "manual_tasks", "supplier_words"),
    *("topup_reversals", "voucher_redemptions"),
)
TOPUP_RULES: Final = (
    Rule(
        "what is held equals open top-ups, open holds and open refunds",
        "tenant",
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
        "a delivered top-up credited its recipient once, any other never",
        "topups",
        f"""SELECT s.row_id, SUM(s.expected) AS expected, SUM(s.found) AS found FROM (
                SELECT p.id AS row_id, p.amount_cents * {MICROS_PER_CENT} AS expected, 0 AS found
                FROM topups p
                WHERE p.account_id = :account_id AND p.environment = :environment
                  AND p.status IN ('delivered', 'reversing', 'reversed')
                UNION ALL
                SELECT t.transaction_id, 0, t.amount_micros FROM transfers t
                WHERE t.account_id = :account_id AND t.environment = :environment
                  AND t.code IN ('topup_send', 'topup_deliver')
            ) AS s GROUP BY s.row_id
            HAVING SUM(s.expected) <> SUM(s.found)""",
    ),
    Rule(
        "a delivered top-up's fee was taken once, and no other one's",
        "topups",
        # Add up what the fees account received. Expect 0 for a reversed top-up, because its fee was returned.
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
        # Top-ups that were delivered before costs were recorded have no transfer, so only existing transfers are
        # checked.
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
        f"""SELECT s.row_id, SUM(s.expected) AS expected, SUM(s.found) AS found FROM (
                SELECT p.id AS row_id, p.platform || '/' || p.recipient_email AS name, 0 AS found,
                    CASE WHEN p.status = 'delivered' AND r.transaction_id IS NULL
                        THEN p.amount_cents * {MICROS_PER_CENT} ELSE 0 END AS expected
                FROM topups p LEFT JOIN voucher_redemptions r ON r.transaction_id = p.id
                WHERE p.account_id = :account_id AND p.environment = :environment
                UNION ALL
                SELECT t.transaction_id, l.name, t.amount_micros, 0
                FROM transfers t JOIN ledger_accounts l ON l.id = t.credit_id
                WHERE t.account_id = :account_id AND t.environment = :environment
                  AND t.transaction_id IS NOT NULL AND l.kind = 'recipient'
                UNION ALL
                SELECT t.transaction_id, l.name, -t.amount_micros, 0
                FROM transfers t JOIN ledger_accounts l ON l.id = t.debit_id
                WHERE t.account_id = :account_id AND t.environment = :environment
                  AND t.transaction_id IS NOT NULL AND l.kind = 'recipient'
            ) AS s GROUP BY s.row_id, s.name HAVING SUM(s.expected) <> SUM(s.found)""",
    ),
    Rule(
        "a top-up's transfers are at its own recipient's wallet",
        "topups",
        """SELECT p.id AS row_id, 1 AS expected, 0 AS found
            FROM topups p
            JOIN transfers t ON t.transaction_id = p.id AND t.account_id = p.account_id
                AND t.environment = p.environment
            JOIN ledger_accounts d ON d.id = t.debit_id
            JOIN ledger_accounts c ON c.id = t.credit_id
            WHERE p.account_id = :account_id AND p.environment = :environment
              AND (d.kind = 'recipient' AND d.name <> p.platform || '/' || p.recipient_email
                OR c.kind = 'recipient' AND c.name <> p.platform || '/' || p.recipient_email)
            GROUP BY p.id""",
    ),
    Rule(
        "a top-up that is held waits for a time, a check, a person or an approval, and no other does",
        "topups",
        """SELECT p.id AS row_id, 1 AS expected, 0 AS found
            FROM topups p LEFT JOIN approvals a ON a.transaction_id = p.id AND a.status = 'pending'
            WHERE p.account_id = :account_id AND p.environment = :environment
              AND NOT CASE p.status
                WHEN 'scheduled' THEN p.settled_at IS NULL AND p.next_check_at IS NULL
                    AND (p.scheduled_for IS NOT NULL OR p.fulfilment = 'batch')
                WHEN 'pending' THEN p.settled_at IS NULL AND (p.next_check_at IS NOT NULL
                    OR p.handed_over_at IS NOT NULL OR a.id IS NOT NULL
                    OR p.fulfilment = 'sandbox')
                ELSE p.settled_at IS NOT NULL AND p.next_check_at IS NULL END""",
    ),
    Rule(
        "a failed top-up has a reason, and one that nothing was delivered of has no balance of its recipient",
        "topups",
        """SELECT p.id AS row_id, 0 AS expected, COALESCE(p.new_balance_cents, 0) AS found
            FROM topups p
            WHERE p.account_id = :account_id AND p.environment = :environment
              AND (p.status = 'failed' AND p.failure_reason IS NULL
                OR (p.new_balance_cents IS NULL)
                    <> (p.status IN ('scheduled', 'pending', 'failed', 'cancelled')))""",
    ),
    Rule(
        "a reversal ended as its top-up did, and is open while that is being reversed",
        "topups",
        """SELECT p.id AS row_id, 1 AS expected, 0 AS found
            FROM topups p LEFT JOIN topup_reversals r ON r.transaction_id = p.id
            WHERE p.account_id = :account_id AND p.environment = :environment
              AND NOT CASE p.status
                WHEN 'reversed' THEN COALESCE(r.outcome, '') = 'reversed'
                WHEN 'reversing' THEN r.transaction_id IS NOT NULL AND r.outcome IS NULL
                ELSE r.transaction_id IS NULL OR COALESCE(r.outcome, '') = 'kept' END""",
    ),
    Rule(
        "an attempt at a supplier is over exactly if it ended, and costs only what was delivered",
        "topups",
        """SELECT p.id AS row_id, 0 AS expected, COALESCE(a.cost_cents, 0) AS found
            FROM topups p JOIN fulfilment_attempts a ON a.transaction_id = p.id
            WHERE p.account_id = :account_id AND p.environment = :environment
              AND ((a.ended_at IS NULL) <> (a.outcome IN ('requested', 'waiting', 'unknown'))
                OR COALESCE(a.cost_cents, 0) <> 0 AND a.outcome <> 'delivered'
                OR a.outcome = 'delivered' AND p.status NOT IN ('delivered', 'reversing', 'reversed'))""",
    ),
    Rule(
        "a person's task is over exactly if it was decided, as its top-up ended",
        "topups",
        """SELECT p.id AS row_id, 1 AS expected, 0 AS found
            FROM topups p JOIN manual_tasks m ON m.transaction_id = p.id
            WHERE p.account_id = :account_id AND p.environment = :environment
              AND ((m.outcome IS NULL) <> (m.decided_at IS NULL)
                OR m.outcome = 'delivered' AND p.status NOT IN ('delivered', 'reversing', 'reversed')
                OR m.outcome IS NULL AND p.status <> 'pending')""",
    ),
    Rule(
        "an approval waits exactly while nobody decided and its top-up is held",
        "topups",
        """SELECT p.id AS row_id, 1 AS expected, 0 AS found
            FROM topups p JOIN approvals a ON a.transaction_id = p.id
            WHERE p.account_id = :account_id AND p.environment = :environment
              AND ((a.status = 'pending') <> (a.decided_at IS NULL)
                OR a.status = 'pending' AND p.status NOT IN ('pending', 'scheduled')
                OR a.status IN ('denied', 'cancelled', 'expired') AND p.status <> CASE
                    WHEN a.status = 'expired' AND a.reason = 'sender_left' THEN 'failed'
                    ELSE 'cancelled' END)""",
    ),
    Rule(
        "what is about a top-up is of its account",
        "topups",
        " UNION ALL ".join(
            f"""SELECT p.id AS row_id, 1 AS expected, 0 AS found
            FROM topups p JOIN {table} x ON x.transaction_id = p.id
            WHERE p.account_id = :account_id AND p.environment = :environment
              AND (x.account_id <> p.account_id OR x.environment <> p.environment)"""
            for table in OF_TOPUPS
        ),
    ),
    Rule(
        "a code that a top-up got from stock has left the stock",
        "topups",
        """SELECT p.id AS row_id, 1 AS expected, 0 AS found
            FROM topups p
            JOIN fulfilment_attempts a ON a.transaction_id = p.id AND a.kind = 'code_stock'
                AND a.outcome = 'delivered'
            JOIN suppliers s ON s.environment = a.environment AND s.id = a.supplier
                AND s.is_simulated = 0
            LEFT JOIN stock_codes c ON c.transaction_id = p.id
            WHERE p.account_id = :account_id AND p.environment = :environment AND c.id IS NULL""",
    ),
)
