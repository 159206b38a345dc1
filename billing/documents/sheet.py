"""Draw A4 pages with fonts for many scripts.

No text raises an error: a missing glyph becomes REPLACEMENT, and long text is wrapped or cut. The same calls always
produce the same bytes.
"""

import functools
import logging
import tempfile
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal
from xml.sax.saxutils import escape

import pymupdf_fonts
from fontTools.ttLib import TTFont, TTLibError
from fpdf import FPDF
from fpdf.enums import DocumentCompliance, XPos, YPos

from kernel.clock import SECOND_US

REPLACEMENT: Final = "?"
CUT: Final = "…"
LACKING: Final = (
    f"Each {REPLACEMENT} in place of a letter: the fonts of this document do not have it."
)
MARGIN_MM: Final = 18
LINE_MM: Final = 5.2
WORDS_MAX: Final = 600
_FONTS: Final = (("", "figo"), ("B", "figbo"))
_INK: Final = (28, 30, 33)
_QUIET: Final = (100, 106, 115)
_RULE: Final = (208, 212, 217)
_ALARM: Final = (178, 24, 24)

_XMP: Final = """<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:pdf="http://ns.adobe.com/pdf/1.3/"
 xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/" xmp:CreateDate="{at}" xmp:ModifyDate="{at}"
 xmp:MetadataDate="{at}" pdf:Producer="topup">
<pdfaid:part>3</pdfaid:part><pdfaid:conformance>B</pdfaid:conformance>
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>
<dc:creator><rdf:Seq><rdf:li>{author}</rdf:li></rdf:Seq></dc:creator>
</rdf:Description></rdf:RDF></x:xmpmeta>"""

_SHAPED_FROM: Final = "\u0300"
# Characters of these categories, such as direction marks, are invisible.
_UNSEEN: Final = frozenset({"Cc", "Cf"})
_TEXT_AT: Final = 2

logging.getLogger("fontTools").setLevel(logging.ERROR)


