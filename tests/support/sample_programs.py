"""Samples of the documentation run as they are printed: shell lines by one bash, Python by one interpreter, JavaScript by one Node.

One process for all samples of a language, since starting one takes longer than what most samples do. Each has the
environment that it is given and a folder of its own making; what it prints comes back.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import certifi

from tests.support import node
from tests.support.programs import needed

# What curl does beside what a line says: no progress on the screen, and the status behind the answer.
CURLRC = 'silent\nshow-error\nmax-time = {seconds}\nwrite-out = "\\n%{{http_code}}\\n"\n'
WHOLE_S, ENDLESS_S = 30, 2
_MARK = "\x1e"
_PYTHON = """
import contextlib, io, json, os, sys, traceback

class Enough(BaseException):
    pass

class Printed(io.StringIO):
    def write(self, text):
        written = super().write(text)
        if self.ends and "data: " in self.getvalue():
            raise Enough
        return written

said = []
for one in json.load(sys.stdin):
    os.environ.update(one["env"])
    printed = Printed()
    printed.ends = one["is_endless"]
    with contextlib.redirect_stdout(printed):
        try:
            exec(compile(one["text"], one["name"], "exec"), {"__name__": "__main__"})
        except Enough:
            pass
        except Exception:
            printed.write(traceback.format_exc())
    said.append(printed.getvalue())
json.dump(said, sys.stdout)
"""
_NODE = """
const { readFileSync, writeFileSync } = await import("node:fs");
const log = console.log, said = [];
for (const [at, one] of JSON.parse(readFileSync(0)).entries()) {
  Object.assign(process.env, one.env);
  let printed = "";
  const enough = new Promise((resolve) => {
    console.log = (...words) => {
      printed += words.map((word) => typeof word === "string" ? word : JSON.stringify(word)).join(" ") + "\\n";
      if (one.is_endless && printed.includes("data: ")) resolve();
    };
  });
  writeFileSync(`sample${at}.mjs`, one.text);
  try {
    await Promise.race([enough, import(`${process.cwd()}/sample${at}.mjs`)]);
  } catch (error) {
    printed += error.stack;
  }
  said.push(printed);
}
console.log = log;
process.stdout.write(JSON.stringify(said), () => process.exit());
"""


@dataclass(frozen=True, slots=True)
class Program:
    """One sample: env is what its reader sets before it; is_endless: it prints for as long as it is read."""

    name: str
    text: str
    env: Mapping[str, str] = field(default_factory=dict)
    is_endless: bool = False

    def as_json(self) -> dict[str, object]:
        return {
            "name": self.name,
            "text": self.text,
            "env": dict(self.env),
            "is_endless": self.is_endless,
        }


async def run_shell(programs: Sequence[Program], folder: Path) -> list[str]:
    """What each printed, its errors too; of each call by curl the status on a line of its own."""
    needed("curl")
    for name, seconds in (("whole", WHOLE_S), ("endless", ENDLESS_S)):
        (folder / name).mkdir(exist_ok=True)
        (folder / name / ".curlrc").write_text(CURLRC.format(seconds=seconds))
    script = []
    for one in programs:
        kind = "endless" if one.is_endless else "whole"
        given = {**one.env, "CURL_HOME": str(folder / kind)}
        exports = "\n".join(f"export {name}={_quoted(value)}" for name, value in given.items())
        script.append(f"{exports}\n{{ {one.text}\n}} 2>&1; printf '{_MARK}'")
    said = await _output(["bash", "-s"], "\n".join(script), folder)
    return said.split(_MARK)[:-1]


async def run_python(programs: Sequence[Program], folder: Path, *paths: Path) -> list[str]:
    """What each printed; paths: where else modules are found."""
    argv = [sys.executable, "-c", _PYTHON]
    given = json.dumps([one.as_json() for one in programs])
    found = os.pathsep.join(map(str, paths))
    # Each client of httpx reads all certificates that it trusts, which takes longer than a call.
    trusted, end = folder / "trusted.pem", "-----END CERTIFICATE-----"
    trusted.write_text(Path(certifi.where()).read_text().partition(end)[0] + end)
    env = {"PYTHONPATH": found, "SSL_CERT_FILE": str(trusted)}
    return list(json.loads(await _output(argv, given, folder, **env)))


async def run_node(programs: Sequence[Program], folder: Path) -> list[str]:
    """What each printed; an object as JSON."""
    argv = [str(node.NODE), "--input-type=module", "-e", _NODE]
    given = json.dumps([one.as_json() for one in programs])
    return list(json.loads(await _output(argv, given, folder)))


async def _output(argv: Sequence[str], given: str, folder: Path, **env: str) -> str:
    started = await asyncio.create_subprocess_exec(
        *argv, cwd=folder, env={**os.environ, **env}, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        said, _ = await asyncio.wait_for(started.communicate(given.encode()), WHOLE_S * 2)
    except TimeoutError:
        started.kill()
        raise
    return said.decode()


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "'\\''") + "'"
