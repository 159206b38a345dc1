"""Runs the commands of a scene, and writes down what they print, exit with and write.

A command without `WHO:` works on the database, with --json; what a command does well for the first time is recorded as
text, too, which a copy of the database from before it prints. `http:` is the account's key at a running gateway, `reader:`
one that may only read, `stranger:` another account's; each prints JSON if its result is kept, else text.
"""

import asyncio
import json
import re
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
from click.testing import CliRunner, Result
from starlette.types import ASGIApp, Receive, Scope, Send

from cli.main import main
from cli.reference import root
from gateway.app import create_app
from gateway.http.routing import Router
from gateway.surfaces import API_PREFIX, SURFACES
from kernel.clock import FixedClock
from runtime.context import Context
from tests.doors.scene import Kept, SceneCall
from tests.doors.written import Written
from tests.support.gateway import Gateway
from tests.support.masks import Masks
from tests.support.recordings import RECORDINGS

FOLDER = RECORDINGS / "commands"
Given = Callable[[Gateway, FixedClock, Kept], Awaitable[Mapping[str, Any]]]
_ROUTER = Router(SURFACES)
# What a result has of a secret, and any text may repeat.
_HINTS = {"last4", "prefix"}
_OF_THIS_RUN = (
    (re.compile(r'"(\w*hint|kid|last4|prefix)": "(?!<)[^"]+"'), r'"\1": "<\1>"'),
    (re.compile(r"^(\w*hint|kid|last4|prefix)( +)(?!<)\S+", re.MULTILINE), r"\1\2<\1>"),
    (re.compile(r'"last_used_at": (?:null|"[^"]+")'), '"last_used_at": <null or a minute>'),
    (re.compile(r"(TOPUP-)?…(-)?(?!MDE)[0-9A-Za-z]{4}(?![0-9A-Za-z])"), r"\1…\2<hint>"),
    (re.compile(r"eyJ[\w-]{20,}\.[\w-]{20,}\.[\w-]{20,}"), "<jws>"),
    (re.compile(r"(adm_(?:staging|live))_[0-9A-Za-z]{32,}"), r"<\1>"),
    (re.compile(r"(?<=/new-password/)[0-9A-Za-z_-]{20,}"), "<token>"),
)
_SPACES = re.compile(r"[ \t]+$", re.MULTILINE)


