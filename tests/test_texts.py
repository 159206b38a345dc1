"""What no file of the tree may hold, whoever wrote it and in whatever language."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from tests.test_tidy import ROOT, name_of, shown

READ_AS_TEXT = {".py", ".md", ".toml", ".yaml", ".yml", ".txt", ".html", ".js", ".css", ".mako", ""}
# Put together, so that this file does not hold what it looks for.
_UNFINISHED = re.compile(r"\b(?:" + "|".join(("TO" + "DO", "FIX" + "ME", "X" * 3)) + r")\b")
_FOREIGN = re.compile(
    "|".join(
        (
            "py" + r"pi\.org",
            "python" + "hosted",
            "npm" + r"js\.(?:org|com)",
            "crates" + r"\.io",
            "proxy" + r"\.golang",
            r"(?<![\w.}/])/(?:" + "wo" + r"rk|ro" + r"ot|Us" + r"ers|ho" + r"me)/\w",
        )
    )
)


def texts() -> Iterator[Path]:
    """Every file of the tree that people wrote; what tools keep begins with a dot."""
    kept = {".ci", ".github"}
    for path in sorted(ROOT.iterdir()):
        if path.name.startswith(".") and path.name not in kept:
            continue
        for file in [path] if path.is_file() else files_below(path):
            if file.suffix in READ_AS_TEXT:
                yield file


def files_below(folder: Path) -> Iterator[Path]:
    """The files of a folder and its folders, but for what Python and npm put there."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(set(folders) - {"__pycache__", "node_modules"})
        yield from (Path(place, name) for name in sorted(names))


def test_nothing_is_left_unfinished_or_tied_to_one_machine() -> None:
    findings = []
    for path in texts():
        if {"data", "build", "dist"} & set(path.relative_to(ROOT).parts[:1]):
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        if _UNFINISHED.search(text) or _FOREIGN.search(text):
            findings += [
                f"{name_of(path)}:{number} {line.strip()[:80]}"
                for number, line in enumerate(text.splitlines(), start=1)
                if _UNFINISHED.search(line) or _FOREIGN.search(line)
            ]

    assert not findings, shown(findings)
