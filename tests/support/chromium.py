"""A real Chromium for the tests of pages: Debian's own, without anything of its own downloaded."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Literal

from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from playwright.async_api import Browser, Page, async_playwright

from tests.support.programs import needed

# What axe calls worse than a blemish.
GRAVE = {"serious", "critical"}
# Of the rules that axe holds unless told otherwise, those of its category of colours.
CONTRAST, LINKS = "color-contrast", "link-in-text-block"
_VIOLATIONS = """([about, options]) =>
    axe.run({include: document, ...about}, options).then(found => found.violations)"""
# The contrast of a text is that of its look: its own colour and size, and all that lies behind it. What is
# placed over others may lie before anything, so it has a look of its own.
_LOOKS = """(hasKnownFrame) => {
    const grounds = new Map(), looks = window.looksOfTexts = new Map();
    const groundOf = (element) => {
        if (element === null) return '';
        if (!grounds.has(element)) {
            const {position, backgroundColor, backgroundImage, opacity, filter, mixBlendMode} =
                getComputedStyle(element);
            const isOver = position !== 'static' && position !== 'relative';
            grounds.set(element, [
                groundOf(element.parentElement),
                isOver ? `over ${location} ${Math.random()}` : '',
                backgroundColor === 'rgba(0, 0, 0, 0)' ? '' : backgroundColor,
                backgroundImage, opacity, filter, mixBlendMode,
            ].join('|').replace(/\\|none\\|1\\|none\\|normal$/, ''));
        }
        return grounds.get(element);
    };
    const hasText = (element) => element.matches('select, textarea') || (
        element.matches('input') && !/^(checkbox|radio|hidden|file)$/.test(element.type)
    ) || [...element.childNodes].some((one) => one.nodeType === 3 && one.data.trim() !== '');
    for (const element of document.body.querySelectorAll('*')) {
        if (!hasText(element) || element.matches('option')) continue;
        if (hasKnownFrame && element.closest('.bar, .places, .skip')) continue;
        const {color, fontSize, fontWeight, textShadow} = getComputedStyle(element);
        const look = [color, fontSize, fontWeight, textShadow, groundOf(element)].join('|');
        looks.set(look, [...(looks.get(look) ?? []), element]);
    }
    return [...looks.keys()];
}"""
_CONTRASTS = """async ([looks, options]) => {
    const elements = looks.flatMap((look) => window.looksOfTexts.get(look));
    const found = await axe.run({include: elements}, options);
    const passed = new Set(found.passes.flatMap((one) => one.nodes.map((node) => node.element)));
    const seen = looks.filter((look) => window.looksOfTexts.get(look).some((one) => passed.has(one)));
    return [found.violations.map(({id, impact, nodes}) => ({id, impact, nodes: nodes.map(({html}) => ({html}))})), seen];
}"""
# Looks that axe found nothing against, of any page of this run.
_good_looks: set[str] = set()


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

    Most of its time goes to the contrast of each piece of text, so each look of a text is examined
    once. The rules about colours alone are enough for a page that was looked at in another theme, and
    those about all else, the structure, for one whose elements were looked at in the same colours.
    has_known_frame: the bar and the menu are those of a page that was looked at.
    """
    if not await page.evaluate("'axe' in window"):
        # The pages that come after this one find it there: sent and compiled once for all of them.
        await page.context.add_init_script(Axe().axe_script)
        await page.evaluate(Axe().axe_script)
    options: dict[str, object] = {"resultTypes": ["violations"]}
    if about == "colours":
        options["runOnly"] = [LINKS]
    elif about == "all":
        options["rules"] = {CONTRAST: {"enabled": False}}
    else:
        options["rules"] = {rule: {"enabled": False} for rule in (CONTRAST, LINKS)}
    left_out = [[".bar"], [".places"]] if has_known_frame else []
    found = await page.evaluate(_VIOLATIONS, [{"exclude": left_out}, options])
    if about != "structure":
        found += await _too_faint(page, has_known_frame=has_known_frame)
    return [
        f"{page.url}: {one['id']}: {one['nodes'][0]['html'][:120]}"
        for one in found
        if one["impact"] in GRAVE
    ]


async def _too_faint(page: Page, *, has_known_frame: bool) -> list[Any]:
    """Violations of the rule about contrast, by texts whose looks were not examined yet.

    What axe cannot judge, such as what is hidden, is asked about again wherever it is met.
    """
    looks = await page.evaluate(_LOOKS, has_known_frame)
    new = [look for look in looks if look not in _good_looks]
    if not new:
        return []
    options = {"runOnly": [CONTRAST], "elementRef": True, "selectors": False}
    violations, seen = await page.evaluate(_CONTRASTS, [new, options])
    if not violations:
        _good_looks.update(seen)
    return list(violations)
