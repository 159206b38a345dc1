"""TOPUP_BRAND_…, checked at start. An SVG logo that could run or load something is refused."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from xml.parsers import expat

from pydantic import BaseModel, Field, PrivateAttr, field_validator, model_validator

from kernel.brand import Brand, Logo

_BYTES_MAX: Final = 128 * 1024
_PIXELS_MAX: Final = 2048
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_PNG_HEAD: Final = slice(8, 16)
_PNG_END: Final = b"\0\0\0\0IEND\xaeB`\x82"
_SVG: Final = "http://www.w3.org/2000/svg "
_STRUCTURE: Final = {"svg", "g", "defs", "title", "desc", "style", "clipPath", "mask"}
_SHAPES: Final = {"path", "rect", "circle", "ellipse", "line", "polyline", "polygon"}
_TEXT: Final = {"text", "tspan"}
_PAINT: Final = {"linearGradient", "radialGradient", "stop"}
_DRAWING: Final = frozenset(_STRUCTURE | _SHAPES | _TEXT | _PAINT)
# Escapes, rules that load, and addresses outside the file.
_OUTSIDE: Final = re.compile(
    r"\\|@(?!media\b)|//|(?:javascript|data):|url\((?!\s*['\"]?#)", re.IGNORECASE
)
_COLOR: Final = re.compile(r"#[0-9a-f]{6}").fullmatch


class BrandSettings(BaseModel):
    brand_name: str = Field(
        "",
        max_length=60,
        description="Your name on pages and mails of your customers' payers and recipients.",
    )
    brand_logo: Path | None = Field(
        None,
        description="An SVG or PNG file of at most 128 KiB, shown before BRAND_NAME on these pages.",
    )
    brand_color: str = Field(
        "", description="Colour of buttons there, such as #1d5fd0; their text is white or black."
    )
    _brand: Brand = PrivateAttr(default=Brand())

    @field_validator("brand_name")
    @classmethod
    def _check_name(cls, value: str) -> str:
        if not value.isprintable():
            raise ValueError("is one line of printable characters")
        return value.strip()

    @field_validator("brand_color")
    @classmethod
    def _check_color(cls, value: str) -> str:
        color = value.lower()
        if color and not _COLOR(color):
            raise ValueError("is a colour of six hexadecimal digits such as #1d5fd0")
        return color

    @model_validator(mode="after")
    def _read_brand(self) -> "BrandSettings":
        logo = None if self.brand_logo is None else _logo(self.brand_logo)
        if logo is not None and not self.brand_name:
            raise ValueError("TOPUP_BRAND_LOGO needs TOPUP_BRAND_NAME, which is shown beside it")
        self._brand = Brand(self.brand_name, self.brand_color, logo)
        return self

    @property
    def brand(self) -> Brand:
        return self._brand


def _logo(path: Path) -> Logo:
    try:
        with path.open("rb") as file:
            content = file.read(_BYTES_MAX + 1)
    except OSError:
        raise ValueError("TOPUP_BRAND_LOGO is no file that can be read") from None
    if len(content) > _BYTES_MAX:
        raise ValueError(f"TOPUP_BRAND_LOGO has more than {_BYTES_MAX // 1024} KiB")
    if content.startswith(_PNG):
        _check_png(content)
        return Logo(content, "png")
    _check_svg(content)
    return Logo(content, "svg")


def _check_png(content: bytes) -> None:
    sides = [int.from_bytes(content[start : start + 4], "big") for start in (16, 20)]
    is_whole = content[_PNG_HEAD] == b"\0\0\0\rIHDR" and content.endswith(_PNG_END)
    if not is_whole or not all(1 <= side <= _PIXELS_MAX for side in sides):
        raise ValueError(
            f"TOPUP_BRAND_LOGO is a whole PNG of at most {_PIXELS_MAX} pixels on each side"
        )


def _check_svg(content: bytes) -> None:
    drawing, parser = _Drawing(), expat.ParserCreate(namespace_separator=" ")
    parser.XmlDeclHandler = drawing.declare
    parser.StartDoctypeDeclHandler = parser.ProcessingInstructionHandler = drawing.refuse
    parser.StartElementHandler, parser.EndElementHandler = drawing.begin, drawing.end
    parser.CharacterDataHandler = drawing.text
    try:
        parser.Parse(content, True)
    except expat.ExpatError:
        raise ValueError("TOPUP_BRAND_LOGO is neither an SVG nor a PNG file") from None
    if _OUTSIDE.search(drawing.style):
        raise _refused("has a style that loads something")


class _Drawing:
    def __init__(self) -> None:
        self.style = ""
        self._open: list[str] = []

    def declare(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if (encoding or "utf-8").lower() != "utf-8":
            raise _refused("is not in UTF-8")

    def refuse(self, *_: object) -> None:
        raise _refused("has a document type or an instruction")

    def begin(self, name: str, attributes: Mapping[str, str]) -> None:
        element = name.removeprefix(_SVG)
        is_root = not self._open
        if not name.startswith(_SVG) or element not in _DRAWING or is_root != (element == "svg"):
            raise _refused(f"has an element {element.rpartition(' ')[2][:40]}")
        self._open.append(element)
        for attribute, value in attributes.items():
            plain = attribute.rpartition(" ")[2]
            if _is_active(plain.lower(), value):
                raise _refused(f"has an attribute {plain[:40]} that runs or loads something")

    def end(self, _name: str) -> None:
        self._open.pop()

    def text(self, words: str) -> None:
        if self._open[-1] == "style":
            self.style += words


def _is_active(attribute: str, value: str) -> bool:
    is_link = attribute in {"href", "base"} and not value.startswith("#")
    return is_link or attribute.startswith("on") or _OUTSIDE.search(value) is not None


def _refused(what: str) -> ValueError:
    return ValueError(f"TOPUP_BRAND_LOGO {what}: save it as a plain SVG that only draws")
