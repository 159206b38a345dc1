"""Turn a token into a principal, the authenticated caller. A small cache saves most database reads.

Cached entries are used for at most CACHE_LIFE_US. So a committed change takes effect within that time.
"""

import asyncio
import hmac
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice

from kernel.clock import MINUTE_US, SECOND_US, Clock
from kernel.errors import DomainError, Unavailable
from keys import account, session
from keys.api_keys import api_key, lookup as key_principal
from keys.authorization import token as mcp_token
from keys.oauth import token as oauth_token
from keys.principal import CredentialEnded, Principal, Refusal
from keys.token_format import TOKEN_CHARACTERS_MAX, TokenKind, digest, parse
from keys.tokens import access_token
from store.database import Database, Transaction
from store.errors import StoreError

CACHE_LIFE_US = SECOND_US // 2
# Entries in use are refreshed at this age, so that a busy key's requests don't wait for the database.
REFRESH_AGE_US = 250_000
SWEEP_EVERY_US = 150_000
IN_USE_US = CACHE_LIFE_US + REFRESH_AGE_US
# With SQLite, a query of this size blocks the event loop for 4 ms.
QUERY_DIGESTS_MAX = 500
SWEEP_DIGESTS_MAX = 250

_Found = dict[str, Principal | Refusal]
_Load = Callable[..., Awaitable[_Found]]
_MarkUsed = Callable[..., Awaitable[int]]
_SOURCES: tuple[tuple[frozenset[TokenKind], _Load, _MarkUsed], ...] = (
    (frozenset({"key"}), key_principal.load_principals, api_key.mark_used),
    (
        frozenset({"system_token", "operator_token"}),
        access_token.load_principals,
        access_token.mark_used,
    ),
    (frozenset({"session"}), session.load_principals, session.mark_used),
    (frozenset({"oauth_token"}), oauth_token.load_principals, oauth_token.mark_used),
    # An MCP client's token acts on behalf of its key.
    (frozenset({"mcp_token"}), mcp_token.load_principals, api_key.mark_used),
)

_logger = logging.getLogger(__name__)
_Waiting = tuple[TokenKind, "asyncio.Future[Principal | Refusal | None]"]


class InvalidCredential(DomainError):
    """No such credential."""


@dataclass(slots=True)
class _Entry:
    digest: str
    kind: TokenKind
    outcome: Principal | Refusal
    read_at: int
    noted_minute: int
    used_at: int


@dataclass(frozen=True, slots=True)
class Limits:
    entries_max: int = 20_000
    unknown_max: int = 5_000  # a separate limit, so that made-up tokens can't push out real ones
    waiting_max: int = 5_000  # the maximum number of tokens waiting for the next query
    write_uses_after_s: float = 10.0
    answer_s: float = 5.0  # how long a caller waits for the query


