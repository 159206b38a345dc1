"""Sandbox accounts: create an account with its keys, for a caller who has no account."""

from collections.abc import Sequence
from typing import Annotated, Final

from msgspec import Meta

from billing.credits.opening import open_account
from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer
from gateway.answers.outcome import created
from gateway.http.auth import block_of
from gateway.http.fields import EnvironmentMismatch
from gateway.http.rate_limit import Allowance, take_one
from gateway.http.request_context import RequestContext
from gateway.http.routing import Route
from kernel.clock import HOUR_US, SECOND_US
from kernel.errors import NotFound
from kernel.fields import Fields
from keys.api_keys import api_key
from keys.api_keys.api_key import ApiKey
from keys.api_keys.fields import NewKey
from keys.api_keys.views import CreatedKey
from keys.principal import ACCOUNT_SCOPES, Environment
from keys.staging_quota import check_new_sandbox
from store.database import Transaction

STAGING: Final[Environment] = "staging"
SANDBOX_NAME = "Sandbox"
APPROVER_NAME = "Sandbox approver"
APPROVER_SCOPES = ("approvals:write",)
SANDBOX_ACCOUNTS_MAX = 5  # accounts per hour from one address


class SandboxBody(Fields, frozen=True, kw_only=True):
    """`environment` is optional, and can only be staging."""

    environment: Annotated[str, Meta(max_length=20)] = STAGING


class SandboxKey(CreatedKey, kw_only=True):
    """A new sandbox account's key, and a second key that approves its requests."""

    account_id: str
    approver_key: Annotated[
        str,
        Meta(
            pattern=r"^ak_staging_[0-9A-Za-z]{32}$",
            description="An unrelated key with approvals:write only, shown only once.",
        ),
    ]


async def make_sandbox(call: RequestContext[SandboxBody, Fields]) -> Answer:
    context = call.context
    if not context.settings.self_serve_staging:
        raise NotFound("Path")
    if call.body.environment != STAGING:
        raise EnvironmentMismatch("A sandbox account has no live environment.", param="environment")
    context.staging_room.check_environment(STAGING)
    await take_one(
        context.limiter,
        f"sandbox:{block_of(call.address)}",
        Allowance(SANDBOX_ACCOUNTS_MAX, HOUR_US // SECOND_US),
        f"{SANDBOX_ACCOUNTS_MAX} sandbox accounts an hour are made for one address",
    )
    now_us = call.now_us

    async def work(tx: Transaction) -> tuple[ApiKey, str, str]:
        await check_new_sandbox(tx, context.settings.staging_quotas, now_us=now_us)
        account_id = await open_account(
            tx, name=SANDBOX_NAME, email=None, now_us=now_us, is_sandbox=True, has_live=False
        )

        async def mint_one(name: str, scopes: Sequence[str]) -> tuple[ApiKey, str]:
            return await api_key.mint(
                tx,
                account_id=account_id,
                environment=STAGING,
                parent=None,
                new=NewKey(name=name, scopes=scopes),
                now_us=now_us,
            )

        # The approver key can only approve. It is unrelated to the first key, so it may approve that key's
        # requests.
        _, approver_secret = await mint_one(APPROVER_NAME, APPROVER_SCOPES)
        return *await mint_one(SANDBOX_NAME, ACCOUNT_SCOPES), approver_secret

    key, secret, approver_key = await context.database.transaction(work)
    data = SandboxKey.of(key, key=secret, account_id=key.account_id, approver_key=approver_key)
    return answer(codes.SUCCESS, data, now_us=now_us, http_status=201)


ROUTES = (
    Route(
        "POST",
        "/keys/sandbox",
        make_sandbox,
        "Create a sandbox account",
        body=SandboxBody,
        is_public=True,
        description=(
            "Creates a staging account with test credit and its key, without sign-up. The approver_key decides about"
            " sends that wait for an approval, which the other key can't."
        ),
        answers=created(SandboxKey),
        refuses=(codes.MISSING_SCOPE, codes.NOT_FOUND, codes.RATE_LIMITED),
    ),
)
