"""Sell New API credit, as redemption codes or as quota for one of the instance's users.

A US dollar is 500,000 units of quota, unless the instance's QuotaPerUnit differs. New API reports a refusal
with HTTP 200 and `success: false`.

A code is named after the transaction, so that it can be found after a lost response. A refusal is definite only if no
code has that name and the response has no `data`. With `data`, New API's database failed, and the call is repeated.

Since 2026, the root user must confirm the terms before codes can be created. Source: QuantumNous/new-api, its main
branch in 2026.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec

from billing.fulfilment.asking import (
    HTTP_NOT_FOUND,
    HTTP_OK,
    MESSAGE_CHARACTERS_MAX,
    NoSupplierAnswer,
    VendorApi,
    decoded,
    read_left,
    shown_usd,
    silence_is_unknown,
    usd_of_cents,
)
from billing.fulfilment.protocol import (
    ASK_S_MAX,
    Delivered,
    Health,
    Look,
    NotDone,
    NotRevoked,
    Options,
    Outcome,
    Refused,
    Registration,
    Request,
    Revocation,
    Revoked,
    Sealed,
    Supplier,
    Tools,
    Unknown,
    sample_text,
)
from billing.topups.topup import Deliverable

ENABLED: Final = 1
DISABLED: Final = 2
ADMIN: Final = 10
PAGE_ROWS: Final = 100
PAGES_MAX: Final = 10
NEVER_EXPIRES: Final = 0
# New API's column for a user's quota has 32 bits on MySQL and PostgreSQL.
QUOTA_MAX: Final = 2**31 - 1

T = TypeVar("T")


class CodeRow(msgspec.Struct):
    id: int
    name: str
    key: Annotated[str, msgspec.Meta(min_length=1)]
    quota: int
    status: int
    used_user_id: int = 0


class UserRow(msgspec.Struct):
    id: int
    quota: int
    status: int
    email: str = ""
    used_quota: int = 0
    role: int = 0
    deleted: str | None = msgspec.field(default=None, name="DeletedAt")

    @property
    def granted(self) -> int:
        return self.quota + self.used_quota


@dataclass(frozen=True, slots=True)
class NewApiRefusal:
    """New API responded with `success: false`. `is_passing` means that its database failed, so a retry may work."""

    message: str
    is_passing: bool = False


class _TopUpInfo(msgspec.Struct):
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
        """Return whether New API lets us create codes. Older releases lack this endpoint, and always let us."""
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
        """Return all rows that the search finds, including rows with similar names.

        Raise NoSupplierAnswer for anything but a list. If another response were treated as empty, a code would be
        created twice.
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
        # If New API refuses because of a rule, `data` is missing. If its database fails, `data` is a value or null.
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
    return amount_cents * quota_per_usd // 100


def _page(data: Any) -> tuple[list[object], int]:
    total = 0
    if isinstance(data, dict) and "items" in data:
        data, total = data["items"], data.get("total", 0)
    # Go encodes an empty list as null.
    rows = [] if data is None or data is msgspec.UNSET else data
    if not isinstance(rows, list) or not isinstance(total, int):
        raise NoSupplierAnswer("no list of rows in New API's answer")
    return rows, total


def _converted(data: object, form: type[T]) -> T:
    try:
        return msgspec.convert(data, form)
    except ValueError:
        raise NoSupplierAnswer("a row of another form in New API's answer") from None


class _Plan(msgspec.Struct):
    user: int
    granted: int


class UserQuota(NewApiSupplier):
    def __init__(
        self, client: NewApiClient, quota_per_usd: int, redeem_url: str, instructions: str | None
    ) -> None:
        super().__init__(client, quota_per_usd)
        self._redeem_url = redeem_url
        self._instructions = instructions

    @silence_is_unknown
    async def prepare(self, request: Request) -> str | Refused:
        users = await self._client.find_users(request.recipient_email)
        if not users:
            return Refused("nobody at New API has this e-mail address")
        if len(users) > 1:
            return Refused("several users at New API have this e-mail address")
        if users[0].status != ENABLED:
            return Refused("the user at New API is disabled")
        quota = quota_of(request.amount_cents, self._quota_per_usd)
        if quota == 0 or users[0].quota + quota > QUOTA_MAX:
            return Refused("an amount that New API cannot hold")
        return msgspec.json.encode(_Plan(users[0].id, users[0].granted)).decode()

    @silence_is_unknown
    async def fulfil(self, request: Request) -> Outcome:
        plan = read_left(request.prepared, _Plan)
        if plan is None:
            return Unknown("nothing was prepared")
        quota = quota_of(request.amount_cents, self._quota_per_usd)
        refusal = await self._client.add_quota(plan.user, quota)
        granted = (await self._client.get_user(plan.user)).granted
        if refusal is None and granted != plan.granted:
            return self._delivered(request)
        if refusal is not None and granted == plan.granted:
            return Refused(refusal.message or "refused by New API")
        # A release without `add_quota` reports success and changes nothing.
        said = (
            "New API accepted the request"
            if refusal is None
            else f"New API refused the request ({refusal.message})"
        )
        return self._unclear(plan, granted, request, said)

    @silence_is_unknown
    async def look_up(self, request: Request) -> Look:
        plan = read_left(request.prepared, _Plan)
        if plan is None:
            return NotDone()
        user = await self._client.get_user(plan.user)
        if user.granted == plan.granted:
            return NotDone()
        return self._unclear(plan, user.granted, request, "New API gave no clear response")

    async def revoke(self, request: Request, value: str | None) -> Revocation:  # noqa: ARG002
        return NotRevoked("quota that a user has cannot be told apart from other quota")

    def _unclear(self, plan: _Plan, granted: int, request: Request, said: str) -> Unknown:
        quota = quota_of(request.amount_cents, self._quota_per_usd)
        return Unknown(
            f"{said} for user {plan.user}: quota and used quota together were {plan.granted}, are "
            f"{granted} now, and this top-up adds {quota}",
            needs_review=True,
        )

    def _delivered(self, request: Request) -> Delivered:
        text = self._instructions or (
            f"{shown_usd(usd_of_cents(request.amount_cents))} were added to the account of "
            f"{request.recipient_email}. Sign in to see the new balance."
        )
        return Delivered(Deliverable("credit", None, self._redeem_url, text))


