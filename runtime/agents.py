"""Identify automated callers by Web Bot Auth, with the keys that they publish.

No request waits while a key directory is fetched. The fetched keys are used for later requests. Only callers with a
credential can cause a fetch, and only a few times an hour. If a directory can't be fetched again, it stays valid for
STALE_S.
"""

import asyncio
import logging
import re
from collections import OrderedDict
from collections.abc import Mapping
from functools import partial
from typing import Final, NamedTuple

from kernel.clock import HOUR_US, SECOND_US, Clock
from keys.api_keys.api_key import mark_used_by
from keys.principal import Principal
from keys.signatures.web_bot_auth import Claim, Target, claim_of, keys_of
from store.database import Database, Transaction
from store.errors import StoreError
from webhooks.http.transport import Transport

DIRECTORIES_MAX: Final = 200
DIRECTORY_BYTES_MAX: Final = 32_768
TIMEOUT_S: Final = 5.0
FETCHES_AT_ONCE_MAX: Final = 2
# The maximum number of new directories per hour, for one account, one sandbox, all sandboxes and all accounts.
PER_HOUR_MAX: Final = 10
SANDBOX_PER_HOUR_MAX: Final = 2
SANDBOXES_PER_HOUR_MAX: Final = 100
ALL_PER_HOUR_MAX: Final = 300
FRESH_S_MIN: Final = 60
FRESH_S_MAX: Final = 86_400
FRESH_S: Final = 3_600
FAILURE_S: Final = 300
STALE_S: Final = 86_400
NONCES_MAX: Final = 10_000
WRITE_AFTER_S: Final = 10.0
KEYS_NOTED_MAX: Final = 1_000
KEYS_WRITTEN_MAX: Final = 10_000
_HEADERS: Final = (
    ("Accept", "application/http-message-signatures-directory+json, application/json"),
    ("User-Agent", "AiTopUp-Gateway/1"),
)
_MAX_AGE: Final = re.compile(r"(?:^|[\s,])max-age=\"?(\d{1,9})\"?(?:$|[\s,])", re.IGNORECASE)

logger = logging.getLogger(__name__)


class _Directory(NamedTuple):
    """A cached key directory. `keys` maps thumbprints to keys. It is None until a fetch succeeds."""

    keys: Mapping[str, bytes] | None
    fetched_us: int
    until_us: int


