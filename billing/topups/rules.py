"""Combine the operator's rules for top-ups. Derive voucher codes and page links from IDs."""

import base64
import binascii
import hashlib
import hmac
import secrets
import struct
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from billing.topups.mail import MailRules
from billing.topups.platform import PlatformBook
from billing.topups.topup import TopUp
from kernel.brand import Brand
from kernel.errors import DomainError
from kernel.ids import ID_BITS, decode, decode_all, encode
from keys.principal import SEES_CODES, Principal
from keys.vault import SealBroken
from store.database import Transaction
from store.row_mapping import RowMapping
from webhooks.events.log import Event

VOUCHER_KEY = "voucher"
PREFIX = "ATU"
TOPUP_PREFIX = "txn_"
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_DATA_CHARACTERS = 19
_DIGIT_BITS = 5
_PAIRS = [first + second for first in CROCKFORD for second in CROCKFORD]
# The checksum of each pair of digits, with weights 1 and 3. The check digit counts as 0 here.
_PAIR_SUMS = [(pair >> _DIGIT_BITS) + 3 * (pair & 31) for pair in range(1024)]
_HALF_BITS = 50
_HALF_MASK = (1 << _HALF_BITS) - 1
_LEFT_BITS = 48
_RIGHT_BITS = ID_BITS - _LEFT_BITS
_RIGHT_MASK = (1 << _RIGHT_BITS) - 1
_LEFT_SHIFT, _RIGHT_SHIFT = 64 - _LEFT_BITS, 64 - _RIGHT_BITS
# Each step does two rounds. Four of the six rounds already make the permutation look random.
_STEPS = (0, 2, 4)
_block = struct.Struct(">QQ").pack
_first = struct.Struct(">Q").unpack_from
_TOGETHER_MIN = 4
_NONCE_BYTES = 12
_SEAL_INFO = b"topup fulfilment code 1"
_DIGEST_INFO = b"topup handed over 1"
_READ = {character: index for index, character in enumerate(CROCKFORD)} | {"O": 0, "I": 1, "L": 1}

VoucherTarget = Literal["wallet", "external"]


class NotRedeemable(DomainError):
    pass


