"""Command-line sign-in: two calls for a machine that has no credential yet.

Names follow RFC 8628, but responses use our envelope.
"""

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer
from gateway.answers.outcome import Outcome, created
from gateway.http.acting import note
from gateway.http.auth import block_of
from gateway.http.rate_limit import Allowance, RateLimited, take_one
from gateway.http.request_context import RequestContext
from gateway.http.routing import Route
from kernel.clock import HOUR_US, SECOND_US
from kernel.fields import LINE, Fields
from kernel.words import Count
from keys.api_keys.views import CreatedKey
from keys.tokens import device_login
from keys.tokens.device_login import (
    INTERVAL_S,
    LIFE_S,
    NAME_CHARACTERS_MAX,
    LoggedIn,
    LoginWaiting,
)
from store.database import Transaction
from webhooks.events.key_events import publish_key

PAGE: Final = "/dashboard/cli"
LOGINS_MAX: Final = 30  # logins per hour from one address
POLLS_MAX: Final = 120  # a minute and address


class CliLoginBody(Fields, frozen=True, kw_only=True):
    """The machine that wants to sign in. Its name is shown to the user."""

    name: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=NAME_CHARACTERS_MAX,
            pattern=LINE,
            description="The machine's name, which the key also gets.",
        ),
    ]


class CliTokenBody(Fields, frozen=True, kw_only=True):
    """The secret that POST /cli/login returned."""

    device_code: Annotated[
        str, Meta(max_length=100, description="The device_code from POST /cli/login.")
    ]


class CliLogin(Struct, kw_only=True):
    """A sign-in's two codes. One is secret and for the machine. The user types or compares the other."""

    device_code: Annotated[str, Meta(description="A secret for the device alone.")]
    user_code: Annotated[
        str,
        Meta(
            pattern=r"^[B-DF-HJ-NP-TV-XZ]{4}-[B-DF-HJ-NP-TV-XZ]{4}$",
            description="The code for the user to enter or compare.",
        ),
    ]
    verification_url: Annotated[str, Meta(description="The page to enter the code.")]
    verification_url_complete: Annotated[
        str, Meta(description="The same page with the code already entered, to compare.")
    ]
    interval: Annotated[Count, Meta(description="The seconds to wait between two polls.")]
    expires_in: Annotated[Count, Meta(description="The seconds for which the codes are valid.")]


class CliLoginPending(Struct, kw_only=True):
    """No user has decided yet. Poll again."""

    reason: Annotated[
        Literal["authorization_pending"], Meta(description="The reason, as in RFC 8628.")
    ] = "authorization_pending"
    interval: Annotated[Count, Meta(description="The seconds to wait before the next poll.")]
    expires_in: Annotated[Count, Meta(description="The seconds for which the codes remain valid.")]
    next_action: Annotated[Literal["poll"], Meta(description="Repeat the request.")] = "poll"


async def begin(call: RequestContext[CliLoginBody, Fields]) -> Answer:
    await take_one(
        call.context.limiter,
        f"cli_login:{block_of(call.address)}",
        Allowance(LOGINS_MAX, HOUR_US // SECOND_US),
        f"{LOGINS_MAX} logins an hour are begun for one address",
    )
    begun = await call.context.database.transaction(
        lambda tx: device_login.begin(
            tx, name=call.body.name, address=str(call.address or ""), now_us=call.now_us
        )
    )
    user_code, page = device_login.shown(begun.user_code), call.home + PAGE
    data = CliLogin(
        device_code=begun.device_code,
        user_code=user_code,
        verification_url=page,
        verification_url_complete=f"{page}?code={user_code}",
        interval=INTERVAL_S,
        expires_in=LIFE_S,
    )
    return answer(codes.SUCCESS, data, now_us=call.now_us, http_status=201)


async def poll(call: RequestContext[CliTokenBody, Fields]) -> Answer:
    await take_one(
        call.context.limiter,
        f"cli_poll:{block_of(call.address)}",
        Allowance(POLLS_MAX, 60),
        f"{POLLS_MAX} polls a minute are answered for one address",
    )
    outcome = await call.context.database.transaction(lambda tx: _outcome(tx, call))
    if isinstance(outcome, LoggedIn):
        data = CreatedKey.of(outcome.key, key=outcome.secret)
        return answer(codes.SUCCESS, data, now_us=call.now_us, http_status=201)
    if outcome.is_too_fast:
        raise RateLimited(
            f"You polled too early. From now on, wait {outcome.interval_s} s between polls.",
            reason="slow_down",
            retry_after_s=outcome.interval_s,
            extra={"interval": outcome.interval_s},
        )
    pending = CliLoginPending(interval=outcome.interval_s, expires_in=outcome.expires_in_s)
    return answer(codes.SUCCESS, pending, now_us=call.now_us, http_status=202, status="pending")


async def _outcome(
    tx: Transaction, call: RequestContext[CliTokenBody, Fields]
) -> LoggedIn | LoginWaiting:
    now_us = call.now_us
    login = await device_login.find(tx, call.body.device_code, now_us=now_us)
    if login.status == "pending":
        return await device_login.wait(tx, login, now_us=now_us)
    made = await device_login.take(tx, login, now_us=now_us)
    account_id, environment = made.key.account_id, made.key.environment
    after = {"name": made.key.name, "scopes": made.key.scopes}
    await note(
        tx,
        call,
        "key.created",
        made.key.id,
        account_id=account_id,
        environment=environment,
        after=after,
    )
    await publish_key(tx, "key.created", made.key, by=made.decided_by, now_us=now_us)
    return made


ROUTES = (
    Route(
        "POST",
        "/cli/login",
        begin,
        "Start a login through a user's browser",
        body=CliLoginBody,
        is_public=True,
        takes_key=False,
        description=(
            "Starts the login of a command line or a device that has no key (RFC 8628). Show the user code and the"
            " URL. A signed-in user compares the code there, chooses the environment and scopes, and allows or"
            " denies the login. Meanwhile, poll POST /cli/login/token."
        ),
        answers=created(CliLogin),
        refuses=(codes.RATE_LIMITED,),
    ),
    Route(
        "POST",
        "/cli/login/token",
        poll,
        "Poll for the result of a login",
        body=CliTokenBody,
        is_public=True,
        takes_key=False,
        description=(
            "Returns 202 with `reason: authorization_pending` until the user decides, then 201 with the key, once."
            " 4001 with `reason: slow_down`: wait longer between polls, as Retry-After says. 2007 with"
            " `expired_token`: the code expired or was already used. 2009 with `access_denied`: the user denied the"
            " login, or has since lost the access that allowed it."
        ),
        answers=(
            *created(CreatedKey),
            Outcome(202, CliLoginPending),
        ),
        refuses=(codes.MALFORMED, codes.MISSING_SCOPE, codes.LIMIT_REACHED, codes.RATE_LIMITED),
    ),
)
