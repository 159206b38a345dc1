"""Store platforms, their fees and suppliers as rows that the operator edits.

A supplier is never deleted, and its kind never changes.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import msgspec

from billing.topups.platform import (
    BASIS_POINTS_MAX,
    FEE_CENTS_MAX,
    MAX_AMOUNT_CENTS,
    MIN_AMOUNT_CENTS,
    FeeRule,
    Platform,
    PlatformBook,
    Platforms,
    Source,
)
from kernel.errors import DomainError, InvalidInput, LimitReached, NotFound
from store.database import Transaction
from store.row_mapping import RowMapping, as_json

# The row with the default fee has this value instead of an account ID.
EVERYBODY: Final = ""
ACCOUNT_FEES_MAX: Final = 5_000


class FeeRow(msgspec.Struct, frozen=True, kw_only=True):
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
        raise LimitReached(f"An environment can have at most {ACCOUNT_FEES_MAX} fees.")
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
        raise InvalidInput("The smallest fee must not exceed the largest.", param="min_cents")


_ROWS = RowMapping(FeeRow)


PLATFORMS_MAX: Final = 500
SUPPLIERS_MAX: Final = 200
SUPPLIERS_OF_PLATFORM_MAX: Final = 10
AMOUNT_CENTS_MAX: Final = 100_000_000
NAME_CHARACTERS_MAX: Final = 80
_ID: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


class PlatformTaken(DomainError):
    pass


class PlatformRow(msgspec.Struct, frozen=True, kw_only=True):
    environment: str
    id: str
    name: str
    min_amount_cents: int = MIN_AMOUNT_CENTS
    max_amount_cents: int = MAX_AMOUNT_CENTS
    is_active: bool = True
    position: int = 0
    created_at: int


class SupplierRow(msgspec.Struct, frozen=True, kw_only=True):
    """A supplier's row. `sealed` contains the encrypted secret options. `hints` contains the last characters of
    each.

    While `breaker_opened_at` is set, workers call the supplier only rarely.
    """

    environment: str
    id: str
    kind: str
    options: Mapping[str, Any] = {}
    sealed: bytes | None = None
    hints: Mapping[str, str] = {}
    is_active: bool = True
    is_simulated: bool = False
    created_at: int
    changed_at: int
    breaker_opened_at: int | None = None
    last_error: str | None = None
    last_error_at: int | None = None
    paused_at: int | None = None

    def __repr__(self) -> str:
        return f"SupplierRow({self.environment}/{self.id}, {self.kind})"


async def version(tx: Transaction) -> int:
    row = await tx.fetch_one("SELECT version FROM platform_versions WHERE id = 1")
    assert row is not None, "the migration has made it"
    return int(row["version"])


async def lock(tx: Transaction) -> None:
    await tx.fetch("SELECT id FROM platform_versions WHERE id = 1 FOR UPDATE")


async def read_book(tx: Transaction) -> PlatformBook:
    at = await version(tx)
    sources: dict[tuple[str, str], list[Source]] = {}
    for row in await tx.fetch(_SOURCES):
        sources.setdefault((row[0], row[1]), []).append(
            Source(row[2], row[3], is_paused=bool(row[4]))
        )
    fees = await fees_by_platform(tx)
    listed: dict[str, list[Platform]] = {}
    for row in await tx.fetch(f"{_PLATFORMS} WHERE is_active = 1 ORDER BY position, id"):
        one = _PLATFORM.read(row)
        own = fees.get((one.environment, one.id), {})
        listed.setdefault(one.environment, []).append(
            Platform(
                one.id,
                one.name,
                one.min_amount_cents,
                one.max_amount_cents,
                tuple(sources.get((one.environment, one.id), ())),
                own.get(EVERYBODY),
                own,
            )
        )
    return PlatformBook({name: Platforms(one) for name, one in listed.items()}, at)


async def known_ids(tx: Transaction, environment: str) -> Collection[str]:
    return (await read_book(tx)).of(environment).ids()


async def list_platforms(tx: Transaction, environment: str) -> Sequence[PlatformRow]:
    rows = await tx.fetch(
        f"{_PLATFORMS} WHERE environment = :environment ORDER BY position, id",
        environment=environment,
    )
    return [_PLATFORM.read(row) for row in rows]


async def get_platform(tx: Transaction, environment: str, platform: str) -> PlatformRow:
    row = await tx.fetch_one(
        f"{_PLATFORMS} WHERE environment = :environment AND id = :id",
        environment=environment,
        id=platform,
    )
    if row is None:
        raise NotFound(f"Platform {platform} in {environment}", param="platform")
    return _PLATFORM.read(row)


async def suppliers_of(tx: Transaction, environment: str) -> Mapping[str, Sequence[str]]:
    rows = await tx.fetch(
        """SELECT platform, supplier FROM platform_suppliers WHERE environment = :environment
           ORDER BY platform, position""",
        environment=environment,
    )
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row["platform"], []).append(row["supplier"])
    return found


async def put_platform(tx: Transaction, row: PlatformRow, *, is_new: bool) -> PlatformRow:
    _check_platform(row)
    if not is_new:
        changed = await tx.execute(_CHANGE_PLATFORM, rows=[_PLATFORM.write(row)])
        if changed == 0:
            raise NotFound("Platform", param="platform")
        await raise_version(tx)
        return row
    listed = await list_platforms(tx, row.environment)
    if len(listed) >= PLATFORMS_MAX:
        raise LimitReached(f"An environment can have at most {PLATFORMS_MAX} platforms.")
    position = row.position or max((one.position for one in listed), default=0) + 1
    made = msgspec.structs.replace(row, position=position)
    inserted = await tx.insert(
        "platforms",
        _PLATFORM.columns,
        [_PLATFORM.write(made)],
        on_conflict="ON CONFLICT DO NOTHING",
    )
    if inserted == 0:
        raise PlatformTaken(
            "There is already a platform with this ID.", param="id", reason="exists"
        )
    await raise_version(tx)
    return made


async def set_suppliers(
    tx: Transaction, environment: str, platform: str, suppliers: Sequence[str]
) -> None:
    await get_platform(tx, environment, platform)
    if len(set(suppliers)) < len(suppliers):
        raise InvalidInput("A platform can list each supplier only once.", param="suppliers")
    if len(suppliers) > SUPPLIERS_OF_PLATFORM_MAX:
        raise InvalidInput(
            f"A platform can have at most {SUPPLIERS_OF_PLATFORM_MAX} suppliers.", param="suppliers"
        )
    known = {one.id for one in await list_suppliers(tx, environment)}
    for supplier in suppliers:
        if supplier not in known:
            raise NotFound(f"Supplier {supplier} in {environment}", param="suppliers")
    await tx.execute(
        "DELETE FROM platform_suppliers WHERE environment = :environment AND platform = :platform",
        environment=environment,
        platform=platform,
    )
    rows = [(environment, platform, one, number) for number, one in enumerate(suppliers, start=1)]
    await tx.insert("platform_suppliers", ("environment", "platform", "supplier", "position"), rows)
    await raise_version(tx)


async def list_suppliers(tx: Transaction, environment: str | None = None) -> Sequence[SupplierRow]:
    named = {} if environment is None else {"environment": environment}
    where = "WHERE environment = :environment" if named else ""
    rows = await tx.fetch(f"{_SUPPLIERS} {where} ORDER BY environment, id", **named)
    return [_SUPPLIER.read(row) for row in rows]


async def get_supplier(tx: Transaction, environment: str, supplier: str) -> SupplierRow:
    row = await tx.fetch_one(
        f"{_SUPPLIERS} WHERE environment = :environment AND id = :id",
        environment=environment,
        id=supplier,
    )
    if row is None:
        raise NotFound(f"Supplier {supplier} in {environment}", param="supplier")
    return _SUPPLIER.read(row)


async def put_supplier(tx: Transaction, row: SupplierRow, *, is_new: bool) -> SupplierRow:
    if row.is_simulated and row.environment != "staging":
        raise InvalidInput("Only staging has simulated suppliers.", param="simulated")
    if not is_new:
        values = dict(zip(_SUPPLIER.columns, _SUPPLIER.write(row), strict=True))
        names = ("environment", "id", *_CHANGED_SUPPLIER)
        if await tx.execute(_CHANGE_SUPPLIER, **{name: values[name] for name in names}) == 0:
            raise NotFound("Supplier", param="supplier")
    else:
        if not _ID.fullmatch(row.id):
            raise InvalidInput("An ID can have up to 40 characters: a-z, 0-9, _ and -.", param="id")
        if len(await list_suppliers(tx, row.environment)) >= SUPPLIERS_MAX:
            raise LimitReached(f"An environment can have at most {SUPPLIERS_MAX} suppliers.")
        inserted = await tx.insert(
            "suppliers",
            _SUPPLIER.columns,
            [_SUPPLIER.write(row)],
            on_conflict="ON CONFLICT DO NOTHING",
        )
        if inserted == 0:
            raise PlatformTaken(
                "There is already a supplier with this ID.", param="id", reason="exists"
            )
    await raise_version(tx)
    return row


async def note_health(
    tx: Transaction,
    environment: str,
    supplier: str,
    *,
    breaker_opened_at: int | None,
    error: str | None,
    now_us: int,
) -> None:
    """Record the supplier health that workers observed. The rows' version doesn't change."""
    if error is not None:
        await tx.execute(
            """UPDATE suppliers SET last_error = :error, last_error_at = :now
               WHERE environment = :environment AND id = :id""",
            error=error,
            now=now_us,
            environment=environment,
            id=supplier,
        )
    await tx.execute(
        """UPDATE suppliers SET breaker_opened_at = :breaker_opened_at
           WHERE environment = :environment AND id = :id""",
        breaker_opened_at=breaker_opened_at,
        environment=environment,
        id=supplier,
    )


async def set_paused(tx: Transaction, row: SupplierRow, paused_at: int | None) -> SupplierRow:
    after = msgspec.structs.replace(
        row,
        paused_at=paused_at,
        breaker_opened_at=None if paused_at is None else row.breaker_opened_at,
    )
    await tx.execute(
        """UPDATE suppliers SET paused_at = :paused_at, breaker_opened_at = :breaker_opened_at
           WHERE environment = :environment AND id = :id""",
        paused_at=paused_at,
        breaker_opened_at=after.breaker_opened_at,
        environment=row.environment,
        id=row.id,
    )
    await raise_version(tx)
    return after


def _check_platform(row: PlatformRow) -> None:
    if not _ID.fullmatch(row.id):
        raise InvalidInput("An ID can have up to 40 characters: a-z, 0-9, _ and -.", param="id")
    if not 1 <= len(row.name.strip()) <= NAME_CHARACTERS_MAX:
        raise InvalidInput(f"A name must have 1 to {NAME_CHARACTERS_MAX} characters.", param="name")
    if not 1 <= row.min_amount_cents <= row.max_amount_cents <= AMOUNT_CENTS_MAX:
        raise InvalidInput(
            f"Amounts must be from 1 to {AMOUNT_CENTS_MAX}, and the smallest must not "
            "exceed the largest.",
            param="min_amount_cents",
        )


async def raise_version(tx: Transaction) -> None:
    await tx.execute("UPDATE platform_versions SET version = version + 1 WHERE id = 1")


_OBJECT = as_json(dict[str, Any])
_PLATFORM = RowMapping(PlatformRow)
_SUPPLIER = RowMapping(SupplierRow, stored={"options": _OBJECT, "hints": as_json(dict[str, str])})
_PLATFORMS = f"SELECT {_PLATFORM.listed} FROM platforms"
_SUPPLIERS = f"SELECT {_SUPPLIER.listed} FROM suppliers"
_SOURCES = """
SELECT l.environment, l.platform, s.id, s.kind,
    CASE WHEN s.paused_at IS NULL AND s.breaker_opened_at IS NULL THEN 0 ELSE 1 END
FROM platform_suppliers l
JOIN suppliers s ON s.environment = l.environment AND s.id = l.supplier
WHERE s.is_active = 1
ORDER BY l.environment, l.platform, l.position
"""
_CHANGED_PLATFORM = ("name", "min_amount_cents", "max_amount_cents", "is_active", "position")
_CHANGE_PLATFORM = f"""
UPDATE platforms SET {_PLATFORM.part(*_CHANGED_PLATFORM).assigned}
FROM :rows[{_PLATFORM.typed}] AS v
WHERE platforms.environment = v.environment AND platforms.id = v.id
"""
_CHANGED_SUPPLIER = ("options", "sealed", "hints", "is_active", "is_simulated", "changed_at")
_CHANGE_SUPPLIER = f"""
UPDATE suppliers SET {", ".join(f"{name} = :{name}" for name in _CHANGED_SUPPLIER)}
WHERE environment = :environment AND id = :id
"""
