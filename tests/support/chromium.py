"""A real Chromium for the tests of pages: Debian's own, without anything of its own downloaded."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Literal

from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.support.programs import needed

# Code that is made faster while it runs, on other threads, costs a page of a moment more than it saves.
_ARGUMENTS = ("--no-sandbox", "--js-flags=--no-opt --no-maglev --single-threaded")
# What takes longer never comes.
WAIT_MS = 60_000
# What axe calls worse than a blemish.
GRAVE = {"serious", "critical"}
# Of the rules that axe holds unless told otherwise, those of its category of colours.
CONTRAST, LINKS = "color-contrast", "link-in-text-block"
_VIOLATIONS = """([about, options]) => 'axe' in window
    ? axe.run({include: document, ...about}, options).then(found => found.violations)
    : null"""
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
            const own = [
                isOver ? `over ${location} ${Math.random()}` : '',
                backgroundColor === 'rgba(0, 0, 0, 0)' ? '' : backgroundColor,
                backgroundImage, opacity, filter, mixBlendMode,
            ].join('|').replace(/\\|none\\|1\\|none\\|normal$/, '');
            // However many elements lie between that paint nothing.
            const below = groundOf(element.parentElement);
            grounds.set(element, own === '|' ? below : `${below}/${own}`);
        }
        return grounds.get(element);
    };
    const hasText = (element) => element.matches('select, textarea') || (
        element.matches('input') && !/^(checkbox|radio|hidden|file)$/.test(element.type)
    ) || [...element.childNodes].some((one) => one.nodeType === 3 && one.data.trim() !== '');
    // Hidden, or cut down to a point: for screen readers alone.
    const isHidden = (element) => {
        const {width, height} = element.getBoundingClientRect();
        return !element.checkVisibility({visibilityProperty: true}) || (
            width <= 1 && height <= 1 && getComputedStyle(element).overflow === 'hidden'
        );
    };
    for (const element of document.body.querySelectorAll('*')) {
        if (!hasText(element) || element.matches('option') || isHidden(element)) continue;
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
    const of = (results) => new Set(results.flatMap(({nodes}) => nodes.map((node) => node.element)));
    const passed = of(found.passes), undecided = of(found.incomplete);
    // axe never decides about a text before a picture.
    const seen = looks.filter((look) => window.looksOfTexts.get(look).some((one) =>
        passed.has(one) || undecided.has(one) && /gradient\\(|url\\(/.test(look)));
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
    # Playwright's own five seconds are too few where every core is busy; a wait costs nothing.
    expect.set_options(timeout=WAIT_MS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=path, args=_ARGUMENTS, timeout=WAIT_MS
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
    context.set_default_timeout(WAIT_MS)
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
    # Whoever reads of a fault is told by its HTML where it is.
    options: dict[str, object] = {"resultTypes": ["violations"], "selectors": False}
    if about == "colours":
        options["runOnly"] = [LINKS]
    elif about == "all":
        options["rules"] = {CONTRAST: {"enabled": False}}
    else:
        options["rules"] = {rule: {"enabled": False} for rule in (CONTRAST, LINKS)}
    left_out = [[".bar"], [".places"]] if has_known_frame else []
    asked = [{"exclude": left_out}, options]
    found = await page.evaluate(_VIOLATIONS, asked)
    if found is None:
        # The pages that come after this one find it there: sent and compiled once for all of them.
        await page.context.add_init_script(Axe().axe_script)
        await page.evaluate(Axe().axe_script)
        found = await page.evaluate(_VIOLATIONS, asked)
    if about != "structure":
        found += await _too_faint(page, has_known_frame=has_known_frame)
    return [
        f"{page.url}: {one['id']}: {one['nodes'][0]['html'][:120]}"
        for one in found
        if one["impact"] in GRAVE
    ]


async def grave_faults_in_both(page: Page, *, has_known_frame: bool = False) -> list[str]:
    """In the light theme, and in the dark one, which has the same elements in other colours."""
    await page.emulate_media(color_scheme="light")
    found = await grave_faults(page, has_known_frame=has_known_frame)
    await page.emulate_media(color_scheme="dark")
    return found + await grave_faults(page, about="colours", has_known_frame=has_known_frame)


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
