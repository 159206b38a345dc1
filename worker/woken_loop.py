"""A worker's loop over due work: it looks when it is woken, and at a time of its own.

A look that fails or breaks is repeated after PAUSE_S; it stops neither its loop nor the deliveries.
"""

import asyncio
import contextlib
import logging
from abc import ABC, abstractmethod
from typing import ClassVar, Final

from kernel.errors import DomainError
from store.errors import StoreError

PAUSE_S: Final = 1.0


class WokenLoop(ABC):
    """name: in log lines. rest_s: wake-ups within this many seconds make one look."""

    name: ClassVar[str]
    rest_s: ClassVar[float] = 0.0

    def __init__(self) -> None:
        self._woken = asyncio.Event()

    def wake(self) -> None:
        self._woken.set()

    async def run(self) -> None:
        log = logging.getLogger(type(self).__module__)
        try:
            while True:
                self._woken.clear()
                wait_s = PAUSE_S
                try:
                    wait_s = await self._look()
                except (StoreError, DomainError) as error:
                    log.warning("%s.delayed", self.name, extra={"fields": {"error": str(error)}})
                except Exception:
                    log.exception("%s.broke", self.name)
                await asyncio.sleep(self.rest_s)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait_s - self.rest_s):
                        await self._woken.wait()
        finally:
            await self._stop()

    @abstractmethod
    async def _look(self) -> float:
        """Handle or begin what is due; return the seconds until the next look."""

    async def _stop(self) -> None:  # noqa: B027 where a look does all to its end, nothing is under way
        ...
