"""Store responses, so that a repeated request with the same Idempotency-Key gets the first response's bytes.

A response is stored in the transaction whose effect it reports. It is found by the account, the environment,
and a digest of the Idempotency-Key and its owner. The caller has locked the account, so reading before writing
is safe.

A multi-step call first stores a row with a lease. So a crash blocks the key only for a limited time. Only the
holder of the lease's token can extend, complete or abandon the call.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter

import msgspec
from msgspec.structs import replace

from kernel.clock import DAY_US, SECOND_US
from kernel.errors import DomainError, InvalidInput
from kernel.limits import IDEMPOTENCY_KEY_CHARACTERS_MAX
from kernel.tenant import Tenant
from store.database import BatchRead, Rows, Transaction

KEPT_US = 30 * DAY_US
SEALED_KEPT_US = DAY_US
PRUNE_ROWS = 500
_DIGEST_CHARACTERS = 32
_VISIBLE = re.compile(r"[!-~]+").fullmatch

RequestRowKey = tuple[str, str, str]

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
    lease_until_at = excluded.lease_until_at, lease_token = NULL, code_at = excluded.code_at
"""
_BEGIN = """
ON CONFLICT (account_id, environment, digest) DO UPDATE SET
    status = excluded.status, body = excluded.body, is_sealed = excluded.is_sealed,
    lease_until_at = excluded.lease_until_at, lease_token = excluded.lease_token
"""
_UNDER_LEASE = """account_id = :account_id AND environment = :environment AND digest = :digest
    AND status = 0 AND lease_token = :token"""
_COLUMNS = (
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
)


class KeyReused(DomainError):
    pass


class KeyInProgress(DomainError):
    pass


class StoredAnswer(msgspec.Struct, frozen=True, gc=False):
    """A response, and whether an earlier request stored it.

    voucher_code and claim_url are shown once and never stored. The stored body has the top-up's ID (voucher_of)
    in their places. code_at is the position of the first one.
    """

    status: int
    body: bytes
    is_replay: bool = False
    is_sealed: bool = False
    voucher_of: str | None = None
    voucher_code: str | None = None
    claim_url: str | None = None
    code_at: int | None = None

    def without_code(self) -> "StoredAnswer":
        if self.voucher_of is None:
            return self
        topup_id, body, at = self.voucher_of.encode(), self.body, None
        if self.claim_url is not None:
            token = self.claim_url.rpartition("/")[2].encode()
            if self.voucher_code is None:
                at = body.index(token)
            body = body.replace(token, topup_id, 1)
        if self.voucher_code is not None:
            code = self.voucher_code.encode()
            at = body.index(code)
            body = body.replace(code, topup_id, 1)
        return self if at is None else StoredAnswer(self.status, body, code_at=at)

    def with_code(
        self, code_of: Callable[[str], str], claim_token_of: Callable[[str], str]
    ) -> "StoredAnswer":
        """Undo without_code, and return the original body, byte for byte.

        Only the ID at code_at is replaced. The caller's own text may contain the same ID.
        """
        at = self.code_at
        if at is None:
            return self
        end = self.body.index(b'"', at)
        topup_id, rest = self.body[at:end], self.body[end:]
        token = claim_token_of(topup_id.decode()).encode()
        if self.body[at - 1 : at] == b"/":
            body = self.body[:at] + token + rest
        else:
            code = code_of(topup_id.decode()).encode()
            in_link = b"/" + topup_id + b'"'
            body = self.body[:at] + code + rest.replace(in_link, b"/" + token + b'"', 1)
        return replace(self, body=body, code_at=None)


class RequestKey(msgspec.Struct, frozen=True, gc=False):
    place: RequestRowKey
    fingerprint: str
    text: str = ""

    @property
    def tenant(self) -> Tenant:
        return Tenant(self.place[0], self.place[1])

    @property
    def digest(self) -> str:
        return self.place[2]

    @property
    def request_digest(self) -> str:
        return self.digest + self.fingerprint


class Stored(msgspec.Struct, frozen=True, gc=False):
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
    owner: str,
    key_text: str,
    method: str,
    path: str,
    canonical_body: bytes,
) -> RequestKey:
    """Return digests of an Idempotency-Key and its request. Raise InvalidInput if the key is malformed.

    If another owner in the account uses the same text, it is a different key.
    """
    if len(key_text) > IDEMPOTENCY_KEY_CHARACTERS_MAX or not _VISIBLE(key_text):
        raise _malformed(key_text)
    request = f"{method} {path}\n".encode() + canonical_body
    # An owner contains no line break, so two different pairs of owner and key never give the same bytes.
    place = (account_id, environment, _digest(f"{owner}\n{key_text}".encode()))
    return RequestKey(place, _digest(request), key_text)


def _malformed(key_text: str) -> InvalidInput:
    detail = "Idempotency-Key takes 1 to 255 visible ASCII characters"
    right = hashlib.sha256(key_text.encode("utf-8", "replace")).hexdigest()
    errors = [{"param": "Idempotency-Key", "detail": detail, "example": right}]
    return InvalidInput(detail, param="Idempotency-Key", errors=errors)


async def find(tx: Transaction, keys: Iterable[RequestKey]) -> dict[RequestRowKey, Stored]:
    found: dict[RequestRowKey, Stored] = {}
    await tx.fetch_many([reading(keys, found)])
    return found


