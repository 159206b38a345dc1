"""Passwords: argon2id, worked out beside the event loop, a bounded number at a time.

Promises: an address without an account or without a password costs the same work as a wrong
password, so the time of an answer tells nothing; a flood of sign-ins takes a bounded amount of
memory (64 MiB each) and then refuses.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from kernel.errors import InvalidInput, Unavailable

CHARACTERS_MIN: Final = 10
CHARACTERS_MAX: Final = 200
AT_ONCE_MAX: Final = 2
WAITING_MAX: Final = 32

# RFC 9106's second choice: 64 MiB, three passes, four lanes.
_hasher: Final = PasswordHasher(time_cost=3, memory_cost=65_536, parallelism=4)
# Of a random text that nobody kept: what a sign-in without a password is compared with.
_NOBODY: Final = (
    "$argon2id$v=19$m=65536,t=3,p=4$XzdPnRla+t9pWS/NW4QxOQ"
    "$7oSvZHCK57qPGP+Ocbdo+9wkYu/d13YSKyydZRW9caw"
)


def check_password(text: str, *, param: str = "password") -> None:
    """Raises InvalidInput unless the password is long enough, and short enough to be hashed."""
    if not CHARACTERS_MIN <= len(text) <= CHARACTERS_MAX:
        raise InvalidInput(
            f"a password has {CHARACTERS_MIN} to {CHARACTERS_MAX} characters", param=param
        )


def hash_password(text: str) -> str:
    """argon2's text, salt and parameters included; takes about 50 ms."""
    return _hasher.hash(text.encode("utf-8", "surrogatepass"))


def is_password(text: str, password_hash: str | None) -> bool:
    """Whether it is the password of that hash; without one, no, after the same work."""
    given = text[:CHARACTERS_MAX].encode("utf-8", "surrogatepass")
    is_right = False
    with contextlib.suppress(VerificationError, InvalidHashError):
        is_right = _hasher.verify(password_hash or _NOBODY, given)
    return is_right and password_hash is not None and len(text) <= CHARACTERS_MAX


class Passwords:
    """The same two, for a process that serves others meanwhile; raises Unavailable in a flood."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(AT_ONCE_MAX)
        self._waiting = 0
        self.worked_out = 0  # for tests and metrics

    async def hash(self, text: str) -> str:
        async with self._turn():
            return await asyncio.to_thread(hash_password, text)

    async def verify(self, text: str, password_hash: str | None) -> bool:
        async with self._turn():
            return await asyncio.to_thread(is_password, text, password_hash)

    @contextlib.asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        if self._waiting >= WAITING_MAX:
            raise Unavailable("too many people sign in at this moment", retry_after_s=2)
        self._waiting += 1
        try:
            async with self._turns:
                self.worked_out += 1
                yield
        finally:
            self._waiting -= 1
