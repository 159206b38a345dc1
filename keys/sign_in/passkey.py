"""Use passkeys (WebAuthn) instead of codes in two-factor sign-in.

A device's response is accepted only once. Its challenge must be newer than the passkey's last challenge, and the
device's counter must be higher.
"""

import asyncio
import gc
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from kernel.errors import InvalidInput, NotFound
from kernel.ids import new_id
from keys import second_factor
from keys.account import Account
from keys.normalise import normalise_name
from keys.sign_in import passkey_challenge
from keys.sign_in.passkey_challenge import Purpose, Site
from keys.vault import Vault
from store.database import Transaction
from store.row_mapping import RowMapping

OF_ONE_MAX: Final = 10
_LATE: Final = "keys.sign_in.passkey_answer"


@dataclass(frozen=True, slots=True)
class Passkey:
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
    rows = await tx.fetch(
        f"SELECT {_ROWS.listed} FROM passkeys WHERE account_id = :account_id ORDER BY created_at, id",
        account_id=account_id,
    )
    return [_ROWS.read(row) for row in rows]


async def load() -> None:
    """Load the library in a thread, so that other requests continue [0.1 s, 5 MB]."""
    await asyncio.to_thread(_load)


def options_to_add(
    site: Site, account: Account, existing: Sequence[Passkey], challenge: bytes
) -> str:
    from keys.sign_in import passkey_answer  # noqa: PLC0415 see load

    ids = [one.credential_id for one in existing]
    return passkey_answer.options_to_add(site, account, ids, challenge)


def options_to_show(site: Site, existing: Sequence[Passkey], challenge: bytes) -> str:
    from keys.sign_in import passkey_answer  # noqa: PLC0415 see load

    ids = [one.credential_id for one in existing]
    return passkey_answer.options_to_show(site, ids, challenge)


async def check_room(tx: Transaction, account_id: str) -> Sequence[Passkey]:
    """Return the account's passkeys. Raise InvalidInput if two-factor sign-in is off or there are too many
    passkeys.
    """
    if not await second_factor.lock_on(tx, account_id):
        raise InvalidInput("Switch on two-factor sign-in first.", param="name")
    existing = await list_passkeys(tx, account_id)
    if len(existing) >= OF_ONE_MAX:
        raise InvalidInput(f"You have {OF_ONE_MAX} passkeys. Remove one first.", param="name")
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
    """Store a key that a device made for this account. Raise InvalidInput for any other response."""
    from keys.sign_in import passkey_answer  # noqa: PLC0415 see load

    account_id = purpose.account_id
    await check_room(tx, account_id)
    answer = passkey_answer.read_new(given)
    if answer is None:
        raise _not_made()
    if passkey_challenge.made_at(vault, purpose, answer.challenge, now_us=now_us) is None:
        raise InvalidInput("The passkey took too long. Add it again.", param="name")
    key = answer.key_for(site)
    if key is None:
        raise _not_made()
    made = Passkey(
        new_id("psk"),
        account_id,
        key.credential_id,
        key.public_key,
        normalise_name(name),
        key.sign_count,
        0,
        now_us,
    )
    once = "ON CONFLICT (credential_id) DO NOTHING"
    if not await tx.insert("passkeys", _ROWS.columns, [_ROWS.write(made)], once):
        raise InvalidInput("This passkey was already added.", param="name")
    return made


async def check(
    tx: Transaction, vault: Vault, site: Site, purpose: Purpose, given: str, *, now_us: int
) -> bool:
    """Return whether a passkey of this account signed a new challenge. Record the challenge as used."""
    from keys.sign_in import passkey_answer  # noqa: PLC0415 see load

    answer = passkey_answer.read_shown(given)
    if answer is None:
        return False
    requested_at = passkey_challenge.made_at(vault, purpose, answer.challenge, now_us=now_us)
    row = await tx.fetch_one(
        _LOCK, account_id=purpose.account_id, credential_id=answer.credential_id
    )
    if requested_at is None or row is None:
        return False
    kept = _ROWS.read(row)
    if requested_at <= kept.last_challenge_at:
        return False
    count = answer.count_for(site, kept.public_key, kept.sign_count)
    if count is None:
        return False
    await tx.execute(_USED, id=kept.id, requested_at=requested_at, count=count, now_us=now_us)
    return True


async def rename(tx: Transaction, account_id: str, passkey_id: str, name: str) -> None:
    done = await tx.execute(
        "UPDATE passkeys SET name = :name WHERE id = :id AND account_id = :account_id",
        name=normalise_name(name),
        id=passkey_id,
        account_id=account_id,
    )
    if not done:
        raise NotFound("Passkey")


async def remove(tx: Transaction, account_id: str, passkey_id: str) -> None:
    done = await tx.execute(
        "DELETE FROM passkeys WHERE id = :id AND account_id = :account_id",
        id=passkey_id,
        account_id=account_id,
    )
    if not done:
        raise NotFound("Passkey")


def _not_made() -> InvalidInput:
    return InvalidInput("The browser's response is not a new passkey for this site.", param="name")


def _load() -> None:
    if _LATE not in sys.modules:
        from keys.sign_in import passkey_answer  # noqa: F401, PLC0415 see load

        gc.freeze()


_ROWS = RowMapping(Passkey)
_LOCK = f"""SELECT {_ROWS.listed} FROM passkeys
    WHERE account_id = :account_id AND credential_id = :credential_id FOR NO KEY UPDATE"""
_USED = """UPDATE passkeys SET sign_count = :count, last_challenge_at = :requested_at, last_used_at = :now_us
    WHERE id = :id"""
