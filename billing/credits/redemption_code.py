"""Create, list, disable and redeem codes of the form TOPUP-XXXX-XXXX-XXXX.

A code is 60 random bits in Crockford's base32. Only its HMAC-SHA256 is stored, so a stolen database reveals no code.

Codes can be redeemed only after their whole batch has been handed to the caller. If a crash prevents this, the codes
stay worthless.
"""

import dataclasses
import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from billing.engine.batch_state import BatchState, ReadSet, WorkingSet
from billing.ledger.ledger import Code, LedgerAccountKind
from billing.ledger.money import MICROS_PER_CREDIT
from billing.topups.rules import CROCKFORD, NotRedeemable
from kernel.clock import DAY_US
from kernel.errors import InvalidInput, NotFound
from kernel.ids import new_id
from kernel.tenant import Tenant
from keys.principal import Environment
from store.database import Database, Row, Transaction
from store.keyset import NEWEST, Begin, Keyset
from store.row_mapping import Conversion, RowMapping

DATA_KEY = "redemption"
PREFIX = "TOPUP"
CODE_CHARACTERS = 12
_GROUP = 4
_DIGIT_BITS = 5
# Accept O, I and L too, because people misread 0 and 1.
_READ = {character: character for character in CROCKFORD} | {"O": "0", "I": "1", "L": "1"}


def new_code() -> str:
    number = secrets.randbits(CODE_CHARACTERS * _DIGIT_BITS)
    shifts = range((CODE_CHARACTERS - 1) * _DIGIT_BITS, -1, -_DIGIT_BITS)
    written = "".join(CROCKFORD[number >> shift & 31] for shift in shifts)
    groups = [written[place : place + _GROUP] for place in range(0, CODE_CHARACTERS, _GROUP)]
    return f"{PREFIX}-{'-'.join(groups)}"


def is_code(text: str) -> bool:
    return text.strip().upper().startswith(PREFIX)


