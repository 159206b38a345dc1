"""Stored answers: the same request with the same Idempotency-Key gets the first answer's bytes.

Invariant: an answer is kept in the transaction whose effect it reports, under a unique key of
account, environment and key digest; so N parallel requests with one key have one effect. Writes
idempotency_keys; the caller holds the account's lock, which makes a look before the write enough.
A call of several steps keeps a row without an answer first, with a lease, so that a crash does not
answer "in progress" for ever.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from operator import itemgetter

import msgspec

from kernel.clock import DAY_US, SECOND_US
from kernel.errors import DomainError, InvalidInput
from kernel.limits import IDEMPOTENCY_KEY_CHARACTERS_MAX
from store.db import Reading, Rows, Transaction

KEPT_US = 30 * DAY_US
SEALED_KEPT_US = DAY_US
PRUNE_ROWS = 500
_DIGEST_CHARACTERS = 32
_VISIBLE = re.compile(r"[!-~]+").fullmatch

Place = tuple[str, str, str]

_FIND = """
SELECT i.account_id, i.environment, i.digest, i.fingerprint, i.status, i.body, i.is_sealed,
       i.lease_until_at, i.code_at
FROM :places[account_id text, environment text, digest text] AS v
CROSS JOIN idempotency_keys i
WHERE i.account_id = v.account_id AND i.environment = v.environment AND i.digest = v.digest
"""
_COMPLETE = """
ON CONFLICT (account_id, environment, digest) DO UPDATE SET
    status = excluded.status, body = excluded.body, is_sealed = excluded.is_sealed,
    lease_until_at = excluded.lease_until_at, code_at = excluded.code_at
