"""Account access: email notifications, passwords and second factors."""

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
from billing.recipients import account_mail
from billing.recipients.language import languages
from billing.topups.mail import MailRules
from billing.topups.rules import VOUCHER_KEY, LinkTokens, password_url
from kernel.errors import InvalidInput
from kernel.fields import Fields, Page, said
from keys import second_factor
from keys.account import Account as Row, get_account
from keys.act import (
    MACHINE,
    OPERATOR,
    Act,
    ActContext,
    Audited,
    CallContext,
    Change,
    ListAct,
    PublicUrl,
)
from keys.notifications import Person, mail_language, people_of, set_mail_language
from keys.principal import require_owner
from keys.second_factor import SecondFactor
from keys.sign_in import password_reset
from keys.sign_in.acts import on_own_page
from keys.sign_in.password import Passwords, check_password, hash_password
from keys.sign_in.password_reset import PasswordReset
from keys.vault import Vault
from store.database import Database
from store.keyset import Begin


class OwnPassword(Fields, frozen=True, kw_only=True):
    new_password: str


class MailLanguage(Fields, frozen=True, kw_only=True):
    language: str


class NewPassword(Fields, frozen=True, kw_only=True):
    password: (
        Annotated[
            str,
            Meta(
                description="10 to 200 characters. If omitted, a password is generated and shown only once."
            ),
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


async def hash_own(context: CallContext, asked: OwnPassword, _database: Database) -> str:
    check_password(asked.new_password, param="new_password")
    source = f"account:{context.tenant.account_id}"
    return await context.service(Passwords).hash(asked.new_password, source=source, is_known=True)


async def change_own_password(context: ActContext, _asked: OwnPassword) -> Change[None]:
    require_owner(context.caller)
    tx, account_id, now_us = context.tx, context.tenant.account_id, context.now_us
    ended = await password_reset.change_password(
        tx,
        account_id,
        context.prepared,
        now_us=now_us,
        kept_session_id=context.caller.credential_id,
    )
    account, rules = await get_account(tx, account_id), context.service(MailRules)
    await account_mail.write_password_changed(tx, rules, account, now_us=now_us)
    return Change(after=None, noted={"sessions_ended": ended})


async def choose_language(context: ActContext, asked: MailLanguage) -> Change[str | None]:
    require_owner(context.caller)
    if asked.language not in languages():
        raise InvalidInput(f"Choose one of {', '.join(languages())}.", param="language")
    before = await mail_language(context.tx, context.tenant.account_id)
    await set_mail_language(context.tx, context.tenant.account_id, asked.language)
    return Change(before=before, after=asked.language)


async def begin_password(context: ActContext, _asked: Fields) -> Change[PasswordReset]:
    account = await _with_email(context)
    made = await password_reset.begin(context.tx, account, now_us=context.now_us)
    if made is None:
        raise InvalidInput(
            "The account already has ten unused password links. Use one of them, or wait until one expires.",
            param="account",
        )
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


def _language(tag: str | None) -> Mapping[str, Any]:
    return {"language": tag}


LIST_TOLD = ListAct(
    name="accounts.notifications",
    summary="Show which mail the owner and each colleague get",
    description="Each person chooses this on their page Account.",
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
    description="This also signs the account out everywhere.",
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
    summary="Create a link that sets a password, once, within an hour",
    description="First make sure that the owner really requested it, then give the owner the link. The password"
    " changes when the link is used.",
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
    summary="Turn off two-factor sign-in for someone who lost their phone and recovery codes",
    description="Afterwards the password alone is enough to sign in. Passkeys are removed too.",
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
CHANGE_OWN_PASSWORD = on_own_page(
    "sign-in.change-password",
    "Change the password",
    change_own_password,
    "password.changed",
    input=OwnPassword,
    prepare=hash_own,
)
CHOOSE_LANGUAGE = on_own_page(
    "mail.choose-language",
    "Choose the language of mail",
    choose_language,
    "mail.changed",
    shows=_language,
    input=MailLanguage,
)
