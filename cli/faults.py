"""Define the description, advice and exit code of each database fault."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import click

from cli.output import EXIT_UNREACHABLE, fail
from store.errors import CannotOpen, Contention, Fault, StoreError
from store.version import SchemaOutOfRange

_URL: Final = "TOPUP_DATABASE_URL"


@dataclass(frozen=True, slots=True)
class FaultText:
    """How one database fault is reported. {} stands for a host, role or file. `meaning` is for the table of exit codes."""

    exit_code: int
    meaning: str
    problem: str = ""
    advice: str = ""


FAULTS: Final[Mapping[Fault, FaultText]] = {
    Fault.URL_UNREADABLE: FaultText(
        10,
        "the database's URL can't be read",
        f"the database's URL cannot be read: {_URL} has a part that is none, or misspelt",
        f"write {_URL} as postgresql://role:password@host:5432/database?sslmode=require, with"
        " marks such as @ : / # in the password as %40 %3A %2F %23",
    ),
    Fault.PORT_NO_NUMBER: FaultText(
        11,
        "its port isn't a number up to 65535",
        f"the database's port is no number up to 65535: {_URL} says {{}}",
        "PostgreSQL listens on 5432 by default; marks such as : in the password are written %3A",
    ),
    Fault.HOST_UNKNOWN: FaultText(
        12,
        "its host doesn't resolve",
        "the database's host does not resolve to an address: {}",
        f"check the host in {_URL}, and this machine's name servers",
    ),
    Fault.PORT_CLOSED: FaultText(
        13,
        "nothing listens at its address",
        "the database's address has nothing that listens: {}",
        f"start PostgreSQL, or check host and port in {_URL} and the firewall in between",
    ),
    Fault.NO_ANSWER: FaultText(
        14,
        "its host doesn't respond in time",
        "the database's host does not answer in time: {}",
        f"check host and port in {_URL}, and the firewall in between",
    ),
    Fault.NO_POSTGRESQL: FaultText(
        15,
        "the server hangs up or isn't PostgreSQL",
        "the database's address answers, but not as PostgreSQL does, or it hangs up: {}",
        f"check host and port in {_URL}",
    ),
    Fault.NO_SUCH_SERVER: FaultText(
        16,
        "no server matches target_session_attrs",
        "none of the database's servers is as target_session_attrs asks: {}",
        f"promote one of them, or change target_session_attrs in {_URL}",
    ),
    Fault.TLS_MISSING: FaultText(
        17,
        "the URL requires TLS and the server has none",
        f"the database's server has no TLS, and sslmode in {_URL} asks for it: {{}}",
        "turn `ssl` on in postgresql.conf, or leave sslmode out where the network is private",
    ),
    Fault.TLS_REQUIRED: FaultText(
        18,
        "the server requires TLS",
        f"the database's server does not let us in without TLS, and sslmode in {_URL} forbids it: {{}}",
        "set sslmode=require, or verify-full with sslrootcert; if that is refused too, see pg_hba.conf",
    ),
    Fault.TLS_UNTRUSTED: FaultText(
        19,
        "its certificate isn't trusted",
        "the database's certificate is not trusted, or TLS cannot be agreed on: {}",
        f"check sslrootcert, sslcert, sslkey and the host's name in {_URL}",
    ),
    Fault.PASSWORD_WRONG: FaultText(
        20,
        "the password is wrong or missing",
        "the database refuses the password of role {}, or asks for one and has none",
        f"check role and password in {_URL}; marks such as @ : / # in it are written %40 %3A %2F %23",
    ),
    Fault.ROLE_UNKNOWN: FaultText(
        21,
        "the role doesn't exist or may not log in",
        "the database knows no role {} that may log in",
        f"check the role in {_URL}, or make it: CREATE ROLE … LOGIN",
    ),
    Fault.DATABASE_UNKNOWN: FaultText(
        22,
        "there is no database of that name",
        "the database {} does not exist on its server",
        f"check the name at the end of {_URL}, or make it: CREATE DATABASE …",
    ),
    Fault.NOT_LET_IN: FaultText(
        23,
        "the server refuses this role, host or database",
        "the database's server does not let us in: {}",
        "its pg_hba.conf has a line for each role, database and address; CONNECT on the database"
        " is needed too. The server's own log says which it was",
    ),
    Fault.TOO_MANY_CONNECTIONS: FaultText(
        24,
        "the server has no connection left",
        "the database's server has no connection left: {}",
        "`topup doctor` counts what each process may open; raise max_connections, lower"
        " TOPUP_DATABASE_CONNECTIONS, or start fewer processes",
    ),
    Fault.NOT_READY: FaultText(
        25,
        "the server is starting, stopping or recovering",
        "the database's server starts, stops or recovers at this moment: {}",
        "wait for it; its own log says how far it is",
    ),
    Fault.POOLER_SHARES_SESSIONS: FaultText(
        26,
        "this needs a session, and a pooler in transaction mode is in between",
        "the database is behind a pooler that gives each transaction another session, and this"
        " needs one of its own: {}",
        "set TOPUP_DATABASE_DIRECT_URL to the server itself; gateways and workers go on through the"
        " pooler",
    ),
    Fault.OLD_PRIMARY: FaultText(
        27,
        "the server is an old primary: another one was promoted",
        "the database's server is an old primary, another one was promoted in its place: {}",
        f"let {_URL} name the new one, and keep the old one stopped until it is a standby again;"
        " `topup database status` shows each server",
    ),
    Fault.TWO_PRIMARIES: FaultText(
        28,
        "two servers claim to be the primary of one timeline",
        "the database has two servers that both say they are the primary, of one timeline: {}",
        "stop the one that should not be: docs/failover.md. `topup database status` shows each server",
    ),
    Fault.WENT_BACK: FaultText(
        29,
        "the database lacks commits that were acknowledged",
        "the database went back in time, commits that were acknowledged here are missing: {}",
        "if a server that has them exists, start that one. Else read docs/failover.md on what is lost,"
        " then `topup database accept-loss`",
    ),
    Fault.FILE_MISSING: FaultText(30, "the SQLite file is missing"),
    Fault.FOLDER_MISSING: FaultText(
        31,
        "the SQLite file's folder is missing",
        "the database's folder is missing and cannot be made: {}",
        f"make it, or check {_URL} and TOPUP_DATA_DIR; sqlite:////absolute/path has four strokes",
    ),
    Fault.NOT_WRITABLE: FaultText(
        32,
        "the SQLite file or its folder can't be read and written",
        "the database's file and its folder have to be readable and writable: {}",
        "give both to the user that topup runs as, and see that the disk is not read-only",
    ),
    Fault.NO_SQLITE: FaultText(
        33,
        "the file is damaged or isn't an SQLite file",
        "the database's file is damaged, or not one of SQLite: {}",
        f"check {_URL} and TOPUP_DATA_DIR, or put a backup in its place",
    ),
    Fault.LOCKED: FaultText(
        34,
        "another process has locked the SQLite file",
        "the database's file is held locked by another process: {}",
        "end what holds it (`fuser` names it), such as a shell of SQLite or a stopped topup",
    ),
    Fault.FILE_REPLACED: FaultText(
        35,
        "another SQLite file replaced the open one",
        "the database's file was replaced while it was open: {}",
        "start every process of topup again; a copy is put back while all of them are stopped",
    ),
    Fault.SCHEMA_MISSING: FaultText(40, "the database is empty: `topup migrate`"),
    Fault.NOT_OURS: FaultText(41, "the database is another application's"),
    Fault.SCHEMA_OLD: FaultText(42, "the schema is too old: `topup migrate`"),
    Fault.SCHEMA_NEW: FaultText(43, "the schema is too new for this code"),
    Fault.SCHEMA_DIFFERS: FaultText(44, "the schema is not as its version says"),
    Fault.NOT_PERMITTED: FaultText(
        45,
        "the role lacks a right inside the database",
        "the database does not permit its role to do this",
        "`topup migrate` needs CREATE on the schema, every other command the tables' rows: see GRANT",
    ),
    Fault.TABLE_BUSY: FaultText(
        46,
        "a table is in use, so the migration stopped",
        "the database has a table in use that the migration changes; nothing was changed",
        "try again at a calmer moment, or end what holds it (pg_stat_activity)",
    ),
}


def exit_code_of(error: SchemaOutOfRange | StoreError) -> int:
    fault = fault_of(error)
    return EXIT_UNREACHABLE if fault is None else FAULTS[fault].exit_code


def fault_of(error: SchemaOutOfRange | StoreError) -> Fault | None:
    if isinstance(error, SchemaOutOfRange | CannotOpen):
        return error.fault
    if error.code == "42501":
        return Fault.NOT_PERMITTED
    is_locked = isinstance(error, Contention) and error.code.startswith("SQLITE_")
    return Fault.LOCKED if is_locked else None


def words(error: SchemaOutOfRange | StoreError) -> tuple[str, str]:
    if isinstance(error, SchemaOutOfRange):
        return str(error), ""
    fault = fault_of(error)
    if fault is None:
        return (
            f"the database does not answer as it should: {type(error).__name__} {error}",
            "is it running? `topup doctor` looks at each part",
        )
    told = FAULTS[fault]
    subject = getattr(error, "subject", "") or f"as {_URL} has it"
    return told.problem.format(subject), told.advice


def refusal(error: SchemaOutOfRange | StoreError) -> click.exceptions.Exit:
    problem, advice = words(error)
    return fail(problem, advice=advice, exit_code=exit_code_of(error))


def table() -> str:
    rows = [f"| {told.exit_code} | {told.meaning} |" for told in FAULTS.values()]
    return "\n".join(["| code | why the database can't be used |", "|---|---|", *rows]) + "\n"
