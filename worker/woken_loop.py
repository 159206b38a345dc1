"""A loop of the worker over what is due: it looks when it is woken, and at a time of its own.

Promise: a look that fails or breaks is told in the log and made again after PAUSE_S; it takes neither its loop
nor the deliveries down with it.
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
    """name: of its log lines. rest_s: many wake-ups within so many seconds make one look."""

    name: ClassVar[str]
    rest_s: ClassVar[float] = 0.0

    def __init__(self) -> None:
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Something may be due sooner than was known."""
        self._woken.set()

    async def run(self) -> None:
        """Until cancelled."""
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
        """Handles or begins what is due; the seconds after which to look again without being woken."""

    async def _stop(self) -> None:  # noqa: B027 where a look does all to its end, nothing is under way
        """Ends what is under way."""
