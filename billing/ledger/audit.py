"""Audit the ledger (`topup audit`); every finding names the row that breaks a rule.

Small tenants are checked whole, in one snapshot. Large ones are checked in steps, from the last audit on if
there is a basis, so no transaction is long.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple, Protocol

from billing.ledger.audit_balances import (
    SEALED_RULE,
    SETTLED_US,
    STEPS,
    SealedPart,
    Steps,
    differing,
    sealed_findings,
    walked_findings,
)
from billing.ledger.audit_rules import RULES
from billing.ledger.chart import Code
from billing.ledger.rule import KEYS, OWN, Finding, finding_of, narrowed
from kernel.clock import SystemClock
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
_TRANSFERS_PAGE: Final = f"""
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
    """Yield findings of rules about single rows of a large tenant; since_us 0 checks every row.

    A row and its transfers are written and read in one transaction, so each short step is consistent. With a
    start time, check what is new, what has new transfers, and all rows of small tables. A row that ended
    without a transfer shows in the tenant's sums.
    """
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
    while page := await database.read(partial(_transfers_page, tenant=tenant, after=after)):
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


async def _transfers_page(
    tx: Transaction, *, tenant: Tenant, after: str
) -> list[tuple[str, str | None, str | None, str]]:
    rows = await tx.fetch(
        _TRANSFERS_PAGE, account_id=tenant.account_id, environment=tenant.environment, after=after
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


TENANTS_PER_STEP: Final = 200
# A tenant with at most this many transfers is checked whole, which takes a moment.
WHOLE_UP_TO: Final = 5_000
# Small tenants that one statement compares: at most 200,000 ledger accounts.
SMALL_AT_ONCE: Final = 20
_PAGE: Final = f"""
SELECT account_id, environment FROM account_environments
WHERE (account_id, environment) > (:account_id, :environment)
ORDER BY account_id, environment LIMIT {TENANTS_PER_STEP}"""
# For one tenant alone: among others PostgreSQL may sort all transfers of a large one.
_LARGE: Final = f"SELECT id FROM transfers WHERE {OWN} ORDER BY id LIMIT 1 OFFSET :few"
# An erasure (only in staging) deletes table by table, so the rows left meanwhile break rules. It is read
# after a finding, because the mark comes before the first deletion. A failed erasure's mark hides nothing of
# an account that was used since or is no sandbox.
_IS_ERASED: Final = f"""
SELECT 1 AS erased FROM accounts
WHERE id = :account_id AND is_sandbox = 1 AND erasing_at > last_active_at
UNION ALL
SELECT 1 AS erased WHERE NOT EXISTS (SELECT 1 FROM account_environments WHERE {OWN})"""


class Basis(Protocol):
    @property
    def since_us(self) -> int:
        """Return the time from which changes are checked; 0 checks everything."""
        ...

    async def sealed_part(self, environment: str, *, is_anew: bool) -> SealedPart | None:
        """Return None if no sums reach near enough. is_anew: read it again."""
        ...


# An account's findings from that time on (microseconds; 0: all), as billing/proof has them.
More = Callable[[Database, Tenant, int], AsyncIterator[Finding]]


class _Listed(NamedTuple):
    """is_large: too many transfers to be checked whole."""

    tenant: Tenant
    is_large: bool


def rules() -> list[str]:
    said = [rule.says for rule in RULES]
    return [said[0], said[1], SEALED_RULE, *said[2:]]


async def audit(
    database: Database,
    environment: str = "",
    *,
    basis: Basis | None = None,
    whole_up_to: int = WHOLE_UP_TO,
    steps: Steps = STEPS,
    more: More | None = None,
) -> AsyncIterator[Finding]:
    after = Tenant("", "")
    while page := await database.read(partial(_page, after=after, few=whole_up_to)):
        after = page[-1].tenant
        wanted = [one for one in page if environment in {"", one.tenant.environment}]
        agreeing = set() if basis is None else await _agreeing(database, wanted, basis)
        for one in wanted:
            sealed: Sequence[Finding] | None = None
            if one.tenant in agreeing:
                sealed = ()
            elif basis is not None:
                sealed = await _from_seals(database, one.tenant, basis, steps)
            async for finding in _tenant(database, one, basis, sealed, steps):
                if not await _is_being_erased(database, one.tenant):
                    yield finding
            if more is None:
                continue
            since_us = 0 if basis is None or not one.is_large else basis.since_us
            async for finding in more(database, one.tenant, since_us):
                if not await _is_being_erased(database, one.tenant):
                    yield finding


async def _agreeing(database: Database, page: Sequence[_Listed], basis: Basis) -> set[Tenant]:
    found: set[Tenant] = set()
    of: defaultdict[str, list[str]] = defaultdict(list)
    for one in page:
        if not one.is_large:
            of[one.tenant.environment].append(one.tenant.account_id)
    for environment, account_ids in of.items():
        part = await basis.sealed_part(environment, is_anew=False)
        if part is None:
            continue
        for at in range(0, len(account_ids), SMALL_AT_ONCE):
            some = account_ids[at : at + SMALL_AT_ONCE]
            differ = await database.read(partial(differing, account_ids=some, part=part))
            if differ is not None:
                found |= {Tenant(each, environment) for each in some if each not in set(differ)}
    return found


async def _tenant(
    database: Database,
    listed: _Listed,
    basis: Basis | None,
    sealed: Sequence[Finding] | None,
    steps: Steps,
) -> AsyncIterator[Finding]:
    tenant = listed.tenant
    for finding in sealed or ():
        yield finding
    if not listed.is_large:
        for finding in await database.read(partial(whole, tenant=tenant)):
            yield finding
        return
    since_us = 0 if basis is None else basis.since_us
    if sealed is None or not since_us:
        settled_id = least_id("trf", SystemClock().now_us() - SETTLED_US)
        for finding in await walked_findings(database, tenant, settled_id, steps):
            yield finding
    # A subject reached by both its row and a transfer is checked twice.
    told: set[Finding] = set()
    async for finding in row_findings(database, tenant, since_us=since_us):
        if finding not in told:
            told.add(finding)
            yield finding


async def _from_seals(
    database: Database, tenant: Tenant, basis: Basis, steps: Steps
) -> Sequence[Finding] | None:
    """Return the findings from the sealed sums, or None if these can't say. A finding is checked twice: a
    transfer of a sealed day may have come since the part was read.
    """
    found: Sequence[Finding] | None = None
    for is_anew in (False, True):
        part = await basis.sealed_part(tenant.environment, is_anew=is_anew)
        if part is None:
            return None
        found = await database.read(partial(sealed_findings, tenant=tenant, part=part, steps=steps))
        if found is not None and not found:
            return found
    return found


async def _is_being_erased(database: Database, tenant: Tenant) -> bool:
    if tenant.environment != "staging":
        return False
    return await database.read(partial(_is_marked, tenant=tenant))


async def _is_marked(tx: Transaction, *, tenant: Tenant) -> bool:
    return await tx.fetch_one(_IS_ERASED, **tenant._asdict()) is not None


async def _page(tx: Transaction, *, after: Tenant, few: int) -> list[_Listed]:
    rows = await tx.fetch(_PAGE, account_id=after.account_id, environment=after.environment)
    page = []
    for account_id, environment in rows:
        large = await tx.fetch_one(_LARGE, account_id=account_id, environment=environment, few=few)
        page.append(_Listed(Tenant(account_id, environment), large is not None))
    return page


async def whole(tx: Transaction, *, tenant: Tenant) -> list[Finding]:
    found: list[Finding] = []
    for rule in RULES:
        rows = await tx.fetch(
            rule.text, account_id=tenant.account_id, environment=tenant.environment
        )
        found += [finding_of(rule.says, tenant, row) for row in rows]
    return found


__all__ = ["Basis", "Finding", "SealedPart", "Steps", "audit", "rules"]
