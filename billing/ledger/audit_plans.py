"""The audit's rules for plans whose credit comes in parts or ends."""

from typing import Final

from billing.ledger.chart import PAID_GRANT
from billing.ledger.rule import Rule

_OWN: Final = "account_id = :account_id AND environment = :environment"
_IS_PAID: Final = f"SUBSTR(l.name, 1, {len(PAID_GRANT)}) = '{PAID_GRANT}'"

PLAN_RULES: Final = (
    Rule(
        "a period gave what its parts gave",
        "tenant",
        f"""SELECT p.id AS row_id, p.credits_micros AS expected, SUM(g.granted_micros) AS found
            FROM plan_grants g
            JOIN subscription_periods p ON p.id = g.period_id
            WHERE g.account_id = :account_id AND g.environment = :environment AND g.kind = 'part'
              AND p.{_OWN.replace(" AND ", " AND p.")}
            GROUP BY p.id, p.credits_micros HAVING SUM(g.granted_micros) <> p.credits_micros""",
    ),
    Rule(
        "a part's ledger account got what it gave, but for what paid a debt",
        "plans",
        f"""SELECT s.row_id, SUM(s.expected) AS expected, SUM(s.found) AS found FROM (
                SELECT id AS row_id, granted_micros - debt_micros AS expected, 0 AS found
                FROM plan_grants WHERE {_OWN} AND expires <> 'never'
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
                FROM plan_grants WHERE {_OWN}
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
                    COALESCE((SELECT SUM(rolled_micros) FROM plan_grants WHERE {_OWN}), 0)
                        AS expected,
                    COALESCE((SELECT SUM(amount_micros) FROM transfers
                        WHERE {_OWN} AND code = 'rollover'), 0) AS found) AS s
            WHERE s.expected <> s.found""",
    ),
)
