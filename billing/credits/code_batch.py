"""Batches of redemption codes: made in bulk, listed without their codes, disabled.

A code leaves this module once, to the batch's maker. No code can be redeemed before the last one was handed
over, so a crash leaves nothing of worth.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from billing.credits.redemption_code import RedemptionCodes, new_code
from billing.ledger.money import MICROS_PER_CREDIT
from kernel.errors import InvalidInput, NotFound
from kernel.ids import new_id
from keys.principal import Environment
from store.database import Database, Transaction
from store.keyset import NEWEST, Begin, Keyset
from store.row_mapping import Conversion, RowMapping

CREDITS_MAX = 100_000_000
COUNT_MAX = 1_000_000
USES_MAX = 1_000_000
DAYS_MAX = 3_650
NAME_CHARACTERS_MAX = 80
CodeStatus = Literal["active", "redeemed", "disabled", "expired"]
# Short enough that a gateway beside it hardly waits.
STEP_CODES = 1_000
# Sixty random bits meet so rarely that a second meeting is no accident.
TRIES_MAX = 3

_CODE_INSERTED = ("id", "batch_id", "environment", "digest", "last4", "uses_max", "created_at")

Keep = Callable[[Sequence[str]], None]


@dataclass(frozen=True, slots=True)
class NewBatch:
    """credits, uses_max: of each code; 1 credit is $0.001. is_promotional: the credit ends promotional_days
    after it was redeemed; None: never. expires_at: nothing can be redeemed from then on.
    """

    environment: str
    credits: int
    count: int
    uses_max: int = 1
    is_promotional: bool = False
    promotional_days: int | None = None
    expires_at: int | None = None
    name: str = ""

    def check(self, now_us: int) -> None:
        if self.promotional_days is not None and not self.is_promotional:
            raise InvalidInput("Only promotional credit can expire after some days.", param="days")
        if self.expires_at is not None and self.expires_at <= now_us:
            raise InvalidInput("The codes' expiry must be in the future.", param="expires_at")


@dataclass(frozen=True, slots=True)
class Batch:
    """used_count: redemptions of all its codes."""

    id: str
    environment: Environment
    name: str
    credits_micros: int
    code_count: int
    uses_max: int
    used_count: int
    is_promotional: bool
    promotional_days: int | None
    is_complete: bool
    expires_at: int | None
    disabled_at: int | None
    created_at: int


@dataclass(frozen=True, slots=True)
class ListedCode:
    id: str
    batch_id: str
    environment: Environment
    last4: str
    credits_micros: int
    uses_max: int
    used_count: int
    expires_at: int | None
    disabled_at: int | None
    created_at: int

    def status(self, now_us: int) -> CodeStatus:
        if self.used_count >= self.uses_max:
            return "redeemed"
        if self.disabled_at is not None:
            return "disabled"
        is_over = self.expires_at is not None and self.expires_at <= now_us
        return "expired" if is_over else "active"


async def make(
    database: Database,
    codes: RedemptionCodes,
    new: NewBatch,
    *,
    keep: Keep,
    now_us: int,
    done: Callable[[Transaction, Batch], Awaitable[None]] | None = None,
    fresh: Callable[[], str] = new_code,
) -> Batch:
    """Make the batch, a transaction a step; `keep` gets a step's codes once they are written. done: called in
    the last transaction. Raises InvalidInput, and whatever keep raises: then its codes are worthless.
    """
    batch_id = await database.transaction(lambda tx: _begin(tx, new, now_us))
    for count in _steps(new.count):

        async def add(tx: Transaction, count: int = count) -> list[str]:
            return await _add(tx, codes, batch_id, new, count, now_us, fresh)

        keep(await database.transaction(add))

    async def finish(tx: Transaction) -> Batch:
        batch = await _finish(tx, new.environment, batch_id)
        if done is not None:
            await done(tx, batch)
        return batch

    return await database.transaction(finish)


async def make_at_once(
    tx: Transaction, codes: RedemptionCodes, new: NewBatch, *, now_us: int
) -> tuple[Batch, list[str]]:
    batch_id, made = await _begin(tx, new, now_us), list[str]()
    for count in _steps(new.count):
        made += await _add(tx, codes, batch_id, new, count, now_us, new_code)
    return await _finish(tx, new.environment, batch_id), made


class OneCode(NamedTuple):
    """name: why it was made."""

    environment: str
    credits_micros: int
    digest: str
    last4: str
    name: str


async def insert_one(tx: Transaction, code: OneCode, *, now_us: int) -> None:
    """Insert a complete batch of one purchased code; its maker hands it over."""
    batch_id = new_id("rdb")
    batch = (batch_id, code.environment, code.name, code.credits_micros, 1, 1, 0, 1, now_us)
    await tx.insert(
        "redemption_batches",
        (
            *("id", "environment", "name", "credits_micros", "code_count", "uses_max"),
            *("is_promotional", "is_complete", "created_at"),
        ),
        [batch],
    )
    row = (new_id("rdc"), batch_id, code.environment, code.digest, code.last4, 1, now_us)
    await tx.insert("redemption_codes", _CODE_INSERTED, [row])


async def get_batch(tx: Transaction, environment: str, batch_id: str) -> Batch:
    row = await tx.fetch_one(_BATCH, id=batch_id, environment=environment)
    if row is None:
        raise NotFound("Batch")
    return _BATCHES.read(row)


async def get_code(tx: Transaction, environment: str, code_id: str) -> ListedCode:
    row = await tx.fetch_one(_CODE, id=code_id, environment=environment)
    if row is None:
        raise NotFound("Code")
    return _CODES.read(row)


async def list_batches(
    tx: Transaction, environment: str, *, before_id: Begin, limit: int
) -> list[Batch]:
    rows = await _BATCH_PAGES.page(
        tx, before_id=before_id or NEWEST, limit=limit, environment=environment
    )
    return [_BATCHES.read(row) for row in rows]


async def list_codes(
    tx: Transaction,
    environment: str,
    *,
    batch_id: str | None = None,
    last4: str | None = None,
    before_id: Begin = None,
    limit: int,
) -> list[ListedCode]:
    rows = await _CODE_PAGES.page(
        tx,
        before_id=before_id or NEWEST,
        limit=limit,
        environment=environment,
        batch_id=batch_id,
        last4=None if last4 is None else last4.upper(),
    )
    return [_CODES.read(row) for row in rows]


async def disable_batch(tx: Transaction, batch_id: str, *, now_us: int) -> bool:
    return bool(await tx.execute(_DISABLE_BATCH, id=batch_id, now=now_us))


async def disable_code(tx: Transaction, code_id: str, *, now_us: int) -> bool:
    return bool(await tx.execute(_DISABLE_CODE, id=code_id, now=now_us))


# A database may sum numbers into another type.
_BATCHES = RowMapping(Batch, stored={"used_count": Conversion(int, int, "bigint")})
_BATCH_COLUMNS = _BATCHES.of(
    "b",
    used_count="""(SELECT COALESCE(SUM(c.used_count), 0) FROM redemption_codes c
        WHERE c.batch_id = b.id)""",
)
_BATCH = f"""SELECT {_BATCH_COLUMNS} FROM redemption_batches b
    WHERE b.id = :id AND b.environment = :environment"""
_BATCH_PAGES = Keyset(
    _BATCH_COLUMNS, "redemption_batches b", "b.environment = :environment", key="b.id"
)
_CODES = RowMapping(ListedCode)
_CODE_COLUMNS = _CODES.of(
    "c",
    credits_micros="b.credits_micros",
    expires_at="b.expires_at",
    disabled_at="COALESCE(c.disabled_at, b.disabled_at)",
)
_CODE_SOURCE = "redemption_codes c JOIN redemption_batches b ON b.id = c.batch_id"
_CODE = (
    f"SELECT {_CODE_COLUMNS} FROM {_CODE_SOURCE} WHERE c.id = :id AND c.environment = :environment"
)
_CODE_PAGES = Keyset(
    _CODE_COLUMNS,
    _CODE_SOURCE,
    "c.environment = :environment",
    filters={"batch_id": "c.batch_id = :batch_id", "last4": "c.last4 = :last4"},
    key="c.id",
)

_DISABLE_BATCH = (
    "UPDATE redemption_batches SET disabled_at = :now WHERE id = :id AND disabled_at IS NULL"
)
_DISABLE_CODE = (
    "UPDATE redemption_codes SET disabled_at = :now WHERE id = :id AND disabled_at IS NULL"
)


def _steps(count: int) -> list[int]:
    whole, rest = divmod(count, STEP_CODES)
    return [STEP_CODES] * whole + [rest] * bool(rest)


async def _begin(tx: Transaction, new: NewBatch, now_us: int) -> str:
    """Write the batch, whose codes are worthless before _finish; return its ID."""
    new.check(now_us)
    columns: dict[str, Any] = {
        "id": new_id("rdb"),
        "environment": new.environment,
        "name": new.name,
        "credits_micros": new.credits * MICROS_PER_CREDIT,
        "code_count": new.count,
        "uses_max": new.uses_max,
        "is_promotional": int(new.is_promotional),
        "promotional_days": new.promotional_days,
        "expires_at": new.expires_at,
        "created_at": now_us,
    }
    await tx.insert("redemption_batches", tuple(columns), [tuple(columns.values())])
    return str(columns["id"])


async def _add(
    tx: Transaction,
    codes: RedemptionCodes,
    batch_id: str,
    new: NewBatch,
    count: int,
    now_us: int,
    fresh: Callable[[], str],
) -> list[str]:
    for _ in range(TRIES_MAX):
        made = [fresh() for _ in range(count)]
        rows = [
            (
                new_id("rdc"),
                batch_id,
                new.environment,
                codes.digest_of(code),
                code[-4:],
                new.uses_max,
                now_us,
            )
            for code in made
        ]
        written = await tx.insert(
            "redemption_codes", _CODE_INSERTED, rows, on_conflict="ON CONFLICT (digest) DO NOTHING"
        )
        if written == len(rows):
            return made
        # One of them exists: all are made again.
        await tx.execute(
            "DELETE FROM redemption_codes WHERE id IN :ids[text]", ids=[row[0] for row in rows]
        )
    raise RuntimeError("the random generator repeats itself")


async def _finish(tx: Transaction, environment: str, batch_id: str) -> Batch:
    await tx.execute("UPDATE redemption_batches SET is_complete = 1 WHERE id = :id", id=batch_id)
    return await get_batch(tx, environment, batch_id)
