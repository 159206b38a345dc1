"""Sell API keys with a spending limit. A recipient's first top-up creates the key, and later ones raise its limit.

The request that raises a limit also puts the top-up's ID in the key's name. `look_up` reads the name. The new name
means that the limit was raised, and the previous name means that it wasn't. In any other case, an operator decides.

No vendor offers conditional writes, so a change that somebody makes between our read and write is lost.
"""

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Protocol

import msgspec

from billing.fulfilment.asking import (
    HTTP_NOT_FOUND,
    HTTP_OK,
    NoSupplierAnswer,
    SupplierAnswer,
    VendorApi,
    is_same_usd,
    read_left,
    refusal_of,
    shown_usd,
    silence_is_unknown,
    usd_of_cents,
    usd_of_number,
)
from billing.fulfilment.protocol import (
    Delivered,
    Health,
    Look,
    NotDone,
    NotRevoked,
    Outcome,
    Refused,
    Request,
    Revocation,
    Revoked,
    Supplier,
    Unknown,
)
from billing.topups.topup import Deliverable
from kernel.clock import Clock, parse_rfc3339
from kernel.storable import storable

# How many of a key's top-ups are remembered, so that they can be reversed.
TOPUPS_KEPT: Final = 40
NAME_CHARACTERS_MAX: Final = 100
_MARK: Final = re.compile(r"(topup|ended)-(\w+)(?:-reversed-(\w+))?")


@dataclass(frozen=True, slots=True)
class Mark:
    """A key's name. It contains the IDs of the last top-up that raised the key's limit and the last one that was
    reversed.

    `is_ended` means that the key is no longer used, because the top-up that created it was reversed.
    """

    topup: str
    reversed: str | None = None
    is_ended: bool = False

    def __str__(self) -> str:
        text = f"{'ended' if self.is_ended else 'topup'}-{self.topup}"
        return text if self.reversed is None else f"{text}-reversed-{self.reversed}"

    @classmethod
    def read(cls, name: str) -> "Mark | None":
        found = _MARK.fullmatch(name)
        return found and cls(found[2], found[3], found[1] == "ended")


@dataclass(frozen=True, slots=True)
class KeyState:
    """A key at the vendor. Amounts are in US dollars. `closed` says why the key's limit can't be raised, such as "it is
    disabled".
    """

    id: str
    label: str
    name: str
    limit: Decimal
    used: Decimal
    closed: str | None = None


@dataclass(frozen=True, slots=True)
class MadeKey:
    id: str
    secret: str


@dataclass(frozen=True, slots=True)
class KeyChange:
    limit: Decimal
    mark: Mark
    is_disabled: bool | None = None


class KeyOptions(Protocol):
    @property
    def redeem_url(self) -> str | None: ...

    @property
    def instructions(self) -> str | None: ...


class KeyVendor(ABC):
    """A key vendor's API. Every method can raise NoSupplierAnswer.

    `costs_face_value` means that the vendor charges the gateway's account for the limit.
    """

    name: str
    key_name = "key"
    costs_face_value: bool

    def __init__(self, options: KeyOptions, api: VendorApi) -> None:
        self._options = options
        self._api = api

    def refused(self, reason: str) -> Refused:
        by = f"refused by {self.name}"
        return Refused(f"{by}: {reason}" if reason else by)

    @abstractmethod
    async def find(self, key_id: str) -> KeyState | None: ...

    @abstractmethod
    async def make(
        self, request: Request, limit: Decimal, mark: Mark, sealed: str | None
    ) -> MadeKey | Refused | Unknown: ...

    @abstractmethod
    async def change(self, key_id: str, change: KeyChange) -> Refused | None:
        pass

    @abstractmethod
    def made(self, secret: str, limit: Decimal) -> Deliverable: ...

    @abstractmethod
    async def probe(self) -> Health: ...

    async def balance_cents(self) -> int | None:
        return None

    def raised(self, key: KeyState, added: Decimal) -> Deliverable:
        left = max(Decimal(0), key.limit - key.used)
        return self.given(
            Deliverable("credit"),
            f"Your {self.key_name} {key.label} got {shown_usd(added)} more. {shown_usd(left)} are "
            "left on it. Go on using the same key; nothing has to be changed.",
        )

    def given(self, plain: Deliverable, text: str) -> Deliverable:
        return msgspec.structs.replace(
            plain,
            redeem_url=self._options.redeem_url,
            instructions=self._options.instructions or text,
        )

    def changed(self, answer: SupplierAnswer) -> Refused | None:
        if answer.status == HTTP_OK:
            return None
        reason = refusal_of(answer)
        if answer.status == HTTP_NOT_FOUND:
            raise NoSupplierAnswer("the key was deleted meanwhile")
        return self.refused(reason)

    def planned_secret(self, request: Request, sealed: str | None) -> str | None:  # noqa: ARG002
        return None

    async def find_made(
        self,
        request: Request,  # noqa: ARG002
        mark: Mark,  # noqa: ARG002
        sealed: str | None,  # noqa: ARG002
    ) -> MadeKey | Unknown | None:
        return None


