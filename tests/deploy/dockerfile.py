"""The Dockerfile as what it says: its stages, and in each the instructions in order."""

import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: its word in capitals, and the rest, continued lines joined by a space."""

    word: str
    text: str


def stages(path: Path) -> list[list[Instruction]]:
    """One list for each FROM, without what comes before the first."""
    text = re.sub(r"^\s*#.*\n", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    text = re.sub(r"\s*\\\n\s*", " ", text)
    found: list[list[Instruction]] = []
    for line in text.splitlines():
        word, _, rest = line.partition(" ")
        if word == "FROM":
            found.append([])
        elif word and found:
            found[-1].append(Instruction(word, rest.strip()))
    return found