class VoucherCodes:
    """Make voucher codes. A code is ATU- followed by five groups of four Crockford base32
    characters.

    Codes are encrypted top-up IDs, so they needn't be stored and can't be guessed.
    """

    def __init__(self, key: bytes) -> None:
        # No block repeats, so ECB serves only as a pseudorandom function.
        cipher = Cipher(algorithms.AES256(key), modes.ECB())  # noqa: S305
        self._encrypt = one_at_a_time(cipher.encryptor().update)
        seal_key = HKDF(algorithm=SHA256(), length=len(key), salt=None, info=_SEAL_INFO).derive(key)
        self._seal = AESGCM(seal_key)
        self._digest_key = HKDF(
            algorithm=SHA256(), length=len(key), salt=None, info=_DIGEST_INFO
        ).derive(key)

    def code_of(self, topup_id: str) -> str:
        return _written(self._permute(decode(topup_id.removeprefix(TOPUP_PREFIX))))

    def codes_of(self, topup_ids: Sequence[str]) -> list[str]:
        if len(topup_ids) < _TOGETHER_MIN:
            return [self.code_of(one) for one in topup_ids]
        numbers = decode_all([one.removeprefix(TOPUP_PREFIX) for one in topup_ids])
        return [_written(number) for number in self._permute_all(numbers)]

    def topup_id_of(self, code: str) -> str | None:
        text = code.strip().upper().replace("-", "").replace(" ", "")
        if not text.startswith(PREFIX) or len(text) != len(PREFIX) + _DATA_CHARACTERS + 1:
            return None
        number = 0
        values = [_READ.get(character) for character in text[len(PREFIX) :]]
        for value in values[:-1]:
            if value is None:
                return None
            number = number << 5 | value
        if values[-1] != _digit_pairs(number)[-1] & 31:
            return None
        found = self._unpermute(number)
        return TOPUP_PREFIX + encode(found)

    def seal(self, topup_id: str, code: str) -> str:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._seal.encrypt(nonce, code.encode(), topup_id.encode())
        return base64.b64encode(nonce + sealed).decode()

    def issued(self, topup_id: str, sealed: str | None) -> str:
        if sealed is None:
            return self.code_of(topup_id)
        blob = base64.b64decode(sealed)
        try:
            plain = self._seal.decrypt(blob[:_NONCE_BYTES], blob[_NONCE_BYTES:], topup_id.encode())
        except (InvalidTag, ValueError):
            raise SealBroken(f"the sealed code of {topup_id} was altered or moved") from None
        return plain.decode()

    def digest(self, text: str) -> str:
        return hmac.new(self._digest_key, text.encode(), hashlib.sha256).hexdigest()

    def shown(self, topup: TopUp, principal: Principal) -> str | None:
        is_there = topup.status == "delivered" and topup.voucher_code_hint is not None
        if not is_there or not sees_code(principal, topup.spent_by):
            return None
        return self.issued(topup.id, topup.fulfilment_code)

    def value_shown(self, topup: TopUp, principal: Principal) -> str | None:
        given = topup.deliverable if topup.status == "delivered" else None
        if given is None or given.value_hint is None or not sees_code(principal, topup.spent_by):
            return None
        return self.issued(topup.id, topup.fulfilment_code)

    def _permute(self, number: int) -> int:
        encrypt = self._encrypt
        left, right = number >> _RIGHT_BITS, number & _RIGHT_MASK
        for step in _STEPS:
            left ^= _first(encrypt(_block(step, right)))[0] >> _LEFT_SHIFT
            right ^= _first(encrypt(_block(step + 1, left)))[0] >> _RIGHT_SHIFT
        return left << _RIGHT_BITS | right

    def _permute_all(self, numbers: Sequence[int]) -> list[int]:
        """Permute each number. For a single number, `_permute` is three times as fast."""
        left = [number >> _RIGHT_BITS for number in numbers]
        right = [number & _RIGHT_MASK for number in numbers]
        for step in _STEPS:
            words = self._encrypt_all(step, right)
            left = [half ^ word >> _LEFT_SHIFT for half, word in zip(left, words, strict=True)]
            words = self._encrypt_all(step + 1, left)
            right = [half ^ word >> _RIGHT_SHIFT for half, word in zip(right, words, strict=True)]
        return [high << _RIGHT_BITS | low for high, low in zip(left, right, strict=True)]

    def _encrypt_all(self, step: int, halves: Sequence[int]) -> Sequence[int]:
        words = [step] * (2 * len(halves))
        words[1::2] = halves
        form = f">{len(words)}Q"
        return struct.unpack(form, self._encrypt(struct.pack(form, *words)))[::2]

    def _unpermute(self, number: int) -> int:
        encrypt = self._encrypt
        left, right = number >> _RIGHT_BITS, number & _RIGHT_MASK
        for step in reversed(_STEPS):
            right ^= _first(encrypt(_block(step + 1, left)))[0] >> _RIGHT_SHIFT
            left ^= _first(encrypt(_block(step, right)))[0] >> _LEFT_SHIFT
        return left << _RIGHT_BITS | right


