"""A real Chromium for the tests of pages: Debian's own, without anything of its own downloaded."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Literal

from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from playwright.async_api import Browser, Page, async_playwright

from tests.support.programs import needed

# What axe calls worse than a blemish.
GRAVE = {"serious", "critical"}
# Of the rules that axe holds unless told otherwise, those of its category of colours.
COLOUR_RULES = ["color-contrast", "link-in-text-block"]
_VIOLATIONS = """([about, options]) =>
    axe.run({include: document, ...about}, options).then(found => found.violations)"""


@dataclass
class Window:
    """One tab, and what its console complained of: scripts refused, files missing, errors."""

    page: Page
    complaints: list[str] = field(default_factory=list)


@contextlib.asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A running browser; skips where there is none, fails where CI forgot it.

    The headless shell has the same engine and no browser around it: a click takes a quarter of the
    CPU time.
    """
    path = needed("chromium", rather="chromium-headless-shell")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox"], timeout=60_000
        )
        try:
            yield browser
        finally:
            await browser.close()


async def new_window(
    browser: Browser, url: str, *, has_scripts: bool = True, width: int = 1280
) -> Window:
    """A tab of a profile of its own, with the gateway's address as its base."""
    context = await browser.new_context(
        base_url=url,
        java_script_enabled=has_scripts,
        viewport={"width": width, "height": 860},
        timezone_id="Asia/Kuwait",
        locale="en-US",
    )
    window = Window(await context.new_page())

    def note(text: str) -> None:
        window.complaints.append(text)

    window.page.on("console", lambda said: note(said.text) if said.type == "error" else None)
    window.page.on("pageerror", lambda error: note(str(error)))
    return window


async def grave_faults(
    page: Page,
    *,
    about: Literal["all", "colours", "structure"] = "all",
    has_known_frame: bool = False,
) -> list[str]:
    """What axe finds that keeps somebody out, a line each.

    Most of its time goes to the contrast of each piece of text. The rules about colours alone are
    enough for a page that was looked at in another theme, and those about all else, the structure,
    for one whose elements were looked at in the same colours. has_known_frame: the bar and the
    menu are those of a page that was looked at.
    """
    options: dict[str, object] = {"resultTypes": ["violations"]}
    if about == "colours":
        options["runOnly"] = COLOUR_RULES
    elif about == "structure":
        options["rules"] = {rule: {"enabled": False} for rule in COLOUR_RULES}
    if not await page.evaluate("'axe' in window"):
        # The pages that come after this one find it there: sent and compiled once for all of them.
        await page.context.add_init_script(Axe().axe_script)
        await page.evaluate(Axe().axe_script)
    left_out = [[".bar"], [".places"]] if has_known_frame else []
    found = await page.evaluate(_VIOLATIONS, [{"exclude": left_out}, options])
    return [
        f"{page.url}: {one['id']}: {one['nodes'][0]['html'][:120]}"
        for one in found
        if one["impact"] in GRAVE
    ]
