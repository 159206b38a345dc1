"""Check the second factor at sign-in: an authenticator app's code (TOTP, RFC 6238) or a recovery code.

A code is accepted only once, even if two processes get it at the same time.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from kernel.clock import SECOND_US
from kernel.errors import InvalidInput
from keys.vault import Vault
from store.database import Transaction
from store.row_mapping import RowMapping, as_json

DATA_KEY: Final = "second_factors"
ISSUER: Final = "Topup Gateway"
STEP_S: Final = 30
DIGITS: Final = 6
STEPS_OFF: Final = (-1, 0, 1)
RECOVERY_CODES: Final = 10
_SECRET_BYTES: Final = 20
_RECOVERY_BYTES: Final = 10


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """A second factor. Its setup is unfinished until `confirmed_at` is set. `last_step` is the time step of the last code.

    Only the session that began the setup can see its secret and finish it. The nonce starts with the session's ID.
    """

    account_id: str
    nonce: str
    last_step: int
    recovery: Sequence[str]
    created_at: int
    confirmed_at: int | None = None

    def is_begun_by(self, session_id: str) -> bool:
        return self.nonce.startswith(f"{session_id} ")


async def find(tx: Transaction, account_id: str) -> SecondFactor | None:
    return await _find(tx, account_id, _FIND)


async def is_asked(tx: Transaction, account_id: str) -> bool:
    found = await find(tx, account_id)
    return found is not None and found.confirmed_at is not None


async def begin(tx: Transaction, account_id: str, session_id: str, *, now_us: int) -> SecondFactor:
    """Make a new secret, and delete an unconfirmed one. Raise InvalidInput if a second factor is already on."""
    found = await _find(tx, account_id, _LOCK)
    if found is not None and found.confirmed_at is not None:
        raise InvalidInput("Two-factor sign-in is already on.", param="code")
    await give_up(tx, account_id)
    # Delete the passkeys of the earlier second factor.
    await tx.execute("DELETE FROM passkeys WHERE account_id = :account_id", account_id=account_id)
    made = SecondFactor(account_id, f"{session_id} {secrets.token_hex(32)}", 0, (), now_us)
    await tx.insert("second_factors", _ROWS.columns, [_ROWS.write(made)])
    return made


async def secret_of(tx: Transaction, vault: Vault, factor: SecondFactor, *, now_us: int) -> bytes:
    key = await vault.data_key(tx, DATA_KEY, now_us=now_us)
    info = f"totp 1 {factor.account_id} {factor.nonce}".encode()
    return HKDF(algorithm=SHA256(), length=_SECRET_BYTES, salt=None, info=info).derive(key)


def address_of(secret: bytes, label: str) -> str:
    return _codes_of(secret).get_provisioning_uri(label, ISSUER)


def shown(secret: bytes) -> str:
    text = base64.b32encode(secret).decode()
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))


async def switch_on(
    tx: Transaction, vault: Vault, account_id: str, given: str, session_id: str, *, now_us: int
) -> Sequence[str] | None:
    """Switch on the second factor and return its recovery codes. Return None if the code is wrong."""
    found = await _find(tx, account_id, _LOCK)
    if found is None or found.confirmed_at is not None or not found.is_begun_by(session_id):
        raise InvalidInput("Start the setup first.", param="code")
    step = await _step_of(tx, vault, found, given, now_us=now_us)
    if step is None:
        return None
    await tx.execute(
        """UPDATE second_factors SET confirmed_at = :now_us, last_step = :step
           WHERE account_id = :account_id""",
        now_us=now_us,
        step=step,
        account_id=account_id,
    )
    return await renew_recovery(tx, account_id)


async def check(tx: Transaction, vault: Vault, account_id: str, given: str, *, now_us: int) -> bool:
    """Accept a new code from the app, or a recovery code, and use it up. Return False for any other code."""
    found = await _find(tx, account_id, _LOCK)
    if found is None or found.confirmed_at is None:
        return False
    step = await _step_of(tx, vault, found, given, now_us=now_us)
    if step is not None:
        await tx.execute(
            "UPDATE second_factors SET last_step = :step WHERE account_id = :account_id",
            step=step,
            account_id=account_id,
        )
        return True
    used = _digest(given)
    left = [one for one in found.recovery if not hmac.compare_digest(one, used)]
    if len(left) == len(found.recovery):
        return False
    await _save_recovery(tx, account_id, left)
    return True


async def renew_recovery(tx: Transaction, account_id: str) -> Sequence[str]:
    codes = [_new_recovery_code() for _ in range(RECOVERY_CODES)]
    await _save_recovery(tx, account_id, [_digest(one) for one in codes])
    return codes


async def give_up(tx: Transaction, account_id: str) -> int:
    return await tx.execute(
        "DELETE FROM second_factors WHERE account_id = :account_id AND confirmed_at IS NULL",
        account_id=account_id,
    )


async def remove(tx: Transaction, account_id: str) -> int:
    removed = await tx.execute(
        "DELETE FROM second_factors WHERE account_id = :account_id", account_id=account_id
    )
    await tx.execute("DELETE FROM passkeys WHERE account_id = :account_id", account_id=account_id)
    return removed


async def lock_on(tx: Transaction, account_id: str) -> bool:
    """Return whether the second factor is on. Until the transaction ends, nobody can remove it."""
    found = await _find(tx, account_id, _LOCK)
    return found is not None and found.confirmed_at is not None


def is_app_code(given: str) -> bool:
    code = given.replace(" ", "")
    return len(code) == DIGITS and code.isascii() and code.isdigit()


async def _step_of(
    tx: Transaction, vault: Vault, factor: SecondFactor, given: str, *, now_us: int
) -> int | None:
    if not is_app_code(given):
        return None
    code = given.replace(" ", "")
    codes = _codes_of(await secret_of(tx, vault, factor, now_us=now_us))
    now_step = now_us // (STEP_S * SECOND_US)
    for step in (now_step + off for off in STEPS_OFF):
        is_it = hmac.compare_digest(codes.generate(step * STEP_S), code.encode())
        if is_it and step > factor.last_step:
            return step
    return None


def _codes_of(secret: bytes) -> TOTP:
    # Every authenticator app supports these parameters. In an HMAC, SHA-1 isn't weak (RFC 6238, 1.2).
    return TOTP(secret, DIGITS, SHA1(), STEP_S)  # noqa: S303


def _new_recovery_code() -> str:
    text = base64.b32encode(secrets.token_bytes(_RECOVERY_BYTES)).decode().lower()
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def _digest(given: str) -> str:
    plain = given.strip().lower().replace("-", "").replace(" ", "")
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()


async def _save_recovery(tx: Transaction, account_id: str, digests: Sequence[str]) -> None:
    await tx.execute(
        "UPDATE second_factors SET recovery = :recovery WHERE account_id = :account_id",
        recovery=msgspec.json.encode(digests).decode(),
        account_id=account_id,
    )


async def _find(tx: Transaction, account_id: str, text: str) -> SecondFactor | None:
    row = await tx.fetch_one(text, account_id=account_id)
    return None if row is None else _ROWS.read(row)


_ROWS = RowMapping(SecondFactor, stored={"recovery": as_json(list[str])})
_FIND = f"SELECT {_ROWS.listed} FROM second_factors WHERE account_id = :account_id"
_LOCK = f"{_FIND} FOR NO KEY UPDATE"