class Sheet(FPDF):
    """A PDF document. `banner` is printed on each page. `extra_font` is an operator's file with more glyphs."""

    def __init__(
        self, *, title: str, author: str, made_at: int, banner: str = "", extra_font: str = ""
    ) -> None:
        super().__init__(format="A4", enforce_compliance=DocumentCompliance.PDFA_3B)
        self._banner = banner
        self._foot = ""
        self._is_lacking = False
        self.set_margin(MARGIN_MM)
        self.set_auto_page_break(auto=True, margin=MARGIN_MM + 6)
        files = _font_files()
        for (style, _), file in zip(_FONTS, files, strict=True):
            self.add_font("body", style, file)
        self._known = _characters(str(files[0]))
        if extra_font:
            self.add_font("extra", "", extra_font)
            self.set_fallback_fonts(["extra"], exact_match=False)
            self._known = self._known | _characters(extra_font)
        self.set_lang("en")
        self.set_title(self.clean(title))
        self.set_author(self.clean(author))
        self.set_producer("topup")
        made = datetime.fromtimestamp(made_at // SECOND_US, UTC)
        self.set_creation_date(made)
        # Replace the library's own metadata, which would contain the time of printing.
        self.set_xmp_metadata(
            _XMP.format(
                title=escape(self.clean(title)),
                author=escape(self.clean(author)),
                at=made.isoformat(timespec="seconds"),
            )
        )

    def begin(self, foot: str) -> None:
        self._foot = self.clean(foot)
        self.add_page()

    def header(self) -> None:
        if self._banner:
            self.style(9, "B", _ALARM)
            self.cell(0, 6, self._banner, align="C", new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def footer(self) -> None:
        self.set_y(-MARGIN_MM)
        self.style(8, "", _QUIET)
        page = f"{self.page_no()}/{{nb}}"
        self.cell(150, 5, self._foot[:120])
        self.cell(0, 5, page, align="R")

    def cell(self, *args: Any, **named: Any) -> Any:
        return self._drawn(super().cell, args, named)

    def multi_cell(self, *args: Any, **named: Any) -> Any:
        return self._drawn(super().multi_cell, args, named)

    def _drawn(
        self, draw: Callable[..., Any], args: Sequence[Any], named: Mapping[str, Any]
    ) -> Any:
        """Draw the text. Shape letters only if needed, because shaping takes four times as long."""
        text = str(args[_TEXT_AT] if len(args) > _TEXT_AT else named.get("text", ""))
        if max(text, default="") < _SHAPED_FROM:
            return draw(*args, **named)
        family, style, size = self.font_family, self.font_style, self.font_size_pt
        self.set_text_shaping(use_shaping_engine=True)
        try:
            return draw(*args, **named)
        finally:
            self.set_text_shaping(use_shaping_engine=False)
            self.font_family = ""
            self.set_font(family, style, size)

    def clean(self, text: str) -> str:
        kept = []
        for one in unicodedata.normalize("NFC", text[: 2 * WORDS_MAX]):
            kind = unicodedata.category(one)
            if kind in ("Zs", "Zl", "Zp") or one in "\t\n":
                kept.append(" ")
            elif kind in _UNSEEN:
                continue
            elif ord(one) in self._known:
                kept.append(one)
            else:
                kept.append(REPLACEMENT)
                self._is_lacking = True
        cleaned = "".join(kept).strip()
        return cleaned if len(cleaned) <= WORDS_MAX else cleaned[: WORDS_MAX - 1] + CUT

    def style(self, size: float, weight: Literal["", "B"] = "", ink: Sequence[int] = _INK) -> None:
        self.set_font("body", weight, size)
        self.set_text_color(*ink)

    def quiet(self, size: float = 8.5) -> None:
        self.style(size, "", _QUIET)

    def words(self, text: str, *, width: float = 0, align: str = "L") -> None:
        cleaned = self.clean(text)
        if cleaned:
            self.multi_cell(width, LINE_MM, cleaned, align=align, new_x=XPos.LEFT, new_y=YPos.NEXT)

    def column(self, x: float, y: float, width: float, lines: Sequence[str]) -> float:
        self.set_xy(x, y)
        for number, line in enumerate(lines):
            self.style(10, "B" if number == 0 else "")
            self.words(line, width=width)
            self.set_x(x)
        return float(self.get_y())

    def rule(self) -> None:
        y = self.get_y() + 1.5
        self.set_draw_color(*_RULE)
        self.line(MARGIN_MM, y, self.w - MARGIN_MM, y)
        self.set_y(y + 1.5)

    def row(
        self, label: str, value: str, *, weight: Literal["", "B"] = "", at: float = MARGIN_MM
    ) -> None:
        self.style(10, weight)
        self.set_x(at)
        top, page = self.get_y(), self.page_no()
        width = self.w - MARGIN_MM - at - 48
        self.multi_cell(width, LINE_MM + 0.6, self.clean(label), new_x=XPos.LEFT, new_y=YPos.NEXT)
        below = self.get_y()
        if self.page_no() == page:
            self.set_y(top)
        self.set_x(self.w - MARGIN_MM - 46)
        self.cell(46, LINE_MM + 0.6, self.clean(value), align="R")
        self.set_y(max(below, top + LINE_MM + 0.6) if self.page_no() == page else below)

    def made(self) -> bytes:
        if self._is_lacking:
            self.ln(6)
            self.quiet()
            self.words(LACKING)
        return bytes(self.output())


def day(at_us: int) -> str:
    return datetime.fromtimestamp(at_us // SECOND_US, UTC).date().isoformat()


@functools.cache
def _font_files() -> tuple[Path, ...]:
    folder = Path(_folder().name)
    files = []
    for _, code in _FONTS:
        file = folder / f"{code}.ttf"
        file.write_bytes(pymupdf_fonts.myfont(code))
        files.append(file)
    return tuple(files)


@functools.cache
def _folder() -> "tempfile.TemporaryDirectory[str]":
    return tempfile.TemporaryDirectory(prefix="topup-fonts-")


@functools.cache
def _characters(file: str) -> frozenset[int]:
    try:
        with TTFont(file, lazy=True, fontNumber=0) as font:
            found: Any = font.getBestCmap()
            return frozenset(found)
    except (OSError, TTLibError):
        return frozenset()
