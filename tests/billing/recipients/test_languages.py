"""Every catalogue says everything that recipients read, with the same names to be put in."""

import string
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po

from billing.recipients.language import best_match, english, languages, nearest
from keys.mandate import COUNTS

ROOT = Path(__file__).parents[3]
CATALOGUES = sorted((ROOT / "billing/recipients/languages").glob("*.po"))
TEMPLATES = [
    *(ROOT / "billing/recipients/templates").iterdir(),
    *(
        ROOT / "gateway/templates" / name
        for name in (
            "recipient.html",
            "claim.html",
            "decide.html",
            "no_mail.html",
            "order_status.html",
            "owner_no_mail.html",
        )
    ),
]
CODE = [
    ROOT / "billing/documents/receipt_letter.py",
    ROOT / "billing/recipients/account_mail.py",
    ROOT / "billing/recipients/approval_mail.py",
    ROOT / "billing/recipients/letter.py",
    ROOT / "billing/recipients/gathered_mail.py",
    ROOT / "billing/recipients/letter.py",
    ROOT / "billing/subscriptions/owner_letter.py",
]


def texts() -> set[str]:
    """Each sentence that is passed to `say`, and the labels of limits."""
    found = {fact.label for fact in COUNTS.values()}
    for path in TEMPLATES:
        found |= set(_extracted("jinja2.ext:babel_extract", path))
    for path in CODE:
        found |= set(_extracted("python", path))
    return found


def _extracted(method: str, path: Path) -> Iterator[str]:
    for _, message, _, _ in extract_from_file(method, path, keywords={"say": None}):
        assert isinstance(message, str), path
        yield message


def names_in(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}


def test_there_are_four_languages() -> None:
    assert [(tag, one.name, one.direction) for tag, one in languages().items()] == [
        ("en", "English", "ltr"),
        ("ar", "العربية", "rtl"),
        ("es", "español", "ltr"),
        ("zh", "中文", "ltr"),
    ]


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.stem)
def test_a_catalogue_says_all_there_is_with_the_same_names(path: Path) -> None:
    with path.open("rb") as file:
        catalogue = {
            str(one.id): str(one.string) for one in read_po(file, abort_invalid=True) if one.id
        }
    expected = texts()

    assert len(expected) > 30
    assert set(catalogue) == expected
    assert [text for text, said in catalogue.items() if not said] == []
    assert [text for text, said in catalogue.items() if names_in(text) != names_in(said)] == []


@pytest.mark.parametrize(
    ("tag", "found"),
    [
        ("es-MX", "es"),
        ("zh_Hans", "zh"),
        ("AR", "ar"),
        ("en-GB", "en"),
        ("fr", None),
        ("../../etc", None),
        ("", None),
    ],
)
def test_a_form_of_a_language_is_that_language(tag: str, found: str | None) -> None:
    language = nearest(tag)

    assert (language and language.tag) == found


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("fr-CH, es;q=0.9, en;q=0.8", "es"),
        ("en;q=0.5, ar;q=0.7", "ar"),
        ("zh-CN,zh;q=0.9", "zh"),
        ("ar;q=0, en", "en"),
        ("*", None),
        (";;;q=,,," * 500, None),
    ],
)
def test_the_browser_is_asked_what_it_likes_best(header: str, found: str | None) -> None:
    language = best_match(header)

    assert (language and language.tag) == found


def test_amounts_and_days_are_written_as_people_write_them() -> None:
    at_us = 1_781_352_000_000_000  # 2026-06-13T12:00:00Z
    spanish, chinese, arabic = (languages()[tag] for tag in ("es", "zh", "ar"))

    assert english().money(123_456) == "$1,234.56"
    assert spanish.money(123_456) == "1.234,56\xa0US$"
    assert arabic.money(123_456) == "\u20661,234.56\xa0US$\u2069"
    assert english().day(at_us) == "June 13, 2026"
    assert chinese.day(at_us) == "2026年6月13日"
    assert "2026" in arabic.day(at_us)


def test_lengths_of_time_are_written_whole() -> None:
    english_, arabic, spanish, chinese = languages().values()

    assert english_.duration(60) == "1 minute"
    assert english_.duration(93_784) == "1 day, 2 hours, 3 minutes, and 4 seconds"
    assert english_.duration(31_622_400) == "366 days"
    assert spanish.duration(93_600) == "1 día y 2 horas"
    assert chinese.duration(90_000) == "1天和1小时"
    assert arabic.duration(183_600) == "يومان و3 ساعات"


def test_what_is_put_into_arabic_keeps_its_own_direction() -> None:
    said = languages()["ar"].say("Message from {sender}:", sender="Ana")

    assert said == "رسالة من \u2068Ana\u2069:"