def one_at_a_time(update: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """Let several threads use a cipher's update function. The library refuses concurrent calls."""
    lock = threading.Lock()

    def locked(blocks: bytes) -> bytes:
        with lock:
            return update(blocks)

    return locked


def sees_code(principal: Principal, spent_by: Iterable[str]) -> bool:
    """Return whether the caller may see the code. The sending key, its ancestors and holders of SEES_CODES may.

    Any other key could spend the credit beyond its own caps.
    """
    return SEES_CODES in principal.scopes or (
        principal.key_id is not None and principal.key_id in spent_by
    )


async def unseen(tx: Transaction, principal: Principal, ids: Iterable[str]) -> frozenset[str]:
    wanted = frozenset(ids)
    if not wanted or SEES_CODES in principal.scopes:
        return frozenset()
    rows = await tx.fetch(
        "SELECT id, spent_by FROM topups WHERE id IN :ids[text]", ids=sorted(wanted)
    )
    return wanted - {
        row["id"] for row in rows if sees_code(principal, (row["spent_by"] or "").split())
    }


@dataclass(frozen=True, slots=True)
class Redemption:
    transaction_id: str
    account_id: str
    environment: str
    redeemed_by: str
    settle: VoucherTarget
    redeemed_at: int


async def load_redemptions(tx: Transaction, ids: Iterable[str]) -> dict[str, Redemption]:
    rows = await tx.fetch(_LOAD_REDEMPTIONS, ids=sorted(set(ids)))
    return {row["transaction_id"]: _REDEMPTIONS.read(row) for row in rows}


async def insert_redemptions(tx: Transaction, redemptions: Iterable[Redemption]) -> None:
    await tx.insert_deferred(
        "voucher_redemptions",
        _REDEMPTIONS.columns,
        [_REDEMPTIONS.write(one) for one in redemptions],
    )


_REDEMPTIONS = RowMapping(Redemption)
_LOAD_REDEMPTIONS = (
    f"SELECT {_REDEMPTIONS.listed} FROM voucher_redemptions WHERE transaction_id IN :ids[text]"
)


def _written(number: int) -> str:
    a, b, c, d, e, f, g, h, i, j = _digit_pairs(number)
    two = _PAIRS
    return (
        f"{PREFIX}-{two[a]}{two[b]}-{two[c]}{two[d]}-{two[e]}{two[f]}-{two[g]}{two[h]}"
        f"-{two[i]}{two[j]}"
    )


def _digit_pairs(number: int) -> tuple[int, ...]:
    """Return the code's 20 digits in pairs. The last digit is a check digit, which detects any single wrong
    character.
    """
    written = number << _DIGIT_BITS
    # Compute with two halves, because every shift of a long number would allocate another number.
    high, low = written >> _HALF_BITS, written & _HALF_MASK
    a, b, c, d, e = high >> 40, high >> 30 & 1023, high >> 20 & 1023, high >> 10 & 1023, high & 1023
    f, g, h, i, j = low >> 40, low >> 30 & 1023, low >> 20 & 1023, low >> 10 & 1023, low & 1023
    sums = _PAIR_SUMS
    total = sums[a] + sums[b] + sums[c] + sums[d] + sums[e]
    total += sums[f] + sums[g] + sums[h] + sums[i] + sums[j]
    return a, b, c, d, e, f, g, h, i, j | total & 31


async def events_shown(
    codes: VoucherCodes, tx: Transaction, principal: Principal, events: Sequence[Event]
) -> list[Event]:
    coded = {
        event.transaction_id
        for event in events
        if event.code_at is not None and event.transaction_id is not None
    }
    hidden = await unseen(tx, principal, coded)
    return [
        event if event.transaction_id in hidden else event.with_code(codes.issued)
        for event in events
    ]


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
# The prefix of the ID in a link. A colleague's approval link contains the email's ID.
_PREFIXES: Final[Mapping[LinkPurpose, str]] = {
    "claim": TOPUP_PREFIX,
    # An MCP client uses this ID for a waiting send (gateway/mcp/tasks.py).
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
# These bytes pad each block, so that many blocks can be encoded at once.
_FILL: Final = bytes(2)
_FILLED_CHARACTERS: Final = 24


class LinkTokens:
    """Turn IDs into tokens for pages that need no account, and back. Tokens aren't stored. Only one spelling of each is
    accepted.
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
        # Refuse other spellings of a token. The decoder ignores some bits and characters.
        return subject_id if self.token_of(purpose, subject_id) == token else None


def _cipher(key: bytes, purpose: str) -> Cipher[modes.ECB]:
    derived = _derived(key, f"topup {purpose} link 1".encode())
    # No block repeats, so ECB serves only as the bare block cipher.
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
        token = self.links.token_of("approval", approval_id)
        return f"{self.public_url}{DECIDE_PATH}/{token}"

    def colleague_decide_url(self, mail_id: str) -> str:
        token = self.links.token_of("colleague_approval", mail_id)
        return f"{self.public_url}{DECIDE_PATH}/{token}"

    def invitation_url(self, invitation_id: str) -> str:
        token = self.links.token_of("invitation", invitation_id)
        return f"{self.public_url}{INVITATION_PATH}/{token}"

    def password_url(self, reset_id: str) -> str:
        return password_url(self.public_url, self.links, reset_id)

    def address_url(self, verification_id: str) -> str:
        return f"{self.public_url}{ADDRESS_PATH}/{self.links.token_of('address', verification_id)}"

    def claim_token_of(self, topup_id: str) -> str:
        return self.links.token_of("claim", topup_id)