class Authenticator:
    """Authenticate tokens. If `authenticate_now` returns None, await `authenticate`."""

    def __init__(self, database: Database, clock: Clock, limits: Limits | None = None) -> None:
        self._database = database
        self._clock = clock
        self._limits = limits or Limits()
        self._entries: dict[str, _Entry] = {}
        self._unknown: dict[str, int] = {}
        self._in_use: set[str] = set()
        self._swept_at = 0
        self._waiting: dict[str, _Waiting] = {}
        self._query: asyncio.Task[None] | None = None
        self._uses: dict[TokenKind, set[str]] = {}
        self._active_accounts: set[str] = set()
        self._write: asyncio.Task[None] | None = None
        self.queries_run = 0

    def authenticate_now(self, token: str) -> Principal | None:
        """Return the principal from the cache, or None if it must be loaded. Call this only on the event loop."""
        if len(token) > TOKEN_CHARACTERS_MAX:
            raise _invalid()
        presented = digest(token)
        entry = self._entries.get(presented)
        now_us = self._clock.now_us()
        if entry is None or not hmac.compare_digest(entry.digest, presented):
            self._refuse_unknown(token, presented, now_us)
            return None
        age_us = now_us - entry.read_at
        if not 0 <= age_us < CACHE_LIFE_US:
            return None
        principal = _accepted(entry.outcome, now_us)
        self._note_use(entry, principal, now_us)
        if not 0 <= now_us - self._swept_at < SWEEP_EVERY_US:
            self._query_on()
        return principal

    async def authenticate(self, token: str) -> Principal:
        """Return the token's principal. If it isn't cached, load it from the database.

        Raise Unavailable if the query takes too long or too many callers are waiting.
        """
        found = self.authenticate_now(token)
        if found is not None:
            return found
        parsed = parse(token)
        assert parsed is not None, "authenticate_now refuses what cannot be a token"
        presented = digest(token)
        # Other requests wait for the same query, so it continues if this one is cancelled.
        try:
            async with asyncio.timeout(self._limits.answer_s):
                outcome = await asyncio.shield(self._want(presented, parsed.kind))
        except TimeoutError:
            raise Unavailable(
                "The database didn't respond in time to check the credential. Nothing was done. Repeat the request.",
                retry_after_s=1,
            ) from None
        if outcome is None:
            raise _invalid()
        now_us = self._clock.now_us()
        principal = _accepted(outcome, now_us)
        entry = self._entries.get(presented)
        if entry is not None:
            self._note_use(entry, principal, now_us)
        else:
            self._note_minute(parsed.kind, principal)
        return principal

    async def close(self) -> None:
        for task in (self._query, self._write):
            if task is not None:
                task.cancel()
                await asyncio.wait([task])
        _fail(self._waiting.values(), Unavailable("The gateway is stopping.", retry_after_s=1))
        self._waiting.clear()
        await self._write_uses(durable=True)

    def _refuse_unknown(self, token: str, presented: str, now_us: int) -> None:
        read_at = self._unknown.get(presented)
        if read_at is not None and 0 <= now_us - read_at < CACHE_LIFE_US:
            raise _invalid()
        if parse(token) is None:
            raise _invalid()

    def _want(self, wanted: str, kind: TokenKind) -> "asyncio.Future[Principal | Refusal | None]":
        waiting = self._waiting.get(wanted)
        if waiting is not None:
            return waiting[1]
        if len(self._waiting) >= self._limits.waiting_max:
            raise Unavailable(
                "Too many credentials are waiting to be checked. Repeat the request.",
                retry_after_s=1,
            )
        future: asyncio.Future[Principal | Refusal | None] = (
            asyncio.get_running_loop().create_future()
        )
        self._waiting[wanted] = (kind, future)
        self._query_on()
        return future

    def _query_on(self) -> None:
        if self._query is None or self._query.done():
            self._query = asyncio.create_task(self._run_queries())

    async def _run_queries(self) -> None:
        while True:
            began_at = self._clock.now_us()
            kinds = self._sweep(began_at)
            taken = dict(islice(self._waiting.items(), QUERY_DIGESTS_MAX - len(kinds)))
            if not taken and not kinds:
                return
            for each, (kind, _) in taken.items():
                del self._waiting[each]
                kinds[each] = kind
            self._in_use -= kinds.keys()
            try:
                await self._run_query(kinds, taken, began_at)
            except Exception as error:
                _fail(taken.values(), error)
            finally:
                if not all(future.done() for _, future in taken.values()):
                    _fail(taken.values(), Unavailable("The gateway is stopping.", retry_after_s=1))

    async def _run_query(
        self, kinds: dict[str, TokenKind], taken: Mapping[str, _Waiting], began_at: int
    ) -> None:
        found = await self._load(kinds, began_at)
        self._store(kinds, found, began_at)
        if 0 <= self._clock.now_us() - began_at < CACHE_LIFE_US:
            for each in kinds:
                if (late := self._waiting.pop(each, None)) is not None:
                    _resolve(late, found.get(each))
        for each, waiting in taken.items():
            _resolve(waiting, found.get(each))

    def _sweep(self, now_us: int) -> dict[str, TokenKind]:
        if 0 <= now_us - self._swept_at < SWEEP_EVERY_US:
            return {}
        used = [entry for each in self._in_use if (entry := self._entries.get(each)) is not None]
        old = [entry for entry in used if now_us - entry.read_at >= REFRESH_AGE_US]
        if len(old) <= SWEEP_DIGESTS_MAX:
            self._swept_at = now_us
        return {entry.digest: entry.kind for entry in old[:SWEEP_DIGESTS_MAX]}

    async def _load(self, kinds: dict[str, TokenKind], now_us: int) -> _Found:
        async def work(tx: Transaction) -> _Found:
            found: _Found = {}
            for theirs, load, _ in _SOURCES:
                digests = [each for each, kind in kinds.items() if kind in theirs]
                if digests:
                    found |= await load(tx, digests, now_us=now_us)
            return found

        self.queries_run += 1
        return await self._database.read(work, is_single=self._is_single(kinds))

    def _is_single(self, kinds: Mapping[str, TokenKind]) -> bool:
        known = [entry for each in kinds if (entry := self._entries.get(each)) is not None]
        return set(kinds.values()) == {"key"} and not any(
            isinstance(entry.outcome, Principal) and len(entry.outcome.lineage) > 1
            for entry in known
        )

    def _store(
        self,
        kinds: dict[str, TokenKind],
        found: _Found,
        read_at: int,
    ) -> None:
        for each, kind in kinds.items():
            before = self._entries.pop(each, None)
            self._unknown.pop(each, None)
            outcome = found.get(each)
            if outcome is None:
                self._in_use.discard(each)
                self._unknown[each] = read_at
                continue
            noted, used_at = (-1, 0) if before is None else (before.noted_minute, before.used_at)
            self._entries[each] = _Entry(each, kind, outcome, read_at, noted, used_at)
        while len(self._entries) > self._limits.entries_max:
            dropped = next(iter(self._entries))
            del self._entries[dropped]
            self._in_use.discard(dropped)
        while len(self._unknown) > self._limits.unknown_max:
            del self._unknown[next(iter(self._unknown))]

    def _note_use(self, entry: _Entry, principal: Principal, now_us: int) -> None:
        if now_us - entry.used_at < IN_USE_US:
            self._in_use.add(entry.digest)
        entry.used_at = now_us
        minute = now_us // MINUTE_US
        if entry.noted_minute != minute:
            entry.noted_minute = minute
            self._note_minute(entry.kind, principal)

    def _note_minute(self, kind: TokenKind, principal: Principal) -> None:
        self._uses.setdefault(kind, set()).add(principal.credential_id)
        self._active_accounts.add(principal.account_id)
        if self._write is None or self._write.done():
            self._write = asyncio.create_task(self._write_uses_later())

    async def _write_uses_later(self) -> None:
        while self._active_accounts:
            await asyncio.sleep(self._limits.write_uses_after_s)
            await self._write_uses()

    async def _write_uses(self, *, durable: bool = False) -> None:
        uses, self._uses = self._uses, {}
        accounts, self._active_accounts = self._active_accounts, set()
        now_us = self._clock.now_us()

        async def work(tx: Transaction) -> None:
            for theirs, _, mark_used in _SOURCES:
                ids = {each for kind in theirs for each in uses.get(kind, ())}
                if ids:
                    await mark_used(tx, ids, now_us=now_us)
            await account.touch_active(tx, accounts, now_us=now_us)

        if not accounts:
            return
        try:
            await self._database.transaction(work, durable=durable)
        except StoreError as error:
            # Losing this timestamp does no harm, because it is written again in the next minute of use.
            _logger.warning("credential uses not written", extra={"sqlstate": error.code})


def _accepted(outcome: Principal | Refusal, now_us: int) -> Principal:
    if isinstance(outcome, Principal):
        if outcome.expires_at is None or now_us < outcome.expires_at:
            return outcome
        outcome = Refusal("expired", outcome.key_id)
    detail = "live is closed for this account"
    if outcome.reason != "live_closed":
        detail = f"the credential is {outcome.reason}"
    named = {} if outcome.key_id is None else {"key_id": outcome.key_id}
    raise CredentialEnded(detail, reason=outcome.reason, extra=named)


def _resolve(waiting: _Waiting, outcome: Principal | Refusal | None) -> None:
    waiting[1].set_result(outcome)


def _fail(waiting: Iterable[_Waiting], error: Exception) -> None:
    for _, future in waiting:
        if not future.done():
            future.set_exception(error)
            future.exception()


def _invalid() -> InvalidCredential:
    return InvalidCredential("This credential is unknown.")
