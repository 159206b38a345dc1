"""List the ledger audit's rules, in order."""

from typing import Final

from billing.ledger.audit_topups import TOPUP_RULES
from billing.ledger.chart import ASSETS_LIST, PAID_GRANT, SIGN
from billing.ledger.money import MICROS_PER_CENT
from billing.ledger.rule import OWN, Rule

_PLACE: Final = "CAST({day} AS TEXT) || ' ' || {key} || ' ' || {model}"
_DAY: Final = _PLACE.format(day="day_start_at", key="key_id || app_id", model="model")
_RECORD: Final = _PLACE.format(
    day="counted_day", key="COALESCE(key_id, '')", model="COALESCE(model, '')"
)
# spent_by begins with the 20-character ID of the key that placed the hold.
_HOLD: Final = _PLACE.format(
    day="counted_day", key="SUBSTR(COALESCE(spent_by, ''), 1, 20)", model="COALESCE(model, '')"
)
_CHARGE: Final = _PLACE.format(day="counted_day", key="app_id", model="''")
_TOKENS: Final = """COALESCE(input_tokens, 0) + COALESCE(output_tokens, 0)
    + COALESCE(cached_tokens, 0)"""


def _added_up(day: str, record: str, hold: str, charge: str) -> str:
    return f"""SELECT s.row_id, SUM(s.expected) AS expected, SUM(s.found) AS found FROM (
            SELECT {_DAY} AS row_id, 0 AS expected, {day} AS found FROM usage_days WHERE {OWN}
            UNION ALL
            SELECT {_RECORD}, {record}, 0 FROM usage_records
            WHERE {OWN} AND counted_day IS NOT NULL
            UNION ALL
            SELECT {_HOLD}, {hold}, 0 FROM holds
            WHERE {OWN} AND status = 'captured' AND counted_day IS NOT NULL
            UNION ALL
            SELECT {_CHARGE}, {charge}, 0 FROM oauth_charges
            WHERE {OWN} AND counted_day IS NOT NULL
        ) AS s GROUP BY s.row_id HAVING SUM(s.expected) <> SUM(s.found)"""


USAGE_RULES: Final = (
    Rule(
        "a day's usage is what its records add up to",
        "tenant",
        _added_up(
            "amount_micros",
            "amount_micros",
            "captured_micros + COALESCE(overage_micros, 0)",
            "amount_micros",
        ),
    ),
    Rule(
        "a day's usage has each of its records and their tokens",
        "tenant",
        _added_up(f"records + {_TOKENS}", f"1 + {_TOKENS}", f"1 + {_TOKENS}", "1"),
    ),
)


_IS_PAID: Final = f"SUBSTR(l.name, 1, {len(PAID_GRANT)}) = '{PAID_GRANT}'"

PLAN_RULES: Final = (
    Rule(
        "a period gave what its parts gave",
        "tenant",
        f"""SELECT p.id AS row_id, p.credits_micros AS expected, SUM(g.granted_micros) AS found
            FROM plan_grants g
            JOIN subscription_periods p ON p.id = g.period_id
            WHERE g.account_id = :account_id AND g.environment = :environment AND g.kind = 'part'
              AND p.{OWN.replace(" AND ", " AND p.")}
            GROUP BY p.id, p.credits_micros HAVING SUM(g.granted_micros) <> p.credits_micros""",
    ),
    Rule(
        "a part's ledger account got what it gave, but for what paid a debt",
        "plans",
        f"""SELECT s.row_id, SUM(s.expected) AS expected, SUM(s.found) AS found FROM (
                SELECT id AS row_id, granted_micros - debt_micros AS expected, 0 AS found
                FROM plan_grants WHERE {OWN} AND expires <> 'never'
                UNION ALL
                SELECT l.name, 0, t.amount_micros
                FROM ledger_accounts l JOIN transfers t ON t.credit_id = l.id
                    AND t.account_id = l.account_id AND t.environment = l.environment
                WHERE l.account_id = :account_id AND l.environment = :environment
                  AND l.kind = 'grant' AND {_IS_PAID}
                  AND t.code IN ('subscription', 'rollover')
            ) AS s GROUP BY s.row_id HAVING SUM(s.expected) <> SUM(s.found)""",
    ),
    Rule(
        "what ended of a part is told by its row",
        "plans",
        f"""SELECT s.row_id, SUM(s.expected) AS expected, SUM(s.found) AS found FROM (
                SELECT id AS row_id,
                    expired_micros + rolled_micros + reversed_expired_micros AS expected, 0 AS found
                FROM plan_grants WHERE {OWN}
                UNION ALL
                SELECT l.name, 0, t.amount_micros
                FROM ledger_accounts l JOIN transfers t ON t.debit_id = l.id
                    AND t.account_id = l.account_id AND t.environment = l.environment
                WHERE l.account_id = :account_id AND l.environment = :environment
                  AND l.kind = 'grant' AND {_IS_PAID} AND t.code = 'expiry'
            ) AS s GROUP BY s.row_id HAVING SUM(s.expected) <> SUM(s.found)""",
    ),
    Rule(
        "what goes on into a period was left of earlier ones",
        "plans",
        f"""SELECT s.row_id, s.expected, s.found FROM (
                SELECT :account_id AS row_id,
                    COALESCE((SELECT SUM(rolled_micros) FROM plan_grants WHERE {OWN}), 0)
                        AS expected,
                    COALESCE((SELECT SUM(amount_micros) FROM transfers
                        WHERE {OWN} AND code = 'rollover'), 0) AS found) AS s
            WHERE s.expected <> s.found""",
    ),
)


