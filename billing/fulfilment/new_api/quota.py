"""Add quota to a user of a New API instance, found by the recipient's e-mail address.

New API takes no name or number for it, so after a lost response only the user's lifetime grant (quota plus
used_quota) can tell. Unchanged: nothing was added. Anything else, even the exact amount, may be another act,
such as a redeemed code: an operator decides.
"""

import msgspec

from billing.fulfilment.new_api.client import (
    ENABLED,
    QUOTA_MAX,
    NewApiClient,
    NewApiSupplier,
    quota_of,
)
from billing.fulfilment.protocol import (
    Delivered,
    Look,
    NotDone,
    NotRevoked,
    Outcome,
    Refused,
    Request,
    Revocation,
    Unknown,
)
from billing.fulfilment.vendor_api import shown_usd, silence_is_unknown, usd_of_cents
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
