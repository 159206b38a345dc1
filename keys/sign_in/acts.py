"""Sign-in: sessions, recovery codes, the second factor, and passkeys.

A person's own page offers these acts, after it has asked for the password or a code. Only the account's owner
can change the second factor and passkeys.
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from typing import Any, Final

from kernel.errors import InvalidInput
from kernel.fields import Fields
from kernel.shaped import Shaped
from keys import second_factor, session
from keys.act import Act, ActContext, Audited, Change
from keys.principal import ACCOUNT_SCOPES, require_owner
from keys.sign_in import passkey
from keys.vault import Vault


class PasskeyName(Fields, frozen=True, kw_only=True):
    name: str


class AppCode(Fields, frozen=True, kw_only=True):
    code: str


class RecoveryCodes(Shaped, kw_only=True):
    codes: list[str]


async def end_session(context: ActContext, _asked: Fields) -> Change[None]:
    await session.end(context.tx, context.tenant.account_id, context.object_id)
    return Change(after=None)


async def end_other_sessions(context: ActContext, _asked: Fields) -> Change[None]:
    return Change(after=None, noted={"sessions_ended": await _end_others(context)})


async def _end_others(context: ActContext) -> int:
    person_id, kept_id = context.tenant.account_id, context.caller.credential_id
    return await session.end_others(context.tx, person_id, kept_id, now_us=context.now_us)


async def switch_on(context: ActContext, asked: AppCode) -> Change[None]:
    require_owner(context.caller)
    vault, account_id = context.service(Vault), context.tenant.account_id
    session_id = context.caller.credential_id
    codes = await second_factor.switch_on(
        context.tx, vault, account_id, asked.code, session_id, now_us=context.now_us
    )
    if codes is None:
        raise InvalidInput("This isn't the current code from your authenticator app.", param="code")
    noted = {"sessions_ended": await _end_others(context)}
    return Change(after=None, noted=noted, shown_once={"codes": list(codes)})


async def renew_codes(context: ActContext, _asked: Fields) -> Change[None]:
    require_owner(context.caller)
    codes = await second_factor.renew_recovery(context.tx, context.tenant.account_id)
    return Change(after=None, shown_once={"codes": list(codes)})


async def switch_off(context: ActContext, _asked: Fields) -> Change[None]:
    require_owner(context.caller)
    await second_factor.remove(context.tx, context.tenant.account_id)
    return Change(after=None)


async def rename_passkey(context: ActContext, asked: PasskeyName) -> Change[str]:
    require_owner(context.caller)
    await passkey.rename(context.tx, context.tenant.account_id, context.object_id, asked.name)
    return Change(after=asked.name)


async def remove_passkey(context: ActContext, _asked: Fields) -> Change[None]:
    require_owner(context.caller)
    await passkey.remove(context.tx, context.tenant.account_id, context.object_id)
    return Change(after=None)


def _no_codes(_: None) -> RecoveryCodes:
    return RecoveryCodes(codes=[])


def _named(name: str) -> Mapping[str, Any]:
    return {"name": name}


def _nothing(_: object) -> Mapping[str, Any]:
    return {}


def on_own_page(
    name: str,
    summary: str,
    run: Callable[[ActContext, Any], Awaitable[Change[Any]]],
    action: str,
    *,
    object_id: str = "",
    shows: Callable[[Any], Mapping[str, Any]] = _nothing,
    **more: Any,
) -> Act[Any, Any]:
    """Return an act that only the person's own page offers. `action` names the audit entry.

    The act runs only if the caller's session still exists once the account is locked. If two sessions change the
    password at once, the first change ends the other session.
    """

    @wraps(run)
    async def in_living_session(context: ActContext, asked: Any) -> Change[Any]:
        await session.check(context.tx, context.caller.credential_id)
        return await run(context, asked)

    row: dict[str, Any] = {"input": Fields, "view": _nothing, "result": dict, **more}
    return Act(
        name=name,
        summary=summary,
        path=f"/account/{name}" + (f"/{{{object_id}}}" if object_id else ""),
        scopes=ACCOUNT_SCOPES,
        audience=(),
        is_account_wide=True,
        is_for_paused=True,
        is_for_suspended=True,
        run=in_living_session,
        audit=Audited(action, shows),
        **row,
    )


_CODES: Final[dict[str, Any]] = {"view": _no_codes, "result": RecoveryCodes, "shows_secret": True}
_PASSKEY: Final = "passkey_id"
END_SESSION: Final = on_own_page(
    "sessions.end",
    "End a session",
    end_session,
    "session.ended",
    object_id="session_id",
    is_persons=True,
)
END_OTHER_SESSIONS: Final = on_own_page(
    "sessions.end-others",
    "End all other sessions",
    end_other_sessions,
    "session.ended",
    is_persons=True,
)
SWITCH_ON: Final = on_own_page(
    "two-factor.on",
    "Switch two-factor sign-in on",
    switch_on,
    "two_factor.on",
    input=AppCode,
    **_CODES,
)
RENEW_CODES: Final = on_own_page(
    "two-factor.codes",
    "Create new recovery codes",
    renew_codes,
    "two_factor.codes_renewed",
    **_CODES,
)
SWITCH_OFF: Final = on_own_page(
    "two-factor.off", "Switch two-factor sign-in off", switch_off, "two_factor.off"
)
RENAME_PASSKEY: Final = on_own_page(
    "passkeys.rename",
    "Rename a passkey",
    rename_passkey,
    "passkey.renamed",
    object_id=_PASSKEY,
    shows=_named,
    input=PasskeyName,
)
REMOVE_PASSKEY: Final = on_own_page(
    "passkeys.remove", "Remove a passkey", remove_passkey, "passkey.removed", object_id=_PASSKEY
)
