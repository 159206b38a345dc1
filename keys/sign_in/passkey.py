"""Passkeys (WebAuthn): a device's key stands for a code of two-factor sign-in.

Promises: a device's answer counts once, also at two processes at once: a passkey takes only challenges that were made
after the newest it answered; one whose device's counter did not grow is refused. A credential belongs to one
account. There are passkeys only while two-factor sign-in is on: whoever loses the device has the codes. Only public
keys are stored, and no name of a device but the one that the person chose. Writes passkeys.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import webauthn
from webauthn.helpers import (
    base64url_to_bytes,
    bytes_to_base64url,
    parse_authentication_credential_json,
    parse_client_data_json,
    parse_registration_credential_json,
)
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AuthenticationCredential,
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    RegistrationCredential,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from kernel.errors import InvalidInput, NotFound
from kernel.ids import new_id
from keys import second_factor
from keys.account import Account
from keys.label import normalise_name
from keys.sign_in import passkey_challenge
from keys.sign_in.passkey_challenge import Purpose, Site
from keys.vault import Vault
from store.database import Transaction
from store.row_mapping import RowMapping

OF_ONE_MAX: Final = 10
# A browser's answer is a few thousand characters.
ANSWER_MAX: Final = 20_000
_LIFE_MS: Final = passkey_challenge.LIFE_US // 1000
# What the library and Python raise of an answer that is none.
_UNREADABLE: Final = (
    WebAuthnException,
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    RecursionError,
)


@dataclass(frozen=True, slots=True)
class Passkey:
    """One of an account's. last_challenge_at: when the newest challenge that it answered was made. Times in
    microseconds.
    """

    id: str
    account_id: str
    credential_id: str
    public_key: str
    name: str
    sign_count: int
    last_challenge_at: int
    created_at: int
    last_used_at: int | None = None


async def list_passkeys(tx: Transaction, account_id: str) -> Sequence[Passkey]:
    """The account's, the oldest first."""
    rows = await tx.fetch(
        f"SELECT {_ROWS.listed} FROM passkeys WHERE account_id = :account_id ORDER BY created_at, id",
        account_id=account_id,
    )
    return [_ROWS.read(row) for row in rows]


def options_to_add(
    site: Site, account: Account, existing: Sequence[Passkey], challenge: bytes
) -> str:
    """What navigator.credentials.create is given: JSON."""
    options = webauthn.generate_registration_options(
        rp_id=site.rp_id,
        rp_name=second_factor.ISSUER,
        user_id=account.id.encode(),
        user_name=account.email or account.name,
        challenge=challenge,
        timeout=_LIFE_MS,
        attestation=AttestationConveyancePreference.NONE,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED,
            user_verification=UserVerificationRequirement.PREFERRED,
        ),
        exclude_credentials=_described(existing),
    )
    return webauthn.options_to_json(options)


def options_to_show(site: Site, existing: Sequence[Passkey], challenge: bytes) -> str:
    """What navigator.credentials.get is given: JSON."""
    options = webauthn.generate_authentication_options(
        rp_id=site.rp_id,
        challenge=challenge,
        timeout=_LIFE_MS,
        allow_credentials=_described(existing),
        user_verification=UserVerificationRequirement.PREFERRED,
    )
    return webauthn.options_to_json(options)


async def check_room(tx: Transaction, account_id: str) -> Sequence[Passkey]:
    """The account's passkeys; raises InvalidInput where two-factor sign-in is off, or no more are taken."""
    if not await second_factor.lock_on(tx, account_id):
        raise InvalidInput("switch two-factor sign-in on first", param="name")
    existing = await list_passkeys(tx, account_id)
    if len(existing) >= OF_ONE_MAX:
        raise InvalidInput(f"there are {OF_ONE_MAX} passkeys: remove one first", param="name")
    return existing


