"""What a gateway and a worker have not loaded when they are ready, so that each stays small."""

import re
import sys

import pytest

from tests.e2e.conftest import WorkingSet
from tests.support.installation import Program

_LOADED = re.compile(r"^import time: +\d+ \| +\d+ \| +(\S+)$", re.MULTILINE)

# Module -> what it is first needed for.
OF_NEITHER: dict[str, str] = {
    "anthropic": "nothing but examples",
    "asyncpg": "a database on PostgreSQL",
    "alembic": "topup migrate",
    "billing.documents.document_pdf": "the first receipt",
    "fpdf": "the first receipt",
    "markdown_it": "a page of the documentation",
    "mcp": "the first agent",
    "opentelemetry": "spans that are sent",
    "pygments": "a page of the documentation",
    "rich": "tables of a command, and httpx's own command line",
    "sqlalchemy": "topup migrate",
    "stripe": "Stripe's credentials",
    "webauthn": "the first passkey",
    "x402": "the first payment of a machine",
}
OF_A_GATEWAY: dict[str, str] = {
    **OF_NEITHER,
    "aiosmtplib": "a worker with a mail server",
    "segno": "the first QR code",
    "worker": "a worker",
}
OF_A_WORKER: dict[str, str] = {
    **OF_NEITHER,
    "aiosmtplib": "a mail server",
    "gateway": "an address of its own",
    "jinja2": "a mail server",
    "starlette": "an address of its own",
    "uvicorn": "an address of its own",
}


def loaded_by(program: Program) -> set[str]:
    return set(_LOADED.findall(program.log))


@pytest.mark.one_database
def test_a_plain_start_loads_only_what_it_needs(working_set: WorkingSet) -> None:
    installation = working_set.make("sqlite")
    # Started anew: what is forked has loaded everything already.
    installation.preloaded = None
    installation.topup = (sys.executable, "-X", "importtime", "-P", "-m", "cli")
    installation.start()
    gateway, worker = loaded_by(installation.gateways[0]), loaded_by(installation.workers[0])

    assert {"gateway.app", "sqlite3"} <= gateway
    assert {"worker.main", "sqlite3"} <= worker
    assert {name: OF_A_GATEWAY[name] for name in gateway & OF_A_GATEWAY.keys()} == {}
    assert {name: OF_A_WORKER[name] for name in worker & OF_A_WORKER.keys()} == {}
