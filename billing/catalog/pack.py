"""Store packs: fixed amounts of credit at a fixed price. An order keeps a copy of its pack.

`credits` includes `bonus_credits`.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from billing.ledger.money import MICROS_PER_CREDIT
from billing.ledger.price import Price, check_currency
from kernel.errors import DomainError, InvalidInput, LimitReached, NotFound
from kernel.shaped import shown
from keys.normalise import normalise_name
from store.database import Transaction
from store.row_mapping import RowMapping

PackKey = tuple[str, str]  # environment, id
AMOUNT_MAX = 100_000_000_000
CREDITS_MAX = 100_000_000
PACKS_MAX = 200
_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


class PackTaken(DomainError):
    pass


class Pack(msgspec.Struct, frozen=True, kw_only=True):
    environment: str
    id: str
    name: str
    amount: int
    currency: str
    credits: int
    bonus_credits: int = 0
    is_popular: bool = False
    is_active: bool = True
    position: int = 0
    created_at: int

    @property
    def price(self) -> Price:
        return Price(self.amount, self.currency)

    @property
    def credits_micros(self) -> int:
        return self.credits * MICROS_PER_CREDIT

    def shape(self) -> dict[str, Any]:
        return shown(self, without=("environment", "position", "created_at"))


def check_pack(pack: Pack) -> Pack:
    if not _ID.fullmatch(pack.id):
        raise InvalidInput("An ID can have up to 64 characters: a-z, 0-9, _ and -.", param="id")
    if not 1 <= pack.amount <= AMOUNT_MAX:
        raise InvalidInput(f"The amount must be from 1 to {AMOUNT_MAX}.", param="amount")
    if not 1 <= pack.credits <= CREDITS_MAX:
        raise InvalidInput(f"The credits must be from 1 to {CREDITS_MAX}.", param="credits")
    if not 0 <= pack.bonus_credits < pack.credits:
        raise InvalidInput("The bonus must not exceed the credits.", param="bonus_credits")
    return msgspec.structs.replace(
        pack, name=normalise_name(pack.name), currency=check_currency(pack.currency)
    )


async def create(tx: Transaction, pack: Pack) -> Pack:
    checked = check_pack(pack)
    listed = await list_packs(tx, pack.environment, with_inactive=True)
    if len(listed) >= PACKS_MAX:
        raise LimitReached(f"An environment can have at most {PACKS_MAX} packs.")
    position = checked.position or max((one.position for one in listed), default=0) + 1
    made = msgspec.structs.replace(checked, position=position)
    inserted = await tx.insert(
        "packs", _ROWS.columns, [_ROWS.write(made)], on_conflict="ON CONFLICT DO NOTHING"
    )
    if inserted == 0:
        raise PackTaken("There is already a pack with this ID.", param="id", reason="exists")
    return made


async def set_active(tx: Transaction, place: PackKey, *, is_active: bool) -> Pack:
    await tx.execute(
        "UPDATE packs SET is_active = :flag WHERE environment = :environment AND id = :id",
        flag=int(is_active),
        environment=place[0],
        id=place[1],
    )
    return await get(tx, place)


async def get(tx: Transaction, place: PackKey) -> Pack:
    found = (await load(tx, [place])).get(place)
    if found is None:
        raise NotFound("Pack", param="pack_id")
    return found


async def load(tx: Transaction, places: Iterable[PackKey]) -> dict[PackKey, Pack]:
    found = map(_ROWS.read, await tx.fetch(_LOAD, places=sorted(set(places))))
    return {(one.environment, one.id): one for one in found}


async def list_packs(
    tx: Transaction, environment: str, *, with_inactive: bool = False
) -> Sequence[Pack]:
    rows = await tx.fetch(_ALL if with_inactive else _OFFERED, environment=environment)
    return [_ROWS.read(row) for row in rows]


_ROWS = RowMapping(Pack)
_LOAD = f"""
SELECT {_ROWS.of("p")} FROM :places[environment text, id text] AS v
CROSS JOIN packs p WHERE p.environment = v.environment AND p.id = v.id
"""
_ALL = f"SELECT {_ROWS.listed} FROM packs WHERE environment = :environment ORDER BY position, id"
_OFFERED = f"""
SELECT {_ROWS.listed} FROM packs WHERE environment = :environment AND is_active = 1
ORDER BY position, id
"""
