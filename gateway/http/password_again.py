"""Require the password again, or a second factor, before a live session makes a lasting change.

A confirmation is valid in its session for ten minutes.
"""

from typing import Any, Final, Literal

from gateway.http.acting import note
from gateway.http.auth import block_of
from gateway.http.rate_limit import Allowance, take_one
from gateway.http.request_context import RequestContext
from gateway.http.session_cookie import SignInRefused
from kernel.errors import DomainError
from keys import second_factor, session
from keys.account import get_account
from keys.principal import Environment
from keys.sign_in import passkey, passkey_challenge
from keys.sign_in.passkey_challenge import Purpose, Site
from store.database import Transaction

CONFIRM: Final = "/dashboard/confirm"
STRANGER: Final = "stranger"
TRIES: Final = Allowance(10, 900)
CODE_TRIES: Final = (Allowance(10, 900), Allowance(100, 86_400))
# With this limit, a stranger's daily chance of guessing a code is 3 in 1,000. Recovery codes and passkeys can't
# be guessed.
STRANGERS_TRIES: Final = Allowance(1_000, 86_400)


class PasswordRequired(DomainError):
    pass


async def require_password(
    call: RequestContext[Any, Any], *, environment: Environment | None = None
) -> None:
    """Raise PasswordRequired if a live session has no recent confirmation in the database."""
    principal = call.principal
    if principal.kind != "session" or (environment or principal.environment) != "live":
        return
    session_id, now_us = principal.credential_id, call.now_us
    is_confirmed = await call.context.database.read(
        lambda tx: session.is_confirmed(tx, session_id, now_us=now_us)
    )
    if not is_confirmed:
        raise PasswordRequired(
            f"Confirm your password: post it to {CONFIRM} as the form field `password`, then "
            "repeat this request within 10 minutes.",
            param="password",
            reason="password_required",
            extra={"confirm_url": CONFIRM},
        )


async def confirm(call: RequestContext[Any, Any], password: str, answer: str = "") -> None:
    principal, now_us = call.principal, call.now_us
    if answer:
        await check_passkey(call, purpose_of(call, "confirm"), answer)
    elif await asks_code(call):
        await check_code(call, principal.person_id, password)
    else:
        await check_own(call, password)

    async def work(tx: Transaction) -> None:
        await session.confirm(tx, principal.person_id, principal.credential_id, now_us=now_us)
        await note(tx, call, "password.confirmed", principal.credential_id, environment="")

    await call.context.database.transaction(work)


async def require_second_factor(call: RequestContext[Any, Any], given: str) -> None:
    """Require a recent confirmation or a code from a user with a second factor. Raise SignInRefused if both are
    missing.
    """
    principal, now_us = call.principal, call.now_us
    if not await asks_code(call):
        return
    is_confirmed = await call.context.database.read(
        lambda tx: session.is_confirmed(tx, principal.credential_id, now_us=now_us)
    )
    if not is_confirmed:
        await check_code(call, principal.person_id, given)


async def asks_code(call: RequestContext[Any, Any]) -> bool:
    """Return whether the user signs in with two factors. Check the database, because the cached credential may
    be outdated.
    """
    person_id = call.principal.person_id
    return await call.context.database.read(lambda tx: second_factor.is_asked(tx, person_id))


async def check_code(
    call: RequestContext[Any, Any], person_id: str, given: str, *, source: str = "session"
) -> None:
    """Check a code from the user's authenticator app, or a recovery code, and use it up.

    Attempts are counted separately for each `source`, so that strangers can't use up the user's attempts.
    """
    context, now_us = call.context, call.now_us
    await _take_try(call, person_id, source)
    if source == STRANGER and second_factor.is_app_code(given):
        await take_one(
            context.limiter,
            f"code:strangers:{person_id}",
            STRANGERS_TRIES,
            "too many codes were tried for this account from other devices; give a recovery code"
            " or a passkey, or sign in on a device that you used before",
        )

    async def work(tx: Transaction) -> bool:
        is_right = await second_factor.check(tx, context.vault, person_id, given, now_us=now_us)
        if not is_right:
            await _note_wrong(tx, call, "code.given", person_id)
        return is_right

    if not await context.database.transaction(work):
        raise SignInRefused("The code is wrong, or was already used.", param="password")


async def check_passkey(
    call: RequestContext[Any, Any], purpose: Purpose, answer: str, *, source: str = "session"
) -> None:
    context, now_us, site = call.context, call.now_us, site_of(call)
    person_id = purpose.account_id
    await _take_try(call, person_id, source)
    await passkey.load()

    async def work(tx: Transaction) -> bool:
        is_right = site is not None and await passkey.check(
            tx, context.vault, site, purpose, answer, now_us=now_us
        )
        if not is_right:
            await _note_wrong(tx, call, "passkey.given", person_id)
        return is_right

    if not await context.database.transaction(work):
        raise SignInRefused(
            "The passkey was not accepted. Try it again, or enter a code.", param="passkey"
        )


async def passkey_options(call: RequestContext[Any, Any], purpose: Purpose) -> str:
    site, vault = site_of(call), call.context.vault
    existing = await call.context.database.read(
        lambda tx: passkey.list_passkeys(tx, purpose.account_id)
    )
    if site is None or not existing:
        return ""
    challenge = passkey_challenge.make(vault, purpose, now_us=call.now_us)
    await passkey.load()
    return passkey.options_to_show(site, existing, challenge)


def purpose_of(call: RequestContext[Any, Any], kind: Literal["add", "confirm"]) -> Purpose:
    return Purpose(kind, call.principal.person_id, call.principal.credential_id)


def site_of(call: RequestContext[Any, Any]) -> Site | None:
    """Return the site for passkeys, or None if browsers don't accept passkeys at PUBLIC_URL."""
    return Site.of(call.context.settings.address())


async def _take_try(call: RequestContext[Any, Any], person_id: str, source: str) -> None:
    if source == STRANGER:
        source = f"{STRANGER}:{block_of(call.address)}"
    for allowed in CODE_TRIES:
        await take_one(
            call.context.limiter,
            f"code:{source}:{person_id}:{allowed.period_s}",
            allowed,
            "too many codes were tried; wait a few minutes",
        )


async def _note_wrong(
    tx: Transaction, call: RequestContext[Any, Any], action: str, person_id: str
) -> None:
    await note(tx, call, action, person_id, account_id=person_id, environment="", outcome="refused")


async def check_own(call: RequestContext[Any, Any], password: str) -> None:
    principal, context = call.principal, call.context
    await take_one(
        context.limiter,
        f"password:{principal.person_id}",
        TRIES,
        "too many passwords were tried; wait a few minutes",
    )
    account = await context.database.read(lambda tx: get_account(tx, principal.person_id))
    source = f"account:{principal.person_id}"
    if not await context.passwords.verify(
        password, account.password_hash, source=source, is_known=True
    ):
        await context.database.transaction(
            lambda tx: note(
                tx,
                call,
                "password.confirmed",
                principal.credential_id,
                environment="",
                outcome="refused",
            )
        )
        raise SignInRefused("The password is wrong.", param="password")
