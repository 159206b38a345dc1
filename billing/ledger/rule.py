"""Define an audit rule: a sentence, a subject, and SQL that selects the rows that break the rule."""

import re
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from kernel.tenant import Tenant
from store.database import Row
from store.statement import by_itself

# What a rule checks: "tenant" means a whole tenant's sums, "balances" means each ledger account's transfers, and
# "subjects" means everything that transfers refer to, except top-ups. The other values are tables.
About = Literal[
    "tenant",
    "balances",
    "transfers",
    "plans",
    "subjects",
    "topups",
    "holds",
    "refunds",
    "usage_records",
    "oauth_charges",
    "checkins",
    "code_redemptions",
    "orders",
    "subscription_periods",
    "machine_payments",
]
OWN: Final = "account_id = :account_id AND environment = :environment"
_OF_TOPUPS: Final = by_itself("SELECT * FROM transfers WHERE transaction_id IN :ids[text]")
_OF_SUBJECTS: Final = by_itself("""
SELECT * FROM transfers WHERE subject_id IN :ids[text]
UNION ALL SELECT * FROM transfers WHERE id IN :ids[text] AND subject_id IS NULL""")
_OF_PLANS: Final = by_itself(f"""
SELECT * FROM transfers WHERE subject_id IN (
    SELECT id FROM plan_grants WHERE {OWN} UNION SELECT id FROM subscription_periods WHERE {OWN})""")
_RANGE: Final = by_itself(
    f"SELECT * FROM transfers WHERE {OWN} AND id > :after_id AND id <= :to_id"
)
_TRANSFERS: Final = {"topups": _OF_TOPUPS, "transfers": _RANGE, "plans": _OF_PLANS}
KEYS: Final = {"checkins": "grant_id"}
_NO_TABLE: Final = frozenset({"tenant", "balances", "transfers", "plans", "subjects"})


class Rule(NamedTuple):
    """An audit rule. Its query selects row_id, and the expected and found amounts in micros."""

    says: str
    about: About
    text: str


def narrowed(rule: Rule) -> str:
    """Return the rule's SQL, limited to the rows in :ids or to transfers between :after_id and :to_id."""
    text = _replaced(rule.text, "transfers", _TRANSFERS.get(rule.about, _OF_SUBJECTS))
    if rule.about in _NO_TABLE:
        return text
    key = KEYS.get(rule.about, "id")
    rows = f"SELECT * FROM {rule.about} WHERE {key} IN :ids[text]"
    return _replaced(text, rule.about, by_itself(rows))


def _replaced(text: str, table: str, rows: str) -> str:
    named = re.compile(rf"\b(FROM|JOIN) {table}\b(?P<alias> (?!WHERE\b|ON\b|JOIN\b)[a-z]\b)?")
    return named.sub(lambda m: f"{m[1]} ({rows}) AS{m['alias'] or f' {table}'}", text)


@dataclass(frozen=True, slots=True)
class Finding:
    rule: str
    account_id: str
    environment: str
    row_id: str
    expected: int
    found: int


def finding_of(rule: str, tenant: Tenant, row: Row) -> Finding:
    expected, found = int(row["expected"] or 0), int(row["found"] or 0)
    return Finding(rule, *tenant, row["row_id"], expected, found)
