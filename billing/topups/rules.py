"""The operator's rules for top-ups, and the links of pages that need no account."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from billing.topups.mail import MailRules
from billing.topups.platform import PlatformBook
from billing.topups.topup import TopUp
from billing.topups.voucher import TOPUP_PREFIX, VoucherCodes, one_at_a_time, sees_code
from kernel.brand import Brand
from kernel.ids import ID_BITS, decode_all, encode
from keys.principal import Principal

CLAIM_PATH: Final = "/claim"
INVITATION_PATH: Final = "/invitation"
PASSWORD_PATH: Final = "/new-password"  # noqa: S105
SIGN_IN_LINK_PATH: Final = "/sign-in-link"
ADDRESS_PATH: Final = "/verify-address"
DECIDE_PATH: Final = "/decide"

LinkPurpose = Literal[
    "claim",
    "task",
    "mail",
    "order",
    "receipt",
    "approval",
    "colleague_approval",
    "invitation",
    "password",
    "sign_in",
    "address",
    "no_expiring",
    "no_receipt",
    "no_approval",
    "no_webhook",
    "no_balance",
    "no_key",
    "member_no_expiring",
    "member_no_receipt",
    "member_no_approval",
    "member_no_webhook",
    "member_no_balance",
    "member_no_key",
]
# The prefix of each purpose's IDs; a colleague's approval uses the ID of its mail.
_PREFIXES: Final[Mapping[LinkPurpose, str]] = {
    "claim": TOPUP_PREFIX,
    # An MCP client's name of a send that waits (gateway/mcp/tasks.py).
    "task": TOPUP_PREFIX,
    "mail": TOPUP_PREFIX,
    "order": "ord_",
    "receipt": "doc_",
    "approval": "apr_",
    "colleague_approval": "oml_",
    "invitation": "inv_",
    "password": "pwr_",
    "sign_in": "sgl_",
    "address": "evf_",
    "no_expiring": "acc_",
    "no_receipt": "acc_",
    "no_approval": "acc_",
    "no_webhook": "acc_",
    "no_balance": "acc_",
    "no_key": "acc_",
    "member_no_expiring": "mbr_",
    "member_no_receipt": "mbr_",
    "member_no_approval": "mbr_",
    "member_no_webhook": "mbr_",
    "member_no_balance": "mbr_",
    "member_no_key": "mbr_",
}
_BLOCK_BYTES: Final = 16
_CHARACTERS: Final = 22
# Pads a block to whole characters, so that many blocks encode as one text.
_FILL: Final = bytes(2)
_FILLED_CHARACTERS: Final = 24


class LinkTokens:
    """Turn IDs into tokens of pages that need no account, and back.

    A token is one AES block: the ID of its purpose's object, under a key derived for that purpose. It isn't
    stored, and has one spelling.
    """

    def __init__(self, key: bytes) -> None:
        ciphers = {purpose: _cipher(key, purpose) for purpose in get_args(LinkPurpose)}
        self._encrypt = {
            purpose: one_at_a_time(one.encryptor().update) for purpose, one in ciphers.items()
        }
        self._decrypt = {
            purpose: one_at_a_time(one.decryptor().update) for purpose, one in ciphers.items()
        }
        self._digest_key = _derived(key, b"topup mail refusals 1")

    def token_of(self, purpose: LinkPurpose, subject_id: str) -> str:
        return self.tokens_of(purpose, [subject_id])[0]

    def tokens_of(self, purpose: LinkPurpose, subject_ids: Sequence[str]) -> list[str]:
        """Return the tokens in order, in half the time of single calls."""
        prefix = _PREFIXES[purpose]
        numbers = decode_all([one.removeprefix(prefix) for one in subject_ids])
        blocks = self._encrypt[purpose](
            b"".join([n.to_bytes(_BLOCK_BYTES, "big") for n in numbers])
        )
        filled = [
            blocks[at : at + _BLOCK_BYTES] + _FILL for at in range(0, len(blocks), _BLOCK_BYTES)
        ]
        text = base64.urlsafe_b64encode(b"".join(filled)).decode()
        return [text[at : at + _CHARACTERS] for at in range(0, len(text), _FILLED_CHARACTERS)]

    def digest_of(self, address: str) -> str:
        return hmac.digest(self._digest_key, address.encode(), hashlib.sha256).hex()

    def id_of(self, purpose: LinkPurpose, token: str) -> str | None:
        if len(token) != _CHARACTERS or not token.isascii():
            return None
        try:
            block = base64.urlsafe_b64decode(f"{token}==")
        except (ValueError, binascii.Error):
            return None
        number = int.from_bytes(self._decrypt[purpose](block), "big")
        if number >> ID_BITS:
            return None
        subject_id = _PREFIXES[purpose] + encode(number)
        # Spare bits of the last character, and characters that a decoder skips, would spell a token twice.
        return subject_id if self.token_of(purpose, subject_id) == token else None


def _cipher(key: bytes, purpose: str) -> Cipher[modes.ECB]:
    derived = _derived(key, f"topup {purpose} link 1".encode())
    # All blocks are distinct: ECB is the bare block cipher here.
    return Cipher(algorithms.AES256(derived), modes.ECB())  # noqa: S305


def _derived(key: bytes, info: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=len(key), salt=None, info=info).derive(key)


def password_url(public_url: str, links: LinkTokens, reset_id: str) -> str:
    return f"{public_url}{PASSWORD_PATH}/{links.token_of('password', reset_id)}"


def sign_in_url(public_url: str, links: LinkTokens, link_id: str) -> str:
    return f"{public_url}{SIGN_IN_LINK_PATH}/{links.token_of('sign_in', link_id)}"


@dataclass(frozen=True, slots=True)
class TopUpRules:
    platforms: PlatformBook
    codes: VoucherCodes
    links: LinkTokens
    public_url: str = ""
    mail: MailRules = field(default_factory=MailRules)
    brand: Brand = field(default_factory=Brand)

    def claim_url_shown(self, topup: TopUp, principal: Principal) -> str | None:
        return self.claim_url(topup.id) if sees_code(principal, topup.spent_by) else None

    def claim_url(self, topup_id: str, token: str | None = None) -> str:
        return f"{self.public_url}{CLAIM_PATH}/{token or self.claim_token_of(topup_id)}"

    def decide_url(self, approval_id: str) -> str:
        """Return the page on which anybody with its address decides, once."""
        token = self.links.token_of("approval", approval_id)
        return f"{self.public_url}{DECIDE_PATH}/{token}"

    def colleague_decide_url(self, mail_id: str) -> str:
        token = self.links.token_of("colleague_approval", mail_id)
        return f"{self.public_url}{DECIDE_PATH}/{token}"

    def invitation_url(self, invitation_id: str, address: str = "") -> str:
        token = self.links.token_of("invitation", invitation_id)
        return f"{self.public_url or address}{INVITATION_PATH}/{token}"

    def password_url(self, reset_id: str) -> str:
        return password_url(self.public_url, self.links, reset_id)

    def address_url(self, verification_id: str) -> str:
        return f"{self.public_url}{ADDRESS_PATH}/{self.links.token_of('address', verification_id)}"

    def claim_token_of(self, topup_id: str) -> str:
        return self.links.token_of("claim", topup_id)