@dataclass(slots=True)
class Requests:
    """The requests that reach a gateway, by the templates of their routes."""

    seen: list[str] = field(default_factory=list)

    def app_of(self, context: Context) -> ASGIApp:
        inner = create_app(context)

        async def noting(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                found = _ROUTER.match(scope["path"])
                path = scope["path"] if found is None else found[0].template
                self.seen.append(f"request {scope['method']} {path.removeprefix(API_PREFIX)}")
            await inner(scope, receive, send)

        return noting

    def taken(self) -> list[str]:
        seen, self.seen = self.seen, []
        return seen


@dataclass(slots=True)
class CommandRecorder:
    """One scene's calls, on one database with one gateway before it."""

    gateway: Gateway
    clock: FixedClock
    folder: Path
    requests: Requests
    keys: Mapping[str, str]
    givens: Mapping[str, Given]
    kept: Kept
    masks: Masks = field(default_factory=Masks)
    _written: dict[str, list[str]] = field(default_factory=dict)
    _hints: dict[str, str] = field(default_factory=dict)
    _as_text: set[str] = field(default_factory=set)

    async def play(self, call: SceneCall) -> None:
        match call.words:
            case ("given", name):
                found = await self.givens[name](self.gateway, self.clock, self.kept)
                self.kept.values |= found
            case ("file", name, text):
                (self.folder / name).write_text(text.replace("\\n", "\n"), encoding="utf-8")
            case _:
                self.clock.advance_s(1)
                await self._run(call, self.kept.filled(call.words))
        self._news.lines()
        self.requests.taken()

    def text(self) -> str:
        """All calls by command."""
        return "\n".join(
            f"=== {command}\n\n" + "\n".join(calls)
            for command, calls in sorted(self._written.items())
        )

    @property
    def _file(self) -> Path:
        return self.folder / "topup.db"

    @property
    def _news(self) -> Written:
        return Written(self._file)

    async def _run(self, call: SceneCall, words: list[str]) -> None:
        news = Written(self._file)
        news.lines()
        self.requests.taken()
        if call.who:
            asked = [*words, "--json"] if call.kept_as else words
            done = await self._invoked(asked, self._access(call.who))
            parts = [_shown(done)]
        else:
            done, parts = await self._on_database(words)
        self._learn(done)
        if call.kept_as is not None:
            assert done.exit_code == 0, (words, done.output, done.exception)
            self.kept.values[call.kept_as] = json.loads(done.stdout)
        wrote = [*self.requests.taken(), *news.lines()]
        head = f"--- {call.who or 'database'}: {call.note}\n$ topup {' '.join(words)}"
        text = "\n".join([head, *parts, *wrote]) + "\n"
        self._written.setdefault(command_of(words), []).append(self._plain(text))

    async def _on_database(self, words: list[str]) -> tuple[Result, list[str]]:
        """The result as JSON; what is done well for the first time is shown as text, too."""
        command = command_of(words)
        before = None if command in self._as_text else self._copied()
        done = await self._invoked([*words, "--json"], self._database(self._file))
        parts = [_shown(done)]
        if done.exit_code == 0 and before is not None:
            self._as_text.add(command)
            as_text = await self._invoked(words, self._database(before))
            parts.append("as text " + _shown(as_text))
        return done, parts

    async def _invoked(self, words: list[str], env: Mapping[str, str | None]) -> Result:
        common = {
            **dict.fromkeys(("TOPUP_API_KEY", "TOPUP_URL", "TOPUP_PROFILE")),
            "XDG_CONFIG_HOME": str(self.folder / "config"),
            # A client of plain HTTP needs none of the machine's certificates: to read them takes longer than a call.
            "SSL_CERT_DIR": str(self.folder),
            "COLUMNS": "80",
            "NO_COLOR": "1",
        }
        return await asyncio.to_thread(
            CliRunner().invoke, main, words, env={**common, **env}, prog_name="topup"
        )

    def _access(self, who: str) -> Mapping[str, str]:
        return {"TOPUP_URL": self.gateway.url, "TOPUP_API_KEY": self.keys[who]}

    def _database(self, file: Path) -> Mapping[str, str]:
        settings = self.gateway.context.settings
        return {
            "TOPUP_DATABASE_URL": f"sqlite:///{file}",
            "TOPUP_SECRET_KEY": settings.secret_key.get_secret_value(),
            "TOPUP_REDIS_URL": settings.redis_url.get_secret_value(),
            "TOPUP_DATA_DIR": str(self.folder),
            "TOPUP_WEBHOOK_ALLOW_PRIVATE": "true",
        }

    def _copied(self) -> Path:
        copy = self.folder / "copy.db"
        for old in self.folder.glob("copy.db*"):
            old.unlink()
        source, target = sqlite3.connect(self._file), sqlite3.connect(copy)
        try:
            source.backup(target)
        finally:
            source.close()
            target.close()
        return copy

    def _learn(self, done: Result) -> None:
        """Remember the hints of secrets in a result: a table shows them without a name."""
        if done.exit_code == 0 and done.stdout.startswith(("{", "[")):
            for name, value in _fields(json.loads(done.stdout)):
                if name in _HINTS and isinstance(value, str):
                    self._hints[value] = name

    def _plain(self, text: str) -> str:
        text = self.masks.plain(text).replace(str(self.folder), "<folder>")
        for hint, name in self._hints.items():
            text = re.sub(rf"(?<![\w<-]){re.escape(hint)}(?![\w>])", f"<{name}>", text)
        for pattern, word in _OF_THIS_RUN:
            text = pattern.sub(word, text)
        return _SPACES.sub("", text)


def command_of(words: list[str]) -> str:
    """The command's own words: without its arguments."""
    group: click.Command = main
    found = ["topup"]
    with root() as context:
        for word in words:
            if not isinstance(group, click.Group):
                break
            below = group.get_command(context, word)
            if below is None:
                break
            group = below
            found.append(word)
    return " ".join(found)


def _fields(value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [pair for name, one in value.items() for pair in [(name, one), *_fields(one)]]
    return [pair for one in value for pair in _fields(one)] if isinstance(value, list) else []


def _shown(done: Result) -> str:
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    said = [text for text in (done.stdout.rstrip(), done.stderr.rstrip()) if text]
    return "\n".join([f"exit {done.exit_code}", *said])
