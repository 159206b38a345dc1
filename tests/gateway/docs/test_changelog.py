"""The change log is on pages, whole, and an installed package has it."""

import re
from pathlib import Path

import pytest
from setuptools.command.build_py import build_py
from setuptools.dist import Distribution

from gateway.docs.changelog import parts, source
from tests.support.gateway import Gateway

ROOT = Path(__file__).parents[3]
KEPT = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


@pytest.mark.asyncio(loop_scope="module")
async def test_each_change_is_on_the_page_of_its_part(shared_gateway: Gateway) -> None:
    client, shown = shared_gateway.client, 0
    listed = (await client.get("/docs/changelog")).text
    for part in parts():
        page = await client.get(part.path)
        assert f'href="{part.path}"' in listed
        assert page.status_code == 200, part.path
        shown += part.count

    assert shown == len(re.findall(r"^- ", KEPT, re.MULTILINE)) >= 40
    assert "/docs/changelog" in (await client.get(parts()[0].path)).text
    assert (await client.get("/docs/changelog.md")).text == KEPT
    assert (await client.get("/docs/changelog/nothing")).status_code == 404


@pytest.mark.asyncio(loop_scope="module")
async def test_icons_are_there_for_who_asks_without_a_link(shared_gateway: Gateway) -> None:
    for path, kind, begin in (
        ("/favicon.ico", "image/vnd.microsoft.icon", b"\0\0\1\0"),
        ("/apple-touch-icon.png", "image/png", b"\x89PNG"),
    ):
        icon = await shared_gateway.client.get(path)
        assert (icon.status_code, icon.headers["content-type"]) == (200, kind)
        assert icon.content.startswith(begin)
    page = (await shared_gateway.client.get("/sign-in")).text
    assert 'rel="apple-touch-icon"' in page


def test_an_installed_package_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    distribution = Distribution()
    distribution.parse_config_files()
    build = build_py(distribution)
    build.ensure_finalized()
    packed = {package: files for package, _, _, files in build.get_data_files_without_manifest()}

    assert "text/changelog.md" in packed["gateway.docs"]
    assert source() == KEPT
