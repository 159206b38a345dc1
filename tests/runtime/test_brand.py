"""TOPUP_BRAND_…: what is refused at start, and that what is shown can be read."""

import re
import struct
import zlib
from pathlib import Path

import pytest

from gateway.html.static import content_of
from kernel.brand import CONTRAST_MIN, DARK, LIGHT, Brand, contrast
from runtime.settings import SettingsError, load_settings

MARK = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">{}</svg>'
WORDS = 'xmlns:xlink="http://www.w3.org/1999/xlink"'


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int = 1, height: int = 1) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"\0\xff")
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def brand_of(folder: Path, content: bytes) -> Brand:
    path = folder / "logo"
    path.write_bytes(content)
    return load_settings(brand_name="Acme", brand_logo=str(path)).brand


@pytest.mark.parametrize(
    "drawn",
    [
        '<path d="M1 1h7" fill="#c2410c"/>',
        '<defs><linearGradient id="g"/></defs><rect width="9" height="9" fill="url(#g)"/>',
        f'<g {WORDS}><linearGradient id="h" xlink:href="#g"/></g>',
        "<style>.a{fill:#111} @media (prefers-color-scheme: dark){.a{fill:#fff}}</style>",
        "<title>Acme &amp; sons</title><!-- drawn by hand -->",
    ],
)
def test_a_drawing_is_a_logo(tmp_path: Path, drawn: str) -> None:
    content = b'<?xml version="1.0" encoding="UTF-8"?>' + MARK.format(drawn).encode()

    logo = brand_of(tmp_path, content).logo

    assert logo is not None
    assert (logo.suffix, logo.content) == ("svg", content)