class RedemptionCodes:
    def __init__(self, key: bytes) -> None:
        self._key = key

    def digest_of(self, code: str) -> str | None:
        """Return a code's digest, ignoring case, hyphens and spaces, or None if the code has an invalid form."""
        text = code.strip().upper().replace("-", "").replace(" ", "")
        read = [_READ.get(character) for character in text[len(PREFIX) :]]
        if not text.startswith(PREFIX) or len(read) != CODE_CHARACTERS or None in read:
            return None
        plain = "".join(character for character in read if character is not None)
        return hmac.new(self._key, plain.encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class RedemptionCode:
    id: str
    environment: str
    last4: str
    credits_micros: int
    is_promotional: bool
    promotional_days: int | None
    expires_at: int | None
    uses_max: int
    used_count: int
    is_disabled: bool

    def check(self, *, used_by_caller: bool, now_us: int) -> None:
        if used_by_caller or self.used_count >= self.uses_max:
            raise NotRedeemable(
                "This code has already been redeemed.", param="code", reason="redeemed"
            )
        if self.is_disabled:
            raise NotRedeemable("This code has been disabled.", param="code", reason="disabled")
        if self.expires_at is not None and self.expires_at <= now_us:
            raise NotRedeemable("This code has expired.", param="code", reason="expired")


@dataclass(frozen=True, slots=True)
class CodeRedemption:
    id: str
    code_id: str
    account_id: str
    environment: str
    credits_micros: int
    is_promotional: bool
    last4: str
    expires_at: int | None
    created_at: int


@dataclass(frozen=True, slots=True)
class CodeRedeemed:
    redemption: CodeRedemption
    balance_micros: int


def unknown_code() -> NotRedeemable:
    return NotRedeemable("There is no such voucher or code.", param="code", reason="unknown")


async def find_code(
    database: Database, codes: RedemptionCodes, text: str, *, environment: str
) -> str:
    """Return the ID of a code. The response time doesn't reveal whether a code is almost correct."""
    digest = codes.digest_of(text)
    if digest is None:
        raise unknown_code()

    async def work(tx: Transaction) -> Row | None:
        return await tx.fetch_one(_FIND, digest=digest)

    row = await database.read(work)
    if row is None or row["environment"] != environment or not row["is_complete"]:
        raise unknown_code()
    return str(row["id"])


class CodeWorkingSet(WorkingSet):
    rank = 40

    def __init__(self) -> None:
        self.wanted: set[tuple[str, str]] = set()
        self._codes: dict[str, RedemptionCode] = {}
        self._used: set[tuple[str, str]] = set()
        self._new: list[CodeRedemption] = []

    async def load(self, tx: Transaction, read_set: ReadSet, now_us: int) -> None:  # noqa: ARG002
        ids = sorted({code_id for code_id, _ in self.wanted})
        # Lock first and then read, because a locking statement that had to wait may return outdated rows.
        await tx.fetch(
            "SELECT id FROM redemption_codes WHERE id IN :ids[text] ORDER BY id FOR NO KEY UPDATE",
            ids=ids,
        )
        for code in map(_CODES.read, await tx.fetch(_LOAD, ids=ids)):
            self._codes[code.id] = code
        rows = await tx.fetch(
            """SELECT r.code_id, r.account_id
               FROM :wanted[code_id text, account_id text] AS v
               JOIN code_redemptions r ON r.code_id = v.code_id AND r.account_id = v.account_id""",
            wanted=sorted(self.wanted),
        )
        self._used = {(row["code_id"], row["account_id"]) for row in rows}

    async def update(self, tx: Transaction, now_us: int) -> None:  # noqa: ARG002
        if not self._new:
            return
        rows = [_REDEMPTIONS.write(one) for one in self._new]
        await tx.insert("code_redemptions", _REDEMPTIONS.columns, rows)
        used = sorted({redemption.code_id for redemption in self._new})
        changed = await tx.execute(
            """UPDATE redemption_codes SET used_count = v.used_count
               FROM :rows[id text, used_count bigint] AS v WHERE redemption_codes.id = v.id""",
            rows=[(code_id, self._codes[code_id].used_count) for code_id in used],
        )
        assert changed == len(used), "a code vanished under the lock"

    def redeemable(self, code_id: str, tenant: Tenant, now_us: int) -> RedemptionCode:
        code = self._codes.get(code_id)
        if code is None or code.environment != tenant.environment:
            raise unknown_code()
        code.check(used_by_caller=(code_id, tenant.account_id) in self._used, now_us=now_us)
        return code

    def add(self, redemption: CodeRedemption) -> None:
        self.changes += 1
        code_id = redemption.code_id
        code = self._codes[code_id]
        self._codes[code_id] = dataclasses.replace(code, used_count=code.used_count + 1)
        self._used.add((code_id, redemption.account_id))
        self._new.append(redemption)


@dataclass(frozen=True, slots=True)
class RedeemCode:
    code_id: str
    tenant: Tenant

    def declare(self, read_set: ReadSet) -> None:
        read_set.tenants.add(self.tenant)
        read_set.places.add((*self.tenant, LedgerAccountKind.CODES, ""))
        read_set.places.add((*self.tenant, LedgerAccountKind.PROMOTION, ""))
        read_set.working_set(CodeWorkingSet).wanted.add((self.code_id, self.tenant.account_id))

    def decide(self, state: BatchState) -> CodeRedeemed:
        working_set = state.working_set(CodeWorkingSet)
        own_now_us = state.now_of(self.tenant)
        code = working_set.redeemable(self.code_id, self.tenant, own_now_us)
        redemption = _redemption(code, self.tenant, own_now_us, created_at=state.now_us)
        working_set.add(redemption)
        ledger = state.ledger
        if code.is_promotional:
            grant = ledger.account(
                self.tenant,
                LedgerAccountKind.GRANT,
                redemption.id,
                expires_at=redemption.expires_at,
            )
            source = ledger.account(self.tenant, LedgerAccountKind.PROMOTION)
            state.move(
                source, grant, code.credits_micros, Code.REDEMPTION, subject_id=redemption.id
            )
        else:
            source = ledger.account(self.tenant, LedgerAccountKind.CODES)
            state.credit(
                self.tenant, source, code.credits_micros, Code.REDEMPTION, subject_id=redemption.id
            )
        return CodeRedeemed(redemption, ledger.balance_micros(self.tenant, state.now_us))


_CODES = RowMapping(RedemptionCode)
_REDEMPTIONS = RowMapping(CodeRedemption)
_COLUMNS = _CODES.of(
    "c",
    credits_micros="b.credits_micros",
    is_promotional="b.is_promotional",
    promotional_days="b.promotional_days",
    expires_at="b.expires_at",
    is_disabled="CASE WHEN c.disabled_at IS NULL AND b.disabled_at IS NULL THEN 0 ELSE 1 END",
)
_SELECT = f"""
SELECT {_COLUMNS}, b.is_complete
FROM redemption_codes c JOIN redemption_batches b ON b.id = c.batch_id
"""
_FIND = f"{_SELECT} WHERE c.digest = :digest"
_LOAD = f"{_SELECT} WHERE c.id IN :ids[text]"


def _redemption(
    code: RedemptionCode, tenant: Tenant, own_now_us: int, *, created_at: int
) -> CodeRedemption:
    days = code.promotional_days
    return CodeRedemption(
        id=new_id("rdm"),
        code_id=code.id,
        account_id=tenant.account_id,
        environment=tenant.environment,
        credits_micros=code.credits_micros,
        is_promotional=code.is_promotional,
        last4=code.last4,
        expires_at=None if days is None else own_now_us + days * DAY_US,
        created_at=created_at,
    )


CREDITS_MAX = 100_000_000
COUNT_MAX = 1_000_000
USES_MAX = 1_000_000
DAYS_MAX = 3_650
NAME_CHARACTERS_MAX = 80
CodeStatus = Literal["active", "redeemed", "disabled", "expired"]
STEP_CODES = 1_000
TRIES_MAX = 3

_CODE_INSERTED = ("id", "batch_id", "environment", "digest", "last4", "uses_max", "created_at")

Keep = Callable[[Sequence[str]], None]


@dataclass(frozen=True, slots=True)
class NewBatch:
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
            raise InvalidInput(
                "Only promotional credit can expire after a number of days.", param="days"
            )
        if self.expires_at is not None and self.expires_at <= now_us:
            raise InvalidInput("The codes' expiry must be in the future.", param="expires_at")


@dataclass(frozen=True, slots=True)
class Batch:
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
    """Create a batch in steps, each in its own transaction. After each commit, `keep` receives the new codes.

    If `keep` raises, the batch stays incomplete, and its codes can't be redeemed. `done` runs in the last transaction.
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
    environment: str
    credits_micros: int
    digest: str
    last4: str
    name: str


async def insert_one(tx: Transaction, code: OneCode, *, now_us: int) -> None:
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
    return _LISTED_CODES.read(row)


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
    return [_LISTED_CODES.read(row) for row in rows]


async def disable_batch(tx: Transaction, batch_id: str, *, now_us: int) -> bool:
    return bool(await tx.execute(_DISABLE_BATCH, id=batch_id, now=now_us))


async def disable_code(tx: Transaction, code_id: str, *, now_us: int) -> bool:
    return bool(await tx.execute(_DISABLE_CODE, id=code_id, now=now_us))


# A database may return a sum in a type other than the column's.
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
_LISTED_CODES = RowMapping(ListedCode)
_CODE_COLUMNS = _LISTED_CODES.of(
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
        await tx.execute(
            "DELETE FROM redemption_codes WHERE id IN :ids[text]", ids=[row[0] for row in rows]
        )
    raise RuntimeError("the random generator repeats itself")


async def _finish(tx: Transaction, environment: str, batch_id: str) -> Batch:
    await tx.execute("UPDATE redemption_batches SET is_complete = 1 WHERE id = :id", id=batch_id)
    return await get_batch(tx, environment, batch_id)