async def add(
    tx: Transaction,
    vault: Vault,
    site: Site,
    purpose: Purpose,
    name: str,
    given: str,
    *,
    now_us: int,
) -> Passkey:
    """Keeps what a device made for the purpose's account; given: its answer, JSON.

    Raises InvalidInput for one that is not for this site, person and session, or is too old, or is kept already.
    """
    account_id = purpose.account_id
    await check_room(tx, account_id)
    answer = _read_new(given)
    challenge = None if answer is None else _challenge_of(answer)
    if answer is None or challenge is None:
        raise _not_made()
    if passkey_challenge.made_at(vault, purpose, challenge, now_us=now_us) is None:
        raise InvalidInput("that took too long: add it again", param="name")
    try:
        verified = webauthn.verify_registration_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=site.rp_id,
            expected_origin=site.origin,
        )
    except _UNREADABLE as error:
        raise _not_made() from error
    made = Passkey(
        new_id("psk"),
        account_id,
        bytes_to_base64url(verified.credential_id),
        bytes_to_base64url(verified.credential_public_key),
        normalise_name(name),
        verified.sign_count,
        0,
        now_us,
    )
    once = "ON CONFLICT (credential_id) DO NOTHING"
    if not await tx.insert("passkeys", _ROWS.columns, [_ROWS.write(made)], once):
        raise InvalidInput("this passkey was added before", param="name")
    return made


async def check(
    tx: Transaction, vault: Vault, site: Site, purpose: Purpose, given: str, *, now_us: int
) -> bool:
    """Whether a passkey of the purpose's account signed a challenge for it that it did not answer before; it is
    used now. given: the browser's answer, JSON.
    """
    answer = _read_shown(given)
    challenge = None if answer is None else _challenge_of(answer)
    if answer is None or challenge is None:
        return False
    asked_at = passkey_challenge.made_at(vault, purpose, challenge, now_us=now_us)
    row = await tx.fetch_one(
        _LOCK, account_id=purpose.account_id, credential_id=bytes_to_base64url(answer.raw_id)
    )
    if asked_at is None or row is None:
        return False
    kept = _ROWS.read(row)
    if asked_at <= kept.last_challenge_at:
        return False
    count = _count_of(kept, site, answer, challenge)
    if count is None:
        return False
    await tx.execute(_USED, id=kept.id, asked_at=asked_at, count=count, now_us=now_us)
    return True


async def rename(tx: Transaction, account_id: str, passkey_id: str, name: str) -> None:
    """Raises InvalidInput and NotFound."""
    done = await tx.execute(
        "UPDATE passkeys SET name = :name WHERE id = :id AND account_id = :account_id",
        name=normalise_name(name),
        id=passkey_id,
        account_id=account_id,
    )
    if not done:
        raise NotFound("Passkey")


async def remove(tx: Transaction, account_id: str, passkey_id: str) -> None:
    """Raises NotFound."""
    done = await tx.execute(
        "DELETE FROM passkeys WHERE id = :id AND account_id = :account_id",
        id=passkey_id,
        account_id=account_id,
    )
    if not done:
        raise NotFound("Passkey")


def _count_of(
    kept: Passkey, site: Site, answer: AuthenticationCredential, challenge: bytes
) -> int | None:
    """The device's counter where it signed the challenge at this site; else None."""
    try:
        return webauthn.verify_authentication_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=site.rp_id,
            expected_origin=site.origin,
            credential_public_key=base64url_to_bytes(kept.public_key),
            credential_current_sign_count=kept.sign_count,
        ).new_sign_count
    except _UNREADABLE:
        return None


def _read_new(given: str) -> RegistrationCredential | None:
    try:
        return parse_registration_credential_json(given[:ANSWER_MAX])
    except _UNREADABLE:
        return None


def _read_shown(given: str) -> AuthenticationCredential | None:
    try:
        return parse_authentication_credential_json(given[:ANSWER_MAX])
    except _UNREADABLE:
        return None


def _challenge_of(answer: RegistrationCredential | AuthenticationCredential) -> bytes | None:
    """What the device says that it signed; whether we asked for it is checked apart."""
    try:
        return parse_client_data_json(answer.response.client_data_json).challenge
    except _UNREADABLE:
        return None


def _not_made() -> InvalidInput:
    return InvalidInput("the browser's answer is no new passkey of this site", param="name")


def _described(existing: Sequence[Passkey]) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(id=base64url_to_bytes(one.credential_id)) for one in existing
    ]


_ROWS = RowMapping(Passkey)
_LOCK = f"""SELECT {_ROWS.listed} FROM passkeys
    WHERE account_id = :account_id AND credential_id = :credential_id FOR NO KEY UPDATE"""
_USED = """UPDATE passkeys SET sign_count = :count, last_challenge_at = :asked_at, last_used_at = :now_us
    WHERE id = :id"""