def test_a_png_is_a_logo(tmp_path: Path) -> None:
    logo = brand_of(tmp_path, png()).logo

    assert logo is not None
    assert (logo.suffix, logo.content) == ("png", png())


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (MARK.format("<script>alert(1)</script>"), "has an element script"),
        (MARK.format('<s:script xmlns:s="http://www.w3.org/2000/svg"/>'), "has an element script"),
        (MARK.format('<script xmlns="http://www.w3.org/1999/xhtml"/>'), "has an element script"),
        (MARK.format("<foreignObject/>"), "has an element foreignObject"),
        (MARK.format('<image href="https://evil.example/a.png"/>'), "has an element image"),
        (MARK.format('<a href="#a"/>'), "has an element a"),
        (MARK.format('<use href="#a"/>'), "has an element use"),
        (MARK.format('<set attributeName="href" to="x"/>'), "has an element set"),
        (MARK.format("<svg/>"), "has an element svg"),
        (MARK.format('<path onload="alert(1)"/>'), "has an attribute onload"),
        (MARK.format('<path ONCLICK="alert(1)"/>'), "has an attribute ONCLICK"),
        (MARK.format(f'<g {WORDS} xlink:href="javascript:alert(1)"/>'), "has an attribute href"),
        (MARK.format('<g xml:base="https://evil.example/"/>'), "has an attribute base"),
        (MARK.format('<path fill="url(https://evil.example/#a)"/>'), "has an attribute fill"),
        (MARK.format("<path fill=\"&#117;rl( '//evil.example')\"/>"), "has an attribute fill"),
        (MARK.format('<path style="fill:u\\72l(a)"/>'), "has an attribute style"),
        (MARK.format("<style>@import 'a.css';</style>"), "has a style that loads something"),
        (MARK.format("<style>@im<!-- -->port 'a';</style>"), "has a style that loads something"),
        (MARK.format("<style><![CDATA[a{fill:url(b)}]]></style>"), "has a style that loads"),
        ('<!DOCTYPE svg [<!ENTITY a "b">]>' + MARK.format("&a;"), "has a document type"),
        ('<?xml-stylesheet href="a.css"?>' + MARK.format(""), "has a document type or an instr"),
        ('<?xml version="1.0" encoding="iso-8859-1"?>' + MARK.format(""), "is not in UTF-8"),
        ("<svg/>", "has an element svg"),
        (MARK.format("")[:-1], "is neither an SVG nor a PNG file"),
        ("<html><body>", "has an element html"),
        ("", "is neither an SVG nor a PNG file"),
        (MARK.format(" " * 128 * 1024), "has more than 128 KiB"),
        (png()[:-4], "is a whole PNG of at most 2048 pixels on each side"),
        (png(width=2049), "is a whole PNG of at most 2048 pixels on each side"),
        (png(height=0), "is a whole PNG of at most 2048 pixels on each side"),
        (b"\x89PNG\r\n\x1a\n", "is a whole PNG of at most 2048 pixels on each side"),
        (b"GIF89a" + bytes(9), "is neither an SVG nor a PNG file"),
    ],
)
def test_a_logo_that_could_do_more_than_draw_is_refused(
    tmp_path: Path, content: str | bytes, why: str
) -> None:
    sent = content.encode() if isinstance(content, str) else content

    with pytest.raises(SettingsError, match=f"^TOPUP_BRAND_LOGO {re.escape(why)}"):
        brand_of(tmp_path, sent)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"brand_color": "orange"}, "TOPUP_BRAND_COLOR: is a colour of six hexadecimal digits"),
        ({"brand_color": "#fff"}, "TOPUP_BRAND_COLOR: is a colour of six hexadecimal digits"),
        ({"brand_color": "#fff000;}"}, "TOPUP_BRAND_COLOR: is a colour of six hexadecimal digits"),
        ({"brand_name": "a\nb"}, "TOPUP_BRAND_NAME: is one line of printable characters"),
        ({"brand_name": "a" * 61}, "TOPUP_BRAND_NAME: "),
        ({"brand_name": "a", "brand_logo": "/hunter2"}, "TOPUP_BRAND_LOGO is no file that can be"),
        ({"brand_name": "a", "brand_logo": "/tmp"}, "TOPUP_BRAND_LOGO is no file that can be"),
    ],
)
def test_a_wrong_value_is_refused(given: dict[str, str], why: str) -> None:
    with pytest.raises(SettingsError, match=f"^{re.escape(why)}") as raised:
        load_settings(**given)

    assert "hunter2" not in str(raised.value)


def test_a_logo_needs_a_name(tmp_path: Path) -> None:
    path = tmp_path / "logo.png"
    path.write_bytes(png())

    with pytest.raises(SettingsError, match="TOPUP_BRAND_LOGO needs TOPUP_BRAND_NAME"):
        load_settings(brand_logo=str(path))


def test_contrast_is_as_wcag_defines_it() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert contrast("#1d5fd0", "#1d5fd0") == 1


def test_each_colour_can_be_read() -> None:
    sides = ("00", "33", "66", "99", "cc", "ff")
    for color in (f"#{red}{green}{blue}" for red in sides for green in sides for blue in sides):
        brand = Brand("Acme", color)
        assert contrast(color, brand.button_text) >= CONTRAST_MIN, color
        for tone, grounds in ((brand.tone_in_light, LIGHT), (brand.tone_in_dark, DARK)):
            assert min(contrast(tone, ground) for ground in grounds) >= CONTRAST_MIN, color


def test_a_colour_that_can_be_read_stays_as_it_is() -> None:
    assert Brand("Acme", "#1d5fd0").tone_in_light == "#1d5fd0"
    assert Brand("Acme", "#8db4ff").tone_in_dark == "#8db4ff"


@pytest.mark.parametrize("sheet", ["claim.css", "checkout.css"])
def test_the_grounds_are_the_sheets(sheet: str) -> None:
    rules = content_of(sheet).decode()
    grounds, papers = (re.findall(rf"--{name}: (\S+);", rules) for name in ("ground", "paper"))

    assert list(zip(grounds, papers, strict=True)) == [LIGHT, DARK]
