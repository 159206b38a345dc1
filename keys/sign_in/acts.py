"""Acts on how a person signs in: recovery codes, the second factor, passkeys.

Only the account's owner can run them, on their own page, which asks for a code first.
"""

from collections.abc import Mapping
from typing import Any, Final

from kernel.fields import Fields
from kernel.shaped import Shaped
from keys import second_factor
from keys.act import Act, ActContext, Audited, Change
from keys.principal import ACCOUNT_SCOPES, require_owner
from keys.sign_in import passkey

_PASSKEY: Final = "/account/two-factor/passkeys/{passkey_id}"


class PasskeyName(Fields, frozen=True, kw_only=True):
    name: str


class RecoveryCodes(Shaped, kw_only=True):
    codes: list[str]


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


_COMMON: Final[dict[str, Any]] = {
    "scopes": ACCOUNT_SCOPES,
    "audience": (),
    "is_account_wide": True,
    "is_for_paused": True,
    "is_for_suspended": True,
}
RENEW_CODES: Final = Act(
    name="sign-in.renew-codes",
    summary="Create new recovery codes",
    path="/account/two-factor/codes",
    input=Fields,
    run=renew_codes,
    view=_no_codes,
    result=RecoveryCodes,
    shows_secret=True,
    audit=Audited("two_factor.codes_renewed", _nothing),
    **_COMMON,
)
SWITCH_OFF: Final = Act(
    name="sign-in.switch-off",
    summary="Switch two-factor sign-in off",
    path="/account/two-factor/off",
    input=Fields,
    run=switch_off,
    view=_nothing,
    result=dict,
    audit=Audited("two_factor.off", _nothing),
    **_COMMON,
)
RENAME_PASSKEY: Final = Act(
    name="sign-in.rename-passkey",
    summary="Rename a passkey",
    path=f"{_PASSKEY}/rename",
    input=PasskeyName,
    run=rename_passkey,
    view=_nothing,
    result=dict,
    audit=Audited("passkey.renamed", _named),
    **_COMMON,
)
REMOVE_PASSKEY: Final = Act(
    name="sign-in.remove-passkey",
    summary="Remove a passkey",
    path=f"{_PASSKEY}/remove",
    input=Fields,
    run=remove_passkey,
    view=_nothing,
    result=dict,
    audit=Audited("passkey.removed", _nothing),
    **_COMMON,
)
