"""A shell that follows a page: it runs the page's own lines, with `topup` on its PATH.

`topup` there is forked from the program that has imported it (preloaded.py), so that a line takes tens of milliseconds.
"""

import json
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, Self

from tests.support.installation import ROOT, Installation

# Of a request: so many digits say how many bytes of JSON follow.
_LENGTH_DIGITS: Final = 8
_LINE_S_MAX: Final = 60
_COMMAND: Final = """\
#!{python} -SE
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as at:
    at.connect({path!r})
    body = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
    socket.send_fds(at, [b"%0{digits}d" % len(body)], [1, 2])
    at.sendall(body)
    sys.exit(int(at.recv(8)))
"""
# What one line exports, the next one finds, as in the reader's shell.
_EXPORTED: Final = "[ ! -e .exported ] || . ./.exported; trap 'export -p >.exported' EXIT\n"
Filled = Mapping[str, str | re.Pattern[str]]
_COMMANDS: Final = re.compile(
    r"^ *```(?:sh|console)\n(.*?)^ *```|`(topup [^`]+)`", re.DOTALL | re.MULTILINE
)


class PageShell:
    """Use it as a context. folder: where its lines run; variables: what they find set beside the settings."""

    def __init__(self, installation: Installation, folder: Path, **variables: str) -> None:
        self._installation = installation
        self._folder = folder
        bin_folder = folder / ".bin"
        bin_folder.mkdir()
        path = str(bin_folder / "s")
        command = bin_folder / "topup"
        command.write_text(_COMMAND.format(python=sys.executable, path=path, digits=_LENGTH_DIGITS))
        command.chmod(0o700)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen()
        self._env = {**installation.env, "PATH": f"{bin_folder}:{os.environ['PATH']}", **variables}
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def run(self, lines: str, *, code: int = 0) -> str:
        """Return what the lines print; each has to succeed, and the last one to exit with `code`."""
        ran = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", _EXPORTED + lines],
            cwd=self._folder,
            env=self._env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_LINE_S_MAX,
            check=False,
        )
        assert ran.returncode == code, f"{lines}\n{ran.stdout}{ran.stderr}"
        return ran.stdout

    def follow(
        self, page: str, filled: Filled | None = None, apart: Mapping[str, int] | None = None
    ) -> str:
        """Run each line and each command of an operators' page in its order; return what they print.

        filled: what the reader puts in the place of a text of the page; for a pattern, the last that was printed.
        apart: texts by which a command is known that ends otherwise, each with its exit code; -1: isn't run here.
        """
        filled, apart = filled or {}, apart or {}
        text = (ROOT / f"docs/{page}.md").read_text(encoding="utf-8")
        printed, met = "", set()
        for command in commands(text):
            known = [one for one in apart if one in command]
            met |= {*known, *(one for one in filled if one in command)}
            code = apart[known[0]] if known else 0
            if code >= 0:
                printed += self.run(_with(filled, command, printed), code=code)
        assert {*filled, *apart} - met == set(), "the page says this no more"
        return printed

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                connection.sendall(b"%d" % self._forked(connection))

    def _forked(self, connection: socket.socket) -> int:
        length, (output, errors), _, _ = socket.recv_fds(connection, _LENGTH_DIGITS, 2)
        body = b""
        while len(body) < int(length):
            body += connection.recv(int(length) - len(body))
        words, cwd, env = json.loads(body)
        assert self._installation.preloaded is not None
        try:
            started = self._installation.preloaded.start(
                words, cwd=Path(cwd), env=env, log_fd=output, errors_fd=errors, passed={}
            )
            return started.wait(_LINE_S_MAX)
        finally:
            os.close(output)
            os.close(errors)


def commands(text: str) -> Iterator[str]:
    """Yield each line of a block for a shell, and each command of ours in the text with an argument."""
    for block, inline in _COMMANDS.findall(text):
        if block:
            lines = (
                re.sub(r"^ *\$ |  +#.*", "", one) for one in block.replace("\\\n", " ").splitlines()
            )
            yield from filter(None, lines)
        elif re.search(r" (?:--|[A-Z/]|\S+_)", inline):
            yield inline


def _with(filled: Filled, command: str, printed: str) -> str:
    for said, put in filled.items():
        if said in command:
            value = put if isinstance(put, str) else put.findall(printed)[-1]
            command = command.replace(said, value)
    return command
