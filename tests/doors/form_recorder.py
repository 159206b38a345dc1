"""Shows the pages of a scene, fills in their forms, and writes down what comes of it.

`WHO: page PATH` records the page's forms. `WHO: post PATH NAME=VALUE …` sends the form of that path that the person saw
last, or one of these fields alone where the page has none. `call METHOD PATH JSON` is a call of the API by ann's key, which
is not recorded.
"""

import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import httpx

from gateway.dashboard.surface import PAGES
from gateway.html.format import SAID
from gateway.http.routing import Router
from kernel.clock import FixedClock
from tests.doors.form_reader import PageForm, PageReader
from tests.doors.scene import Kept, SceneCall
from tests.doors.written import Written
from tests.support.browser import Browser, csrf_of
from tests.support.gateway import Gateway
from tests.support.masks import Masks
from tests.support.recordings import RECORDINGS

FOLDER = RECORDINGS / "forms"
Given = Callable[[Gateway, FixedClock, Kept], Awaitable[Mapping[str, Any]]]
_ROUTER = Router(PAGES)
_OF_THIS_RUN = (
    (re.compile(r"(TOPUP-)?…(-)?[0-9A-Za-z]{4}(?![0-9A-Za-z])"), r"\1…\2<hint>"),
    (re.compile(r"[A-Z2-7]{4}(?: [A-Z2-7]{4}){7}"), "<secret>"),
    (re.compile(r"[0-9A-Za-z_-]{100,}(?:%3D|=)*"), "<sealed>"),
    (re.compile(r"told_acc_[0-9A-Za-z]{16}"), "told_<account>"),
    (re.compile(r"/(invitation|new-password)/[0-9A-Za-z_-]{20,}"), r"/\1/<token>"),
)


@dataclass(slots=True)
class FormRecorder:
    """One scene's calls, of the people that it names."""

    gateway: Gateway
    clock: FixedClock
    file: Path
    people: Mapping[str, Browser]
    givens: Mapping[str, Given]
    kept: Kept
    masks: Masks = field(default_factory=Masks)
    _written: dict[str, list[str]] = field(default_factory=dict)
    _seen: dict[tuple[str, str], PageForm] = field(default_factory=dict)

    async def play(self, call: SceneCall) -> None:
        self.clock.advance_s(1)
        match call.words:
            case ("given", name):
                self.kept.values |= await self.givens[name](self.gateway, self.clock, self.kept)
            case ("call", method, path, *body):
                await self._call(call, method, self.kept.filled((path, *body)))
            case ("page", path):
                await self._page(call, self.kept.filled((path,))[0])
            case ("post", *words):
                await self._post(call, self.kept.filled(tuple(words)))
            case _:
                raise AssertionError(call.words)

    def text(self) -> str:
        """All by the page or form."""
        return "\n".join(
            f"=== {route}\n\n" + "\n".join(calls) for route, calls in sorted(self._written.items())
        )

    async def _call(self, call: SceneCall, method: str, words: Sequence[str]) -> None:
        given = {"json": json.loads(words[1])} if len(words) > 1 else {}
        key = self.kept.values["key"]
        answer = await self.gateway.call(method, words[0], key=key, **given)
        assert answer.is_success, answer.text
        if call.kept_as is not None:
            self.kept.values[call.kept_as] = answer.json()["data"] or answer.json()

    async def _page(self, call: SceneCall, path: str) -> None:
        answer = await self.people[call.who].get(path)
        reader = PageReader(answer.text)
        for form in reader.forms:
            self._seen[call.who, form.action.partition("?")[0]] = form
        lines = [str(answer.status_code), *_said(reader)]
        if answer.is_success:
            lines += [line for form in reader.forms for line in form.lines()]
        self._keep("GET", call, path, lines)

    async def _post(self, call: SceneCall, words: Sequence[str]) -> None:
        path, given = words[0], _pairs(words[1:])
        person = self.people[call.who]
        news = Written(self.file)
        news.lines()
        form = self._seen.get((call.who, path))
        if form is None:
            html = (await person.get("/dashboard/account")).text
            fields: dict[str, list[str]] = {"csrf_token": [csrf_of(html)]}
        else:
            fields = form.given()
            assert set(given) <= form.names(), (
                f"{path} has no {set(given) - form.names()}, but {form.names()}"
            )
            if given and "once" in fields:
                # What was typed anew comes from a page that was opened anew.
                fields["once"] = [
                    f"{fields['once'][0][:40]}{len(self._written)}-{self.clock.now_us()}"
                ]
        answer = await person.send(path, {**fields, **given}, headers={})
        lines = [_status(answer)]
        if answer.status_code != httpx.codes.SEE_OTHER:
            lines += _said(PageReader(answer.text))
        if call.kept_as is not None:
            self.kept.values[call.kept_as] = _found(answer)
        self._keep("POST", call, path, [*lines, *news.lines()], words[1:])

    def _keep(
        self, method: str, call: SceneCall, path: str, lines: list[str], words: Sequence[str] = ()
    ) -> None:
        plain = path.partition("?")[0]
        found = _ROUTER.match(plain)
        route = f"{method} {plain if found is None else found[0].template}"
        head = f"--- {call.who}: {call.note}\n{' '.join([method, path, *words])}"
        text = self.masks.plain("\n".join([head, *lines]) + "\n")
        for pattern, word in _OF_THIS_RUN:
            text = pattern.sub(word, text)
        self._written.setdefault(route, []).append(text)


def _pairs(words: Sequence[str]) -> dict[str, list[str]]:
    """NAME=VALUE; a name that stands alone is left out of the form, and one that is there twice has both."""
    found: dict[str, list[str]] = {}
    for word in words:
        name, mark, value = word.partition("=")
        found.setdefault(name, []).extend([value] if mark else [])
    return found


def _status(answer: httpx.Response) -> str:
    place = answer.headers.get("location", "")
    said = parse_qs(urlsplit(place).query).get("said", [""])[0]
    shown = [str(answer.status_code), unquote(place), f"({SAID[said]})" if said else ""]
    return " ".join(word for word in shown if word)


def _said(reader: PageReader) -> list[str]:
    return [
        f"title {reader.title}",
        *(f"note {text}" for text in reader.notes),
        *(f"wrong {text}" for text in reader.wrong),
    ]


def _found(answer: httpx.Response) -> Mapping[str, str]:
    """Where the answer leads, and the id that it is about."""
    place = urlsplit(answer.headers.get("location", "")).path
    link = re.search(r"/(?:invitation|new-password)/[0-9A-Za-z_-]{20,}", answer.text)
    ids = re.findall(r"[a-z]{3}_[0-9A-Za-z]{16}", place or answer.text)
    return {"path": place, "id": ids[-1] if ids else "", "link": link[0] if link else ""}