TIMEOUT_S_MAX: Final = ASK_S_MAX / 2
QUOTA_PER_USD: Final = 500_000
QUOTA_PER_USD_MAX: Final = 10**9


class NewApiOptions(Options, frozen=True, kw_only=True):
    base_url: Annotated[str, msgspec.Meta(min_length=8, max_length=400)]
    access_token: Sealed
    user_id: int
    delivers: Literal["code", "quota"] = "code"
    quota_per_usd: Annotated[int, msgspec.Meta(ge=1, le=QUOTA_PER_USD_MAX)] = QUOTA_PER_USD
    redeem_url: Annotated[str, msgspec.Meta(max_length=500)] | None = None
    instructions: Annotated[str, msgspec.Meta(max_length=1_000)] | None = None
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=TIMEOUT_S_MAX)] = 10.0

    @property
    def shown_url(self) -> str:
        return self.redeem_url or self.base_url.rstrip("/") + "/console/topup"


class NewApiCodes(NewApiSupplier):
    def __init__(self, options: NewApiOptions, client: NewApiClient) -> None:
        super().__init__(client, options.quota_per_usd)
        self._options = options

    @silence_is_unknown
    async def fulfil(self, request: Request) -> Outcome:
        quota = quota_of(request.amount_cents, self._quota_per_usd)
        if not 0 < quota <= QUOTA_MAX:
            return Refused("an amount that New API cannot hold")
        code = await self._client.create_code(request.transaction_id, quota)
        if isinstance(code, NewApiRefusal):
            found = await self._found(request)
            if found is None and code.is_passing:
                return Unknown(f"New API could not keep the code: {code.message}")
            return found or Refused(code.message or "refused by New API")
        return self._delivered(request, code)

    @silence_is_unknown
    async def look_up(self, request: Request) -> Look:
        return await self._found(request) or NotDone()

    @silence_is_unknown
    async def revoke(self, request: Request, value: str | None) -> Revocation:
        code = _of_value(await self._client.find_codes(request.transaction_id), value)
        if code is None:
            return NotRevoked("the code is gone at New API")
        if code.status == ENABLED:
            refusal = await self._client.disable_code(code.id)
            code = _of_value(await self._client.find_codes(request.transaction_id), value)
            if code is None or code.status == ENABLED:
                said = refusal.message if refusal is not None else "it said yes"
                raise NoSupplierAnswer(f"New API did not disable the code: {said}")
        # Disabling may overwrite the status of a concurrent redemption, but used_user_id stays.
        if code.status == DISABLED and code.used_user_id == 0:
            return Revoked()
        return NotRevoked("the code was redeemed")

    async def probe(self) -> Health:
        health = await super().probe()
        if not health.is_well:
            return health
        try:
            makes_codes = await self._client.makes_codes()
        except NoSupplierAnswer as silence:
            return Health(is_well=False, detail=f"New API: {silence}")
        if makes_codes:
            return health
        return Health(
            is_well=False,
            detail="New API creates no codes until its root user confirms the payment terms there",
        )

    async def _found(self, request: Request) -> Delivered | Unknown | None:
        codes = await self._client.find_codes(request.transaction_id)
        if not codes:
            return None
        quota = quota_of(request.amount_cents, self._quota_per_usd)
        for code in codes:
            if code.status == ENABLED and code.quota == quota:
                return self._delivered(request, code.key)
        return Unknown(
            f"the code {codes[0].id} of this top-up was disabled, used or changed at New API",
            needs_review=True,
        )

    def _delivered(self, request: Request, code: str) -> Delivered:
        options = self._options
        text = options.instructions or (
            f"Sign in at {options.shown_url} and enter this code where it asks for a redemption "
            f"code. It adds {shown_usd(usd_of_cents(request.amount_cents))} to your balance, once."
        )
        return Delivered(Deliverable("code", code, options.shown_url, text))


def _of_value(codes: Sequence[CodeRow], value: str | None) -> CodeRow | None:
    return next((code for code in codes if code.key == value), None)


def _make(options: NewApiOptions, tools: Tools) -> Supplier:
    api = VendorApi(
        tools.client,
        options.base_url,
        headers={
            "Authorization": f"Bearer {options.access_token}",
            "New-Api-User": str(options.user_id),
        },
        timeout_s=options.timeout_s,
    )
    client = NewApiClient(api)
    if options.delivers == "quota":
        return UserQuota(client, options.quota_per_usd, options.shown_url, options.instructions)
    return NewApiCodes(options, client)


SUPPLIER = Registration(
    name="new_api",
    text="A redemption code of a New API instance, or quota for one of its users.",
    options=NewApiOptions,
    make=_make,
    sample=lambda request: Deliverable("code", f"SANDBOX-{sample_text(request)}"),
    asked_again="look",
    where=("base_url", "delivers"),
)
