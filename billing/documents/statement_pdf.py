"""Draw a statement: opening balance, what changed it, closing balance."""

from collections.abc import Sequence
from typing import Final

from billing.documents.sheet import MARGIN_MM, Sheet, day
from billing.documents.statement_sheet import StatementSheet
from billing.ledger.chart import code_words
from billing.ledger.money import dollars

TEST_BANNER: Final = "TEST - staging: no real money"
_WIDTHS: Final = (34, 66, 36, 36)
_NAMES: Final = ("Time, UTC", "What", "Change, USD", "Balance, USD")


def statement_pdf(asked: StatementSheet, extra_font: str = "") -> bytes:
    title = f"Statement {day(asked.since)} to {day(asked.until - 1)}"
    sheet = Sheet(
        title=title,
        author=asked.seller.name,
        made_at=asked.made_at,
        banner=TEST_BANNER if asked.is_test else "",
        extra_font=extra_font,
    )
    sheet.begin(title)
    sheet.style(13, "B")
    sheet.words(asked.seller.name)
    sheet.ln(4)
    sheet.style(20, "B")
    sheet.cell(0, 10, "Statement", new_x="LMARGIN", new_y="NEXT")
    sheet.quiet(10)
    sheet.words(f"{day(asked.since)} to {day(asked.until - 1)}, all days included, in UTC")
    sheet.words(asked.buyer.name)
    sheet.ln(4)
    _table(sheet, asked)
    return sheet.made()


def _table(sheet: Sheet, asked: StatementSheet) -> None:
    balance = asked.opening_micros
    sheet.row("Opening balance", f"{dollars(balance)} USD", weight="B")
    sheet.rule()
    _cells(sheet, _NAMES, is_head=True)
    for line in asked.lines:
        balance += line.change_micros
        time = str(line.transfer["created_at"])[:16].replace("T", " ")
        what = code_words(str(line.transfer["code"]))
        _cells(sheet, (time, what, dollars(line.change_micros), dollars(balance)))
    if not asked.lines:
        sheet.quiet()
        sheet.words("Nothing changed the balance.")
    sheet.rule()
    sheet.row("Closing balance", f"{dollars(balance)} USD", weight="B")


def _cells(sheet: Sheet, texts: Sequence[str], *, is_head: bool = False) -> None:
    if is_head:
        sheet.quiet()
    else:
        sheet.style(9)
    sheet.set_x(MARGIN_MM)
    for number, (width, text) in enumerate(zip(_WIDTHS, texts, strict=True)):
        sheet.cell(width, 5, sheet.clean(text)[:44], align="R" if number > 1 else "L")
    sheet.ln(5)
