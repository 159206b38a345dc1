"""Batches of redemption codes: made in bulk, listed without their codes, disabled.

All codes of a batch are worth the same and end together. Invariants: a code leaves this module once,
to whoever makes the batch; until the last one was written and handed over, none can be redeemed, so
a crash on the way leaves nothing that is worth anything. Writes redemption_batches, redemption_codes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from billing.credits.redemption_code import RedemptionCodes, new_code
from billing.ledger.money import MICROS_PER_CREDIT
from kernel.clock import rfc3339
from kernel.errors import InvalidInput, NotFound
from kernel.ids import new_id
from keys import audit_log
from keys.audit_log import Actor
from keys.principal import Environment
from store.database import Database, Transaction
from store.keyset import NEWEST, Keyset
from store.row_mapping import Conversion, RowMapping

CREDITS_MAX = 100_000_000
COUNT_MAX = 1_000_000
USES_MAX = 1_000_000
DAYS_MAX = 3_650
NAME_CHARACTERS_MAX = 80
# Codes of one transaction: short enough that a gateway beside it hardly waits.
STEP_CODES = 1_000
# Sixty random bits meet so rarely that a second meeting is no accident.
TRIES_MAX = 3

COMMAND_LINE = Actor()
_CODE_INSERTED = ("id", "batch_id", "environment", "digest", "last4", "uses_max", "created_at")

Keep = Callable[[Sequence[str]], None]


class _Taken(Exception):
    """A fresh code exists already; the step is made again with others."""


@dataclass(frozen=True, slots=True)
class NewBatch:
    """What the codes are to be; raises InvalidInput.

    credits: of each code, 1 is $0.001. uses_max: of each code. is_promotional: the credit is a
    grant, which ends promotional_days after it was redeemed; None: never. expires_at: from then on,
    in microseconds, nothing can be redeemed.
    """

    environment: Environment
    credits: int
    count: int
    uses_max: int = 1
    is_promotional: bool = False
    promotional_days: int | None = None
    expires_at: int | None = None
    name: str = ""

    def check(self, now_us: int) -> None:
        """Raises InvalidInput."""
        days = self.promotional_days
        _check_range("credits", self.credits, CREDITS_MAX)
        _check_range("count", self.count, COUNT_MAX)
        _check_range("uses", self.uses_max, USES_MAX)
        if days is not None:
            _check_range("days", days, DAYS_MAX)
            if not self.is_promotional:
                raise InvalidInput("only promotional credit ends after some days", param="days")
        if self.expires_at is not None and self.expires_at <= now_us:
            raise InvalidInput("the codes would have expired already", param="expires_at")
        if len(self.name) > NAME_CHARACTERS_MAX:
            raise InvalidInput(f"at most {NAME_CHARACTERS_MAX} characters", param="name")


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as it is listed; used_count: redemptions of all its codes together."""

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

    def shape(self) -> dict[str, Any]:
        """As the command line shows it."""
        return {
            "id": self.id,
            "environment": self.environment,
            "name": self.name,
            "credits": self.credits_micros // MICROS_PER_CREDIT,
            "count": self.code_count,
            "uses": self.uses_max,
            "used": self.used_count,
            "promotional": self.is_promotional,
            "days": self.promotional_days,
            "complete": self.is_complete,
            "expires_at": _time(self.expires_at),
            "disabled_at": _time(self.disabled_at),
            "created_at": rfc3339(self.created_at),
        }


@dataclass(frozen=True, slots=True)
class ListedCode:
    """A code as it is listed: by its last four characters."""

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

    def shape(self, now_us: int) -> dict[str, Any]:
        """As the command line shows it."""
        return {
            "id": self.id,
            "batch_id": self.batch_id,
            "environment": self.environment,
            "code": f"TOPUP-…-{self.last4}",
            "last4": self.last4,
            "status": self._status(now_us),
            "credits": self.credits_micros // MICROS_PER_CREDIT,
            "uses": self.uses_max,
            "used": self.used_count,
            "expires_at": _time(self.expires_at),
            "created_at": rfc3339(self.created_at),
        }

    def _status(self, now_us: int) -> str:
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
    by: Actor = COMMAND_LINE,
    fresh: Callable[[], str] = new_code,
) -> Batch:
    """Makes the batch, in steps; `keep` gets each step's codes once they are written.

    What was made, and by whom, goes into the audit log with the last step.

    Raises InvalidInput, and whatever keep raises: then the codes that it got are worth nothing.
    """
    new.check(now_us)
    batch_id = new_id("rdb")
    await database.transaction(lambda tx: _insert_batch(tx, batch_id, new, now_us))
    left = new.count
    while left:
        step = min(left, STEP_CODES)
        keep(await _make_step(database, codes, batch_id, new, step, now_us, fresh))
        left -= step

    async def finish(tx: Transaction) -> Batch:
        await tx.execute(
            "UPDATE redemption_batches SET is_complete = 1 WHERE id = :id", id=batch_id
        )
        batch = await get_batch(tx, batch_id)
        await _log(tx, by, "codes.create", batch, now_us)
        return batch

    return await database.transaction(finish)