def _moved_once(code: str, condition: str) -> str:
    """Return SQL that finds payments whose transfers differ from what their state requires."""
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


def _moved(code: str) -> str:
    return f"SUM(CASE WHEN code = '{code}' THEN amount_micros ELSE 0 END)"


def _charged(side: str, transit: str, party: str) -> str:
    return f"""
        SELECT c.id AS row_id, c.amount_micros AS expected, COALESCE(m.moved, 0) AS found
        FROM oauth_charges c
        LEFT JOIN (
            SELECT t.subject_id, SUM(t.amount_micros) AS moved
            FROM ledger_accounts l
            JOIN transfers t ON t.{side} = l.id AND t.account_id = l.account_id
                AND t.environment = l.environment
            WHERE l.account_id = :account_id AND l.environment = :environment
              AND l.kind = '{transit}'
            GROUP BY t.subject_id
        ) AS m ON m.subject_id = c.id
        WHERE c.{party} = :account_id AND c.environment = :environment
          AND COALESCE(m.moved, 0) <> c.amount_micros"""


def _charged_once(table: str, subject: str, amount: str, code: str) -> str:
    return f"""
        SELECT s.row_id, SUM(s.expected) AS expected, SUM(s.found) AS found FROM (
            SELECT {subject} AS row_id, {amount} AS expected, 0 AS found FROM {table}
            WHERE account_id = :account_id AND environment = :environment
            UNION ALL
            SELECT COALESCE(subject_id, id), 0, amount_micros FROM transfers
            WHERE account_id = :account_id AND environment = :environment AND code = '{code}'
        ) AS s GROUP BY s.row_id HAVING SUM(s.expected) <> SUM(s.found)"""


def _reversed_once(table: str) -> str:
    return f"""
        SELECT s.id AS row_id, s.reversed_micros AS expected, COALESCE(m.moved, 0) AS found
        FROM {table} s
        LEFT JOIN (
            SELECT t.subject_id, SUM(CASE WHEN t.code = 'purchase_reversal'
                THEN t.amount_micros ELSE -t.amount_micros END) AS moved
            FROM transfers t
            WHERE t.account_id = :account_id AND t.environment = :environment
              AND t.code IN ('purchase_reversal', 'reversal_undone')
            GROUP BY t.subject_id
        ) AS m ON m.subject_id = s.id
        WHERE s.account_id = :account_id AND s.environment = :environment
          AND COALESCE(m.moved, 0) <> s.reversed_micros"""


_CREDITED_PERIODS = """
    SELECT s.row_id, SUM(s.expected) AS expected, SUM(s.found) AS found FROM (
        SELECT id AS row_id, credits_micros AS expected, 0 AS found FROM subscription_periods
        WHERE account_id = :account_id AND environment = :environment
        UNION ALL
        SELECT COALESCE(t.subject_id, t.id), 0, t.amount_micros FROM transfers t
        WHERE t.account_id = :account_id AND t.environment = :environment
          AND (t.code = 'subscription' OR t.code = 'debt' AND t.subject_id IN (
              SELECT id FROM subscription_periods
              WHERE account_id = :account_id AND environment = :environment))
    ) AS s GROUP BY s.row_id HAVING SUM(s.expected) <> SUM(s.found)"""


