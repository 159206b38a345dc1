"""Proof of the ledger: run by `topup audit`; every finding names the row that breaks a rule.

Checked tenant by tenant, so no transaction is long: the sum of all balances by side is zero, every
cached balance is the sum of its transfers, no balance is negative, what is held equals the pending
top-ups, and every top-up's transfers add up to its state.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from billing.ledger import ASSETS, Scope
from billing.money import MICROS_PER_CENT
from store.db import Database, Row, Transaction, Work

SCOPES_PER_STEP = 200
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


async def audit(database: Database) -> AsyncIterator[Finding]:
    """Every finding, account by account; none is a clean ledger."""
    after = ("", "")
    while True:
        scopes = await database.read(_page(after))
        if not scopes:
            return
        for scope in scopes:
            for finding in await database.read(_check(scope)):
                yield finding
        after = scopes[-1]


def _page(after: Scope) -> Work[list[Scope]]:
    async def work(tx: Transaction) -> list[Scope]:
        rows = await tx.fetch(
            """SELECT account_id, environment FROM account_environments
               WHERE (account_id, environment) > (:account_id, :environment)
               ORDER BY account_id, environment LIMIT :limit""",
            account_id=after[0],
            environment=after[1],
            limit=SCOPES_PER_STEP,
        )
        return [(row["account_id"], row["environment"]) for row in rows]

    return work


def _check(scope: Scope) -> Work[list[Finding]]:
    async def work(tx: Transaction) -> list[Finding]:
        findings: list[Finding] = []
        for rule, text in _RULES:
            rows = await tx.fetch(text, account_id=scope[0], environment=scope[1])
            findings += [_finding(rule, scope, row) for row in rows]
        return findings

    return work


def _finding(rule: str, scope: Scope, row: Row) -> Finding:
    expected, found = int(row["expected"] or 0), int(row["found"] or 0)
    return Finding(rule, *scope, row["row_id"], expected, found)


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
    (
        "holds equal pending top-ups",
        f"""SELECT s.row_id, s.expected, s.found FROM (
                SELECT :account_id AS row_id,
                    COALESCE((SELECT SUM(amount_cents) * {MICROS_PER_CENT} FROM topups
                        WHERE account_id = :account_id AND environment = :environment
                          AND status = 'pending'), 0) AS expected,
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
              AND p.status = 'delivered'
            GROUP BY p.id, p.amount_cents
            HAVING COALESCE(SUM(t.amount_micros), 0) <> p.amount_cents * {MICROS_PER_CENT}""",
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
        "event numbers have no gap",
        # Retention takes the oldest first and leaves the newest: what is left runs from some number
        # to the counter, each once.
        """SELECT s.row_id, s.expected, s.found FROM (
                SELECT e.account_id AS row_id, e.event_no - COALESCE(k.first_no - 1, 0) AS expected,
                    COALESCE(k.kept, 0) AS found, e.event_no - COALESCE(k.last_no, 0) AS ahead
                FROM account_environments e
                LEFT JOIN (
                    SELECT MIN(v.event_no) AS first_no, MAX(v.event_no) AS last_no, COUNT(*) AS kept
                    FROM events v
                    WHERE v.account_id = :account_id AND v.environment = :environment
                ) AS k ON 1 = 1
                WHERE e.account_id = :account_id AND e.environment = :environment) AS s
           WHERE s.expected <> s.found OR s.ahead <> 0""",
    ),
)
