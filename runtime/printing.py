"""Make PDFs in a thread, one at a time in each process. The PDF library is loaded for the first document."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

from billing.documents.document import BillingDocument
from billing.documents.statement_sheet import StatementSheet
from kernel.errors import Unavailable

WAITING_MAX: Final = 8


class Printer:
    """Print documents. `extra_font` is a font file for characters that the built-in font lacks. `label` returns a
    provider's display name.
    """

    def __init__(
        self, extra_font: Path | None = None, *, label: Callable[[str], str] = str
    ) -> None:
        self._label = label
        self._extra_font = "" if extra_font is None else str(extra_font)
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="printing")
        self._waiting = 0

    async def document(self, document: BillingDocument) -> bytes:
        """Return the PDF of a receipt or credit note. Raise Unavailable if too many documents are waiting."""
        return await self._print(
            partial(_document_pdf, document, self._extra_font, self._label(document.facts.provider))
        )

    async def statement(self, asked: StatementSheet) -> bytes:
        return await self._print(partial(_statement_pdf, asked, self._extra_font))

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _print(self, make: Callable[[], bytes]) -> bytes:
        if self._waiting >= WAITING_MAX:
            raise Unavailable(
                "Too many documents are being created now. Try again in a few seconds.",
                retry_after_s=3,
            )
        self._waiting += 1
        task = self._threads.submit(make)
        try:
            return await asyncio.wrap_future(task)
        finally:
            self._waiting -= 1


def _document_pdf(document: BillingDocument, extra_font: str, provider: str) -> bytes:
    from billing.documents.document_pdf import document_pdf  # noqa: PLC0415 see the docstring above

    return document_pdf(document, extra_font, provider)


def _statement_pdf(asked: StatementSheet, extra_font: str) -> bytes:
    from billing.documents.document_pdf import statement_pdf  # noqa: PLC0415 the same

    return statement_pdf(asked, extra_font)
