"""Audit the ledger (`topup audit`). Every finding names the row that breaks a rule.

A small tenant is checked in one snapshot. A large tenant is checked in short steps. If possible, only its changes since
the last audit are checked.

Balances are compared with the checkpoints' sums, or with sums over all transfers. Transfers never change, so these sums
stay valid. Each comparison adds the later transfers.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple, Protocol

from billing.ledger.audit_rules import RULES
from billing.ledger.chart import ASSETS, SIGN, Code
from billing.ledger.rule import KEYS, OWN, Finding, finding_of, narrowed
from kernel.clock import DAY_US, HOUR_US, SystemClock
from kernel.ids import least_id
from kernel.tenant import Tenant
from store.database import Database, Transaction

SEALED_RULE: Final = "balance is its sealed sums and what came since"
WALKED_RULE: Final = "balance is the sum of its transfers"
# Transfers older than this are certainly committed. Sealing also looks back this far.
SETTLED_US: Final = DAY_US + 2 * HOUR_US
WALKED_PAGE: Final = 20_000
_LAST_OF_ALL: Final = "~"

_SUMMED: Final = "SELECT summed_day FROM sealed_sums WHERE environment = :environment"
_SINCE: Final = "created_at >= :until OR id IN :late[text]"
_SEALED: Final = f"""
SELECT s.row_id, SUM(s.balance) AS found, SUM(s.moved) AS moved, COALESCE(MAX(s.sign), 1) AS sign
FROM (
    SELECT id AS row_id, balance_micros AS balance, 0 AS moved, {SIGN} AS sign
    FROM ledger_accounts WHERE {OWN} AND id > :after AND id <= :to_id
    UNION ALL
    SELECT ledger_account_id, 0, CASE WHEN day_start_at <= :day
        THEN credits_micros - debits_micros
        ELSE before_credits_micros - before_debits_micros END, NULL
    FROM sealed_balances WHERE {OWN} AND ledger_account_id > :after AND ledger_account_id <= :to_id
) AS s GROUP BY s.row_id"""
_OF_FEW: Final = "account_id IN :account_ids[text] AND environment = :environment"
_MOVED_OF_FEW: Final = f"FROM transfers WHERE {_OF_FEW} AND id > :from_id AND ({_SINCE})"
# Multiplied by SIGN, a balance equals its account's credits minus debits.
_DIFFERENT: Final = f"""
SELECT DISTINCT s.account_id FROM (
    SELECT account_id, id AS row_id, balance_micros * ({SIGN}) AS balance, 0 AS moved
    FROM ledger_accounts WHERE {_OF_FEW}
    UNION ALL
    SELECT account_id, ledger_account_id, 0, CASE WHEN day_start_at <= :day
        THEN credits_micros - debits_micros ELSE before_credits_micros - before_debits_micros END
    FROM sealed_balances WHERE {_OF_FEW}
    UNION ALL SELECT account_id, debit_id, 0, -amount_micros {_MOVED_OF_FEW}
    UNION ALL SELECT account_id, credit_id, 0, amount_micros {_MOVED_OF_FEW}
) AS s GROUP BY s.account_id, s.row_id HAVING SUM(s.balance) <> SUM(s.moved)"""
_BOUND: Final = f"""
SELECT id FROM ledger_accounts WHERE {OWN} AND id > :after ORDER BY id LIMIT 1 OFFSET :offset"""
_WALKED: Final = f"""
SELECT id, debit_id, credit_id, amount_micros FROM transfers
WHERE {OWN} AND id > :after AND id <= :settled_id ORDER BY id LIMIT {WALKED_PAGE}"""
_WINDOW: Final = f"""
SELECT id FROM transfers WHERE {OWN} AND id > :from_id ORDER BY id LIMIT 1 OFFSET :offset"""
_PART: Final = f"SELECT * FROM transfers WHERE {OWN} AND id > :from_id AND id <= :last_id"


def _moved(condition: str) -> str:
    return f"""