RULES: Final = (
    Rule(
        "assets equal liabilities",
        "tenant",
        f"""SELECT s.row_id, s.expected, s.found FROM (
                SELECT :account_id AS row_id,
                    SUM(CASE WHEN kind IN ({ASSETS_LIST}) THEN balance_micros ELSE 0 END)
                        AS expected,
                    SUM(CASE WHEN kind IN ({ASSETS_LIST}) THEN 0 ELSE balance_micros END)
                        AS found
                FROM ledger_accounts
                WHERE account_id = :account_id AND environment = :environment) AS s
            WHERE s.expected <> s.found""",
    ),
    Rule(
        "balance is the sum of its transfers",
        "balances",
        f"""SELECT s.row_id, SUM(s.balance) AS found, SUM(s.moved) * COALESCE(MAX(s.sign), 1) AS expected
            FROM (
                SELECT id AS row_id, balance_micros AS balance, 0 AS moved, {SIGN} AS sign
                FROM ledger_accounts WHERE {OWN}
                UNION ALL
                SELECT debit_id, 0, -amount_micros, NULL FROM transfers WHERE {OWN}
                UNION ALL
                SELECT credit_id, 0, amount_micros, NULL FROM transfers WHERE {OWN}
            ) AS s GROUP BY s.row_id
            HAVING SUM(s.balance) <> SUM(s.moved) * COALESCE(MAX(s.sign), 1)""",
    ),
    Rule(
        "transfers stay within one tenant",
        "transfers",
        """SELECT t.id AS row_id, 0 AS expected, 1 AS found
           FROM transfers t
           LEFT JOIN ledger_accounts d ON d.id = t.debit_id AND d.account_id = t.account_id
               AND d.environment = t.environment
           LEFT JOIN ledger_accounts c ON c.id = t.credit_id AND c.account_id = t.account_id
               AND c.environment = t.environment
           WHERE t.account_id = :account_id AND t.environment = :environment
             AND (d.id IS NULL OR c.id IS NULL)""",
    ),
    Rule(
        "a transfer of a top-up has its top-up",
        "transfers",
        """SELECT t.id AS row_id, t.amount_micros AS expected, 0 AS found
           FROM transfers t
           LEFT JOIN topups p ON p.id = t.transaction_id AND p.account_id = t.account_id
               AND p.environment = t.environment
           WHERE t.account_id = :account_id AND t.environment = :environment
             AND t.transaction_id IS NOT NULL AND p.id IS NULL""",
    ),
    Rule(
        "what moves at a recipient's wallet is of a top-up",
        "transfers",
        """SELECT t.id AS row_id, 0 AS expected, t.amount_micros AS found
           FROM transfers t
           JOIN ledger_accounts d ON d.id = t.debit_id
           JOIN ledger_accounts c ON c.id = t.credit_id
           WHERE t.account_id = :account_id AND t.environment = :environment
             AND t.transaction_id IS NULL AND 'recipient' IN (d.kind, c.kind)""",
    ),
    *TOPUP_RULES,
    Rule(
        "a charge left its user once",
        "oauth_charges",
        _charged("credit_id", "transit_out", "account_id"),
    ),
    Rule(
        "a charge reached the app's owner once",
        "oauth_charges",
        _charged("debit_id", "transit_in", "owner_id"),
    ),
    Rule(
        "a hold took its amount once, and once ended gave all of it on",
        "holds",
        f"""SELECT h.id AS row_id, h.amount_micros AS expected,
                CASE WHEN COALESCE(m.captured, 0) <> h.captured_micros THEN m.captured
                     WHEN COALESCE(m.above, 0) <> COALESCE(h.overage_micros, 0) THEN m.above
                     WHEN COALESCE(m.taken, 0) <> h.amount_micros THEN m.taken
                     ELSE COALESCE(m.captured, 0) + COALESCE(m.released, 0) END AS found
            FROM holds h
            LEFT JOIN (
                SELECT subject_id, {_moved("usage_hold")} AS taken,
                    {_moved("usage_capture")} AS captured, {_moved("usage_release")} AS released,
                    {_moved("usage_overage")} AS above
                FROM transfers
                WHERE account_id = :account_id AND environment = :environment
                  AND code IN ('usage_hold', 'usage_capture', 'usage_release', 'usage_overage')
                GROUP BY subject_id
            ) AS m ON m.subject_id = h.id
            WHERE h.account_id = :account_id AND h.environment = :environment
              AND (COALESCE(m.taken, 0) <> h.amount_micros
                   OR COALESCE(m.captured, 0) <> h.captured_micros
                   OR COALESCE(m.above, 0) <> COALESCE(h.overage_micros, 0)
                   OR COALESCE(m.captured, 0) + COALESCE(m.released, 0)
                       <> CASE WHEN h.status = 'held' THEN 0 ELSE h.amount_micros END)""",
    ),
    Rule(
        "a refund holds what was set aside for it and not released, and nothing once it ended",
        "refunds",
        f"""SELECT r.id AS row_id, COALESCE(m.taken, 0) - COALESCE(m.released, 0) AS found,
                CASE WHEN r.status IN ('succeeded', 'failed') THEN 0 ELSE r.held_micros END
                    AS expected
            FROM refunds r
            LEFT JOIN (
                SELECT subject_id, {_moved("refund_hold")} AS taken,
                    {_moved("refund_release")} AS released
                FROM transfers
                WHERE account_id = :account_id AND environment = :environment
                  AND code IN ('refund_hold', 'refund_release')
                GROUP BY subject_id
            ) AS m ON m.subject_id = r.id
            WHERE r.account_id = :account_id AND r.environment = :environment
              AND COALESCE(m.taken, 0) - COALESCE(m.released, 0)
                  <> CASE WHEN r.status IN ('succeeded', 'failed') THEN 0 ELSE r.held_micros END""",
    ),
    Rule(
        "a hold ended as its state says, and only a captured one was used",
        "holds",
        # Times aren't compared if the account's clock was advanced, because its time at the hold's end is unknown.
        """SELECT h.id AS row_id, h.expires_at AS expected, COALESCE(h.ended_at, 0) AS found
            FROM holds h
            JOIN account_environments e ON e.account_id = h.account_id
                AND e.environment = h.environment
            WHERE h.account_id = :account_id AND h.environment = :environment
              AND ((h.ended_at IS NULL) <> (h.status = 'held')
                OR h.status IN ('held', 'released', 'expired')
                    AND (h.captured_micros <> 0 OR COALESCE(h.overage_micros, 0) <> 0
                        OR h.counted_day IS NOT NULL)
                OR h.status = 'captured' AND h.captured_micros = 0
                OR e.clock_ahead_us = 0 AND h.status = 'released' AND h.ended_at >= h.expires_at
                OR e.clock_ahead_us = 0 AND h.status = 'expired' AND h.ended_at < h.expires_at)""",
    ),
    Rule(
        "usage was charged once",
        "usage_records",
        _charged_once("usage_records", "id", "amount_micros", "ai_usage"),
    ),
    *USAGE_RULES,
    Rule(
        "a check-in was awarded once",
        "checkins",
        _charged_once("checkins", "grant_id", "awarded_micros", "checkin"),
    ),
    Rule(
        "a redeemed code was credited once",
        "code_redemptions",
        """SELECT r.id AS row_id, r.credits_micros AS expected, COALESCE(m.moved, 0) AS found
           FROM code_redemptions r
           LEFT JOIN (
               SELECT t.subject_id, SUM(t.amount_micros) AS moved
               FROM ledger_accounts l
               JOIN transfers t ON t.debit_id = l.id AND t.account_id = l.account_id
                   AND t.environment = l.environment
               WHERE l.account_id = :account_id AND l.environment = :environment
                 AND l.kind IN ('codes', 'promotion')
               GROUP BY t.subject_id
           ) AS m ON m.subject_id = r.id
           WHERE r.account_id = :account_id AND r.environment = :environment
             AND COALESCE(m.moved, 0) <> r.credits_micros""",
    ),
    Rule(
        "credit of a code has its redemption",
        "subjects",
        """SELECT t.id AS row_id, 0 AS expected, t.amount_micros AS found
           FROM ledger_accounts l
           JOIN transfers t ON t.debit_id = l.id AND t.account_id = l.account_id
               AND t.environment = l.environment
           LEFT JOIN code_redemptions r ON r.account_id = t.account_id
               AND r.environment = t.environment AND r.id = t.subject_id
           WHERE l.account_id = :account_id AND l.environment = :environment
             AND l.kind = 'codes' AND r.id IS NULL""",
    ),
    Rule(
        "what was held for usage has its hold",
        "subjects",
        """SELECT t.id AS row_id, 0 AS expected, t.amount_micros AS found
           FROM transfers t LEFT JOIN holds h ON h.id = t.subject_id
               AND h.account_id = t.account_id AND h.environment = t.environment
           WHERE t.account_id = :account_id AND t.environment = :environment
             AND t.code = 'usage_hold' AND h.id IS NULL""",
    ),
    Rule(
        "credit that was sold has its order, period or machine payment",
        "subjects",
        """SELECT t.id AS row_id, 0 AS expected, t.amount_micros AS found
           FROM ledger_accounts l
           JOIN transfers t ON t.debit_id = l.id AND t.account_id = l.account_id
               AND t.environment = l.environment
           LEFT JOIN orders o ON o.id = t.subject_id AND o.account_id = t.account_id
           LEFT JOIN subscription_periods s ON s.id = t.subject_id AND s.account_id = t.account_id
           LEFT JOIN machine_payments p ON p.id = t.subject_id AND p.account_id = t.account_id
           WHERE l.account_id = :account_id AND l.environment = :environment
             AND l.kind = 'provider' AND o.id IS NULL AND s.id IS NULL AND p.id IS NULL""",
    ),
    Rule(
        "a settled order was credited once, any other never",
        "orders",
        """SELECT o.id AS row_id, COALESCE(m.moved, 0) AS found,
                CASE WHEN o.paid_at IS NULL THEN 0 ELSE o.credits_micros END AS expected
           FROM orders o
           LEFT JOIN (
               SELECT t.subject_id, SUM(t.amount_micros) AS moved FROM transfers t
               WHERE t.account_id = :account_id AND t.environment = :environment
                 AND t.subject_id IS NOT NULL AND t.code IN ('purchase', 'debt', 'grant')
               GROUP BY t.subject_id
           ) AS m ON m.subject_id = o.id
           WHERE o.account_id = :account_id AND o.environment = :environment
             AND COALESCE(m.moved, 0)
                 <> CASE WHEN o.paid_at IS NULL THEN 0 ELSE o.credits_micros END""",
    ),
    Rule(
        "an order is settled exactly if it was paid",
        "orders",
        """SELECT o.id AS row_id, CASE WHEN o.paid_at IS NULL THEN 0 ELSE 1 END AS expected,
                CASE WHEN o.paid_at IS NULL THEN 1 ELSE 0 END AS found
           FROM orders o
           WHERE o.account_id = :account_id AND o.environment = :environment
             AND (o.paid_at IS NULL)
                 = (o.status IN ('paid', 'partially_refunded', 'refunded', 'disputed'))""",
    ),
    Rule(
        "what a coupon paid of an order was given as promotional credit",
        "orders",
        """SELECT o.id AS row_id, COALESCE(m.moved, 0) AS found,
                CASE WHEN o.paid_at IS NULL THEN 0 ELSE o.promotional_micros END AS expected
           FROM orders o
           LEFT JOIN (
               SELECT t.subject_id, SUM(t.amount_micros) AS moved FROM transfers t
               WHERE t.account_id = :account_id AND t.environment = :environment
                 AND t.subject_id IS NOT NULL AND t.code = 'grant'
               GROUP BY t.subject_id
           ) AS m ON m.subject_id = o.id
           WHERE o.account_id = :account_id AND o.environment = :environment
             AND COALESCE(m.moved, 0)
                 <> CASE WHEN o.paid_at IS NULL THEN 0 ELSE o.promotional_micros END""",
    ),
    Rule(
        "what was taken back of an order came out of its grant, and went to the promotion, as it says",
        "orders",
        """SELECT o.id AS row_id, o.reversed_promotional_micros + o.reversed_grant_micros AS expected,
                COALESCE(m.promotional, 0) + COALESCE(m.by_grant, 0) AS found
           FROM orders o
           LEFT JOIN (
               SELECT t.subject_id,
                   SUM(CASE WHEN c.kind = 'promotion' THEN t.amount_micros
                       WHEN d.kind = 'promotion' THEN -t.amount_micros ELSE 0 END) AS promotional,
                   SUM(CASE WHEN d.kind = 'grant' THEN t.amount_micros
                       WHEN c.kind = 'grant' THEN -t.amount_micros ELSE 0 END) AS by_grant
               FROM transfers t
               JOIN ledger_accounts d ON d.id = t.debit_id
               JOIN ledger_accounts c ON c.id = t.credit_id
               WHERE t.account_id = :account_id AND t.environment = :environment
                 AND t.code IN ('purchase_reversal', 'reversal_undone')
               GROUP BY t.subject_id
           ) AS m ON m.subject_id = o.id
           WHERE o.account_id = :account_id AND o.environment = :environment
             AND (COALESCE(m.promotional, 0) <> o.reversed_promotional_micros
                 OR COALESCE(m.by_grant, 0) <> o.reversed_grant_micros)""",
    ),
    Rule(
        "an order is asked about exactly while it is pending",
        "orders",
        """SELECT o.id AS row_id, CASE WHEN o.status = 'pending' THEN 1 ELSE 0 END AS expected,
                CASE WHEN o.next_check_at IS NULL THEN 0 ELSE 1 END AS found
           FROM orders o
           WHERE o.account_id = :account_id AND o.environment = :environment
             AND ((o.next_check_at IS NULL) = (o.status = 'pending')
                 OR o.status = 'review' AND o.payment_id IS NULL)""",
    ),
    Rule(
        "a refund is over exactly if it ended, and says what its provider said",
        "refunds",
        """SELECT r.id AS row_id, 1 AS expected, 0 AS found FROM refunds r
           WHERE r.account_id = :account_id AND r.environment = :environment
             AND ((r.ended_at IS NULL) <> (r.status IN ('requested', 'unknown', 'pending'))
                 OR r.status = 'requested' AND r.provider_refund_id IS NOT NULL
                 OR r.status = 'unknown' AND r.detail IS NULL
                 OR r.status = 'pending' AND r.requested_at IS NULL)""",
    ),
    Rule("what was reversed of an order was taken back", "orders", _reversed_once("orders")),
    Rule(
        "a paid period of a subscription was credited once",
        "subscription_periods",
        _CREDITED_PERIODS,
    ),
    Rule(
        "what was reversed of a period was taken back",
        "subscription_periods",
        _reversed_once("subscription_periods"),
    ),
    *PLAN_RULES,
    *PAYMENT_RULES,
    Rule(
        "no more of an order was reversed than was credited",
        "orders",
        """SELECT o.id AS row_id, o.reversed_micros AS found,
                CASE WHEN o.paid_at IS NULL THEN 0 ELSE o.credits_micros END AS expected
           FROM orders o
           WHERE o.account_id = :account_id AND o.environment = :environment
             AND o.reversed_micros > CASE WHEN o.paid_at IS NULL THEN 0 ELSE o.credits_micros END""",
    ),
    Rule(
        "event numbers have no gap",
        "tenant",
        # Check events from events_from_no on. Older ones have gaps, because only those that deliveries need are stored.
        """SELECT s.row_id, s.expected, s.found FROM (
                SELECT e.account_id AS row_id, e.event_no - COALESCE(k.first_no - 1, 0) AS expected,
                    COALESCE(k.kept, 0) AS found, e.event_no - COALESCE(k.last_no, 0) AS ahead
                FROM account_environments e
                LEFT JOIN (
                    SELECT MIN(v.event_no) AS first_no, MAX(v.event_no) AS last_no, COUNT(*) AS kept
                    FROM events v
                    WHERE v.account_id = :account_id AND v.environment = :environment
                      AND v.event_no >= (
                          SELECT f.events_from_no FROM account_environments f
                          WHERE f.account_id = :account_id AND f.environment = :environment)
                ) AS k ON 1 = 1
                WHERE e.account_id = :account_id AND e.environment = :environment) AS s
           WHERE s.expected <> s.found OR s.ahead <> 0""",
    ),
)
