"""The fees of platforms and of single accounts, as rows that the operator edits.

Each change raises the platforms' version in its own transaction, so that processes reread the rows.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from billing.topups.fee import BASIS_POINTS_MAX, FEE_CENTS_MAX, FeeRule
from kernel.errors import InvalidInput, LimitReached, NotFound
from store.database import Transaction
from store.row_mapping import RowMapping

# Stored in place of an account: the platform's own fee.
EVERYBODY: Final = ""
ACCOUNT_FEES_MAX: Final = 5_000


class FeeRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of platform_fees; account_id empty: for accounts without a fee of their own."""

    environment: str
    platform: str
    account_id: str = EVERYBODY
    fixed_cents: int = 0
    basis_points: int = 0
    min_cents: int = 0
    max_cents: int | None = None
    changed_at: int

    @property
    def rule(self) -> FeeRule:
        return FeeRule(self.fixed_cents, self.basis_points, self.min_cents, self.max_cents)


async def fees_by_platform(tx: Transaction) -> Mapping[tuple[str, str], Mapping[str, FeeRule]]:
    """Return the rules of each (environment, platform), by account or EVERYBODY."""
    found: dict[tuple[str, str], dict[str, FeeRule]] = {}
    for row in await tx.fetch(f"SELECT {_ROWS.listed} FROM platform_fees"):
        one = _ROWS.read(row)
        found.setdefault((one.environment, one.platform), {})[one.account_id] = one.rule
    return found


async def list_fees(tx: Transaction, environment: str) -> Sequence[FeeRow]:
    rows = await tx.fetch(
        f"""SELECT {_ROWS.listed} FROM platform_fees WHERE environment = :environment
            ORDER BY platform, account_id""",
        environment=environment,
    )
    return [_ROWS.read(row) for row in rows]


async def find_fee(
    tx: Transaction, environment: str, platform: str, account_id: str
) -> FeeRow | None:
    row = await tx.fetch_one(
        f"""SELECT {_ROWS.listed} FROM platform_fees WHERE environment = :environment
            AND platform = :platform AND account_id = :account_id""",
        environment=environment,
        platform=platform,
        account_id=account_id,
    )
    return None if row is None else _ROWS.read(row)


async def put_fee(tx: Transaction, row: FeeRow) -> None:
    _check(row)
    count = await tx.fetch_one(
        """SELECT COUNT(*) AS fees FROM platform_fees WHERE environment = :environment
           AND NOT (platform = :platform AND account_id = :account_id)""",
        environment=row.environment,
        platform=row.platform,
        account_id=row.account_id,
    )
    if count is not None and count["fees"] >= ACCOUNT_FEES_MAX:
        raise LimitReached(f"An environment has at most {ACCOUNT_FEES_MAX} fees.")
    await tx.insert(
        "platform_fees",
        _ROWS.columns,
        [_ROWS.write(row)],
        on_conflict="""ON CONFLICT (environment, platform, account_id) DO UPDATE SET
            fixed_cents = excluded.fixed_cents, basis_points = excluded.basis_points,
            min_cents = excluded.min_cents, max_cents = excluded.max_cents,
            changed_at = excluded.changed_at""",
    )


async def drop_fee(tx: Transaction, row: FeeRow) -> None:
    dropped = await tx.execute(
        """DELETE FROM platform_fees WHERE environment = :environment
           AND platform = :platform AND account_id = :account_id""",
        environment=row.environment,
        platform=row.platform,
        account_id=row.account_id,
    )
    if dropped == 0:
        raise NotFound("Fee")


def _check(row: FeeRow) -> None:
    most = FEE_CENTS_MAX if row.max_cents is None else row.max_cents
    for name, cents in (
        ("fixed_cents", row.fixed_cents),
        ("min_cents", row.min_cents),
        ("max_cents", most),
    ):
        if not 0 <= cents <= FEE_CENTS_MAX:
            raise InvalidInput(f"A fee must be from 0 to {FEE_CENTS_MAX} cents.", param=name)
    if not 0 <= row.basis_points <= BASIS_POINTS_MAX:
        raise InvalidInput(
            f"Basis points must be from 0 to {BASIS_POINTS_MAX}.", param="basis_points"
        )
    if row.min_cents > most:
        raise InvalidInput("The smallest fee must not be above the largest.", param="min_cents")


_ROWS = RowMapping(FeeRow)
