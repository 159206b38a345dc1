"""Proof of the ledger: run by `topup audit`; every finding names the row that breaks a rule.

Checked tenant by tenant, so no transaction is long: the sum of all balances by side is zero, every
cached balance is the sum of its transfers, no balance is negative, what is held equals the open
top-ups and holds, and the transfers of every top-up, order, paid period, hold, charge and
check-in add up to its state.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from billing.ledger.audit_payments import PAYMENT_RULES
from billing.ledger.audit_plans import PLAN_RULES
from billing.ledger.audit_topups import TOPUP_RULES
from billing.ledger.audit_usage import USAGE_RULES
from billing.ledger.chart import ASSETS
from kernel.tenant import Tenant
from store.database import Database, Row, Transaction, Work

TENANTS_PER_STEP = 200
_ASSETS_LIST = ", ".join(f"'{kind}'" for kind in sorted(ASSETS))


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken rule: which, on which row, and the two figures that should be equal (micros)."""

    rule: str
    account_id: str
    environment: str
    row_id: str
    expected: int
    found: int


def rules() -> list[str]:
    """What each rule says, in the order in which they are looked at."""
    return [rule for rule, _ in _RULES]


async def audit(database: Database, environment: str = "") -> AsyncIterator[Finding]:
    """Every finding, account by account; none is a clean ledger. environment: of that one alone."""
    after = Tenant("", "")
    while True:
        tenants = await database.read(_page(after))
        if not tenants:
            return
        for tenant in tenants:
            if environment not in {"", tenant.environment}:
                continue
            for finding in await database.read(_check(tenant)):
                yield finding
        after = tenants[-1]


def _page(after: Tenant) -> Work[list[Tenant]]:
    async def work(tx: Transaction) -> list[Tenant]:
        rows = await tx.fetch(
            """SELECT account_id, environment FROM account_environments
               WHERE (account_id, environment) > (:account_id, :environment)
               ORDER BY account_id, environment LIMIT :limit""",
            account_id=after[0],
            environment=after[1],
            limit=TENANTS_PER_STEP,
        )
        return [Tenant(row["account_id"], row["environment"]) for row in rows]

    return work


def _check(tenant: Tenant) -> Work[list[Finding]]:
    async def work(tx: Transaction) -> list[Finding]:
        findings: list[Finding] = []
        for rule, text in _RULES:
            rows = await tx.fetch(
                text, account_id=tenant.account_id, environment=tenant.environment
            )
            findings += [_finding(rule, tenant, row) for row in rows]
        return findings

    return work


def _finding(rule: str, tenant: Tenant, row: Row) -> Finding:
    expected, found = int(row["expected"] or 0), int(row["found"] or 0)
    return Finding(rule, *tenant, row["row_id"], expected, found)


def _moved(code: str) -> str:
    """What transfers of that code add up to."""
    return f"SUM(CASE WHEN code = '{code}' THEN amount_micros ELSE 0 END)"


def _charged(side: str, transit: str, party: str) -> str:
    """A rule: an app's charge crossed one of its parties' transit accounts once, whole."""
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
    """A rule: the transfers of that code on a subject add up to its row's amount, both ways."""
    return f"""
        SELECT s.row_id, SUM(s.expected) AS expected, SUM(s.found) AS found FROM (
            SELECT {subject} AS row_id, {amount} AS expected, 0 AS found FROM {table}
            WHERE account_id = :account_id AND environment = :environment
            UNION ALL
            SELECT COALESCE(subject_id, id), 0, amount_micros FROM transfers
            WHERE account_id = :account_id AND environment = :environment AND code = '{code}'
        ) AS s GROUP BY s.row_id HAVING SUM(s.expected) <> SUM(s.found)"""


def _reversed_once(table: str) -> str:
    """A rule: what was taken back for a row, less what was given back, is what the row says."""
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


# Both ways: no period without its credit, and no plan's credit without its period.
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

