"""Define the operator's name, logo and colour, as payers and recipients see them.

A button has the exact colour. Marks and outlines have the nearest readable tone, in light and in dark mode.
"""

from dataclasses import dataclass
from typing import Final

# WCAG 2.2, 1.4.3.
CONTRAST_MIN: Final = 4.5
# The colours of page and card in claim.css and checkout.css.
LIGHT: Final = ("#f4f5f7", "#ffffff")
DARK: Final = ("#121417", "#1b1e23")
_WHITE: Final = "#ffffff"
_BLACK: Final = "#000000"
_STEPS: Final = 100


@dataclass(frozen=True, slots=True)
class Logo:
    content: bytes
    suffix: str  # svg or png


@dataclass(frozen=True, slots=True)
class Brand:
    """The operator's brand. `color` is #rrggbb; if empty, the gateway's own colour is used."""

    name: str = ""
    color: str = ""
    logo: Logo | None = None

    @property
    def button_text(self) -> str:
        return _WHITE if contrast(self.color, _WHITE) >= CONTRAST_MIN else _BLACK

    @property
    def tone_in_light(self) -> str:
        return _readable(self.color, _BLACK, LIGHT)

    @property
    def tone_in_dark(self) -> str:
        return _readable(self.color, _WHITE, DARK)


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio by WCAG, from 1 to 21."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _readable(color: str, toward: str, grounds: tuple[str, ...]) -> str:
    tones = (_mixed(color, toward, step / _STEPS) for step in range(_STEPS))
    fits = (tone for tone in tones if all(contrast(tone, one) >= CONTRAST_MIN for one in grounds))
    return next(fits, toward)


def _mixed(color: str, toward: str, part: float) -> str:
    pairs = zip(_channels(color), _channels(toward), strict=True)
    return "#" + "".join(f"{round(own + (other - own) * part):02x}" for own, other in pairs)


def _luminance(color: str) -> float:
    red, green, blue = (_linear(channel / 255) for channel in _channels(color))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4


def _channels(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)
