"""Make the key of the landing page's demonstration. It sends little, makes no keys or webhooks, and ends
after a day; addresses and installation get a few a day.
"""

from typing import Any, Final

from billing.credits.opening import open_account
from gateway.answers import envelope, response_codes as codes
from gateway.answers.answer import Answer
from gateway.dashboard.account.sign_in import check_own_page
from gateway.dashboard.route import open_route
from gateway.http.auth import block_of
from gateway.http.rate_limit import take_one
from gateway.http.request_context import RequestContext
from gateway.http.routing import ApiSurface
from kernel.clock import DAY_US, SECOND_US
from kernel.errors import NotFound
from kernel.fields import Fields
from kernel.words import time_of
from keys.api_keys import api_key
from keys.api_keys.api_key import ApiKey
from keys.api_keys.fields import NewKey
from keys.staging_quota import check_new_sandbox
from store.database import Transaction

KEYS_PER_ADDRESS: Final = 100  # a day; a browser keeps its key that long
KEYS_OF_ALL: Final = 2_000  # a day, of every address together
SPENDS_CENTS: Final = 50_000  # of each key: fifty runs
_DAY_S: Final = DAY_US // SECOND_US
_NAME: Final = "Demonstration"
_SCOPES: Final = ("topup:send", "topup:read", "webhooks:read")


async def make_key(call: RequestContext[Fields, Fields]) -> Answer:
    if not call.context.settings.self_serve_staging:
        raise NotFound("Path")
    check_own_page(call)
    call.context.staging_room.check_environment("staging")
    await _take(
        call, f"demonstration:{block_of(call.address)}", KEYS_PER_ADDRESS, "for one address"
    )
    await _take(call, "demonstration:all", KEYS_OF_ALL, "by this gateway")
    now_us = call.now_us

    async def work(tx: Transaction) -> tuple[ApiKey, str]:
        await check_new_sandbox(tx, call.context.settings.staging_quotas, now_us=now_us)
        account_id = await open_account(
            tx, name=_NAME, email=None, now_us=now_us, is_sandbox=True, has_live=False
        )
        new = NewKey(
            name=_NAME,
            scopes=_SCOPES,
            lifetime_cents=SPENDS_CENTS,
            expires_at=now_us + DAY_US,
        )
        return await api_key.mint(
            tx, account_id=account_id, environment="staging", parent=None, new=new, now_us=now_us
        )

    made, secret = await call.context.database.transaction(work)
    data = {"key": secret, "expires_at": time_of(made.expires_at)}
    return envelope.answer(codes.SUCCESS, data, now_us=now_us, http_status=201)


async def _take(call: RequestContext[Any, Any], bucket: str, count: int, whose: str) -> None:
    await take_one(
        call.context.limiter,
        bucket,
        count=count,
        period_s=_DAY_S,
        detail=f"{count} keys a day are made {whose} to run the demonstration",
    )


SURFACE = ApiSurface(
    "/demonstration",
    (open_route("POST", "/key", make_key, "A key to run the demonstration with"),),
    envelope.refuse,
)
