"""Compare a large tenant's cached balances with its transfers.

- From the sealed sums: checkpoints have added up older transfers; one snapshot reads the rest.
- From the first transfer: pages add up what is too old to change, then one snapshot reads balances and later
  transfers. Transfers never change, so both are the state of one moment.

Steps bounds the memory.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple

from billing.ledger.chart import ASSETS, SIGN
from billing.ledger.rule import OWN, Finding
from kernel.clock import DAY_US, HOUR_US
from kernel.tenant import Tenant
from store.database import Database, Transaction

SEALED_RULE: Final = "balance is its sealed sums and what came since"
WALKED_RULE: Final = "balance is the sum of its transfers"
# Anything older is committed; sealing a day looks back as far.
SETTLED_US: Final = DAY_US + 2 * HOUR_US
PAGE: Final = 20_000
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
# The same for whole tenants at once; balances have the sign of their transfers.
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
WHERE {OWN} AND id > :after AND id <= :settled_id ORDER BY id LIMIT {PAGE}"""
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
    """What the sealed sums contain of an environment's transfers, up to a checkpoint's day. late: by tenant,
    earlier transfers that are in no checkpoint. All others before from_id are sealed.
    """

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
    """Return balances that differ from the sealed sums and later transfers. None: another day was sealed
    meanwhile, so read the part again.
    """
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
        _SEALED,
        account_id=tenant.account_id,
        environment=tenant.environment,
        day=part.day_start_at,
        after=sides[0],
        to_id=sides[1],
    )
    found: list[Finding] = []
    for row in rows:
        expected = (int(row[2]) + moved.pop(row[0], 0)) * int(row[3])
        if expected != int(row[1]):
            found.append(Finding(SEALED_RULE, *tenant, row[0], expected, int(row[1])))
    # In neither table.
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
    row = await tx.fetch_one(
        _BOUND,
        account_id=tenant.account_id,
        environment=tenant.environment,
        after=after,
        offset=sides - 1,
    )
    return _LAST_OF_ALL if row is None else str(row[0])


async def _walk(
    database: Database, tenant: Tenant, sides: tuple[str, str], settled_id: str
) -> dict[str, int]:
    sums: dict[str, int] = {}
    after = ""
    while page := await database.read(
        partial(_page, tenant=tenant, after=after, settled_id=settled_id)
    ):
        after = page[-1][0]
        for _, debit_id, credit_id, micros in page:
            if sides[0] < debit_id <= sides[1]:
                sums[debit_id] = sums.get(debit_id, 0) - micros
            if sides[0] < credit_id <= sides[1]:
                sums[credit_id] = sums.get(credit_id, 0) + micros
    return sums


async def _page(
    tx: Transaction, *, tenant: Tenant, after: str, settled_id: str
) -> list[tuple[str, str, str, int]]:
    rows = await tx.fetch(
        _WALKED,
        account_id=tenant.account_id,
        environment=tenant.environment,
        after=after,
        settled_id=settled_id,
    )
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
