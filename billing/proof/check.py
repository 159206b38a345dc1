"""A check of the proof: some rows of a tenant, or of an environment, against what proves them.

A step reads a bounded number of rows in one snapshot, so any account is checked in constant memory.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from functools import partial
from typing import Final, NamedTuple, Protocol

from billing.ledger.rule import Finding
from kernel.tenant import Tenant
from store.database import Database, Row, Transaction

ROWS_AT_ONCE: Final = 1_000


class Broken(NamedTuple):
    says: str
    row_id: str
    expected: int
    found: int


class Step(NamedTuple):
    broken: Sequence[Broken]
    after: str | None


class Check(Protocol):
    """An empty account is the environment as a whole."""

    @property
    def rules(self) -> Sequence[str]: ...

    async def step(self, tx: Transaction, tenant: Tenant, *, after: str, since_us: int) -> Step:
        """Check the next rows, but for what can't have changed since `since_us` (0: check all)."""
        ...


def differs(says: str, row_id: str, expected: int, found: int) -> Iterator[Broken]:
    if expected != found:
        yield Broken(says, row_id, expected, found)


def fails(says: str, row_id: str, *, is_true: bool) -> Iterator[Broken]:
    return differs(says, row_id, 1, int(is_true))


async def page(
    tx: Transaction, text: str, tenant: Tenant, *, after: str, **values: object
) -> tuple[Sequence[Row], str | None]:
    """Return the next rows of a statement ordered by its first column, `id`, and where to continue."""
    rows = await tx.fetch(
        f"{text} ORDER BY id LIMIT {ROWS_AT_ONCE}", **tenant._asdict(), after=after, **values
    )
    return rows, str(rows[-1]["id"]) if len(rows) == ROWS_AT_ONCE else None


async def findings_of(
    database: Database, checks: Sequence[Check], tenant: Tenant, *, since_us: int
) -> AsyncIterator[Finding]:
    first = await database.read(partial(_first, checks=checks, tenant=tenant, since_us=since_us))
    for check, step in zip(checks, first, strict=True):
        for one in step.broken:
            yield _finding(one, tenant)
        after = step.after
        while after is not None:
            work: Callable[[Transaction], object] = partial(
                check.step, tenant=tenant, after=after, since_us=since_us
            )
            more: Step = await database.read(work)  # type: ignore[arg-type]
            for one in more.broken:
                yield _finding(one, tenant)
            after = more.after


async def findings_at_once(
    tx: Transaction, checks: Sequence[Check], tenant: Tenant
) -> Sequence[Finding]:
    found: list[Finding] = []
    for check in checks:
        after: str | None = ""
        while after is not None:
            step = await check.step(tx, tenant, after=after, since_us=0)
            found += [_finding(one, tenant) for one in step.broken]
            after = step.after
    return found


async def _first(
    tx: Transaction, *, checks: Sequence[Check], tenant: Tenant, since_us: int
) -> Sequence[Step]:
    return [await check.step(tx, tenant, after="", since_us=since_us) for check in checks]


def _finding(one: Broken, tenant: Tenant) -> Finding:
    return Finding(one.says, *tenant, one.row_id, one.expected, one.found)