class Agents:
    def __init__(self, transport: Transport, database: Database, clock: Clock) -> None:
        self._transport = transport
        self._database = database
        self._clock = clock
        self._directories: OrderedDict[str, _Directory] = OrderedDict()
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._nonces: OrderedDict[bytes, None] = OrderedDict()
        self._hour = 0
        self._of_hour: dict[str, int] = {}
        self._of_sandboxes = 0
        self._noted: dict[str, str] = {}
        self._written: OrderedDict[str, str] = OrderedDict()
        self._write: asyncio.Task[None] | None = None

    def caller_of(self, target: Target, caller: Principal | None) -> str | None:
        """Return the URL of the agent that signed the request, or None if there is no valid signature [0.1 ms]."""
        now_s = self._clock.now_us() // SECOND_US
        claim = claim_of(target, now_s=now_s)
        if claim is None:
            return None
        keys = self._known(claim, caller)
        key = None if keys is None else keys.get(claim.key_id)
        if key is None or not claim.is_signed_by(key) or self._was_used(claim):
            return None
        return claim.agent

    def note(self, key_id: str, agent: str) -> None:
        if self._written.get(key_id) == agent or len(self._noted) >= KEYS_NOTED_MAX:
            return
        self._noted[key_id] = agent
        if self._write is None or self._write.done():
            self._write = asyncio.create_task(self._write_later())

    async def flush(self) -> None:
        await asyncio.gather(*self._under_way.values(), return_exceptions=True)
        await self._write_noted()

    async def close(self) -> None:
        tasks = [*self._under_way.values(), *([self._write] if self._write else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def store(self, directory: str, keys: Mapping[str, bytes], *, fresh_s: int) -> None:
        now_us = self._clock.now_us()
        self._store(directory, _Directory(keys, now_us, now_us + fresh_s * SECOND_US))

    async def _write_later(self) -> None:
        while self._noted:
            await asyncio.sleep(WRITE_AFTER_S)
            await self._write_noted()

    async def _write_noted(self) -> None:
        noted, self._noted = self._noted, {}
        if not noted:
            return
        try:
            await self._database.transaction(partial(_mark, agents=noted), durable=False)
        except StoreError as error:
            logger.warning("agents.not_written", extra={"error": str(error)})
            return
        self._written.update(noted)
        while len(self._written) > KEYS_WRITTEN_MAX:
            self._written.popitem(last=False)

    def _known(self, claim: Claim, caller: Principal | None) -> Mapping[str, bytes] | None:
        now_us = self._clock.now_us()
        found = self._directories.get(claim.agent)
        is_due = found is None or found.until_us <= now_us
        if is_due and caller is not None:
            # A directory without keys counts as new, so that the hourly limit applies to every fetch of it.
            self._want(claim.agent, caller, now_us, is_new=found is None or not found.keys)
        if found is None or found.fetched_us + STALE_S * SECOND_US <= now_us:
            return None
        self._directories.move_to_end(claim.agent)
        return found.keys

    def _want(self, directory: str, caller: Principal, now_us: int, *, is_new: bool) -> None:
        if directory in self._under_way or len(self._under_way) >= FETCHES_AT_ONCE_MAX:
            return
        if is_new and not self._has_room(caller, now_us):
            return
        task = asyncio.get_running_loop().create_task(self._fetch(directory, caller.account_id))
        self._under_way[directory] = task
        task.add_done_callback(lambda _: self._under_way.pop(directory, None))

    def _has_room(self, caller: Principal, now_us: int) -> bool:
        hour = now_us // HOUR_US
        if hour != self._hour:
            self._hour, self._of_hour, self._of_sandboxes = hour, {}, 0
        most = SANDBOX_PER_HOUR_MAX if caller.is_sandbox else PER_HOUR_MAX
        used = self._of_hour.get(caller.account_id, 0)
        if used >= most or sum(self._of_hour.values()) >= ALL_PER_HOUR_MAX:
            return False
        if caller.is_sandbox and self._of_sandboxes >= SANDBOXES_PER_HOUR_MAX:
            return False
        self._of_hour[caller.account_id] = used + 1
        self._of_sandboxes += caller.is_sandbox
        return True

    async def _fetch(self, directory: str, account_id: str) -> None:
        result = await self._transport.request(
            "GET",
            directory,
            _HEADERS,
            b"",
            TIMEOUT_S,
            account_id=account_id,
            body_bytes_max=DIRECTORY_BYTES_MAX,
            body_bytes_kept_max=DIRECTORY_BYTES_MAX,
        )
        now_us = self._clock.now_us()
        before = self._directories.get(directory)
        why = None
        keys: Mapping[str, bytes] = {}
        if result.status != 200 or result.error is not None or result.is_cut:
            why = result.reason or f"HTTP {result.status}"
        else:
            try:
                keys = keys_of(result.response_body, now_s=now_us // SECOND_US)
            except ValueError as error:
                why = str(error)
        if why is None:
            self.store(directory, keys, fresh_s=_fresh_s(result.response_headers))
            return
        logger.info("agent.directory_failed", extra={"directory": directory, "reason": why[:200]})
        again_us = now_us + FAILURE_S * SECOND_US
        if before is None:
            self._store(directory, _Directory(None, now_us, again_us))
        else:
            self._store(directory, before._replace(until_us=again_us))

    def _store(self, directory: str, found: _Directory) -> None:
        self._directories[directory] = found
        self._directories.move_to_end(directory)
        while len(self._directories) > DIRECTORIES_MAX:
            self._directories.popitem(last=False)

    def _was_used(self, claim: Claim) -> bool:
        if claim.nonce is None:
            return False
        if claim.signature in self._nonces:
            return True
        self._nonces[claim.signature] = None
        while len(self._nonces) > NONCES_MAX:
            self._nonces.popitem(last=False)
        return False


async def _mark(tx: Transaction, agents: Mapping[str, str]) -> int:
    return await mark_used_by(tx, agents)


def _fresh_s(headers: Mapping[str, str]) -> int:
    age = _MAX_AGE.search(headers.get("cache-control", ""))
    return FRESH_S if age is None else min(max(int(age[1]), FRESH_S_MIN), FRESH_S_MAX)
