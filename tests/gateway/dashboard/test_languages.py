"""Pages in other languages: each sentence is in every catalogue, and no page mixes two languages."""

import re
import string
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po

from gateway.html.language import TRANSLATED, page_languages
from tests.gateway.dashboard.test_new_password import ask, links
from tests.support.browser import Browser, member, new_browser, text_of
from tests.support.gateway import Gateway

pytestmark = pytest.mark.one_database
ROOT = Path(__file__).parents[3] / "gateway"
# What stands around and on each of them.
PARTS = ("base.html", "parts/forms.html", "parts/languages.html", "parts/theme.html")
CATALOGUES = sorted((ROOT / "languages").glob("*.po"))
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "say_number": (1, 2)}
# Names that are the same in every language, and what the reader typed.
SAME_EVERYWHERE = re.compile(r"Topup Gateway|English|US\$|ASCII|nobody|example\.com|@")


def sentences() -> set[str]:
    """The English of each text that the translated pages mark; of one with a plural, the singular."""
    files = [
        (ROOT / "templates" / name, "jinja2.ext:babel_extract") for name in (*TRANSLATED, *PARTS)
    ]
    files.append((ROOT / "html/forms.py", "python"))
    found = set()
    for path, method in files:
        options = {"trimmed": "true"} if path.suffix == ".html" else {}
        for _, message, _, _ in extract_from_file(method, path, KEYWORDS, options=options):
            found.add(message if isinstance(message, str) else message[0])
    return found - {""}


def placeholders(text: str) -> list[str]:
    """What is put in, and the tags, but for the one that only isolates what is put in."""
    found = re.findall(r"%\(\w+\)s|<[^>]+>", text)
    return sorted(one for one in found if one not in {"<bdi>", "</bdi>"})


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.stem)
def test_a_catalogue_has_each_sentence_with_what_is_put_into_it(path: Path) -> None:
    with path.open("rb") as file:
        catalogue = [one for one in read_po(file, abort_invalid=True) if one.id]
    pairs = [(_forms(one.id), _forms(one.string)) for one in catalogue]

    assert len(sentences()) > 30
    assert sentences() - {english[0] for english, _ in pairs} == set()
    assert [english[0] for english, said in pairs if not all(said)] == []
    # A form of a plural may say its number in a word.
    assert [
        (english[0], form)
        for english, said in pairs
        for form in said
        if placeholders(form) != placeholders(english[-1])
        and not (len(said) > 1 and not placeholders(form))
    ] == []


def _forms(text: object) -> list[str]:
    """The sentence, or each form of one that has a plural."""
    return [text] if isinstance(text, str) else [str(one) for one in text or ()]  # type: ignore[attr-defined]


def english_words(html: str) -> list[str]:
    """Words in Latin letters that a reader sees, or is read out."""
    said = re.findall(r'(?:title|placeholder|aria-label|alt)="([^"]*)"', html)
    text = SAME_EVERYWHERE.sub("", " ".join([text_of(html), *said]))
    return re.findall(f"[{string.ascii_letters}]{{2,}}", text)


def arabic(gateway: Gateway) -> Browser:
    browser = new_browser(gateway)
    browser.cookies["topup_language"] = "ar"
    return browser


@pytest.mark.gateway_settings(smtp_url="smtp://127.0.0.1:9", mail_from="credit@acme.com")
async def test_each_of_these_pages_and_each_of_its_refusals_is_whole_in_arabic(
    gateway: Gateway,
) -> None:
    browser = arabic(gateway)
    good = {"name": "Ann", "email": "nobody@example.com", "password": "ten letters"}
    await member(gateway, "ann@mail.com")
    await ask(new_browser(gateway), "ann@mail.com")
    (link,) = await links(gateway)
    said = ("/sign-in?said=signed-out", "/sign-in?said=password-set")
    places = (*said, "/sign-in?next=/dashboard/cli", "/sign-up", "/forgot-password", link)
    pages = {place: await browser.get(place) for place in places}
    bad_addresses = ("nobody", "a b@example.com", "a@b", "ا@example.com", "a@" + "b" * 1100)
    forms = [
        ("/sign-in", {"email": "nobody@example.com", "password": "wrong"}),
        ("/sign-in/code", {"ticket": "none", "password": "000000"}),
        *(("/sign-up", good | {"email": email}) for email in bad_addresses),
        ("/sign-up", good | {"password": "short"}),
        ("/sign-up", good | {"name": ""}),
        ("/sign-up", good | {"name": "a" * 500}),
        ("/sign-up", good | {"name": "a\u202eb"}),
        ("/sign-up", good | {"email": "ann@mail.com"}),
        ("/forgot-password", {"email": "nobody@example.com"}),
        ("/forgot-password", {"email": "@"}),
        (link, {"password": "short"}),
    ]
    for number, (path, fields) in enumerate(forms):
        pages[f"{path} {number}"] = await browser.send(path, fields)

    for name, answer in pages.items():
        assert '<html lang="ar" dir="rtl"' in answer.text, name
        assert answer.headers["vary"] == "Accept-Language, Cookie"
        told = re.sub("[ab]{3,}|ann@mail.com", "", answer.text)
        assert english_words(told) == [], name
    assert "10,000.00" in pages["/sign-up"].text
    assert "$10,000.00" not in pages["/sign-up"].text
    # What was worked out for one reader is not kept for the next.
    assert "$10,000.00" in (await new_browser(gateway).get("/sign-up")).text


async def test_the_language_is_what_was_chosen_else_the_browsers(gateway: Gateway) -> None:
    browser = new_browser(gateway)
    wanted = {"Accept-Language": "ar-KW, en;q=0.5"}

    first = await browser.request("GET", "/sign-in?next=/dashboard", wanted)
    chosen = await browser.send("/language", {"language": "en", "next": "/sign-in?next=/dashboard"})
    then = await browser.request("GET", "/sign-in", wanted)
    nonsense = await browser.send("/language", {"language": "../etc/passwd", "next": "/sign-in"})
    away = await browser.send("/language", {"language": "ar", "next": "//evil.example"})

    assert '<html lang="ar"' in first.text
    assert 'name="next" value="/sign-in?next=/dashboard"' in first.text
    assert (chosen.status_code, chosen.headers["location"]) == (303, "/sign-in?next=/dashboard")
    assert '<html lang="en"' in then.text
    assert 'dir="rtl"' not in then.text.partition(">")[0]
    assert nonsense.status_code == 422
    assert away.headers["location"] == "/sign-in"


async def test_a_page_is_english_where_a_part_of_it_would_be(gateway: Gateway) -> None:
    browser = arabic(gateway)

    unknown = await browser.get("/sign-in?said=key-saved")
    elsewhere = await browser.request("GET", "/no-such-page", {"Accept": "text/html"})

    assert "The key is changed." in unknown.text
    for answer in (unknown, elsewhere):
        assert '<html lang="en"' in answer.text
        assert re.search("[\u0600-\u06ff]", answer.text.replace("العربية", "")) is None
    assert "/language" not in elsewhere.text


def test_every_other_language_has_a_direction_and_a_name() -> None:
    assert [(one.tag, one.name, one.direction) for one in page_languages().values()] == [
        ("en", "English", "ltr"),
        ("ar", "العربية", "rtl"),
    ]
