"""The blocks of code of a page of the documentation, in their order, from its Markdown."""

import json
import re
import textwrap
from dataclasses import dataclass
from typing import Any

_FENCE = re.compile(r"^( *)```([^\n]*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
# The shortened end of an object or a list, as the documentation writes it.
_MORE = re.compile(r",\s*…")


@dataclass(frozen=True, slots=True)
class Block:
    """kind: the language; file: the name of the file that it is the text of; number: its place among the page's."""

    page: str
    number: int
    kind: str
    file: str
    text: str

    @property
    def first_line(self) -> str:
        return self.text.partition("\n")[0]

    @property
    def place(self) -> str:
        return f"{self.page} {self.number} ({self.first_line})"


def blocks_of(page: str, markdown: str) -> list[Block]:
    """Every fenced block; a page names it by its first line in what a test says of it."""
    found = []
    for number, (_, info, text) in enumerate(_FENCE.findall(markdown)):
        kind, _, file = info.partition(" ")
        found.append(Block(page, number, kind, file, textwrap.dedent(text).rstrip("\n")))
    return found


def read_json(text: str) -> Any:
    """JSON in which … stands for the fields that are left out."""
    return json.loads(_MORE.sub(', "…": null', text))