def reading(keys: Iterable[RequestKey], into: dict[RequestRowKey, Stored]) -> BatchRead:
    """Return the read that `find` runs. It can share a round trip with other reads."""
    places = list({key.place for key in keys})

    def take(rows: Rows) -> None:
        for row in rows:
            into[row[0], row[1], row[2]] = Stored(
                row[3], row[4], row[5], bool(row[6]), row[7], row[8]
            )

    return BatchRead(_FIND if places else "", take, places=places)


def check(stored: Stored | None, key: RequestKey, now_us: int) -> StoredAnswer | None:
    """Return the stored response to replay, or None if the request may run.

    Raise KeyReused if the key belongs to another request. Raise KeyInProgress while the first request is running.
    """
    if stored is None:
        return None
    if stored.fingerprint != key.fingerprint:
        raise KeyReused("This Idempotency-Key was already used for a different request.")
    if stored.status == 0:
        lease_until_at = stored.lease_until_at or 0
        if lease_until_at <= now_us:
            return None
        wait_s = -((now_us - lease_until_at) // SECOND_US)
        raise KeyInProgress(
            "The first request with this key is still running.", retry_after_s=wait_s
        )
    return StoredAnswer(
        stored.status,
        stored.body or b"",
        is_replay=True,
        is_sealed=stored.is_sealed,
        code_at=stored.code_at,
    )


async def check_text(tx: Transaction, key: RequestKey) -> None:
    """Raise KeyReused if another credential of the account used the same idempotency key for a call that returned a secret."""
    row = await tx.fetch_one(
        """SELECT digest FROM idempotency_keys
           WHERE account_id = :account_id AND environment = :environment
             AND text_digest = :text_digest AND digest <> :digest LIMIT 1""",
        account_id=key.place[0],
        environment=key.place[1],
        text_digest=_digest(key.text.encode()),
        digest=key.digest,
    )
    if row is not None:
        raise KeyReused(
            "Another credential of this account used this Idempotency-Key for a call that "
            "returned a secret. Use another Idempotency-Key.",
            reason="other_credential",
        )


async def save_text(tx: Transaction, key: RequestKey) -> None:
    """Store a digest of the key's text for `check_text`. Call this if the response contains a secret."""
    await tx.execute(
        """UPDATE idempotency_keys SET text_digest = :text_digest
           WHERE account_id = :account_id AND environment = :environment AND digest = :digest""",
        text_digest=_digest(key.text.encode()),
        account_id=key.place[0],
        environment=key.place[1],
        digest=key.digest,
    )


async def save(
    tx: Transaction,
    answers: Sequence[tuple[RequestKey, StoredAnswer]],
    *,
    now_us: int,
    is_begun: bool = True,
) -> None:
    """Store the responses. Complete the rows that hold only a lease.

    Pass is_begun=False if `find` found no rows for these keys while the account was locked.
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


async def begin(
    tx: Transaction, key: RequestKey, *, token: str, lease_until_at: int, now_us: int
) -> None:
    """Store the lease of a multi-step call, unless another lease on the key is still valid."""
    row = (*key.place, key.fingerprint, 0, None, 0, lease_until_at, None, now_us, token)
    await tx.insert("idempotency_keys", (*_COLUMNS, "lease_token"), [row], on_conflict=_BEGIN)


async def extend(tx: Transaction, key: RequestKey, *, token: str, lease_until_at: int) -> bool:
    held = await tx.execute(
        f"UPDATE idempotency_keys SET lease_until_at = :until WHERE {_UNDER_LEASE}",
        until=lease_until_at,
        **_under(key, token),
    )
    return held == 1


async def complete(
    tx: Transaction, key: RequestKey, answer: StoredAnswer, *, token: str, now_us: int
) -> bool:
    held = await tx.execute(
        f"""UPDATE idempotency_keys SET status = :status, body = :body, is_sealed = :is_sealed,
                code_at = :code_at, lease_until_at = NULL, lease_token = NULL, created_at = :now
            WHERE {_UNDER_LEASE}""",
        status=answer.status,
        body=answer.body,
        is_sealed=1 if answer.is_sealed else 0,
        code_at=answer.code_at,
        now=now_us,
        **_under(key, token),
    )
    return held == 1


async def abandon(tx: Transaction, key: RequestKey, *, token: str) -> None:
    """Delete the row of a refused call, so that the caller can correct the request and send it again."""
    await tx.execute(f"DELETE FROM idempotency_keys WHERE {_UNDER_LEASE}", **_under(key, token))


async def forget(tx: Transaction, key: RequestKey, body: bytes | None) -> None:
    account_id, environment, digest = key.place
    await tx.execute(
        """DELETE FROM idempotency_keys WHERE account_id = :account_id
             AND environment = :environment AND digest = :digest AND status <> 0 AND body = :body""",
        account_id=account_id,
        environment=environment,
        digest=digest,
        body=body,
    )


def _under(key: RequestKey, token: str) -> dict[str, str]:
    account_id, environment, digest = key.place
    return {
        "account_id": account_id,
        "environment": environment,
        "digest": digest,
        "token": token,
    }


async def prune(tx: Transaction, *, now_us: int) -> int:
    """Delete a limited number of expired responses, and return how many were deleted."""
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
    await tx.insert_deferred(
        "idempotency_keys",
        _COLUMNS,
        sorted(rows, key=itemgetter(0, 1, 2)),
        on_conflict=_COMPLETE if is_begun else "",
    )


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:_DIGEST_CHARACTERS]