class _Plan(msgspec.Struct, omit_defaults=True):
    key: str | None = None
    before: Decimal = Decimal(0)
    name: str = ""
    is_done: bool = False
    sealed: str | None = None


class _Left(msgspec.Struct):
    key: str
    topups: list[str]

    def text(self) -> str:
        return msgspec.json.encode(self).decode()


class LimitedKeys(Supplier):
    """A supplier of limited keys. Register it with `is_one_per_recipient`, because it reads a limit and then writes it."""

    def __init__(self, vendor: KeyVendor) -> None:
        self._vendor = vendor

    @silence_is_unknown
    async def prepare(self, request: Request) -> str | Refused:
        left = _left_of(request)
        key = None if left is None else await self._vendor.find(left.key)
        mark = None if key is None else Mark.read(key.name)
        if key is None or (mark is not None and mark.is_ended):
            earlier = _plan_of(request)
            sealed = self._vendor.planned_secret(request, earlier.sealed if earlier else None)
            return _written(_Plan(sealed=sealed))
        is_done = mark is not None and mark.topup == request.transaction_id
        if key.closed is not None and not is_done:
            return Refused(
                f"the recipient's key at {self._vendor.name} cannot be used: {key.closed}"
            )
        return _written(_Plan(key.id, key.limit, _name_of(key), is_done))

    @silence_is_unknown
    async def fulfil(self, request: Request) -> Outcome:
        plan = _plan_of(request)
        if plan is None:
            return Unknown("nothing was prepared")
        if plan.key is None:
            return await self._make(request, plan)
        if not plan.is_done:
            before = Mark.read(plan.name)
            mark = Mark(request.transaction_id, before.reversed if before else None)
            refused = await self._vendor.change(
                plan.key, KeyChange(plan.before + usd_of_cents(request.amount_cents), mark)
            )
            if refused is not None:
                return refused
        key = await self._vendor.find(plan.key)
        if key is None or not _is_marked(key, request.transaction_id):
            raise NoSupplierAnswer("the raise cannot be seen")
        return self._raised(request, key)

    @silence_is_unknown
    async def look_up(self, request: Request) -> Look:
        plan = _plan_of(request)
        if plan is None:
            return NotDone()
        if plan.key is None:
            mark = Mark(request.transaction_id)
            found = await self._vendor.find_made(request, mark, plan.sealed)
            if isinstance(found, Unknown):
                return found
            return NotDone() if found is None else self._made(request, found)
        key = await self._vendor.find(plan.key)
        if key is None:
            return NotDone()
        if _is_marked(key, request.transaction_id):
            return self._raised(request, key)
        target = plan.before + usd_of_cents(request.amount_cents)
        if _name_of(key) == plan.name and not is_same_usd(key.limit, target):
            return NotDone()
        return Unknown(
            f"somebody else changed the key {key.label}: before this top-up its limit was "
            f"{plan.before} and its name {plan.name}, now {key.limit} and {_name_of(key)}",
            needs_review=True,
        )

    @silence_is_unknown
    async def revoke(self, request: Request, value: str | None) -> Revocation:  # noqa: ARG002
        left = _left_of(request)
        if left is None or request.transaction_id not in left.topups:
            return NotRevoked("its key is not known any more")
        key = await self._vendor.find(left.key)
        mark = None if key is None else Mark.read(key.name)
        if key is None or mark is None:
            return NotRevoked("its key is gone, or was changed by somebody else")
        if not _is_taken_back(mark, request.transaction_id):
            amount = usd_of_cents(request.amount_cents)
            if key.closed is not None or key.limit - key.used < amount:
                return NotRevoked("it was used, or its key is disabled")
            refused = await self._vendor.change(key.id, _less(key, mark, request, amount))
            if refused is not None:
                return NotRevoked(refused.reason)
        return await self._confirmed(request, key.id)

    async def balance_cents(self) -> int | None:
        try:
            return await self._vendor.balance_cents()
        except NoSupplierAnswer:
            return None

    async def probe(self) -> Health:
        try:
            return await self._vendor.probe()
        except NoSupplierAnswer as silence:
            return Health(is_well=False, detail=f"{self._vendor.name}: {silence}")

    async def _confirmed(self, request: Request, key_id: str) -> Revocation:
        """Read the key again. If the key's credit was used in the meantime, undo the reversal."""
        key = await self._vendor.find(key_id)
        mark = None if key is None else Mark.read(key.name)
        if key is None or mark is None or not _is_taken_back(mark, request.transaction_id):
            raise NoSupplierAnswer("that it was taken back cannot be seen")
        if key.used <= (Decimal(0) if mark.is_ended else key.limit):
            return Revoked()
        if mark.is_ended:
            back = KeyChange(key.limit, Mark(mark.topup), is_disabled=False)
        else:
            back = KeyChange(key.limit + usd_of_cents(request.amount_cents), Mark(mark.topup))
        await self._vendor.change(key.id, back)
        return NotRevoked("it was used")

    async def _make(self, request: Request, plan: _Plan) -> Outcome:
        made = await self._vendor.make(
            request,
            usd_of_cents(request.amount_cents),
            Mark(request.transaction_id),
            plan.sealed,
        )
        return self._made(request, made) if isinstance(made, MadeKey) else made

    def _made(self, request: Request, made: MadeKey) -> Delivered:
        given = self._vendor.made(made.secret, usd_of_cents(request.amount_cents))
        left = _Left(made.id, [request.transaction_id])
        return Delivered(given, self._cost_cents(request), left.text())

    def _raised(self, request: Request, key: KeyState) -> Delivered:
        known = _left_of(request)
        topups = [] if known is None or known.key != key.id else known.topups
        kept = [one for one in topups if one != request.transaction_id][1 - TOPUPS_KEPT :]
        left = _Left(key.id, [*kept, request.transaction_id])
        given = self._vendor.raised(key, usd_of_cents(request.amount_cents))
        return Delivered(given, self._cost_cents(request), left.text())

    def _cost_cents(self, request: Request) -> int | None:
        return request.amount_cents if self._vendor.costs_face_value else None


