"""Hash passwords with argon2id in threads, a few at a time.

Checking takes as long for an unknown address as for a wrong password. If many calls are waiting, their sources
take turns, and every second turn is for known devices.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from kernel.errors import InvalidInput, Unavailable

CHARACTERS_MIN: Final = 10
CHARACTERS_MAX: Final = 200
AT_ONCE_MAX: Final = 2
WAITING_MAX: Final = 256  # per queue
SOURCE_MAX: Final = 2  # the maximum number of one source's calls, including those waiting

# The second option that RFC 9106 recommends: 64 MiB, three passes, four lanes.
_hasher: Final = PasswordHasher(time_cost=3, memory_cost=65_536, parallelism=4)
_NOBODY: Final = "$argon2id$v=19$m=65536,t=3,p=4$XzdPnRla+t9pWS/NW4QxOQ$7oSvZHCK57qPGP+Ocbdo+9wkYu/d13YSKyydZRW9caw"


def check_password(text: str, *, param: str = "password") -> None:
    """Raise InvalidInput if the password is too short, or too long to be hashed."""
    if not CHARACTERS_MIN <= len(text) <= CHARACTERS_MAX:
        raise InvalidInput(
            f"A password must have {CHARACTERS_MIN} to {CHARACTERS_MAX} characters.", param=param
        )


def hash_password(text: str) -> str:
    return _hasher.hash(text.encode("utf-8", "surrogatepass"))


def is_password(text: str, password_hash: str | None) -> bool:
    """Return whether the password matches. If there is no hash, do the same amount of work and return False."""
    given = text[:CHARACTERS_MAX].encode("utf-8", "surrogatepass")
    is_right = False
    with contextlib.suppress(VerificationError, InvalidHashError):
        is_right = _hasher.verify(password_hash or _NOBODY, given)
    return is_right and password_hash is not None and len(text) <= CHARACTERS_MAX


class Passwords:
    def __init__(self) -> None:
        self._at_work = 0
        self._strangers = _Line()
        self._known = _Line()
        self._is_knowns_turn = True
        self._of_source: dict[str, int] = {}
        self.worked_out = 0

    async def hash(self, text: str, *, source: str, is_known: bool = False) -> str:
        """Hash the password. If many calls are waiting, their sources, such as client addresses, take turns."""
        async with self._turn(source, is_known=is_known):
            return await asyncio.to_thread(hash_password, text)

    async def verify(
        self, text: str, password_hash: str | None, *, source: str, is_known: bool = False
    ) -> bool:
        """Check the password. Sources that signed in to this account before have their own queue."""
        async with self._turn(source, is_known=is_known):
            return await asyncio.to_thread(is_password, text, password_hash)

    @contextlib.asynccontextmanager
    async def _turn(self, source: str, *, is_known: bool) -> AsyncIterator[None]:
        line = self._known if is_known else self._strangers
        mine = self._of_source.get(source, 0)
        if mine >= SOURCE_MAX or line.waiting >= WAITING_MAX:
            raise Unavailable("Too many people are signing in.", retry_after_s=2)
        self._of_source[source] = mine + 1
        try:
            if self._at_work < AT_ONCE_MAX:
                self._at_work += 1
            else:
                await self._wait(line, source)
            self.worked_out += 1
            try:
                yield
            finally:
                self._pass_on()
        finally:
            self._of_source[source] -= 1
            if not self._of_source[source]:
                del self._of_source[source]

    async def _wait(self, line: "_Line", source: str) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.add(source, turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        lines = (self._known, self._strangers)
        for line in lines if self._is_knowns_turn else lines[::-1]:
            turn = line.take()
            if turn is not None:
                self._is_knowns_turn = line is not self._known
                turn.set_result(None)
                return
        self._at_work -= 1


class _Line:
    def __init__(self) -> None:
        self._sources: dict[str, deque[asyncio.Future[None]]] = {}

    @property
    def waiting(self) -> int:
        return sum(map(len, self._sources.values()))

    def add(self, source: str, turn: "asyncio.Future[None]") -> None:
        self._sources.setdefault(source, deque()).append(turn)

    def take(self) -> "asyncio.Future[None] | None":
        while self._sources:
            source, turns = next(iter(self._sources.items()))
            del self._sources[source]
            turn = turns.popleft()
            if turns:
                self._sources[source] = turns
            if not turn.done():
                return turn
        return None
