"""A scene: what is called one after another, as a text file.

A line is a call, in the words of a shell. `NAME = ` before it keeps its JSON result, and `$NAME.field` is
filled in later; `WHO:` says who calls. `# …` is a note for the calls below it (a page has a note of its own), `file NAME TEXT` makes a file (\\n is
a line feed), and `given NAME` runs a preparation of tests/doors/givens.py, whose results are named as a call's.
"""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "scenes"
_KEPT = re.compile(r"(\w+) = (.+)")
_WHO = re.compile(r"(\w+): (.+)")
_VARIABLE = re.compile(r"\$(\w+)((?:\.\w+)*)")


@dataclass(frozen=True, slots=True)
class SceneCall:
    """One line. who: empty, unless the line names somebody."""

    note: str
    words: tuple[str, ...]
    who: str = ""
    kept_as: str | None = None


@dataclass(slots=True)
class Kept:
    """The results that later calls name."""

    values: dict[str, Any] = field(default_factory=dict)

    def filled(self, words: tuple[str, ...]) -> list[str]:
        return [_VARIABLE.sub(self._value, word) for word in words]

    def _value(self, found: re.Match[str]) -> str:
        value = self.values[found[1]]
        for name in found[2].split(".")[1:]:
            value = value[int(name)] if name.isdecimal() else value[name]
        return str(value)


def scenes(kind: str) -> Mapping[str, Path]:
    """The files of a kind by their names."""
    return {file.stem: file for file in sorted((FOLDER / kind).glob("*.txt"))}


def calls_of(file: Path) -> Iterator[SceneCall]:
    """The calls in their order."""
    note, is_fresh = "", False
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            note, is_fresh = line.removeprefix("#").strip(), True
        elif line.strip():
            call = _call_of(line.strip(), note)
            is_page = call.words[0] == "page" and not is_fresh
            yield replace(call, note="") if is_page else call
            is_fresh = False


def _call_of(line: str, note: str) -> SceneCall:
    if line.startswith("file "):
        return SceneCall(note, tuple(line.split(" ", 2)))
    kept = _KEPT.fullmatch(line)
    name, line = (kept[1], kept[2]) if kept else (None, line)
    who = _WHO.fullmatch(line)
    said, line = (who[1], who[2]) if who else ("", line)
    if line.startswith("call "):
        return SceneCall(note, tuple(line.split(" ", 3)), kept_as=name)
    return SceneCall(note, tuple(shlex.split(line)), said, name)
