"""Each reason for which a database cannot be used has a sentence and an exit code of its own, never a
traceback, and `topup migrate` is advised only where it helps.
"""

import contextlib
import datetime as dt
import os
import shutil
import socket
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner, Result
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cli.faults import FAULTS
from cli.main import main
from store.errors import CannotOpen, Fault
from store.migrate import migrate
from store.open import open_database
from tests.support.command_line import SECRET_KEY, without_settings
from tests.support.postgres_server import OwnServer, create_database, on_server
from tests.support.programs import NO_SERVER, missing

ACCESS = """\
host all carol all scram-sha-256
hostssl all tlsonly all trust
hostnossl all tlsonly all reject
host all stranger all reject
"""
COMMANDS = ["serve", "worker", "migrate", "doctor"]
NOBODY = 65_534


@dataclass(frozen=True, slots=True)
class Place:
    """Where the server is."""

    url: str

    def of(self, role: str = "topup", database: str = "postgres", query: str = "") -> str:
        port = urlsplit(self.url).port
        return f"postgresql://{role}@127.0.0.1:{port}/{database}{query}"


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    """A server that lets in as ACCESS says, four at a time but for topup."""
    with tempfile.TemporaryDirectory(prefix="topup-faults-") as folder:
        Path(folder).chmod(0o755)
        try:
            server = OwnServer(Path(folder))
        except (FileNotFoundError, KeyError):
            missing(NO_SERVER)
        server.create()
        server.configure(access=ACCESS, settings="max_connections = 7\n")
        server.start()
        try:
            for role in ("carol", "tlsonly", "stranger", "dave"):
                on_server(server.url, f"CREATE ROLE {role} LOGIN PASSWORD 'right'")
            on_server(server.url, "CREATE ROLE away NOLOGIN")
            yield Place(server.url)
        finally:
            server.close()


@pytest.fixture
def encrypted() -> Iterator[str]:
    """A server whose certificate it has signed itself."""
    with tempfile.TemporaryDirectory(prefix="topup-faults-") as folder:
        Path(folder).chmod(0o755)
        try:
            server = OwnServer(Path(folder))
        except (FileNotFoundError, KeyError):
            missing(NO_SERVER)
        server.create()
        server.configure(settings="ssl = on\n", certificate=_certificate())
        server.start()
        try:
            yield server.url
        finally:
            server.close()


def _certificate() -> tuple[bytes, bytes]:
    """Of this machine for a day, and its key; PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return signed.public_bytes(serialization.Encoding.PEM), private


@pytest.fixture
def topup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs `topup …` on the database of that URL."""
    without_settings(monkeypatch, tmp_path)
    # As where nobody says anything of TLS; tests/conftest.py turns it off.
    monkeypatch.delenv("PGSSLMODE", raising=False)

    def run(url: str, *words: str) -> Result:
        variables = {"TOPUP_DATABASE_URL": url, "TOPUP_SECRET_KEY": SECRET_KEY, "TOPUP_PORT": "0"}
        return CliRunner().invoke(main, list(words), env=variables)

    return run


def assert_told(result: Result, exit_code: int, sentence: str) -> None:
    """It ended with that code, said that, and nothing that a stranger to the code cannot read."""
    assert isinstance(result.exception, SystemExit), result.exception
    assert sentence in result.output
    assert result.exit_code == exit_code
    assert "Traceback" not in result.output
    assert "Error" not in result.output


WRONG = [
    (
        "postgresql://u:hunter2@127.0.0.1:abc/topup",
        11,
        "port is no number up to 65535: TOPUP_DATABASE_URL says",
    ),
    (
        "postgresql://u:hunter2@127.0.0.1:99999/topup",
        11,
        "port is no number up to 65535: TOPUP_DATABASE_URL says",
    ),
    (
        "postgresql://u:hunter2@127.0.0.1:1/topup?sslmode=verify-full&sslrootcert=/none.pem",
        19,
        "certificate is not trusted",
    ),
    ("postgresql://u:hunter2@127.0.0.1:5432/topup?sslmode=maybe", 10, "URL cannot be read"),
    ("postgresql://u:hunter2@nowhere.invalid/topup", 12, "does not resolve to an address: nowhere"),
    ("postgresql://u:hunter2@127.0.0.1:1/topup", 13, "has nothing that listens: 127.0.0.1:1"),
]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(("url", "code", "sentence"), WRONG)
def test_a_url_that_leads_nowhere_is_told(
    topup: Callable[..., Result], command: str, url: str, code: int, sentence: str
) -> None:
    result = topup(url, command)

    assert_told(result, code, sentence)
    assert "hunter2" not in result.output
    assert "topup migrate" not in result.output


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("role", "database", "query", "code", "sentence"),
    [
        ("carol:wrong", "postgres", "", 20, "refuses the password of role carol"),
        ("carol", "postgres", "", 20, "refuses the password of role carol"),
        ("nobody_here", "postgres", "", 21, "knows no role nobody_here that may log in"),
        ("away", "postgres", "", 21, "knows no role away that may log in"),
        ("dave", "no_such", "", 22, "the database no_such does not exist on its server"),
        ("stranger", "postgres", "", 23, "server does not let us in"),
        ("dave", "postgres", "?sslmode=require", 17, "has no TLS"),
        ("tlsonly", "postgres", "?sslmode=disable", 18, "does not let us in without TLS"),
    ],
)
def test_what_a_server_refuses_is_told(
    topup: Callable[..., Result],
    place: Place,
    command: str,
    role: str,
    database: str,
    query: str,
    code: int,
    sentence: str,
) -> None:
    result = topup(place.of(role, database, query), command)

    assert_told(result, code, sentence)
    assert "topup migrate" not in result.output


