"""Secrets sealed at rest, and the keys they are sealed under."""

import asyncio
import base64

import pytest
from hypothesis import given, strategies as st

from keys.vault import MasterKeyRefused, SealBroken, Vault, parse_master_keys
from store.database import Database, Transaction

OLD = bytes(range(32))
NEW = bytes(range(32, 64))


@given(st.binary(max_size=300), st.text(max_size=20), st.text(max_size=20))
def test_what_was_sealed_opens(plain: bytes, purpose: str, subject: str) -> None:
    vault = Vault([NEW])

    blob = vault.seal(plain, purpose=purpose, subject=subject)

    assert vault.open(blob, purpose=purpose, subject=subject) == plain


def test_sealing_the_same_twice_makes_different_blobs() -> None:
    vault = Vault([NEW])

    blobs = {vault.seal(b"secret", purpose="p", subject="s") for _ in range(100)}

    assert len(blobs) == 100
    assert not any(b"secret" in blob for blob in blobs)


@pytest.mark.parametrize(
    ("purpose", "subject"), [("webhook", "we_2"), ("answer", "we_1"), ("webhookw", "e_1"), ("", "")]
)
def test_a_blob_moved_to_another_place_does_not_open(purpose: str, subject: str) -> None:
    vault = Vault([NEW])
    blob = vault.seal(b"secret", purpose="webhook", subject="we_1")

    with pytest.raises(SealBroken):
        vault.open(blob, purpose=purpose, subject=subject)


def test_no_byte_of_a_blob_can_be_changed() -> None:
    vault = Vault([NEW])
    blob = vault.seal(b"secret", purpose="p", subject="s")

    for place in range(len(blob)):
        altered = bytearray(blob)
        altered[place] ^= 1
        with pytest.raises(SealBroken):
            vault.open(bytes(altered), purpose="p", subject="s")


@pytest.mark.parametrize("length", [0, 1, 9, 21, 36])
def test_a_blob_cut_short_does_not_open(length: int) -> None:
    vault = Vault([NEW])
    blob = vault.seal(b"", purpose="p", subject="s")
    assert len(blob) == 37

    with pytest.raises(SealBroken):
        vault.open(blob[:length], purpose="p", subject="s")


def test_an_old_master_key_still_opens_and_asks_to_be_replaced() -> None:
    blob = Vault([OLD]).seal(b"secret", purpose="p", subject="s")
    rotated = Vault([NEW, OLD])

    assert rotated.open(blob, purpose="p", subject="s") == b"secret"
    assert rotated.needs_reseal(blob)
    assert not rotated.needs_reseal(rotated.seal(b"secret", purpose="p", subject="s"))


def test_without_its_master_key_a_blob_stays_shut_and_the_error_says_so() -> None:
    blob = Vault([OLD]).seal(b"secret", purpose="webhook", subject="we_1")

    with pytest.raises(SealBroken, match="master key of webhook of we_1 is not configured"):
        Vault([NEW]).open(blob, purpose="webhook", subject="we_1")


def test_a_vault_does_not_show_its_keys() -> None:
    assert repr(Vault([NEW, OLD])) == "Vault(2 master keys)"


@pytest.mark.parametrize(
    "entry",
    [
        NEW.hex(),
        NEW.hex().upper(),
        base64.b64encode(NEW).decode(),
        base64.b64encode(NEW).decode().rstrip("="),
        base64.urlsafe_b64encode(NEW).decode(),
        f"  {NEW.hex()} ",
    ],
)
def test_a_master_key_is_read_from_hex_or_base64(entry: str) -> None:
    assert parse_master_keys(entry) == [NEW]


def test_the_newest_master_key_is_listed_first() -> None:
    assert parse_master_keys(f"{NEW.hex()},{OLD.hex()}") == [NEW, OLD]


def test_a_long_random_text_becomes_a_key_by_hkdf() -> None:
    (key,) = parse_master_keys("correct horse battery staple 0123456789")

    # RFC 5869 by hand: HMAC-SHA256 with a key of 32 zero bytes, then one block of the expansion.
    assert key.hex() == "20f2124d7e588fdfb34b48d341e0806ffb87fcb606e0b239b79462566c068bea"


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "short",
        "x" * 31,
        f"{NEW.hex()},",
        f",{NEW.hex()}",
        f"{NEW.hex()},{NEW.hex()}",
        ",".join(bytes([n] * 32).hex() for n in range(17)),
    ],
)
def test_unusable_master_keys_are_refused_without_being_shown(text: str) -> None:
    with pytest.raises(MasterKeyRefused) as refused:
        parse_master_keys(text)

    assert text.strip() == "" or text not in str(refused.value)
    assert NEW.hex() not in str(refused.value)


async def test_a_data_key_is_made_once(database: Database) -> None:
    vault = Vault([NEW])

    first = await database.transaction(lambda tx: vault.data_key(tx, "voucher", now_us=1))
    again = await database.transaction(lambda tx: vault.data_key(tx, "voucher", now_us=2))
    other = await database.transaction(lambda tx: vault.data_key(tx, "cursor", now_us=3))

    assert len(first) == 32
    assert again == first
    assert other != first


@pytest.mark.parametrize("name", ["voucher", "cursor"])
async def test_ten_makers_at_once_get_one_data_key(database: Database, name: str) -> None:
    # Each with a vault of its own, as in different processes.
    made = await asyncio.gather(
        *(
            database.transaction(lambda tx: Vault([NEW]).data_key(tx, name, now_us=1))
            for _ in range(10)
        )
    )

    assert len(set(made)) == 1


async def test_data_keys_stay_the_same_when_they_are_sealed_anew(database: Database) -> None:
    before = Vault([OLD])
    key = await database.transaction(lambda tx: before.data_key(tx, "voucher", now_us=1))
    await database.transaction(lambda tx: before.data_key(tx, "cursor", now_us=1))
    rotated = Vault([NEW, OLD])

    assert await database.transaction(rotated.reseal_all) == 2
    assert await database.transaction(rotated.reseal_all) == 0

    # The old master key is not needed any more.
    after = Vault([NEW])
    assert await database.transaction(lambda tx: after.data_key(tx, "voucher", now_us=2)) == key


async def test_a_damaged_data_key_keeps_no_other_under_the_old_master_key(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    before, rotated = Vault([OLD]), Vault([NEW, OLD])
    key = await database.transaction(lambda tx: before.data_key(tx, "voucher", now_us=1))

    async def damage(tx: Transaction) -> None:
        await tx.insert("sealed_keys", ("name", "sealed", "created_at"), [("cursor", b"x", 1)])

    await database.transaction(damage)

    assert await database.transaction(rotated.reseal_all) == 1
    after = Vault([NEW])
    assert await database.transaction(lambda tx: after.data_key(tx, "voucher", now_us=2)) == key
    assert [one.message for one in caplog.records] == ["keys.seal_broken"]