def key_amount(number: float | None) -> Decimal | None:
    return None if number is None else usd_of_number(number)


def has_passed(time: str, clock: Clock) -> bool:
    try:
        return parse_rfc3339(time) <= clock.now_us()
    except ValueError:
        return False


def _name_of(key: KeyState) -> str:
    return storable(key.name, characters_max=NAME_CHARACTERS_MAX)


def _is_marked(key: KeyState, topup: str) -> bool:
    mark = Mark.read(key.name)
    return mark is not None and mark.topup == topup and not mark.is_ended


def _is_taken_back(mark: Mark, topup: str) -> bool:
    return mark.reversed == topup or (mark.is_ended and mark.topup == topup)


def _less(key: KeyState, mark: Mark, request: Request, amount: Decimal) -> KeyChange:
    if is_same_usd(key.limit, amount):
        return KeyChange(key.limit, Mark(request.transaction_id, is_ended=True), is_disabled=True)
    return KeyChange(key.limit - amount, Mark(mark.topup, request.transaction_id))


def _plan_of(request: Request) -> _Plan | None:
    return read_left(request.prepared, _Plan)


def _written(plan: _Plan) -> str:
    return msgspec.json.encode(plan).decode()


def _left_of(request: Request) -> _Left | None:
    return read_left(request.recipient_left, _Left)
