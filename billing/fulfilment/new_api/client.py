"""The admin API of a New API instance, as far as top-ups need it; sources in supplier.py.

New API refuses with HTTP 200 and `success: false`, also bad credentials. So a refusal is a value, and the
caller checks what was done.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar

import msgspec

from billing.fulfilment.asking import HTTP_OK, NoSupplierAnswer, decoded
from billing.fulfilment.protocol import Health, Supplier
from billing.fulfilment.vendor_api import MESSAGE_CHARACTERS_MAX, VendorApi

HTTP_NOT_FOUND: Final = 404
ENABLED: Final = 1
DISABLED: Final = 2
ADMIN: Final = 10
PAGE_ROWS: Final = 100
PAGES_MAX: Final = 10
NEVER_EXPIRES: Final = 0
# New API stores a user's quota in 32 bits on MySQL and PostgreSQL.
QUOTA_MAX: Final = 2**31 - 1

T = TypeVar("T")


class CodeRow(msgspec.Struct):
    """used_user_id 0: not redeemed. status: ENABLED, DISABLED or used."""

    id: int
    name: str
    key: Annotated[str, msgspec.Meta(min_length=1)]
    quota: int
    status: int
    used_user_id: int = 0


class UserRow(msgspec.Struct):
    """quota: what is left; used_quota: lifetime use. deleted null: not deleted."""

    id: int
    quota: int
    status: int
    email: str = ""
    used_quota: int = 0
    role: int = 0
    deleted: str | None = msgspec.field(default=None, name="DeletedAt")

    @property
    def granted(self) -> int:
        """Return the lifetime grant: use moves quota to used_quota and doesn't change it."""
        return self.quota + self.used_quota


@dataclass(frozen=True, slots=True)
class NewApiRefusal:
    """`success: false`, with New API's message. is_passing: its database failed, as SQLite does while locked;
    a retry may work.
    """

    message: str
    is_passing: bool = False


class _TopUpInfo(msgspec.Struct):
    """payment_compliance_confirmed: whether the root user accepted the terms, without which no code is made
    or redeemed; null: an older release.
    """

    payment_compliance_confirmed: bool | None = None


class _Answer(msgspec.Struct):
    success: bool
    message: str = ""
    data: Any = msgspec.UNSET


class NewApiClient:
    def __init__(self, api: VendorApi) -> None:
        self._api = api

    async def create_code(self, name: str, quota: int) -> str | NewApiRefusal:
        answer = await self._call(
            "POST",
            "/api/redemption/",
            body={"name": name, "count": 1, "quota": quota, "expired_time": NEVER_EXPIRES},
        )
        if isinstance(answer, NewApiRefusal):
            return answer
        match answer.data:
            case [str(code)] if code:
                return code
        raise NoSupplierAnswer("no code in New API's answer")

    async def find_codes(self, name: str) -> Sequence[CodeRow]:
        rows = await self._search("/api/redemption/search", name, CodeRow)
        return sorted((row for row in rows if row.name == name), key=lambda row: row.id)

    async def disable_code(self, code_id: int) -> NewApiRefusal | None:
        answer = await self._call(
            "PUT",
            "/api/redemption/",
            params={"status_only": "true"},
            body={"id": code_id, "status": DISABLED},
        )
        return answer if isinstance(answer, NewApiRefusal) else None

    async def find_users(self, email: str) -> Sequence[UserRow]:
        wanted = email.casefold()
        rows = await self._search("/api/user/search", email, UserRow)
        return [row for row in rows if row.email.casefold() == wanted and row.deleted is None]

    async def get_user(self, user_id: int) -> UserRow:
        return await self._read(f"/api/user/{user_id}", UserRow)

    async def add_quota(self, user_id: int, quota: int) -> NewApiRefusal | None:
        answer = await self._call(
            "POST",
            "/api/user/manage",
            body={"id": user_id, "action": "add_quota", "mode": "add", "value": quota},
        )
        return answer if isinstance(answer, NewApiRefusal) else None

    async def self_user(self) -> UserRow:
        return await self._read("/api/user/self", UserRow)

    async def makes_codes(self) -> bool:
        """Return whether codes can be made and redeemed; older releases have no such page."""
        try:
            info = await self._read("/api/user/topup/info", _TopUpInfo)
        except NoSupplierAnswer as silence:
            if silence.status == HTTP_NOT_FOUND:
                return True
            raise
        return info.payment_compliance_confirmed is not False

    async def _read(self, path: str, form: type[T]) -> T:
        answer = await self._call("GET", path)
        if isinstance(answer, NewApiRefusal):
            raise NoSupplierAnswer(f"New API refused: {answer.message}")
        return _converted(answer.data, form)

    async def _search(self, path: str, keyword: str, form: type[T]) -> list[T]:
        """Return every row found; the search also finds similar ones. Anything but a list is no result: taken
        for "none" it would make a code twice.
        """
        found: list[T] = []
        for page in range(1, PAGES_MAX + 1):
            params = {"keyword": keyword, "p": str(page), "page_size": str(PAGE_ROWS)}
            answer = await self._call("GET", path, params=params)
            if isinstance(answer, NewApiRefusal):
                raise NoSupplierAnswer(f"New API refused the search: {answer.message}")
            rows, total = _page(answer.data)
            found += [_converted(row, form) for row in rows]
            if not rows or len(found) >= total:
                return found
        raise NoSupplierAnswer("too many rows in New API's search")

    async def _call(
        self,
        method: str,
        path: str,
        *,
        body: dict[str, Any] | None = None,
        params: dict[str, str] | None = None,
    ) -> _Answer | NewApiRefusal:
        answer = await self._api.call(method, path, body=body, params=params)
        if answer.status != HTTP_OK:
            raise NoSupplierAnswer(
                f"HTTP {answer.status}", again_in_s=answer.retry_after_s, status=answer.status
            )
        word = decoded(answer.body, _Answer)
        if word.success:
            return word
        # A refusal for a reason has no `data`; a failed database's has what was made, or null.
        message = word.message[:MESSAGE_CHARACTERS_MAX]
        return NewApiRefusal(message, is_passing=word.data is not msgspec.UNSET)


class NewApiSupplier(Supplier):
    def __init__(self, client: NewApiClient, quota_per_usd: int) -> None:
        self._client = client
        self._quota_per_usd = quota_per_usd

    async def probe(self) -> Health:
        try:
            user = await self._client.self_user()
        except NoSupplierAnswer as silence:
            return Health(is_well=False, detail=f"New API: {silence}")
        if user.role < ADMIN:
            return Health(is_well=False, detail=f"user {user.id} at New API is no administrator")
        return Health(is_well=True, detail=f"New API knows user {user.id} as an administrator")


def quota_of(amount_cents: int, quota_per_usd: int) -> int:
    """Return New API's units, rounded down."""
    return amount_cents * quota_per_usd // 100


def _page(data: Any) -> tuple[list[object], int]:
    total = 0
    if isinstance(data, dict) and "items" in data:
        data, total = data["items"], data.get("total", 0)
    # null is how Go writes an empty list
    rows = [] if data is None or data is msgspec.UNSET else data
    if not isinstance(rows, list) or not isinstance(total, int):
        raise NoSupplierAnswer("no list of rows in New API's answer")
    return rows, total


def _converted(data: object, form: type[T]) -> T:
    try:
        return msgspec.convert(data, form)
    except ValueError:  # msgspec's own, and that of a lone surrogate
        raise NoSupplierAnswer("a row of another form in New API's answer") from None
