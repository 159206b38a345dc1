"""Name a browser for people: "Firefox on Windows". Never trusted."""

from collections.abc import Sequence
from typing import Final

from gateway.html.phrase import phrase

# Most browsers also name those that they descend from, so the first match counts.
_BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("HeadlessChrome/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
)
_SYSTEMS: Final = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Macintosh", "macOS"),
    ("Linux", "Linux"),
)


def device_of(user_agent: str) -> str:
    """Return the browser and the system; for unknown ones the first word."""
    browser, system = _first(_BROWSERS, user_agent), _first(_SYSTEMS, user_agent)
    if browser is None:
        words = user_agent.split()
        browser = words[0] if words else phrase("An unknown browser")
    if system is None:
        return browser
    return phrase("%(browser)s on %(system)s", browser=browser, system=system)


def _first(known: Sequence[tuple[str, str]], text: str) -> str | None:
    return next((name for mark, name in known if mark in text), None)
