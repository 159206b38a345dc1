"""Sell credit of a New API instance: redemption codes, or quota for a user (quota.py).

Read: QuantumNous/new-api, main of 2026 (router/api-router.go, controller/redemption.go, controller/user.go,
model/redemption.go, model/user.go, common/page_info.go). `Authorization: Bearer <access token>` of an
administrator, `New-Api-User: <its id>`:

POST /api/redemption/ {name, count, quota, expired_time} -> {success, message, data: [code]}
GET  /api/redemption/search?keyword=&p=&page_size= -> {success, data: {items: [{id, name, key, status, quota,
     used_user_id, ...}], total}}; by the beginning of the name; older releases: data is the list itself
GET  /api/user/topup/info -> {success, data: {payment_compliance_confirmed, ...}}; since 2026 no code is made and none
     redeemed before the root user confirmed the terms on a page (POST /api/option/payment_compliance)
PUT  /api/redemption/?status_only=true {id, status: 2} -> the code is disabled
GET  /api/user/search?keyword= , /api/user/{id}, /api/user/self -> {success, data}
POST /api/user/manage {id, action: "add_quota", mode: "add", value} -> {success}

Units: quota, 500,000 a US dollar unless the instance's QuotaPerUnit says otherwise.

A code is named after the transaction (20 characters, New API's limit), so it is found after a lost response
or a refusal. `success: false` is a definite no only if no code of that name exists and there is no `data`.
With `data` New API's database failed, and the call is repeated. A late request's second code of that name
stays unknown to anybody.
"""

from collections.abc import Sequence
from typing import Annotated, Final, Literal

import msgspec

from billing.fulfilment.asking import NoSupplierAnswer
from billing.fulfilment.new_api.client import (
    DISABLED,
    ENABLED,
    QUOTA_MAX,
    CodeRow,
    NewApiClient,
    NewApiRefusal,
    NewApiSupplier,
    quota_of,
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
)
from billing.fulfilment.simulated import sample_text
from billing.fulfilment.vendor_api import VendorApi, shown_usd, silence_is_unknown, usd_of_cents
from billing.topups.topup import Deliverable


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
        plan = _plan_of(request)
        if plan is None:
            return Unknown("nothing was prepared")
        quota = quota_of(request.amount_cents, self._quota_per_usd)
        refusal = await self._client.add_quota(plan.user, quota)
        granted = (await self._client.get_user(plan.user)).granted
        if refusal is None and granted != plan.granted:
            return self._delivered(request)
        if refusal is not None and granted == plan.granted:
            return Refused(refusal.message or "refused by New API")
        # Releases without `add_quota` say yes to it and change nothing.
        said = "New API said yes" if refusal is None else f"New API said no ({refusal.message})"
        return self._unclear(plan, granted, request, said)

    @silence_is_unknown
    async def look(self, request: Request) -> Look:
        plan = _plan_of(request)
        if plan is None:
            return NotDone()  # nothing is asked before something was prepared
        user = await self._client.get_user(plan.user)
        if user.granted == plan.granted:
            return NotDone()
        return self._unclear(plan, user.granted, request, "New API gave no word")

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


def _plan_of(request: Request) -> _Plan | None:
    try:
        return msgspec.json.decode(request.prepared or "", type=_Plan)
    except msgspec.DecodeError:
        return None


# Finding and making the code are within one turn.
TIMEOUT_S_MAX: Final = ASK_S_MAX / 2
QUOTA_PER_USD: Final = 500_000
QUOTA_PER_USD_MAX: Final = 10**9


class NewApiOptions(Options, frozen=True, kw_only=True):
    """access_token: a system access token of the administrator user_id. delivers: `code`, or `quota` for the
    user with the recipient's address. timeout_s: of each call.
    """

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
    async def look(self, request: Request) -> Look:
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
        # New API's change of a status may overwrite a simultaneous redemption's; used_user_id stays.
        if code.status == DISABLED and code.used_user_id == 0:
            return Revoked()
        return NotRevoked("the code was redeemed")

    async def probe(self) -> Health:
        """Check the administrator, and whether codes can be made, which needs the root user's consent to the
        terms.
        """
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
            detail="New API makes no codes before its root user confirms its payment terms there",
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
    text="A redemption code of a New API instance, or quota for a user of it.",
    options=NewApiOptions,
    make=_make,
    sample=lambda request: Deliverable("code", f"SANDBOX-{sample_text(request)}"),
    asked_again="look",
    # `look` finds a code by other means than quota.
    where=("base_url", "delivers"),
)
