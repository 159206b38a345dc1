"""Make passkey options and read browsers' responses with the webauthn library.

passkey.py imports this module at the first use of a passkey.
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

from keys import second_factor
from keys.account import Account
from keys.sign_in import passkey_challenge
from keys.sign_in.passkey_challenge import Site

ANSWER_MAX: Final = 20_000
_LIFE_MS: Final = passkey_challenge.LIFE_US // 1000
_UNREADABLE: Final = (
    WebAuthnException,
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    RecursionError,
)


@dataclass(frozen=True, slots=True)
class MadeKey:
    credential_id: str
    public_key: str
    sign_count: int


@dataclass(frozen=True, slots=True)
class NewAnswer:
    """A browser's response with a new key. Whether the key signed the challenge isn't checked yet."""

    challenge: bytes
    answer: RegistrationCredential

    def key_for(self, site: Site) -> MadeKey | None:
        try:
            verified = webauthn.verify_registration_response(
                credential=self.answer,
                expected_challenge=self.challenge,
                expected_rp_id=site.rp_id,
                expected_origin=site.origin,
            )
        except _UNREADABLE:
            return None
        return MadeKey(
            bytes_to_base64url(verified.credential_id),
            bytes_to_base64url(verified.credential_public_key),
            verified.sign_count,
        )


@dataclass(frozen=True, slots=True)
class ShownAnswer:
    """A browser's response with a known credential. Whether its key signed the challenge isn't checked yet."""

    challenge: bytes
    credential_id: str
    answer: AuthenticationCredential

    def count_for(self, site: Site, public_key: str, sign_count: int) -> int | None:
        """Return the device's counter, or None if the device didn't sign the challenge at this site."""
        try:
            return webauthn.verify_authentication_response(
                credential=self.answer,
                expected_challenge=self.challenge,
                expected_rp_id=site.rp_id,
                expected_origin=site.origin,
                credential_public_key=base64url_to_bytes(public_key),
                credential_current_sign_count=sign_count,
            ).new_sign_count
        except _UNREADABLE:
            return None


def options_to_add(site: Site, account: Account, existing: Sequence[str], challenge: bytes) -> str:
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


def options_to_show(site: Site, existing: Sequence[str], challenge: bytes) -> str:
    options = webauthn.generate_authentication_options(
        rp_id=site.rp_id,
        challenge=challenge,
        timeout=_LIFE_MS,
        allow_credentials=_described(existing),
        user_verification=UserVerificationRequirement.PREFERRED,
    )
    return webauthn.options_to_json(options)


def read_new(given: str) -> NewAnswer | None:
    """Read a browser's response with a new key. Return None if it is anything else."""
    try:
        answer = parse_registration_credential_json(given[:ANSWER_MAX])
        return NewAnswer(_challenge_of(answer), answer)
    except _UNREADABLE:
        return None


def read_shown(given: str) -> ShownAnswer | None:
    """Read a browser's response with a known credential. Return None if it is anything else."""
    try:
        answer = parse_authentication_credential_json(given[:ANSWER_MAX])
        return ShownAnswer(_challenge_of(answer), bytes_to_base64url(answer.raw_id), answer)
    except _UNREADABLE:
        return None


def _challenge_of(answer: RegistrationCredential | AuthenticationCredential) -> bytes:
    return parse_client_data_json(answer.response.client_data_json).challenge


def _described(existing: Sequence[str]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=base64url_to_bytes(one)) for one in existing]
