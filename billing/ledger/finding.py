"""A finding of the audit: a row that breaks a rule."""

from dataclasses import dataclass

from kernel.tenant import Tenant
from store.database import Row


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
