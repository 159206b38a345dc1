"""Find acts by words: "pause key checkout" leads to the key's page, at the act's form."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from itertools import takewhile
from typing import Final, NamedTuple

from billing.reports.find_by_id import Found, Kind
from gateway.dashboard.act_pages import ACT_PAGES, FORM_ACTS
from gateway.dashboard.found import operators_line, own_line
from gateway.html.phrase import phrase
from gateway.http.acts import MOUNTED
from keys.act import AnyChange, ChangingAct
from keys.principal import ADMIN

_D: Final = "/dashboard"
_KINDS: Final[Mapping[str, Kind]] = {
    "topup": "topup",
    "approvals": "approval",
    "batches": "batch",
    "keys": "key",
    "webhooks": "endpoint",
    "deliveries": "delivery",
    "replays": "replay",
    "subscriptions": "subscription",
    "orders": "order",
    "refunds": "refund",
}
_OPERATORS_KINDS: Final[Mapping[str, Kind]] = {
    "accounts": "account",
    "topups": "topup",
    "machine-payments": "machine_payment",
    "orders": "order",
    "refunds": "refund",
}
_LISTS: Final = {"subscriptions": "plan", "topup": "topups"}
_ALSO: Final = {"replay.create": "replay failures failed webhook"}
_FILLERS: Final = frozenset({"a", "all", "an", "my", "of", "the", "to"})
_PREFIX_CHARACTERS_MIN: Final = 3


class Command(NamedTuple):
    """place: the id of the act's form. kind: of its object; None: only its list is offered."""

    label: str
    place: str
    verbs: frozenset[str]
    words: frozenset[str]
    scopes: frozenset[str]
    kind: Kind | None
    path: str


class CommandLine(NamedTuple):
    label: str
    title: str
    path: str


class Wanted(NamedTuple):
    """The acts that the text begins with; rest: the object's name."""

    commands: Sequence[Command] = ()
    rest: str = ""


def wanted(
    text: str, scopes: frozenset[str], say: Callable[[str], str], *, is_operator: bool
) -> Wanted:
    words = text.lower().split()
    found = [
        (number, one)
        for one in (_operators() if is_operator else _own())
        if one.scopes <= scopes and (number := _begins(words, one, say(one.label)))
    ]
    longest = max((number for number, _ in found), default=0)
    commands = [one for number, one in found if number == longest]
    return Wanted(commands, " ".join(text.split()[longest:]))


def lines_of(
    asked: Wanted, found: Iterable[Found], environment: str, *, is_operator: bool
) -> list[CommandLine]:
    line_of = operators_line if is_operator else own_line
    lines = [(one, line_of(one, environment).path) for one in found]
    named = [
        CommandLine(command.label, one.title, f"{path}#{command.place}")
        for command in asked.commands
        for one, path in lines
        if one.kind == command.kind and path is not None
    ]
    return named or [CommandLine(one.label, "", one.path) for one in asked.commands]


def _begins(words: Sequence[str], command: Command, said: str) -> int:
    """Return how many words at the start are the act's; 0 if the first is not its verb."""
    own = said.lower().split()
    if not words or not _is_known(words[0], {*command.verbs, *own[:1]}):
        return 0
    known = {*command.words, *own, *_FILLERS}
    return sum(1 for _ in takewhile(lambda word: _is_known(word, known), words))


def _is_known(word: str, known: Iterable[str]) -> bool:
    if word in known:
        return True
    return len(word) >= _PREFIX_CHARACTERS_MIN and any(one.startswith(word) for one in known)


@cache
def _own() -> Sequence[Command]:
    acts = [one for one in MOUNTED.values() if isinstance(one, ChangingAct)]
    return [
        _command(act, act.path, _KINDS.get(_first(act.path)), _D)
        for act in acts
        if _first(act.path) in _KINDS and _is_about_one(act.path) and ADMIN not in act.scopes
    ]


@cache
def _operators() -> Sequence[Command]:
    admin = f"{_D}/admin"
    listed = [
        _command(act, act.path, None, admin)._replace(
            path=pages.address if act in pages.buttons else pages.form_address(act)
        )
        for pages in ACT_PAGES
        for act in pages.acts
    ]
    formed = [
        _command(act, path, _OPERATORS_KINDS.get(_first(path)), admin) for act, path in FORM_ACTS
    ]
    return [one._replace(scopes=frozenset({ADMIN})) for one in (*listed, *formed)]


def _command(act: AnyChange, path: str, kind: Kind | None, base: str) -> Command:
    verbs = f"{act.name.partition('.')[2]} {act.summary.split()[0]} {_ALSO.get(act.name, '')}"
    return Command(
        phrase(act.summary),
        _place(act),
        _words_of(verbs),
        _words_of(f"{act.name} {act.summary} {verbs} {kind or ''}"),
        frozenset(act.scopes),
        kind,
        f"{base}/{_LISTS.get(_first(path), _first(path))}",
    )


def _words_of(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[^\W_]+", text.lower()))


def _first(path: str) -> str:
    return path.split("/")[1]


def _is_about_one(path: str) -> bool:
    return path.partition("{")[0] == f"/{_first(path)}/"


def _place(act: AnyChange) -> str:
    last = act.path.rpartition("/")[2]
    return act.name.partition(".")[2] if "{" in last or "{" not in act.path else last
