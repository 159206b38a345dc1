"""The operator's logo, and style sheets with their colour."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from gateway.html.static import StaticFile, content_of, file_of, static_url, url_of
from kernel.brand import Brand

_SHEETS: Final = ("claim.css", "checkout.css", "portal.css")


@dataclass(frozen=True, slots=True)
class BrandFiles:
    name: str
    logo: str | None
    files: Mapping[str, StaticFile]

    @property
    def icon(self) -> str:
        return self.logo or static_url("mark.svg")

    @property
    def icon_type(self) -> str:
        return "image/png" if ".png?" in self.icon else "image/svg+xml"

    def sheet(self, name: str) -> str:
        own = self.files.get(f"brand/{name}")
        return static_url(name) if own is None else url_of(f"brand/{name}", own)


@lru_cache(maxsize=8)
def brand_files(brand: Brand) -> BrandFiles:
    contents: dict[str, bytes] = {}
    if brand.color:
        contents = {f"brand/{sheet}": content_of(sheet) + _colours(brand) for sheet in _SHEETS}
    logo = None
    if brand.logo is not None:
        logo = f"brand/logo.{brand.logo.suffix}"
        contents[logo] = brand.logo.content
    files = {name: file_of(name, content) for name, content in contents.items()}
    return BrandFiles(brand.name, logo and url_of(logo, files[logo]), files)


def _colours(brand: Brand) -> bytes:
    return f"""
:root {{
  --accent: light-dark({brand.tone_in_light}, {brand.tone_in_dark});
  --brand: {brand.color};
  --on-brand: {brand.button_text};
  --accent-soft: var(--paper);
}}
.primary {{ background: {brand.color}; color: {brand.button_text}; }}
""".encode()
