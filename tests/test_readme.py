"""What a newcomer reads first: its links lead somewhere, its commands and paths are there."""

import re
from pathlib import Path

import pytest
from PIL import Image

from cli.reference import commands
from gateway.dashboard.surface import PAGES
from gateway.http.routing import Router
from gateway.surfaces import SURFACES
from tests.support.readme_picture import BYTES_MAX, PICTURES, WIDTH

ROOT = Path(__file__).parent.parent
READ = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*.md")])


@pytest.mark.parametrize("path", READ, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", text)

    assert [link for link in links if not (path.parent / link).exists()] == []


def test_every_command_and_call_of_the_readme_is_there() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    known = {path for path, _ in commands()}
    templates = {resource.template for resource in Router((*SURFACES, *PAGES))}

    named = re.findall(r"\.venv/bin/topup ((?:[a-z][a-z-]* ?)+)", text)
    calls = re.findall(r"http://127\.0\.0\.1:8000(/api/public/v1[\w/]*)", text)

    assert named
    assert calls
    for words in named:
        assert any(f"topup {words}".startswith(path) for path in known), words
    assert set(calls) <= templates


def test_the_pictures_are_shown_and_small() -> None:
    of_readme, of_landing = PICTURES
    landing = (ROOT / "gateway/templates/landing.html").read_text("utf-8")

    assert f"]({of_readme.relative_to(ROOT).as_posix()})" in (ROOT / "README.md").read_text("utf-8")
    assert f"static('{of_landing.name}')" in landing
    for path in PICTURES:
        assert path.stat().st_size <= BYTES_MAX
        with Image.open(path) as picture:
            assert picture.width == WIDTH
