"""Account access: mail, passwords and second factors."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from msgspec import Meta

from billing.accounts.acts import (
    ACCOUNT,
    AccountDetails,
    AccountPassword,
    PasswordLink,
    Told,
)
from billing.topups.rules import VOUCHER_KEY, LinkTokens, password_url
from kernel.errors import InvalidInput
from kernel.fields import Fields, Page, said
from keys import second_factor
from keys.account import Account as Row, get_account
from keys.act import MACHINE, OPERATOR, Act, ActContext, Audited, Change, ListAct, PublicUrl
from keys.notifications import Person, people_of
from keys.second_factor import SecondFactor
from keys.sign_in import password_reset
from keys.sign_in.password import check_password, hash_password
from keys.sign_in.password_reset import PasswordReset
from keys.vault import Vault
from store.keyset import Begin


class NewPassword(Fields, frozen=True, kw_only=True):
    password: (
        Annotated[
            str,
            Meta(description="10 to 200 characters; left out, one is made and shown this once."),
            said("Password", is_secret=True),
        ]
        | None
    ) = None


async def list_told(
    context: ActContext, _asked: Page, _begin: Begin, _limit: int
) -> Sequence[Person]:
    account_id = context.tenant.account_id
    return (await people_of(context.tx, [account_id]))[account_id]


async def set_password(context: ActContext, asked: NewPassword) -> Change[Row]:
    made = asked.password or secrets.token_urlsafe(15)
    check_password(made)
    account = await _with_email(context)
    ended = await password_reset.change_password(
        context.tx, account.id, hash_password(made), now_us=context.now_us
    )
    shown = {} if asked.password else {"password": made}
    return Change(after=account, noted={"sessions_ended": ended}, shown_once=shown)


async def begin_password(context: ActContext, _asked: Fields) -> Change[PasswordReset]:
    account = await _with_email(context)
    made = await password_reset.begin(context.tx, account, now_us=context.now_us)
    if made is None:
        raise InvalidInput("The account already has ten unused links.", param="account")
    vault, address = context.service(Vault), context.service(PublicUrl).text
    key = await vault.data_key(context.tx, VOUCHER_KEY, now_us=context.now_us)
    url = password_url(address, LinkTokens(key), made.id)
    return Change(after=made, shown_once={"url": url})


async def remove_second_factor(
    context: ActContext, _asked: Fields
) -> Change[tuple[Row, SecondFactor | None]]:
    account_id = context.tenant.account_id
    if not await second_factor.remove(context.tx, account_id):
        raise InvalidInput("Two-factor sign-in is already off.", param="account")
    return Change(after=(await get_account(context.tx, account_id), None))


async def _with_email(context: ActContext) -> Row:
    account = await get_account(context.tx, context.tenant.account_id)
    if account.email is None:
        raise InvalidInput("The account has no email address to sign in with.", param="account")
    return account


def _link(made: PasswordReset) -> PasswordLink:
    return PasswordLink.of(made, id=made.account_id)


def _nothing(_found: object) -> Mapping[str, Any]:
    return {}


LIST_TOLD = ListAct(
    name="accounts.notifications",
    summary="Show which mail the owner and each colleague get",
    description="They choose it at their page Account.",
    path=f"{ACCOUNT}/notifications",
    audience=(OPERATOR,),
    query=Page,
    run=list_told,
    result=Told,
    is_account_wide=True,
    columns=("email", "role", "staging", "told"),
    examples=("topup accounts notifications ops@acme.example",),
)
SET_PASSWORD = Act(
    name="accounts.password",
    summary="Set the password that signs in to the dashboard",
    description="Signs the account out everywhere.",
    path=f"{ACCOUNT}/password",
    audience=(MACHINE,),
    input=NewPassword,
    run=set_password,
    result=AccountPassword,
    shows_secret=True,
    is_account_wide=True,
    audit=Audited("password.changed", _nothing),
    asks="Set a new password for {name} ({email})? Whoever is signed in is signed out.",
    examples=(
        "topup accounts password ops@acme.example --password -",
        "topup accounts password ops@acme.example --yes",
    ),
)
BEGIN_PASSWORD = Act(
    name="accounts.password-link",
    summary="Make a link that sets a password, once, within an hour",
    description="Nothing changes yet: give the link to the owner. First make sure that the owner "
    "really asked for it.",
    path=f"{ACCOUNT}/password-link",
    audience=(MACHINE,),
    input=Fields,
    run=begin_password,
    view=_link,
    result=PasswordLink,
    shows_secret=True,
    is_account_wide=True,
    audit=Audited("password.asked", _nothing),
    examples=("topup accounts password-link ops@acme.example",),
)
REMOVE_SECOND_FACTOR = Act(
    name="accounts.remove-two-factor",
    summary="Switch off two-factor sign-in for a person who lost phone and recovery codes",
    description="Afterwards the password alone signs in. Passkeys are removed, too.",
    path=f"{ACCOUNT}/remove-two-factor",
    audience=(MACHINE,),
    input=Fields,
    run=remove_second_factor,
    view=AccountDetails.of_found,
    result=AccountDetails,
    is_account_wide=True,
    audit=Audited("two_factor.off", _nothing),
    asks="Switch the second factor of {name} ({email}) off? Make sure that it is they who ask.",
    examples=("topup accounts remove-two-factor ops@acme.example",),
)
ACTS = (LIST_TOLD, SET_PASSWORD, BEGIN_PASSWORD, REMOVE_SECOND_FACTOR)
