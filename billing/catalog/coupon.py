"""Apply coupons, and count their uses.

An order reserves one use of its coupon, and releases that use if the order ends unpaid. A late payment reserves a use
again, even above the coupon's limit.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from billing.ledger.price import Price, check_currency
from kernel.errors import DomainError, InvalidInput, NotFound
from kernel.ids import new_id
from kernel.shaped import shown
from store.database import Transaction
from store.keyset import Begin, Keyset
from store.row_mapping import RowMapping

CouponKey = tuple[str, str]  # environment, code
PERCENT_MAX = 100
AMOUNT_MAX = 100_000_000_000
USES_MAX = 1_000_000_000
CODE_CHARACTERS_MAX = 40
_CODE = re.compile(rf"[A-Z0-9][A-Z0-9_-]{{1,{CODE_CHARACTERS_MAX - 1}}}")


class CouponRefused(DomainError):
    """The coupon doesn't apply. `reason` is one of: unknown, disabled, expired, spent, minimum, currency, kind."""


class CouponTaken(DomainError):
    pass


class Coupon(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    environment: str
    code: str
    kind: Literal["percent", "amount"]
    percent: int | None = None
    amount_off: int | None = None
    currency: str | None = None
    minimum_amount: int | None = None
    uses_max: int | None = None
    uses_per_account: int | None = None
    used_count: int = 0
    is_active: bool = True
    expires_at: int | None = None
    created_at: int

    def shape(self) -> dict[str, Any]:
        return shown(self)


def normalise_code(text: str) -> str:
    code = text.strip().upper()
    if not _CODE.fullmatch(code):
        raise CouponRefused("There is no coupon with this code.", param="coupon", reason="unknown")
    return code


def discount_of(coupon: Coupon, price: Price, *, used_by_account: int, now_us: int) -> int:
    """Return the discount in the price's minor unit, rounded down. Raise CouponRefused if the coupon doesn't apply."""
    if not coupon.is_active:
        raise _refused("This coupon has been disabled.", "disabled")
    if coupon.expires_at is not None and coupon.expires_at <= now_us:
        raise _refused("This coupon has expired.", "expired")
    if coupon.uses_max is not None and coupon.used_count >= coupon.uses_max:
        raise _refused("This coupon has been used up.", "spent")
    if coupon.uses_per_account is not None and used_by_account >= coupon.uses_per_account:
        raise _refused("This account has used this coupon as often as allowed.", "spent")
    if coupon.currency is not None and coupon.currency != price.currency:
        raise _refused(f"This coupon is for prices in {coupon.currency}.", "currency")
    if coupon.minimum_amount is not None and price.amount < coupon.minimum_amount:
        least = Price(coupon.minimum_amount, price.currency).decimal()
        raise _refused(f"This coupon is for orders from {least} {price.currency}.", "minimum")
    if coupon.percent is not None:
        return price.amount * coupon.percent // PERCENT_MAX
    return min(coupon.amount_off or 0, price.amount)


def check_coupon(coupon: Coupon) -> Coupon:
    code = coupon.code.strip().upper()
    if not _CODE.fullmatch(code):
        raise InvalidInput(
            f"A coupon's code must have 2 to {CODE_CHARACTERS_MAX} characters: A-Z, 0-9, _ and -.",
            param="code",
        )
    if coupon.percent is None and coupon.amount_off is None:
        raise InvalidInput("Give a percentage or an amount.", param="percent")
    if coupon.kind == "percent":
        _check_range(coupon.percent, "percent", PERCENT_MAX)
        if coupon.amount_off is not None:
            raise InvalidInput("Give a percentage or an amount, not both.", param="amount_off")
    else:
        _check_range(coupon.amount_off, "amount_off", AMOUNT_MAX)
        if coupon.percent is not None:
            raise InvalidInput("Give a percentage or an amount, not both.", param="percent")
    for name, most in (
        ("minimum_amount", AMOUNT_MAX),
        ("uses_max", USES_MAX),
        ("uses_per_account", USES_MAX),
    ):
        if getattr(coupon, name) is not None:
            _check_range(getattr(coupon, name), name, most)
    currency = None if coupon.currency is None else check_currency(coupon.currency)
    if currency is None and (coupon.kind == "amount" or coupon.minimum_amount is not None):
        raise InvalidInput("An amount needs a currency.", param="currency")
    return replace(coupon, code=code, currency=currency)


def new_coupon(environment: str, code: str, *, now_us: int, **fields: Any) -> Coupon:
    expires_at = fields.get("expires_at")
    if expires_at is not None and expires_at <= now_us:
        raise InvalidInput("The expiry must be in the future.", param="expires_at")
    is_amount = fields.get("amount_off") is not None
    kind: Literal["percent", "amount"] = "amount" if is_amount else "percent"
    return check_coupon(
        Coupon(
            id=new_id("cpn"),
            environment=environment,
            code=code,
            kind=kind,
            created_at=now_us,
            **fields,
        )
    )


async def create(tx: Transaction, coupon: Coupon) -> Coupon:
    inserted = await tx.insert(
        "coupons", _ROWS.columns, [_ROWS.write(coupon)], on_conflict="ON CONFLICT DO NOTHING"
    )
    if inserted == 0:
        raise CouponTaken(
            "There is already a coupon with this code.", param="code", reason="exists"
        )
    return coupon


async def set_active(
    tx: Transaction, environment: str, code: str, *, is_active: bool
) -> tuple[Coupon, Coupon]:
    place = {"environment": environment, "code": code.strip().upper()}
    row = await tx.fetch_one(f"{_BY_CODE} FOR NO KEY UPDATE", **place)
    if row is None:
        raise NotFound("Coupon", param="coupon_code")
    before = _ROWS.read(row)
    await tx.execute(
        """UPDATE coupons SET is_active = :flag
           WHERE environment = :environment AND code = :code""",
        flag=int(is_active),
        **place,
    )
    return before, replace(before, is_active=is_active)


async def list_coupons(
    tx: Transaction, environment: str, *, before_id: Begin = None, limit: int
) -> Sequence[Coupon]:
    rows = await _PAGES.page(tx, before_id=before_id, limit=limit, environment=environment)
    return [_ROWS.read(row) for row in rows]


class Coupons:
    def __init__(self) -> None:
        self.changes = 0
        self._coupons: dict[str, Coupon] = {}
        self._by_code: dict[CouponKey, str] = {}
        self._uses: dict[tuple[str, str], int] = {}
        self._claimed: dict[tuple[str, str], str] = {}
        self._released: dict[tuple[str, str], str] = {}

    async def load(
        self,
        tx: Transaction,
        *,
        codes: Iterable[CouponKey],
        ids: Iterable[str],
        account_ids: Iterable[str],
    ) -> None:
        wanted = set(ids)
        found = await tx.fetch(
            """SELECT c.id FROM :codes[environment text, code text] AS v
               CROSS JOIN coupons c WHERE c.environment = v.environment AND c.code = v.code""",
            codes=sorted(set(codes)),
        )
        wanted.update(row["id"] for row in found)
        if not wanted:
            return
        for coupon in map(_ROWS.read, await tx.fetch(_LOCK, ids=sorted(wanted))):
            self._coupons[coupon.id] = coupon
            self._by_code[coupon.environment, coupon.code] = coupon.id
        counted = await tx.fetch(
            """SELECT coupon_id, account_id, COUNT(*) AS uses FROM coupon_uses
               WHERE account_id IN :accounts[text] AND coupon_id IN :ids[text]
               GROUP BY coupon_id, account_id""",
            accounts=sorted(set(account_ids)),
            ids=sorted(wanted),
        )
        self._uses = {(row["coupon_id"], row["account_id"]): int(row["uses"]) for row in counted}

    def find(self, environment: str, code: str) -> Coupon:
        coupon_id = self._by_code.get((environment, code))
        if coupon_id is None:
            raise _refused("There is no coupon with this code.", "unknown")
        return self._coupons[coupon_id]

    def used_by(self, coupon: Coupon, account_id: str) -> int:
        return self._uses.get((coupon.id, account_id), 0)

    def claim(self, coupon_id: str, order_id: str, account_id: str) -> None:
        self._count(coupon_id, account_id, 1)
        if self._released.pop((coupon_id, order_id), None) is None:
            self._claimed[coupon_id, order_id] = account_id

    def release(self, coupon_id: str, order_id: str, account_id: str) -> None:
        self._count(coupon_id, account_id, -1)
        if self._claimed.pop((coupon_id, order_id), None) is None:
            self._released[coupon_id, order_id] = account_id

    async def flush(self, tx: Transaction, now_us: int) -> None:
        deltas: dict[str, int] = {}
        for (coupon_id, _), delta in (
            *((key, 1) for key in self._claimed),
            *((key, -1) for key in self._released),
        ):
            deltas[coupon_id] = deltas.get(coupon_id, 0) + delta
        await tx.insert(
            "coupon_uses",
            ("coupon_id", "order_id", "account_id", "created_at"),
            [(*key, account_id, now_us) for key, account_id in sorted(self._claimed.items())],
        )
        if self._released:
            await tx.execute(
                """DELETE FROM coupon_uses WHERE order_id IN :orders[text]
                   AND coupon_id IN :ids[text] AND account_id IN :accounts[text]""",
                orders=sorted(order_id for _, order_id in self._released),
                ids=sorted(coupon_id for coupon_id, _ in self._released),
                accounts=sorted(set(self._released.values())),
            )
        if any(deltas.values()):
            await tx.execute(
                """UPDATE coupons SET used_count = used_count + v.delta
                   FROM :rows[id text, delta bigint] AS v WHERE coupons.id = v.id""",
                rows=sorted(deltas.items()),
            )

    def _count(self, coupon_id: str, account_id: str, delta: int) -> None:
        self.changes += 1
        coupon = self._coupons[coupon_id]
        self._coupons[coupon_id] = replace(coupon, used_count=coupon.used_count + delta)
        key = (coupon_id, account_id)
        self._uses[key] = self._uses.get(key, 0) + delta


_ROWS = RowMapping(Coupon)
_BY_CODE = f"""
SELECT {_ROWS.listed} FROM coupons WHERE environment = :environment AND code = :code
"""
_LOCK = f"""
SELECT {_ROWS.listed} FROM coupons WHERE id IN :ids[text] ORDER BY id FOR NO KEY UPDATE
"""
_PAGES = Keyset(_ROWS.listed, "coupons", "environment = :environment")


def _refused(detail: str, reason: str) -> CouponRefused:
    return CouponRefused(detail, param="coupon", reason=reason)


def _check_range(value: int | None, name: str, most: int) -> None:
    if value is None or not 1 <= value <= most:
        raise InvalidInput(f"{name} must be from 1 to {most}.", param=name)
