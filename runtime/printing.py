"""PDFs, made beside the event loop: one at a time in each process, and few that wait.

The library and its fonts are loaded with the first one, in the thread that makes it.
"""

import asyncio
import importlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from billing.documents.document import BillingDocument
from billing.documents.statement_sheet import StatementSheet
from kernel.errors import Unavailable

WAITING_MAX: Final = 8


class Printer:
    """extra_font: a font file of the operator's, for what the built-in one lacks; label: a provider's
    name as people know it.
    """

    def __init__(
        self, extra_font: Path | None = None, *, label: Callable[[str], str] = str
    ) -> None:
        self._label = label
        self._extra_font = "" if extra_font is None else str(extra_font)
        # The thread is begun with the first task.
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="printing")
        self._waiting = 0

    async def document(self, document: BillingDocument) -> bytes:
        """The PDF of a receipt or note; raises Unavailable where too many wait."""
        return await self._print("document_pdf", document, self._label(document.facts.provider))

    async def statement(self, asked: StatementSheet) -> bytes:
        """The PDF of a statement; raises Unavailable where too many wait."""
        return await self._print("statement_pdf", asked)

    def close(self) -> None:
        """What waits is not made."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _print(self, name: str, what: object, *more: str) -> bytes:
        if self._waiting >= WAITING_MAX:
            raise Unavailable("too many documents are being made; try again", retry_after_s=3)
        self._waiting += 1
        task = self._threads.submit(_made, name, what, self._extra_font, *more)
        try:
            return await asyncio.wrap_future(task)
        finally:
            self._waiting -= 1


def _made(name: str, what: object, extra_font: str, *more: str) -> bytes:
    module = importlib.import_module(f"billing.documents.{name}")
    made: bytes = getattr(module, name)(what, extra_font, *more)
    return made
