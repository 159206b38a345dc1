"""Redemption codes: TOPUP-XXXX-XXXX-XXXX, worth credit to the accounts that redeem one in time.

A code is 60 random bits in Crockford's base32, without a check digit. Only its HMAC-SHA256 under a key of the
installation is stored, so a stolen database or log reveals no code. A primary key and a check in the schema
hold that a code is used at most uses_max times, and once by each account.
"""

import dataclasses
import hashlib
import hmac
import secrets
from dataclasses import dataclass

from billing.engine.batch_state import BatchState, ReadSet, WorkingSet
from billing.ledger.ledger import Code, LedgerAccountKind
from billing.topups.rules import CROCKFORD, NotRedeemable
from kernel.clock import DAY_US
from kernel.ids import new_id
from kernel.tenant import Tenant
from store.database import Database, Row, Transaction
from store.row_mapping import RowMapping

DATA_KEY = "redemption"
PREFIX = "TOPUP"
CODE_CHARACTERS = 12
_GROUP = 4
_DIGIT_BITS = 5
# What people misread, as Crockford's alphabet has it.
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
        """Return 64 hex characters, or None for an impossible code. Case, hyphens and spaces are ignored."""
        text = code.strip().upper().replace("-", "").replace(" ", "")
        read = [_READ.get(character) for character in text[len(PREFIX) :]]
        if not text.startswith(PREFIX) or len(read) != CODE_CHARACTERS or None in read:
            return None
        plain = "".join(character for character in read if character is not None)
        return hmac.new(self._key, plain.encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class RedemptionCode:
    """expires_at is the code's own end."""

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
        """Raise NotRedeemable: redeemed, disabled or expired, the first that the caller can't fix."""
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
    """Return one error for all: made up, mistyped, of another environment."""
    return NotRedeemable("There is no such voucher or code.", param="code", reason="unknown")


async def find_code(
    database: Database, codes: RedemptionCodes, text: str, *, environment: str
) -> str:
    """Return the code's ID; raise NotRedeemable with reason unknown. Found by its digest, so the time taken
    reveals nothing of a nearly right code.
    """
    digest = codes.digest_of(text)
    if digest is None:
        raise unknown_code()

    async def work(tx: Transaction) -> Row | None:
        return await tx.fetch_one(_FIND, digest=digest)

    row = await database.read(work)
    # An incomplete batch was never handed out.
    if row is None or row["environment"] != environment or not row["is_complete"]:
        raise unknown_code()
    return str(row["id"])


class CodeWorkingSet(WorkingSet):
    rank = 40

    def __init__(self) -> None:
        self.wanted: set[tuple[str, str]] = set()  # code id, account id
        self._codes: dict[str, RedemptionCode] = {}
        self._used: set[tuple[str, str]] = set()
        self._new: list[CodeRedemption] = []

    async def load(self, tx: Transaction, read_set: ReadSet, now_us: int) -> None:  # noqa: ARG002
        ids = sorted({code_id for code_id, _ in self.wanted})
        # What is read together with a lock is stale after a wait.
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
