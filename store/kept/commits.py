"""Remember the last acknowledged commits and their server, to detect a database that has lost some of them.

Each process has a file in the data directory with the last acknowledged token of each connection. A power failure can
lose the last few seconds of a file. Without a data directory, a process knows only its own commits.

If an operator accepts a loss, it is recorded in the database that stays in use.
"""

import contextlib
import fcntl
import logging
import os
import secrets
import struct
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from store.commit_token import KEPT_DAYS
from store.database import Transaction
from store.servers import NOWHERE, Position

FOLDER: Final = "commits"
PLACES: Final = 64
# Commits are acknowledged in nearly the order of the server's log. A server with the newest commit also has the
# commits that are this much older.
RECENT_S: Final = 60.0
COMPARED_S: Final = (KEPT_DAYS - 1) * 86_400.0
_MAGIC: Final = b"TOPUPKC1"
_HEADER: Final = struct.Struct("<8sQqq")
_HEADER_BYTES: Final = 64
_PLACE: Final = struct.Struct("<10s6xqdq")
_KEPT: Final = struct.Struct("<qdq")
_KEPT_OFFSET: Final = _PLACE.size - _KEPT.size
_FILE_BYTES: Final = _HEADER_BYTES + PLACES * _PLACE.size

_log = logging.getLogger(__name__)


class AcknowledgedCommit(NamedTuple):
    """A commit that was acknowledged at kept_s, in this machine's Unix time.

    accepted_at is the last time an operator accepted a loss, as far as this process knew.
    """

    token_id: str
    token: int
    kept_s: float
    accepted_at: int


class AcknowledgedCommits:
    """The acknowledged commits. `system` and `position` describe the last server, or are 0 if none is known."""

    def __init__(self) -> None:
        self.system = 0
        self.position = NOWHERE
        self._memory = bytearray(_FILE_BYTES)
        self._places: dict[str, int] = {}
        self._others: list[AcknowledgedCommit] = []
        self._fd = -1

    @classmethod
    def read(cls, folder: Path) -> "AcknowledgedCommits":
        kept = cls()
        for memory in _files(folder):
            kept._take_over(memory)
        return kept

    @classmethod
    def open(cls, folder: Path) -> "AcknowledgedCommits":
        """Read all files, and open a new file that replaces the files of ended processes.

        If no file can be written, a warning is logged and nothing is raised.
        """
        kept = cls()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _locked(folder):
                kept = cls.read(folder)
                kept.record(folder)
        except OSError as error:
            kept.close()
            _log.warning("database.commits_not_recorded", extra={"error": type(error).__name__})
        return kept

    @property
    def is_recorded(self) -> bool:
        return self._fd >= 0

    def note(self, token_id: str, token: int) -> None:
        place = self._places.get(token_id)
        if place is None:
            place = self._assign(token_id)
        offset = _HEADER_BYTES + place * _PLACE.size + _KEPT_OFFSET
        accepted_at = self.position.accepted_at
        _KEPT.pack_into(self._memory, offset, token, time.time(), accepted_at)
        self._write(offset, _KEPT.size)

    def note_server(self, system: int, position: Position) -> None:
        self.system, self.position = system, position
        _HEADER.pack_into(self._memory, 0, _MAGIC, system, position.timeline, position.accepted_at)
        self._write(0, _HEADER.size)

    def newest(self, *, accepted_at: int) -> list[AcknowledgedCommit]:
        """Return the newest commits, which a server must have. Leave out commits from before accepted_at, when
        an operator accepted a loss.
        """
        now_s = time.time()
        commits = [*_commits(self._memory), *self._others]
        commits = [
            one
            for one in commits
            if one.accepted_at >= accepted_at and now_s - one.kept_s < COMPARED_S
        ]
        newest_s = max((one.kept_s for one in commits), default=0.0)
        return [one for one in commits if newest_s - one.kept_s <= RECENT_S]

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _assign(self, token_id: str) -> int:
        place = len(self._places)
        if place >= PLACES:
            oldest = min(_placed(self._memory), key=lambda placed: placed[1].kept_s)
            place = oldest[0]
            del self._places[oldest[1].token_id]
        self._places[token_id] = place
        offset = _HEADER_BYTES + place * _PLACE.size
        # The place is first written without a token. So a truncated file never contains a wrong token.
        _PLACE.pack_into(self._memory, offset, bytes.fromhex(token_id), 0, 0.0, 0)
        self._write(offset, _PLACE.size)
        return place

    def _take_over(self, memory: bytes) -> None:
        _, system, timeline, accepted_at = _HEADER.unpack_from(memory)
        commits = list(_commits(memory))
        position = Position(accepted_at, timeline)
        newest_s = max((one.kept_s for one in self._others), default=0.0)
        is_newer = any(one.kept_s > newest_s for one in commits)
        if (system == self.system and position > self.position) or (
            system and system != self.system and (is_newer or not self.system)
        ):
            self.system, self.position = system, position
        self._others += commits

    def record(self, folder: Path) -> None:
        """Create this process's file, and remove the files of ended processes. Raise OSError if this fails."""
        path = folder / secrets.token_hex(8)
        draft = folder / f".{path.name}"
        self._fd = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        ended = _ended(folder)
        for number, commit in enumerate(_most_recent(self._others)):
            offset = _HEADER_BYTES + number * _PLACE.size
            _PLACE.pack_into(self._memory, offset, bytes.fromhex(commit.token_id), *commit[1:])
            self._places[commit.token_id] = number
        _HEADER.pack_into(self._memory, 0, _MAGIC, self.system, *reversed(self.position))
        # Write the file in full, so that no later write needs space on a full disk.
        os.pwrite(self._fd, self._memory, 0)
        os.fsync(self._fd)
        draft.rename(path)
        for one in ended:
            one.unlink(missing_ok=True)

    def _write(self, offset: int, size: int) -> None:
        if self._fd < 0:
            return
        try:
            os.pwrite(self._fd, self._memory[offset : offset + size], offset)
        except OSError as error:
            _log.warning("database.commits_not_recorded", extra={"error": type(error).__name__})
            self.close()


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _files(folder: Path) -> Iterator[bytes]:
    for path in _paths(folder):
        with contextlib.suppress(OSError):
            memory = path.read_bytes()
            if len(memory) == _FILE_BYTES and memory.startswith(_MAGIC):
                yield memory


