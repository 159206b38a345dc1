"""Copy and restore a PostgreSQL database with the programs pg_dump, pg_restore and psql."""

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import IO, Final
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from store.errors import BackupRefused

LOCK_TIMEOUT: Final = "5s"
_MAJOR: Final = 10_000
VERSION_S_MAX: Final = 4.0
_ERROR_CHARACTERS_MAX: Final = 300
_TABLES: Final = "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()"
_OTHERS: Final = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""
# Tables from later schema versions are also dropped, because they would break a later migration.
_DROP: Final = f"""
BEGIN;
SET LOCAL lock_timeout = '{LOCK_TIMEOUT}';
SET LOCAL client_min_messages = warning;
DO $$
DECLARE name text;
BEGIN
  FOR name IN SELECT tablename FROM pg_tables
    WHERE schemaname = current_schema() AND tableowner = current_user
  LOOP EXECUTE format('DROP TABLE IF EXISTS %I CASCADE', name); END LOOP;
END $$;
""".encode()
# If the copy doesn't have our schema, the SELECT fails and everything is rolled back.
_END: Final = b"""
RESET search_path;
SELECT version_num FROM alembic_version;
COMMIT;
"""


def dump(url: str, target: Path) -> None:
    server = _Server(url)
    # The copy contains no owners or privileges, so any role can restore it.
    words = ("--format=custom", "--no-owner", "--no-privileges", f"--file={target}")
    server.run("pg_dump", f"--lock-wait-timeout={LOCK_TIMEOUT}", *words)


def check_tools(url: str) -> str:
    """Return the version of pg_dump. Raise BackupRefused if a program is missing or pg_dump is older than the server."""
    server = _Server(url)
    ours = _version_of("pg_dump")
    for program in ("pg_restore", "psql"):
        _found(program)
    try:
        theirs = int(server.query("SHOW server_version_num", wait_s=VERSION_S_MAX)) // _MAJOR
    except BackupRefused:
        # If a character in the URL should be escaped but isn't, psql's message may contain part of the password.
        raise BackupRefused(
            "the server was not asked for its version, since psql cannot reach it"
        ) from None
    if ours < theirs:
        raise BackupRefused(
            f"pg_dump is of version {ours} and the server of {theirs}: no copy can be made. Install"
            f" postgresql-client-{theirs}"
        )
    return f"pg_dump {ours} copies the server, which is of version {theirs}"


def load(url: str, source: Path, *, replace: bool) -> None:
    server = _Server(url)
    if server.query(_TABLES) != "0" and not replace:
        raise BackupRefused("the database holds tables already: give --replace to drop them")
    others = server.query(_OTHERS)
    if others != "0":
        raise BackupRefused(
            f"{others} other connections use the database: stop the gateways and workers first"
        )
    server.replay(source)


def _version_of(program: str) -> int:
    done = subprocess.run(  # noqa: S603
        [_found(program), "--version"], stdout=subprocess.PIPE, check=True, text=True
    )
    found = re.search(r"\d+", done.stdout)
    if found is None:
        raise BackupRefused(f"{program} does not say of which version it is")
    return int(found[0])


class _Server:
    """Runs PostgreSQL's programs on one database. The password doesn't appear in the process list."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query))
        password = query.pop("password", None) or unquote(parts.password or "")
        user = f"{parts.username}@" if parts.username else ""
        place = parts.netloc.rpartition("@")[2]
        # urlunsplit would remove the // from a socket's URL, because that URL has no host.
        self._where = f"postgresql://{user}{place}{parts.path}?{urlencode(query)}".rstrip("?")
        # PGOPTIONS isn't used, because poolers refuse unknown settings in the first message.
        self._environment = {**os.environ, **({"PGPASSWORD": password} if password else {})}

    def run(self, program: str, *words: str, wait_s: float | None = None) -> str:
        """Return the program's output. Raise BackupRefused if the program fails or takes longer than wait_s."""
        with tempfile.TemporaryFile() as said:
            try:
                done = subprocess.run(  # noqa: S603 - our own words and the operator's URL
                    [_found(program), "-w", *words, f"--dbname={self._where}"],
                    env=self._environment,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=said,
                    check=False,
                    timeout=wait_s,
                )
            except subprocess.TimeoutExpired:
                raise BackupRefused(f"the server did not answer {program} in time") from None
            _check_end(program, done.returncode, said)
        return done.stdout.decode(errors="replace")

    def query(self, question: str, *, wait_s: float | None = None) -> str:
        words = ("-X", "-q", "-A", "-t", f"--command={question}")
        return self.run("psql", *words, wait_s=wait_s).strip()

    def replay(self, source: Path) -> None:
        """Replace all tables with the copy's tables, in one transaction.

        The transaction commits only after the whole copy has been read.
        """
        words = ["-w", "-X", "-q", "-v", "ON_ERROR_STOP=1", f"--dbname={self._where}"]
        with (
            tempfile.TemporaryFile() as said,
            tempfile.TemporaryFile() as said_of_reading,
            subprocess.Popen(  # noqa: S603
                [_found("psql"), *words],
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=said,
            ) as writing,
            subprocess.Popen(  # noqa: S603
                [_found("pg_restore"), "--no-owner", "--no-privileges", "--file=-", str(source)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=said_of_reading,
            ) as reading,
        ):
            assert writing.stdin is not None, "asked for"
            assert reading.stdout is not None, "asked for"
            with contextlib.suppress(BrokenPipeError):
                writing.stdin.write(_DROP)
                shutil.copyfileobj(reading.stdout, writing.stdin)
            reading.stdout.close()
            ended = reading.wait()
            with contextlib.suppress(BrokenPipeError):
                if ended == 0:
                    writing.stdin.write(_END)
                writing.stdin.close()
            _check_end("psql", writing.wait(), said)
            _check_end("pg_restore", ended, said_of_reading)


def _found(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        raise BackupRefused(
            f"{program} is not on the PATH: install PostgreSQL's client programs, of the server's"
            " version or newer"
        )
    return path


def _check_end(program: str, returncode: int, said: IO[bytes]) -> None:
    if returncode == 0:
        return
    said.seek(0)
    lines = said.read().decode(errors="replace").splitlines()
    why = next((line for line in lines if "error" in line.lower()), "".join(lines[:1]))
    raise BackupRefused(f"{program} failed: {why[:_ERROR_CHARACTERS_MAX] or returncode}")
