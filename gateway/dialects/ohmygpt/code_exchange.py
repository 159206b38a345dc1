"""Exchange a code for a token, after the app's proof and the code's."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final, TypeVar

from msgspec import Meta

from gateway.http.acting import note
from gateway.http.auth import block_of
from gateway.http.rate_limit import refusal as rate_refusal
from gateway.http.request_context import RequestContext
from kernel.fields import WEB_URL, Fields, LooseFields, Text
from kernel.limits import URL_CHARACTERS_MAX
from keys.oauth import app as oauth_app, token as oauth_token
from keys.oauth.app import ClientRefused
from keys.oauth.grant import CodeRefused, CodeReused
from keys.oauth.token import OAuthToken
from store.database import Transaction

T = TypeVar("T")

EXCHANGES: Final = 600
EXCHANGES_PER_S: Final = 10.0
MISS_COST: Final = 10

Url = Annotated[str, Meta(max_length=URL_CHARACTERS_MAX, extra_json_schema={"pattern": WEB_URL})]


class IssueBody(LooseFields, frozen=True, kw_only=True):
    """A code to exchange, with client_secret, or for a public app with code_verifier."""

    client_id: Text
    client_secret: Annotated[Text, Meta(description="Of every app but a public one.")] | None = None
    code: Annotated[Text, Meta(description="What the consent led back with.")]
    code_verifier: (
        Annotated[Text, Meta(description="Of a public app, in place of the secret.")] | None
    ) = None
    redirect_uri: Annotated[Url, Meta(description="Where the consent led back to.")] | None = None


async def exchanged(call: RequestContext[IssueBody, Fields]) -> tuple[OAuthToken, str]:
    body = call.body

    async def work(tx: Transaction) -> tuple[OAuthToken, str] | CodeReused:
        app = await oauth_app.authenticate(tx, body.client_id, body.client_secret)
        issued = await oauth_token.exchange(
            tx,
            app,
            body.code,
            redirect_uri=body.redirect_uri,
            verifier=body.code_verifier,
            now_us=call.now_us,
        )
        if isinstance(issued, CodeReused):
            reason = "its code was used twice"
            entry, user = ("grant.revoked", issued.grant_id), issued.user
        else:
            reason = None
            entry, user = ("grant.token_issued", issued[0].id), issued[0].user
        after = {"app": app.name}
        await note(
            tx,
            call,
            *entry,
            account_id=user.account_id,
            environment=user.environment,
            after=after,
            reason=reason,
        )
        return issued

    async def exchange() -> tuple[OAuthToken, str]:
        issued = await call.context.database.transaction(work)
        if isinstance(issued, CodeReused):
            raise issued
        return issued

    return await _guarded(call, exchange)


async def _guarded(call: RequestContext[Any, Any], exchange: Callable[[], Awaitable[T]]) -> T:
    """Charge the address's budget; a failure costs as much as ten successes."""
    limiter, key = call.context.limiter, f"oauth:{block_of(call.address)}"
    decision = await limiter.take(key, EXCHANGES_PER_S, EXCHANGES)
    if not decision.allowed or decision.remaining < MISS_COST - 1:
        raise rate_refusal(decision, "too many codes or client secrets, or too many wrong ones")
    try:
        return await exchange()
    except (ClientRefused, CodeRefused):
        await limiter.take(key, EXCHANGES_PER_S, EXCHANGES, cost=MISS_COST - 1)
        raise