# Each rule selects the rows that break it: row_id, expected, found.
_RULES = (
    (
        "assets equal liabilities",
        f"""SELECT s.row_id, s.expected, s.found FROM (
                SELECT :account_id AS row_id,
                    SUM(CASE WHEN kind IN ({_ASSETS_LIST}) THEN balance_micros ELSE 0 END)
                        AS expected,
                    SUM(CASE WHEN kind IN ({_ASSETS_LIST}) THEN 0 ELSE balance_micros END)
                        AS found
                FROM ledger_accounts
                WHERE account_id = :account_id AND environment = :environment) AS s
            WHERE s.expected <> s.found""",
    ),
    (
        "balance is the sum of its transfers",
        f"""SELECT l.id AS row_id, l.balance_micros AS found, COALESCE(m.moved, 0) AS expected
            FROM ledger_accounts l
            LEFT JOIN (
                SELECT s.side_id, SUM(s.delta) AS moved FROM (
                    SELECT t.debit_id AS side_id,
                        CASE WHEN a.kind IN ({_ASSETS_LIST}) THEN t.amount_micros
                             ELSE -t.amount_micros END AS delta
                    FROM transfers t JOIN ledger_accounts a ON a.id = t.debit_id
                    WHERE t.account_id = :account_id AND t.environment = :environment
                    UNION ALL
                    SELECT t.credit_id AS side_id,
                        CASE WHEN a.kind IN ({_ASSETS_LIST}) THEN -t.amount_micros
                             ELSE t.amount_micros END AS delta
                    FROM transfers t JOIN ledger_accounts a ON a.id = t.credit_id
                    WHERE t.account_id = :account_id AND t.environment = :environment
                ) AS s GROUP BY s.side_id
            ) AS m ON m.side_id = l.id
            WHERE l.account_id = :account_id AND l.environment = :environment
              AND l.balance_micros <> COALESCE(m.moved, 0)""",
    ),
    (
        "transfers stay within one tenant",
        """SELECT t.id AS row_id, 0 AS expected, 1 AS found
           FROM transfers t
           LEFT JOIN ledger_accounts d ON d.id = t.debit_id AND d.account_id = t.account_id
               AND d.environment = t.environment
           LEFT JOIN ledger_accounts c ON c.id = t.credit_id AND c.account_id = t.account_id
               AND c.environment = t.environment
           WHERE t.account_id = :account_id AND t.environment = :environment
             AND (d.id IS NULL OR c.id IS NULL)""",
    ),
    *TOPUP_RULES,
    ("a charge left its user once", _charged("credit_id", "transit_out", "account_id")),
    ("a charge reached the app's owner once", _charged("debit_id", "transit_in", "owner_id")),
    (
        "a hold took its amount once, and once ended gave all of it on",
        f"""SELECT h.id AS row_id, h.amount_micros AS expected,
                CASE WHEN COALESCE(m.captured, 0) <> h.captured_micros THEN m.captured
                     WHEN COALESCE(m.above, 0) <> COALESCE(h.over_micros, 0) THEN m.above
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
                   OR COALESCE(m.above, 0) <> COALESCE(h.over_micros, 0)
                   OR COALESCE(m.captured, 0) + COALESCE(m.released, 0)
                       <> CASE WHEN h.status = 'held' THEN 0 ELSE h.amount_micros END)""",
    ),
    (
        "a refund holds what was set aside for it and not released, and nothing once it ended",
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
    (
        "usage was charged once",
        _charged_once("usage_records", "id", "amount_micros", "ai_usage"),
    ),
    *USAGE_RULES,
    (
        "a check-in was awarded once",
        _charged_once("checkins", "grant_id", "awarded_micros", "checkin"),
    ),
    (
        "a redeemed code was credited once",
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
    (
        "credit of a code has its redemption",
        """SELECT t.id AS row_id, 0 AS expected, t.amount_micros AS found
           FROM ledger_accounts l
           JOIN transfers t ON t.debit_id = l.id AND t.account_id = l.account_id
               AND t.environment = l.environment
           LEFT JOIN code_redemptions r ON r.account_id = t.account_id
               AND r.environment = t.environment AND r.id = t.subject_id
           WHERE l.account_id = :account_id AND l.environment = :environment
             AND l.kind = 'codes' AND r.id IS NULL""",
    ),
    (
        "credit that was sold has its order, period or machine payment",
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
    (
        "a settled order was credited once, any other never",
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
    (
        "an order is settled exactly if it was paid",
        """SELECT o.id AS row_id, CASE WHEN o.paid_at IS NULL THEN 0 ELSE 1 END AS expected,
                CASE WHEN o.paid_at IS NULL THEN 1 ELSE 0 END AS found
           FROM orders o
           WHERE o.account_id = :account_id AND o.environment = :environment
             AND (o.paid_at IS NULL)
                 = (o.status IN ('paid', 'partially_refunded', 'refunded', 'disputed'))""",
    ),
    (
        "what was reversed of an order was taken back",
        _reversed_once("orders"),
    ),
    (
        "a paid period of a subscription was credited once",
        _CREDITED_PERIODS,
    ),
    (
        "what was reversed of a period was taken back",
        _reversed_once("subscription_periods"),
    ),
    *PLAN_RULES,
    *PAYMENT_RULES,
    (
        "no more of an order was reversed than was credited",
        """SELECT o.id AS row_id, o.reversed_micros AS found,
                CASE WHEN o.paid_at IS NULL THEN 0 ELSE o.credits_micros END AS expected
           FROM orders o
           WHERE o.account_id = :account_id AND o.environment = :environment
             AND o.reversed_micros > CASE WHEN o.paid_at IS NULL THEN 0 ELSE o.credits_micros END""",
    ),
    (
        "event numbers have no gap",
        # Retention leaves the newest, and says from where on it left all: what is left runs from some
        # number to the counter, each once. Before that only what a delivery still needs is kept.
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