"""


class KeyReused(DomainError):
    """The key came before with another request."""


class KeyInProgress(DomainError):
    """The first request with this key is still running."""


class Answer(msgspec.Struct, frozen=True, gc=False):
    """An HTTP answer: status, body bytes, and whether it was stored by an earlier request.

    voucher_of: the top-up whose voucher's code the body shows, and is not to be stored with it.
    code_at: of a stored body, where that top-up's id stands for the code; see billing/voucher.py.
    """

    status: int
    body: bytes
    is_replay: bool = False
    is_sealed: bool = False
    voucher_of: str | None = None
    code_at: int | None = None


class RequestKey(msgspec.Struct, frozen=True, gc=False):
    """Whose key and its digest, and the fingerprint of the request it came with."""

    place: Place
    fingerprint: str

    @property
    def digest(self) -> str:
        return self.place[2]


class Stored(msgspec.Struct, frozen=True, gc=False):
    """A kept row; status 0 while a call of several steps runs."""

    fingerprint: str
    status: int
    body: bytes | None
    is_sealed: bool
    lease_until_at: int | None
    code_at: int | None = None


def request_key(
    *,
    account_id: str,
    environment: str,
    key_text: str,
    method: str,
    path: str,
    canonical_body: bytes,
) -> RequestKey:
    """The compact form of a key and its request; raises InvalidInput for a malformed key."""
    is_sane = 1 <= len(key_text) <= IDEMPOTENCY_KEY_CHARACTERS_MAX
    if not is_sane or not _VISIBLE(key_text):
        raise InvalidInput(
            "Idempotency-Key takes 1 to 255 visible ASCII characters", param="Idempotency-Key"
        )
    request = b"%s %s\n%s" % (method.encode(), path.encode(), canonical_body)
    place = (account_id, environment, _digest(key_text.encode()))
    return RequestKey(place, _digest(request))


async def find(tx: Transaction, keys: Iterable[RequestKey]) -> dict[Place, Stored]:
    """The kept rows of these keys, in one statement."""
    found: dict[Place, Stored] = {}
    await tx.fetch_together([reading(keys, found)])
    return found


def reading(keys: Iterable[RequestKey], into: dict[Place, Stored]) -> Reading:
    """As find, together with other reads."""
    places = list({key.place for key in keys})

    def take(rows: Rows) -> None:
        for row in rows:
            into[row[0], row[1], row[2]] = Stored(
                row[3], row[4], row[5], bool(row[6]), row[7], row[8]
            )

    return Reading(_FIND if places else "", take, places=places)


def check(stored: Stored | None, key: RequestKey, now_us: int) -> Answer | None:
    """The stored answer to replay, or None where the request may run.

    Raises KeyReused for another request, KeyInProgress while the first one's lease runs.
    """
    if stored is None:
        return None
    if stored.fingerprint != key.fingerprint:
        raise KeyReused("this Idempotency-Key came before with another request")
    if stored.status == 0:
        lease_until_at = stored.lease_until_at or 0
        if lease_until_at <= now_us:
            return None
        wait_s = -((now_us - lease_until_at) // SECOND_US)
        raise KeyInProgress(
            "the first request with this key is still running", retry_after_s=wait_s
        )
    return Answer(
        stored.status,
        stored.body or b"",
        is_replay=True,
        is_sealed=stored.is_sealed,
        code_at=stored.code_at,
    )


async def keep(
    tx: Transaction,
    answers: Sequence[tuple[RequestKey, Answer]],
    *,
    now_us: int,
    is_begun: bool = True,
) -> None:
    """Stores the answers; a row that holds only a lease is completed.

    is_begun=False: find saw no row of these keys under the lock, so there is none to look for.
    """
    await _write(
        tx,
        [
            (
                *key.place,
                key.fingerprint,
                answer.status,
                answer.body,
                1 if answer.is_sealed else 0,
                None,
                answer.code_at,
                now_us,
            )
            for key, answer in answers
        ],
        is_begun=is_begun,
    )


async def begin(tx: Transaction, key: RequestKey, *, lease_until_at: int, now_us: int) -> None:
    """Marks the first of several steps; `keep` ends it, or the lease does."""
    row = (*key.place, key.fingerprint, 0, None, 0, lease_until_at, None, now_us)
    await _write(tx, [row], is_begun=True)


async def abandon(tx: Transaction, key: RequestKey) -> None:
    """Forgets a begun call that was refused, so that it can be repaired and tried again."""
    await tx.execute(
        """DELETE FROM idempotency_keys WHERE account_id = :account_id
           AND environment = :environment AND digest = :digest AND status = 0""",
        account_id=key.place[0],
        environment=key.place[1],
        digest=key.place[2],
    )


async def prune(tx: Transaction, *, now_us: int) -> int:
    """Deletes a bounded number of answers that are past their time; returns how many."""
    sealed = await _prune_before(tx, "is_sealed = 1 AND", now_us - SEALED_KEPT_US)
    return sealed + await _prune_before(tx, "", now_us - KEPT_US)


async def _prune_before(tx: Transaction, condition: str, before: int) -> int:
    return await tx.execute(
        f"""DELETE FROM idempotency_keys WHERE (account_id, environment, digest) IN (
                SELECT account_id, environment, digest FROM idempotency_keys
                WHERE {condition} created_at < :before ORDER BY created_at LIMIT :rows)""",
        before=before,
        rows=PRUNE_ROWS,
    )


async def _write(
    tx: Transaction,
    rows: Sequence[tuple[str, str, str, str, int, bytes | None, int, int | None, int | None, int]],
    *,
    is_begun: bool,
) -> None:
    await tx.insert_last(
        "idempotency_keys",
        (
            "account_id",
            "environment",
            "digest",
            "fingerprint",
            "status",
            "body",
            "is_sealed",
            "lease_until_at",
            "code_at",
            "created_at",
        ),
        # In the order of the index, whose pages are then touched once each.
        sorted(rows, key=itemgetter(0, 1, 2)),
        on_conflict=_COMPLETE if is_begun else "",
    )


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:_DIGEST_CHARACTERS]