def _paths(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if not path.name.startswith(".")]
    except OSError:
        return []


def _ended(folder: Path) -> list[Path]:
    found = []
    for path in folder.iterdir():
        with contextlib.suppress(OSError):
            fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                found.append(path)
            finally:
                os.close(fd)
    return found


def _commits(memory: bytes | bytearray) -> Iterator[AcknowledgedCommit]:
    return (commit for _, commit in _placed(memory) if commit.token)


def _placed(memory: bytes | bytearray) -> Iterator[tuple[int, AcknowledgedCommit]]:
    for place in range(PLACES):
        row, *kept = _PLACE.unpack_from(memory, _HEADER_BYTES + place * _PLACE.size)
        yield place, AcknowledgedCommit(row.hex(), *kept)


def _most_recent(commits: Sequence[AcknowledgedCommit]) -> list[AcknowledgedCommit]:
    """Return the newest commit of each connection, at most half as many as a file can hold."""
    by_row: dict[str, AcknowledgedCommit] = {}
    for one in sorted(commits, key=lambda commit: (commit.kept_s, commit.token)):
        by_row[one.token_id] = one
    return sorted(by_row.values(), key=lambda commit: commit.kept_s)[-PLACES // 2 :]


_LISTED_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class AcceptedLoss:
    accepted_at: int
    lost_from_at: int | None
    lost_until_at: int | None
    reason: str


async def accept_loss(
    tx: Transaction,
    *,
    now_us: int,
    lost_from_at: int | None,
    lost_until_at: int | None,
    reason: str,
) -> AcceptedLoss:
    """Record a loss. Its time is later than that of earlier losses, even if the clock was set back."""
    row = await tx.fetch_one("SELECT COALESCE(MAX(accepted_at), 0) AS last_at FROM accepted_losses")
    assert row is not None, "it counts"
    accepted_at = max(now_us, row["last_at"] + 1)
    loss = AcceptedLoss(accepted_at, lost_from_at, lost_until_at, reason)
    await tx.insert("accepted_losses", _COLUMNS, [_values(loss)])
    return loss


async def newest_loss(tx: Transaction) -> Sequence[AcceptedLoss]:
    rows = await tx.fetch(
        f"SELECT {', '.join(_COLUMNS)} FROM accepted_losses ORDER BY accepted_at DESC LIMIT {_LISTED_MAX}"
    )
    return [AcceptedLoss(*row) for row in rows]


_COLUMNS: Final = AcceptedLoss.__slots__


def _values(loss: AcceptedLoss) -> tuple[object, ...]:
    return tuple(getattr(loss, name) for name in _COLUMNS)