SELECT s.side_id, SUM(s.moved) AS moved FROM (
    SELECT debit_id AS side_id, -amount_micros AS moved FROM ({_PART}) AS d
    WHERE debit_id > :after AND debit_id <= :to_id AND ({condition})
    UNION ALL
    SELECT credit_id, amount_micros FROM ({_PART}) AS c
    WHERE credit_id > :after AND credit_id <= :to_id AND ({condition})
) AS s GROUP BY s.side_id"""


_MOVED_SINCE: Final = _moved(_SINCE)
_MOVED: Final = _moved("1 = 1")
_BALANCES: Final = f"""
SELECT id, kind, balance_micros FROM ledger_accounts
WHERE {OWN} AND id > :after AND id <= :to_id ORDER BY id"""


class Steps(NamedTuple):
    sides: int = 150_000
    transfers: int = 100_000


STEPS: Final = Steps()


class SealedPart(NamedTuple):
    """The sealed part of a ledger. Transfers before `from_id` are sealed, except those listed in `late`."""

    environment: str
    day_start_at: int
    from_id: str
    late: Mapping[Tenant, Sequence[str]]

    @property
    def until(self) -> int:
        return self.day_start_at + DAY_US


async def sealed_findings(
    tx: Transaction, *, tenant: Tenant, part: SealedPart, steps: Steps
) -> Sequence[Finding] | None:
    """Compare balances with the sealed sums. Return None if another day was sealed, so the part must be read again."""
    row = await tx.fetch_one(_SUMMED, environment=tenant.environment)
    if row is None or row[0] != part.day_start_at:
        return None
    found: list[Finding] = []
    after = ""
    while after != _LAST_OF_ALL:
        to_id = await _bound(tx, tenant=tenant, after=after, sides=steps.sides)
        found += await _sealed_between(tx, tenant, part, (after, to_id), steps)
        after = to_id
    return found


async def differing(
    tx: Transaction, *, account_ids: Sequence[str], part: SealedPart
) -> Sequence[str] | None:
    row = await tx.fetch_one(_SUMMED, environment=part.environment)
    if row is None or row[0] != part.day_start_at:
        return None
    late = [id_ for one in account_ids for id_ in part.late.get(Tenant(one, part.environment), ())]
    rows = await tx.fetch(
        _DIFFERENT,
        account_ids=account_ids,
        environment=part.environment,
        day=part.day_start_at,
        until=part.until,
        from_id=part.from_id,
        late=late,
    )
    return [row[0] for row in rows]


async def _sealed_between(
    tx: Transaction, tenant: Tenant, part: SealedPart, sides: tuple[str, str], steps: Steps
) -> list[Finding]:
    since = {"until": part.until, "late": list(part.late.get(tenant, ()))}
    moved = await _moved_since(
        tx, _MOVED_SINCE, since, tenant=tenant, sides=sides, from_id=part.from_id, steps=steps
    )
    rows = await tx.fetch(
        _SEALED, **tenant._asdict(), day=part.day_start_at, after=sides[0], to_id=sides[1]
    )
    found: list[Finding] = []
    for row in rows:
        expected = (int(row[2]) + moved.pop(row[0], 0)) * int(row[3])
        if expected != int(row[1]):
            found.append(Finding(SEALED_RULE, *tenant, row[0], expected, int(row[1])))
    found += [Finding(SEALED_RULE, *tenant, id_, sum_, 0) for id_, sum_ in moved.items() if sum_]
    return found


async def _moved_since(
    tx: Transaction,
    statement: str,
    values: Mapping[str, object],
    *,
    tenant: Tenant,
    sides: tuple[str, str],
    from_id: str,
    steps: Steps,
) -> dict[str, int]:
    sums: dict[str, int] = {}
    own = {"account_id": tenant.account_id, "environment": tenant.environment}
    while from_id != _LAST_OF_ALL:
        row = await tx.fetch_one(_WINDOW, **own, from_id=from_id, offset=steps.transfers - 1)
        last_id = _LAST_OF_ALL if row is None else str(row[0])
        rows = await tx.fetch(
            statement,
            **own,
            **values,
            from_id=from_id,
            last_id=last_id,
            after=sides[0],
            to_id=sides[1],
        )
        for side_id, moved in rows:
            sums[side_id] = sums.get(side_id, 0) + int(moved)
        from_id = last_id
    return sums


async def walked_findings(
    database: Database, tenant: Tenant, settled_id: str, steps: Steps
) -> Sequence[Finding]:
    found: list[Finding] = []
    after = ""
    while after != _LAST_OF_ALL:
        to_id = await database.read(partial(_bound, tenant=tenant, after=after, sides=steps.sides))
        sums = await _walk(database, tenant, (after, to_id), settled_id)
        found += await database.read(
            partial(
                _compare,
                tenant=tenant,
                sums=sums,
                sides=(after, to_id),
                settled_id=settled_id,
                steps=steps,
            )
        )
        after = to_id
    return found


async def _bound(tx: Transaction, *, tenant: Tenant, after: str, sides: int) -> str:
    row = await tx.fetch_one(_BOUND, **tenant._asdict(), after=after, offset=sides - 1)
    return _LAST_OF_ALL if row is None else str(row[0])


async def _walk(
    database: Database, tenant: Tenant, sides: tuple[str, str], settled_id: str
) -> dict[str, int]:
    sums: dict[str, int] = {}
    after = ""
    while page := await database.read(
        partial(_walked_page, tenant=tenant, after=after, settled_id=settled_id)
    ):
        after = page[-1][0]
        for _, debit_id, credit_id, micros in page:
            if sides[0] < debit_id <= sides[1]:
                sums[debit_id] = sums.get(debit_id, 0) - micros
            if sides[0] < credit_id <= sides[1]:
                sums[credit_id] = sums.get(credit_id, 0) + micros
    return sums


async def _walked_page(
    tx: Transaction, *, tenant: Tenant, after: str, settled_id: str
) -> list[tuple[str, str, str, int]]:
    rows = await tx.fetch(_WALKED, **tenant._asdict(), after=after, settled_id=settled_id)
    return [(row[0], row[1], row[2], row[3]) for row in rows]


async def _compare(
    tx: Transaction,
    *,
    tenant: Tenant,
    sums: Mapping[str, int],
    sides: tuple[str, str],
    settled_id: str,
    steps: Steps,
) -> list[Finding]:
    own = {"account_id": tenant.account_id, "environment": tenant.environment}
    rest = await _moved_since(
        tx, _MOVED, {}, tenant=tenant, sides=sides, from_id=settled_id, steps=steps
    )
    found: list[Finding] = []
    for row in await tx.fetch(_BALANCES, **own, after=sides[0], to_id=sides[1]):
        moved = sums.get(row[0], 0) + rest.get(row[0], 0)
        expected = -moved if row[1] in ASSETS else moved
        if expected != row[2]:
            found.append(Finding(WALKED_RULE, *tenant, row[0], expected, row[2]))
    return found


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
    name: str
    prefix: str = ""
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
    """Check the rows of a large tenant. If `since_us` is 0, every row is checked. Otherwise, only new rows, rows with
    new transfers, and small tables are checked.

    A row is written together with its transfers, so each short step is consistent.
    """
    for one in _WHOLE_TEXTS:
        for finding in await database.read(partial(_run_rules, tenant=tenant, texts=[one])):
            yield finding
    async for finding in _by_transfers(database, tenant, since_us):
        yield finding
    for table in _TABLES:
        about = {"topups"} if table.name == "topups" else {table.name, "subjects"}
        async for ids in _ids(database, tenant, table, since_us):
            for finding in await _findings_about(database, tenant, about, {"ids": ids}):
                yield finding


async def _by_transfers(
    database: Database, tenant: Tenant, since_us: int
) -> AsyncIterator[Finding]:
    after = least_id("trf", since_us) if since_us else ""
    others = {rule.about for rule in RULES} - _WHOLE - {"balances", "transfers", "topups"}
    while page := await database.read(partial(_transfers_page, tenant=tenant, after=after)):
        bounds = {"after_id": after, "to_id": page[-1][0]}
        after = page[-1][0]
        for finding in await _findings_about(database, tenant, {"transfers"}, bounds):
            yield finding
        topups = {row[1] for row in page if row[1] is not None}
        if since_us and topups:
            for finding in await _findings_about(
                database, tenant, {"topups"}, {"ids": sorted(topups)}
            ):
                yield finding
        subjects = {row[2] or row[0] for row in page if row[1] is None or row[3] not in _OF_TOPUPS}
        if subjects:
            for finding in await _findings_about(
                database, tenant, others, {"ids": sorted(subjects)}
            ):
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


async def _findings_about(
    database: Database, tenant: Tenant, about: Iterable[str], values: Mapping[str, object]
) -> Sequence[Finding]:
    texts = [(rule.says, _NARROWED[rule.says]) for rule in RULES if rule.about in about]
    return await database.read(partial(_run_rules, tenant=tenant, texts=texts, values=values))


async def _run_rules(
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
    rows = await tx.fetch(_TRANSFERS_PAGE, **tenant._asdict(), after=after)
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
        **tenant._asdict(),
        after=after,
        **values,
    )
    return [str(row[0]) for row in rows]


TENANTS_PER_STEP: Final = 200
WHOLE_UP_TO: Final = 5_000
# One statement compares this many small tenants. Together they have at most 200,000 ledger accounts.
SMALL_AT_ONCE: Final = 20
_PAGE: Final = f"""
SELECT account_id, environment FROM account_environments
WHERE (account_id, environment) > (:account_id, :environment)
ORDER BY account_id, environment LIMIT {TENANTS_PER_STEP}"""
# The statement names only one tenant. If it named several, PostgreSQL might sort all transfers of a large one.
_LARGE: Final = f"SELECT id FROM transfers WHERE {OWN} ORDER BY id LIMIT 1 OFFSET :few"
# The rows of a sandbox may break rules while it is being erased. The sandbox is marked before the first deletion, so
# the mark is read after a finding. If the erasure failed and the account was used afterwards, the mark is ignored.
_IS_ERASED: Final = f"""
SELECT 1 AS erased FROM accounts
WHERE id = :account_id AND is_sandbox = 1 AND erasing_at > last_active_at
UNION ALL
SELECT 1 AS erased WHERE NOT EXISTS (SELECT 1 FROM account_environments WHERE {OWN})"""


class Basis(Protocol):
    @property
    def since_us(self) -> int:
        """Return the time from which changes are checked, or 0 if everything is checked."""
        ...

    async def sealed_part(self, environment: str, *, is_anew: bool) -> SealedPart | None:
        """Return the sealed part, or None if the sums are too old. If `is_anew` is set, read it again."""
        ...


# A function that yields more findings about rows changed since a time, in microseconds. For 0, it checks all rows.
More = Callable[[Database, Tenant, int], AsyncIterator[Finding]]


class _Listed(NamedTuple):
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
    told: set[Finding] = set()
    async for finding in row_findings(database, tenant, since_us=since_us):
        if finding not in told:
            told.add(finding)
            yield finding


async def _from_seals(
    database: Database, tenant: Tenant, basis: Basis, steps: Steps
) -> Sequence[Finding] | None:
    """Compare balances with the sealed sums, or return None if there are none.

    If something is found, everything is checked again, because a transfer may have been sealed in the meantime.
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
        rows = await tx.fetch(rule.text, **tenant._asdict())
        found += [finding_of(rule.says, tenant, row) for row in rows]
    return found


__all__ = ["Basis", "Finding", "SealedPart", "Steps", "audit", "rules"]
