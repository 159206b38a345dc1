"""Check whether the file that a process has open still is the one at its path.

After a restore or a move the process would keep writing to the old file, which is lost.
"""

import logging
from pathlib import Path

from store.faults import CannotOpen, Fault
from store.servers import NOWHERE, Position, SeenServer

_log = logging.getLogger(__name__)


class OpenFile:
    """Made when the file is open. A file has no servers to watch."""

    system = 0
    position = NOWHERE

    def __init__(self, path: Path) -> None:
        self._path = path
        self._id = self._id_now()
        self.fault: Fault | None = None

    def check(self) -> None:
        """Raise CannotOpen if another file is there, or none [2 us]."""
        if self.fault is None and self._id_now() != self._id:
            self.fault = Fault.FILE_REPLACED
            _log.error("database.file_replaced", extra={"path": str(self._path)})
        if self.fault is not None:
            raise CannotOpen(self.fault, self.fault.value, str(self._path))

    def note(self, system: int, position: Position) -> None: ...

    async def look_around(self) -> list[SeenServer]:
        return []

    def _id_now(self) -> tuple[int, int] | None:
        try:
            there = self._path.stat()
        except OSError:
            return None
        return there.st_dev, there.st_ino
