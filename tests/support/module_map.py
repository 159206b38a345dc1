"""Make docs/modules.md: every module of the product, with the first sentence of its docstring.

python -m tests.support.module_map > docs/modules.md
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent.parent
FOLDERS: Final = (
    "cli",
    "gateway",
    "worker",
    "runtime",
    "billing",
    "webhooks",
    "keys",
    "store",
    "kernel",
)
_START: Final = """\
# Module map

Each module with the first sentence of its docstring, by folder, the highest folder first.
`make docs` makes this page; [architecture.md](architecture.md) explains how the parts work together.
"""
_END: Final = re.compile(r"(?<=\.)\s|\n\n")


def page() -> str:
    """Return the whole page."""
    parts = [_START]
    for top in FOLDERS:
        for folder in sorted({path.parent for path in (ROOT / top).rglob("*.py")}):
            lines = list(_lines(folder))
            if lines:
                name = folder.relative_to(ROOT).as_posix()
                parts.append(
                    f"{'##' if name == top else '###'} {name}/\n\n" + "\n".join(lines) + "\n"
                )
    return "\n".join(parts)


def _lines(folder: Path) -> Iterator[str]:
    if "migrations/versions" in folder.as_posix() or "__pycache__" in folder.as_posix():
        return
    opening = "| module | purpose |\n|---|---|\n"
    for path in sorted(folder.glob("*.py")):
        sentence = _sentence(path)
        if path.name == "__init__.py":
            if sentence:
                yield f"{sentence}\n"
        else:
            yield f"{opening}| `{path.stem}` | {sentence.replace('|', chr(92) + '|')} |"
            opening = ""


def _sentence(path: Path) -> str:
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    first = " ".join(_END.split(text, maxsplit=1)[0].split())
    return first.rstrip(".;:") + "." if first else ""


if __name__ == "__main__":
    sys.stdout.write(page())