class OneCode(NamedTuple):
    """A code of its own, by its digest; name: why it was made."""

    environment: str
    credits_micros: int
    digest: str
    last4: str
    name: str


async def insert_one(tx: Transaction, code: OneCode, *, now_us: int) -> None:
    """A batch of one purchased credit's code, complete at once: whoever made it hands it over."""
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


async def get_batch(tx: Transaction, batch_id: str) -> Batch:
    """Raises NotFound."""
    row = await tx.fetch_one(_BATCH, id=batch_id)
    if row is None:
        raise NotFound("Batch")
    return _BATCHES.read(row)


async def list_batches(
    tx: Transaction, environment: Environment, *, before_id: str | None, limit: int
) -> list[Batch]:
    """Newest first, older than before_id."""
    rows = await _BATCH_PAGES.page(
        tx, before_id=before_id or NEWEST, limit=limit, environment=environment
    )
    return [_BATCHES.read(row) for row in rows]


async def list_codes(
    tx: Transaction,
    environment: Environment,
    *,
    batch_id: str | None = None,
    last4: str | None = None,
    before_id: str | None = None,
    limit: int,
) -> list[ListedCode]:
    """Newest first, older than before_id; of one batch, or with these last four characters."""
    rows = await _CODE_PAGES.page(
        tx,
        before_id=before_id or NEWEST,
        limit=limit,
        environment=environment,
        batch_id=batch_id,
        last4=None if last4 is None else last4.upper(),
    )
    return [_CODES.read(row) for row in rows]


async def disable_batch(
    tx: Transaction, batch_id: str, *, by: Actor = COMMAND_LINE, now_us: int
) -> Batch:
    """No code of it can be redeemed from now on; what was redeemed stays. Raises NotFound."""
    changed = await tx.execute(
        """UPDATE redemption_batches SET disabled_at = :now
           WHERE id = :id AND disabled_at IS NULL""",
        id=batch_id,
        now=now_us,
    )
    batch = await get_batch(tx, batch_id)
    if changed:
        await _log(tx, by, "codes.disable", batch, now_us)
    return batch


async def disable_code(
    tx: Transaction, code_id: str, *, by: Actor = COMMAND_LINE, now_us: int
) -> ListedCode:
    """It cannot be redeemed from now on; what was redeemed stays. Raises NotFound."""
    changed = await tx.execute(
        "UPDATE redemption_codes SET disabled_at = :now WHERE id = :id AND disabled_at IS NULL",
        id=code_id,
        now=now_us,
    )
    row = await tx.fetch_one(_CODE, id=code_id)
    if row is None:
        raise NotFound("Code")
    code = _CODES.read(row)
    if changed:
        await _log(tx, by, "code.disable", code, now_us)
    return code


# A database may add numbers up to one of another type.
_BATCHES = RowMapping(Batch, stored={"used_count": Conversion(int, int, "bigint")})
_BATCH_COLUMNS = _BATCHES.of(
    "b",
    used_count="""(SELECT COALESCE(SUM(c.used_count), 0) FROM redemption_codes c
        WHERE c.batch_id = b.id)""",
)
_BATCH = f"SELECT {_BATCH_COLUMNS} FROM redemption_batches b WHERE b.id = :id"
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
_CODE = f"SELECT {_CODE_COLUMNS} FROM {_CODE_SOURCE} WHERE c.id = :id"
_CODE_PAGES = Keyset(
    _CODE_COLUMNS,
    _CODE_SOURCE,
    "c.environment = :environment",
    filters={"batch_id": "c.batch_id = :batch_id", "last4": "c.last4 = :last4"},
    key="c.id",
)


async def _log(
    tx: Transaction, by: Actor, action: str, done: Batch | ListedCode, now_us: int
) -> None:
    """Codes are shown to nobody here: a batch's shape has none, a code's its last characters."""
    after = done.shape() if isinstance(done, Batch) else done.shape(now_us)
    entry = audit_log.entry(
        by,
        action,
        environment=done.environment,
        subject_id=done.id,
        after=after,
        now_us=now_us,
    )
    await audit_log.record(tx, [entry])


async def _insert_batch(tx: Transaction, batch_id: str, new: NewBatch, now_us: int) -> None:
    columns: dict[str, Any] = {
        "id": batch_id,
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


async def _make_step(
    database: Database,
    codes: RedemptionCodes,
    batch_id: str,
    new: NewBatch,
    count: int,
    now_us: int,
    fresh: Callable[[], str],
) -> list[str]:
    """Writes some codes and returns them."""
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

        async def write(tx: Transaction, rows: Sequence[Sequence[Any]] = rows) -> None:
            written = await tx.insert(
                "redemption_codes",
                _CODE_INSERTED,
                rows,
                on_conflict="ON CONFLICT (digest) DO NOTHING",
            )
            if written != len(rows):
                raise _Taken

        try:
            await database.transaction(write)
        except _Taken:
            continue
        return made
    raise RuntimeError("the random generator repeats itself")


def _check_range(param: str, value: int, most: int) -> None:
    if not 1 <= value <= most:
        raise InvalidInput(f"is from 1 to {most}", param=param)


def _time(at_us: int | None) -> str | None:
    return None if at_us is None else rfc3339(at_us)