@pytest.mark.parametrize("command", COMMANDS)
def test_a_server_without_a_free_connection_is_told(
    topup: Callable[..., Result], place: Place, command: str
) -> None:
    port = urlsplit(place.url).port
    with contextlib.ExitStack() as stack:
        for _ in range(7):
            # A connection counts from its first byte until the server gives up on a login.
            held = stack.enter_context(socket.create_connection(("127.0.0.1", port or 0)))
            held.sendall(_login("dave"))
            assert held.recv(1) in {b"R", b"E"}

        result = topup(place.of("dave"), command)

    assert_told(result, 24, "has no connection left")


def _login(role: str) -> bytes:
    body = b"\0\3\0\0" + b"user\0" + role.encode() + b"\0database\0postgres\0\0"
    return (len(body) + 4).to_bytes(4, "big") + body


def test_a_certificate_that_nobody_vouches_for_is_told(
    topup: Callable[..., Result], encrypted: str, tmp_path: Path
) -> None:
    """One whose issuer's file is not given, and one whose name is not the host's."""
    (tmp_path / "root.crt").write_bytes(_certificate()[0])
    roots = f"&sslrootcert={tmp_path}/root.crt"

    for query in ("?sslmode=verify-full", f"?sslmode=verify-full{roots}"):
        assert_told(topup(encrypted + query, "migrate"), 19, "certificate is not trusted")
    assert topup(f"{encrypted}?sslmode=require", "migrate").exit_code == 0


def test_a_role_that_may_make_no_tables_is_told(topup: Callable[..., Result], place: Place) -> None:
    create_database(place.url, "closed")

    assert_told(topup(place.of("dave", "closed"), "migrate"), 45, "does not permit its role")


def test_rows_that_the_role_may_not_read_are_told(
    topup: Callable[..., Result], place: Place
) -> None:
    url = create_database(place.url, "unread")
    migrate(url)

    result = topup(place.of("dave", "unread"), "serve")

    assert_told(result, 45, "does not permit its role")
    assert "run `topup migrate`" not in result.output


def test_a_file_in_a_folder_that_cannot_be_is_told(
    topup: Callable[..., Result], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")

    assert_told(topup(f"sqlite:///{tmp_path}/file/topup.db", "migrate"), 31, "folder is missing")


def test_migrate_makes_the_files_own_folder_and_no_other(
    topup: Callable[..., Result], tmp_path: Path
) -> None:
    """Two that are missing are a misspelt path, or a disk that is not mounted."""
    made = topup(f"sqlite:///{tmp_path}/new/topup.db", "migrate")
    refused = topup(f"sqlite:///{tmp_path}/disk/new/topup.db", "migrate")

    assert made.exit_code == 0
    assert (
        f"there was no database, so a new one was created at {tmp_path}/new/topup.db" in made.output
    )
    assert_told(refused, 31, "folder is missing")
    assert not (tmp_path / "disk").exists()


def test_the_doctor_says_once_that_the_database_cannot_be_opened(
    topup: Callable[..., Result], tmp_path: Path
) -> None:
    said = topup(f"sqlite:///{tmp_path}/none.db", "doctor").output

    assert said.count("there is no database at") == 1
    assert said.count("wasn't checked: see `database` above") == 15


@pytest.mark.parametrize("command", ["serve", "worker", "doctor"])
def test_a_file_that_is_missing_is_told(
    topup: Callable[..., Result], tmp_path: Path, command: str
) -> None:
    assert_told(topup(f"sqlite:///{tmp_path}/none.db", command), 30, "there is no database at")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_that_is_no_database_is_told(
    topup: Callable[..., Result], tmp_path: Path, command: str
) -> None:
    (tmp_path / "odd.db").write_bytes(b"not a database at all\n" * 300)

    assert_told(topup(f"sqlite:///{tmp_path}/odd.db", command), 33, "damaged, or not one of SQLite")


@pytest.mark.parametrize("command", ["serve", "migrate", "doctor"])
def test_a_file_that_another_process_holds_is_told(
    topup: Callable[..., Result], sqlite_template: Path, tmp_path: Path, command: str
) -> None:
    path = tmp_path / "held.db"
    shutil.copy(sqlite_template, path)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("PRAGMA locking_mode = EXCLUSIVE")
        holder.execute("BEGIN EXCLUSIVE")

        result = topup(f"sqlite:///{path}", command)

    assert_told(result, 34, "held locked by another process")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_file_of_another_user_is_told_apart(sqlite_template: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="topup-faults-") as folder:
        path = Path(folder) / "topup.db"
        shutil.copy(sqlite_template, path)
        Path(folder).chmod(0o755)
        os.seteuid(NOBODY)
        try:
            with pytest.raises(CannotOpen) as refused:
                open_database(f"sqlite:///{path}")
        finally:
            os.seteuid(0)

    assert refused.value.fault is Fault.NOT_WRITABLE
    assert refused.value.subject == str(path)


def test_no_two_faults_share_an_exit_code_or_one_of_another_failure() -> None:
    codes = [one.exit_code for one in FAULTS.values()]

    assert set(FAULTS) == set(Fault)
    assert len(set(codes)) == len(codes)
    assert min(codes) > 3


def test_a_password_with_a_mark_that_is_not_escaped_is_not_shown(
    topup: Callable[..., Result],
) -> None:
    for url in ("postgresql://u:hun/ter@2@127.0.0.1:1/x", "postgresql://u:hun@ter2@127.0.0.1:1/x"):
        result = topup(url, "doctor")

        assert isinstance(result.exception, SystemExit)
        assert "hun" not in result.output
        assert "ter" not in result.output.replace("master", "").replace("after", "")
