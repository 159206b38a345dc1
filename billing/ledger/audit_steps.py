"""Check a large tenant by the rules about single rows, some subjects at a time.

A row and its transfers are written and read in one transaction, so each short step is consistent. With a
start time, check what is new, what has new transfers, and all rows of small tables. A row that ended without
a transfer shows in the tenant's sums.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple

from billing.ledger.audit_rules import RULES
from billing.ledger.chart import Code
from billing.ledger.finding import Finding, finding_of
from billing.ledger.rule import KEYS, OWN, narrowed
from kernel.ids import least_id
from kernel.tenant import Tenant
from store.database import Database, Transaction

SUBJECTS_AT_ONCE: Final = 2_000
_WHOLE: Final = frozenset({"tenant", "plans"})
_NARROWED: Final = {
    rule.says: narrowed(rule) for rule in RULES if rule.about not in {"tenant", "balances"}
}
_WHOLE_TEXTS: Final = [
    (rule.says, _NARROWED.get(rule.says, rule.text)) for rule in RULES if rule.about in _WHOLE
]
_NONE: Final[Mapping[str, object]] = {}
_OF_TOPUPS: Final = frozenset(
    code for code in Code if code.startswith(("topup_", "supplier_", "voucher_"))
)
_PAGE: Final = f"""
SELECT id, transaction_id, subject_id, code FROM transfers
WHERE {OWN} AND id > :after ORDER BY id LIMIT {SUBJECTS_AT_ONCE}"""


class _Table(NamedTuple):
    """A tenant's subjects, and which may have changed since :since (microseconds)."""

    name: str
    prefix: str = ""  # only rows made since are looked at; empty: all of which `changed` holds
    own: str = OWN
    changed: str = "1 = 1"


_TABLES: Final = (
    _Table("topups", "txn"),
    _Table("holds", "hld"),
    _Table("usage_records", "usg"),
    _Table("oauth_charges", "chg"),
    _Table("oauth_charges", "chg", "owner_id = :account_id AND environment = :environment"),
    _Table(
        "machine_payments",
        changed="ended_at IS NULL OR ended_at >= :since OR settled_at >= :since",
    ),
    _Table("refunds"),
    _Table("checkins"),
    _Table("code_redemptions"),
    _Table("orders"),
    _Table("subscription_periods"),
)


async def row_findings(
    database: Database, tenant: Tenant, *, since_us: int
) -> AsyncIterator[Finding]:
    """Yield findings of rules that aren't about balances; since_us 0 checks every row."""
    for one in _WHOLE_TEXTS:
        for finding in await database.read(partial(_ask, tenant=tenant, texts=[one])):
            yield finding
    async for finding in _by_transfers(database, tenant, since_us):
        yield finding
    for table in _TABLES:
        about = {"topups"} if table.name == "topups" else {table.name, "subjects"}
        async for ids in _ids(database, tenant, table, since_us):
            for finding in await _asked(database, tenant, about, {"ids": ids}):
                yield finding


async def _by_transfers(
    database: Database, tenant: Tenant, since_us: int
) -> AsyncIterator[Finding]:
    after = least_id("trf", since_us) if since_us else ""
    others = {rule.about for rule in RULES} - _WHOLE - {"balances", "transfers", "topups"}
    while page := await database.read(partial(_page, tenant=tenant, after=after)):
        bounds = {"after_id": after, "to_id": page[-1][0]}
        after = page[-1][0]
        for finding in await _asked(database, tenant, {"transfers"}, bounds):
            yield finding
        topups = {row[1] for row in page if row[1] is not None}
        # Every top-up is checked by its row.
        if since_us and topups:
            for finding in await _asked(database, tenant, {"topups"}, {"ids": sorted(topups)}):
                yield finding
        subjects = {row[2] or row[0] for row in page if row[1] is None or row[3] not in _OF_TOPUPS}
        if subjects:
            for finding in await _asked(database, tenant, others, {"ids": sorted(subjects)}):
                yield finding


async def _ids(
    database: Database, tenant: Tenant, table: _Table, since_us: int
) -> AsyncIterator[Sequence[str]]:
    after = least_id(table.prefix, since_us) if since_us and table.prefix else ""
    while ids := await database.read(
        partial(_subjects, tenant=tenant, table=table, after=after, since_us=since_us)
    ):
        after = ids[-1]
        yield ids


async def _asked(
    database: Database, tenant: Tenant, about: Iterable[str], values: Mapping[str, object]
) -> Sequence[Finding]:
    texts = [(rule.says, _NARROWED[rule.says]) for rule in RULES if rule.about in about]
    return await database.read(partial(_ask, tenant=tenant, texts=texts, values=values))


async def _ask(
    tx: Transaction,
    *,
    tenant: Tenant,
    texts: Sequence[tuple[str, str]],
    values: Mapping[str, object] = _NONE,
) -> Sequence[Finding]:
    own = {"account_id": tenant.account_id, "environment": tenant.environment}
    found: list[Finding] = []
    for says, text in texts:
        rows = await tx.fetch(text, **own, **values)
        found += [finding_of(says, tenant, row) for row in rows]
    return found


async def _page(
    tx: Transaction, *, tenant: Tenant, after: str
) -> list[tuple[str, str | None, str | None, str]]:
    rows = await tx.fetch(
        _PAGE, account_id=tenant.account_id, environment=tenant.environment, after=after
    )
    return [(row[0], row[1], row[2], row[3]) for row in rows]


async def _subjects(
    tx: Transaction, *, tenant: Tenant, table: _Table, after: str, since_us: int
) -> list[str]:
    key = KEYS.get(table.name, "id")
    values = {"since": since_us} if ":since" in table.changed else {}
    rows = await tx.fetch(
        f"""SELECT {key} FROM {table.name}
            WHERE {table.own} AND {key} > :after AND ({table.changed})
            ORDER BY {key} LIMIT {SUBJECTS_AT_ONCE}""",
        account_id=tenant.account_id,
        environment=tenant.environment,
        after=after,
        **values,
    )
    return [str(row[0]) for row in rows]
