"""The catalogues: each has every sentence that is marked, once, with what is put into it."""

import re
from collections import Counter
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po

from gateway.html.act_form import sentences_of
from gateway.html.language import FORMS, TRANSLATED, page_languages
from gateway.html.phrase import has_words

ROOT = Path(__file__).parents[4] / "gateway"
# What stands around the pages, and on several of them.
FRAMES = ("base.html", "dashboard.html")
FOLDERS = sorted(path for path in (ROOT / "languages").iterdir() if path.is_dir())
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "phrase": None, "counted": (1, 2)}
MARKED = re.compile(r"\b(?:phrase|counted)\(")


def sentences() -> set[str]:
    """The English of each text that is marked; of one with a plural, the singular. A phrase's has a capital."""
    templates = [ROOT / "templates" / name for name in (*TRANSLATED, *FRAMES)]
    templates += (ROOT / "templates/parts").glob("*.html")
    found = set()
    for path in templates:
        found |= _marked(path, "jinja2.ext:babel_extract", {"trimmed": "true"})
    for path in [*(ROOT / "html").rglob("*.py"), *(ROOT / "dashboard").rglob("*.py")]:
        if MARKED.search(path.read_text()):
            found |= _marked(path, "python", {})
    found = found.union(*(sentences_of(struct) for struct in FORMS))
    return {one for one in found if has_words(one)}


def _marked(path: Path, method: str, options: dict[str, str]) -> set[str]:
    listed = extract_from_file(method, path, KEYWORDS, options=options)
    return {one if isinstance(one, str) else one[0] for _, one, _, _ in listed}


def rooms(folder: Path) -> dict[str, Catalog]:
    """The catalogues of one language by their rooms."""
    found = {}
    for path in sorted(folder.glob("*.po")):
        with path.open("rb") as file:
            found[path.stem] = read_po(file, abort_invalid=True)
    return found


def placeholders(text: str) -> list[str]:
    """What is put in, and the tags, but for the one that only isolates what is put in."""
    found = re.findall(r"%\(\w+\)s|<[^>]+>", text)
    return sorted(one for one in found if one not in {"<bdi>", "</bdi>"})


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_a_language_has_each_sentence_once_with_what_is_put_into_it(folder: Path) -> None:
    catalogues = rooms(folder)
    messages = [(name, one) for name, room in catalogues.items() for one in room if one.id]
    pairs = [(_forms(one.id), _forms(one.string)) for _, one in messages]
    known = {english[0] for english, _ in pairs}
    named = Counter(english[0] for english, _ in pairs)

    assert len(sentences()) > 100
    assert {one for one in sentences() if one not in known and _capital(one) not in known} == set()
    assert [english for english, number in named.items() if number > 1] == []
    assert len({room.plural_forms for room in catalogues.values()}) == 1
    assert [english[0] for english, said in pairs if not all(said)] == []
    # A form of a plural may say its number in a word.
    assert [
        (english[0], form)
        for english, said in pairs
        for form in said
        if placeholders(form) != placeholders(english[-1])
        and not (len(said) > 1 and set(placeholders(form)) <= set(placeholders(english[-1])))
    ] == []


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _forms(text: object) -> list[str]:
    """The sentence, or each form of one that has a plural."""
    return [text] if isinstance(text, str) else [str(one) for one in text or ()]  # type: ignore[attr-defined]


def test_only_what_stands_in_a_template_is_taken_for_markup() -> None:
    pages = {path.name: path.read_text() for path in (ROOT / "templates").rglob("*.html")}

    # `_` makes markup of what it says; what is worked out goes through |say, and is escaped.
    assert [name for name, text in pages.items() if re.search(r"\b_\((?![\"'])", text)] == []


def test_every_other_language_has_a_direction_and_a_name() -> None:
    assert [(one.tag, one.name, one.direction) for one in page_languages().values()] == [
        ("en", "English", "ltr"),
        ("ar", "العربية", "rtl"),
    ]
