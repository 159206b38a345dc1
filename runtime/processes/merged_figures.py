"""Merge the metrics of several processes into one text: each sample gets a label `process`.

prometheus_client's own files for several processes support neither custom collectors, which most of ours are,
nor values read at a scrape, and the files of ended processes stay.
"""

from collections.abc import Mapping
from typing import Final

_UP: Final = "topup_process_up"
_UP_MEANING: Final = "1 where this process of the port answered the scrape, else 0."


def merged(texts: Mapping[str, str | None]) -> str:
    """Merge the texts by the processes' names; None is a process that didn't respond. A family's header
    stands once.
    """
    families: dict[str, list[str]] = {}
    for process, text in texts.items():
        if text is not None:
            _add(families, process, text)
    up = [f'{_UP}{{process="{name}"}} {0 if text is None else 1}' for name, text in texts.items()]
    families[_UP] = [f"# HELP {_UP} {_UP_MEANING}", f"# TYPE {_UP} gauge", *up]
    return "\n".join(line for lines in families.values() for line in lines) + "\n"


def _add(families: dict[str, list[str]], process: str, text: str) -> None:
    lines: list[str] = []
    is_new = True
    for line in text.splitlines():
        if line.startswith("# HELP "):
            name = line.split(" ", 3)[2]
            is_new = name not in families
            lines = families.setdefault(name, [])
        if not line.startswith("#"):
            lines.append(_labelled(line, process))
        elif is_new:
            lines.append(line)


def _labelled(sample: str, process: str) -> str:
    """Add the label to a line, `name value` or `name{labels} value`; no name has a space or a brace in it."""
    name, _, value = sample.partition(" ")
    if "{" not in name:
        return f'{name}{{process="{process}"}} {value}'
    name, _, rest = sample.partition("{")
    return f'{name}{{process="{process}",{rest}'
