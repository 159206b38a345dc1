"""Restart equal processes that end: those of `topup serve --processes N` and `topup worker --processes N`.

- The first process starts alone, and the others when it works, so an error at the start is reported once.
- A process that dies later is restarted. The whole ends only if none works and START_FAILURES_MAX starts in
  a row have failed.
- A process that lives but doesn't respond is killed and restarted: the system still gives it callers.
"""

import asyncio
import contextlib
import logging
import os
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Final

from runtime.supervisor import Child, Keeper, Supervisor

START_FAILURES_MAX: Final = 5
# How often each is called, its time to respond, and after how many failures in a row it is killed.
ASKED_S: Final = 5.0
ANSWER_S: Final = 10.0
SILENCES_MAX: Final = 3
logger = logging.getLogger(__name__)
# The names of those that respond.
Ask = Callable[[], Awaitable[Collection[str]]]


class ProcessGroup(Supervisor):
    """exit_code: of the process that ended the whole; None after a requested stop.

    ask returns which processes respond, every asked_s.
    """

    def __init__(
        self,
        children: Sequence[Child],
        *,
        ready_variable: str,
        grace_s: float,
        on_all_ready: Callable[[], None],
        ask: Ask,
        asked_s: float = ASKED_S,
    ) -> None:
        super().__init__(children, grace_s=grace_s, ready_variable=ready_variable)
        self.exit_code: int | None = None
        self._on_all_ready = on_all_ready
        self._ask, self._asked_s = ask, asked_s
        self._watch: asyncio.Task[None] | None = None
        self._worked: set[str] = set()
        self._failures = 0
        self._is_hurried = False
        self._first_works = asyncio.Event()

    def ask_to_stop(self) -> None:
        """Pass on a signal: the second one as SIGINT, which ends a gateway's delay; the third one aborts."""
        if self.is_stopping and not self._is_hurried:
            self._is_hurried = True
            for pid in self.pids.values():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGINT)
            return
        super().ask_to_stop()

    def note_ready(self, keeper: Keeper) -> None:
        self._failures = 0
        self._first_works.set()
        self._worked.add(keeper.child.name)
        if len(self._worked) == len(self.children):
            self._on_all_ready()
            # Once is enough; restarts are in the log.
            self._on_all_ready = _nothing

    def note_ended(self, keeper: Keeper, exit_code: int | None) -> None:
        if self.is_stopping or keeper.was_ready:
            return
        self._failures += 1
        is_first_start = not self._worked
        if is_first_start or (self._failures >= START_FAILURES_MAX and not self._any_works()):
            self.exit_code = 1 if exit_code is None else exit_code
            super().ask_to_stop()

    async def start(self) -> None:
        self.keep(self.children[0])
        first = asyncio.ensure_future(self._first_works.wait())
        stop = asyncio.ensure_future(self.stop_asked.wait())
        await asyncio.wait((first, stop), return_when=asyncio.FIRST_COMPLETED)
        for task in (first, stop):
            task.cancel()
        if not self.is_stopping:
            for child in self.children[1:]:
                self.keep(child)
            self._watch = asyncio.get_running_loop().create_task(self._end_the_silent())

    async def stop(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
        for keeper in self.keepers:
            keeper.leave.set()
        await asyncio.gather(*(keeper.task for keeper in self.keepers))

    async def _end_the_silent(self) -> None:
        silences: Counter[str] = Counter()
        while True:
            await asyncio.sleep(self._asked_s)
            asked = {one.child.name: one.pid for one in self.keepers if one.is_ready}
            try:
                answering = await self._ask()
            except Exception:
                logger.exception("processes.not_asked")
                continue
            for keeper in self.keepers:
                name, pid = keeper.child.name, keeper.pid
                # One that ended meanwhile, or works only now, isn't the one that was called.
                is_silent = name not in answering and pid is not None and asked.get(name) == pid
                silences[name] = silences[name] + 1 if is_silent else 0
                if silences[name] >= SILENCES_MAX:
                    silences[name] = 0
                    logger.warning("child.silent", extra={"child": name})
                    keeper.kill()

    def _any_works(self) -> bool:
        return any(keeper.is_ready for keeper in self.keepers)


def _nothing() -> None:
    pass
