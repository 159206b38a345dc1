"""Determine the version of this code: a release, or a build between two releases.

`version.txt` names the next release. The commit comes from git, or from `version.txt`, into which `git
archive` and `stamp` write it. The wheel's build imports this module first, so it needs only the standard
library.
"""

import functools
import re
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Final

DISTRIBUTION: Final = "topup-gateway"
FILE: Final = "version.txt"
ROOT: Final = Path(__file__).resolve().parents[1]
_COMMIT_CHARACTERS: Final = 8
_IS_COMMIT: Final = re.compile(r"[0-9a-f]{40,64}").fullmatch
_DEVELOPMENT: Final = re.compile(
    r"(?P<base>[0-9.]+)\.dev(?P<count>\d+)\+(?P<commit>\w+)(?P<rest>(\.\w+)*)"
)


@functools.cache
def running() -> str:
    """Return the checkout's version, or else the installed one."""
    if (ROOT / ".git").exists():
        return of_source()
    try:
        return metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return of_source()


def base() -> str:
    """Return the release that this code is or leads to. It may be shown to strangers."""
    return running().partition(".dev")[0]


def of_source(root: Path = ROOT) -> str:
    """Return the version of the source tree by PEP 440.

    At the tag `v0.1.0` it is `0.1.0`, otherwise such as `0.1.0.dev1883+gc1ab6630`, with `.dirty` if a tracked
    file was changed. The number is 0 in an archive or a shallow clone.
    """
    facts = dict(_facts(root))
    if "version" in facts:
        return _of_chart(facts["version"])
    base = facts["base"]
    head = _git(root, "rev-parse", "HEAD") if (root / ".git").exists() else None
    if head is None:
        if f"tag: v{base}" in facts.get("refs", "").split(", "):
            return base
        commit = facts.get("commit", "")
        return f"{base}.dev0+{_short(commit) if _IS_COMMIT(commit) else 'unknown'}"
    is_dirty = bool(_git(root, "status", "--porcelain", "--untracked-files=no"))
    tags = (_git(root, "tag", "--points-at", "HEAD") or "").split()
    if f"v{base}" in tags and not is_dirty:
        return base
    is_shallow = _git(root, "rev-parse", "--is-shallow-repository") == "true"
    count = "0" if is_shallow else _git(root, "rev-list", "--count", "HEAD")
    return f"{base}.dev{count}+{_short(head)}{'.dirty' if is_dirty else ''}"


def for_chart(version: str) -> str:
    """Return the version by Semantic Versioning, without `+`, such as `0.1.0-dev.1883.gc1ab6630`."""
    found = _DEVELOPMENT.fullmatch(version)
    if found is None:
        return version
    return f"{found['base']}-dev.{found['count']}.{found['commit']}{found['rest']}"


def _of_chart(version: str) -> str:
    return re.sub(r"-dev\.(\d+)\.", r".dev\1+", version)


def stamp(folder: Path, version: str) -> None:
    (folder / FILE).write_text(f"version: {version}\n", encoding="utf-8")


def _facts(root: Path) -> list[tuple[str, str]]:
    lines = (root / FILE).read_text(encoding="utf-8").splitlines()
    return [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]


def _short(commit: str) -> str:
    return f"g{commit[:_COMMIT_CHARACTERS]}"


def _git(root: Path, *words: str) -> str | None:
    """Return git's output, or None if git is missing or refuses the folder."""
    try:
        said = subprocess.run(  # noqa: S603 our own words and a folder of ours
            ["git", "-C", str(root), *words],  # noqa: S607 whichever git is on the PATH
            capture_output=True,
            text=True,
            check=False,
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return said.stdout.strip() if said.returncode == 0 else None
