"""Logs: every form of secret is seeded, every way to log is tried, and the lines are searched."""

import asyncio
import io
import json
import logging
import sqlite3
from collections.abc import Iterator

import asyncpg
import pytest
import sqlalchemy as sa

from runtime.log import LineHandler, mask, start_logging
from runtime.settings import SettingsError, load_settings

RANDOM = "Zk3vQ9xW1mB7nC5dF8gH2jK4pL6sT0yA"
SECRETS = {
    "staging key": f"ak_staging_{RANDOM}",
    "live key": f"ak_live_{RANDOM}",
    "system token": f"sat_staging_{RANDOM}",
    "operator token": f"adm_live_{RANDOM}",
    "oauth token": f"oat_{RANDOM}",
    "oauth app's secret": f"oas_{RANDOM}",
    "mcp token": f"mat_{RANDOM}",
    "mcp refresh token": f"mrt_{RANDOM}",
    "shared payment token": f"spt_{RANDOM}",
    "payment by card": f"Payment {RANDOM}{RANDOM}",
    "device code": f"name=box&device_code={RANDOM}",
    "link that ends mail": f"https://pay.example/no-mail/{RANDOM[:22]}?lang=en",
    "link that verifies an address": f"https://pay.example/verify-address/{RANDOM[:22]}",
    "link that sets a password": f"https://pay.example/new-password/{RANDOM[:22]}",
    "link that signs in": f"http://127.0.0.1:8000/sign-in-link/{RANDOM[:22]}",
    "link to a receipt": f"https://pay.example/receipts/{RANDOM[:22]}?lang=en",
    "link to an order": f"https://pay.example/orders/status/{RANDOM[:22]}",
    "link that decides": f"https://pay.example/decide/{RANDOM[:22]}?lang=en",
    "link to a code": rf'{{"claim_url": "https:\/\/pay.example\/claim\/{RANDOM[:22]}"}}',
    "webhook secret": "whsec_Zk3vQ9xW1mB7nC5d+F8gH2jK/4pL6sT0yA==",
    "bearer": f"Bearer {RANDOM}",
    "basic": f"Basic {RANDOM}==",
    "bearer in a URL": f"authorization=Bearer%20{RANDOM}",
    "postgresql password": f"postgresql://topup:{RANDOM}@127.0.0.1:5432/topup",
    "password with an at sign": f"postgresql://topup:x@{RANDOM}@127.0.0.1:5432/topup",
    "redis password": f"redis://:{RANDOM}@127.0.0.1:6379/0",
    "password parameter": f"postgresql://127.0.0.1/topup?user=topup&password={RANDOM}",
    "token parameter": f"https://hooks.example/in?token={RANDOM}&x=1",
    "client secret": f"client_id=a&client_secret={RANDOM}",
    "voucher": f"ATU-{RANDOM[:4]}-{RANDOM[4:8]}-{RANDOM[8:12]}-{RANDOM[12:16]}-{RANDOM[16:20]}",
    "redemption code": f"TOPUP-{RANDOM[:4]}-{RANDOM[4:8]}",
}
# What must be in no line: the secret part of each of the above.
TRACES = [RANDOM, RANDOM[4:8], "F8gH2jK"]


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(params=["json", "human"])
def log(request: pytest.FixtureRequest) -> Iterator["_Log"]:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    stream = io.StringIO()
    handler = start_logging(level="debug", form=request.param, stream=stream)
    yield _Log(handler, stream)
    handler.close()
    root.handlers[:] = before
    root.setLevel(level)


class _Log:
    def __init__(self, handler: LineHandler, stream: io.StringIO) -> None:
        self._handler, self._stream = handler, stream

    def text(self) -> str:
        self._handler.flush()
        return self._stream.getvalue()


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS.keys())
def test_no_form_of_secret_leaves_by_any_way_to_log(log: _Log, secret: str) -> None:
    logger = logging.getLogger("topup.test")

    logger.info(secret)
    logger.info("said %s", secret)
    logger.info("first line\n%s\tlast", secret)
    logger.info("seeded", extra={"value": secret, "nested": {"list": [secret, {"k": secret}]}})
    logger.info("seeded", extra={"fields": {"value": secret, "bytes": secret.encode()}})
    try:
        raise ValueError(f"cannot use {secret}") from KeyError(secret)
    except ValueError:
        logger.exception("failed with %s", secret)

    text = log.text()
    assert len(text.splitlines()) >= 5
    for trace in TRACES:
        assert trace not in text


@pytest.mark.parametrize(
    "name",
    ["password", "client_secret", "token", "device_code", "authorization", "cookie", "set-cookie"],
)
def test_a_json_field_of_a_secret_name_is_masked_whatever_it_holds(name: str) -> None:
    line = json.dumps({name: 'two words, a "quote" and more', "after": "stays"})

    masked = mask(line)

    assert json.loads(masked) == {name: "***", "after": "stays"}


def test_what_is_no_secret_stays_readable() -> None:
    line = (
        '{"event":"request","route":"/api/public/v1/webhooks/{id}/rotate-secret","key_id":"key_1"'
        ',"tokens":3,"url":"https://user@hooks.example:8443/a@b","email":"user@example.com"}'
    )

    assert mask(line) == line
    assert mask(f"ak_live_{RANDOM} used") == "ak_live_*** used"


def test_a_drivers_error_shows_its_code_and_no_value(log: _Log) -> None:
    logger = logging.getLogger("topup.test")
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t (c TEXT PRIMARY KEY CHECK (c <> 'seeded-value'))")
    try:
        connection.execute("INSERT INTO t VALUES ('seeded-value')")
    except sqlite3.IntegrityError:
        logger.exception("sqlite")
    connection.close()
    try:
        error = asyncpg.UniqueViolationError("Key (c)=(seeded-value) already exists")
        raise RuntimeError("wrapped") from error
    except RuntimeError:
        logger.exception("postgresql")
    try:
        raise sa.exc.StatementError("no", "INSERT", {"c": "seeded-value"}, ValueError("no"))
    except sa.exc.StatementError:
        logger.exception("sqlalchemy")

    text = log.text()
    assert "SQLITE_CONSTRAINT_CHECK" in text
    assert "23505" in text
    assert "StatementError" in text
    assert "seeded-value" not in text


def test_a_wrong_setting_is_told_without_its_value(
    log: _Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOPUP_DATABASE_URL", "mysql://seeded-value")
    try:
        load_settings()
    except SettingsError:
        logging.getLogger("topup.test").exception("settings")

    assert "TOPUP_DATABASE_URL" in log.text()
    assert "seeded-value" not in log.text()


def test_a_json_line_has_the_fields_of_its_record() -> None:
    stream = io.StringIO()
    handler = start_logging(form="json", stream=stream)
    try:
        logging.getLogger("topup.request").info("request", extra={"status": 200, "code": 1001})
        logging.getLogger("topup.request").debug("below the level")
        handler.flush()
    finally:
        handler.close()
        logging.getLogger().removeHandler(handler)

    (line,) = [json.loads(text) for text in stream.getvalue().splitlines()]
    assert line.pop("at").endswith("+00:00")
    assert line == {
        "level": "info",
        "event": "request",
        "logger": "topup.request",
        "status": 200,
        "code": 1001,
    }


def test_a_terminal_gets_the_human_form_and_a_pipe_gets_json() -> None:
    texts = []
    for stream in (_Terminal(), io.StringIO()):
        handler = start_logging(stream=stream)
        logging.getLogger("topup.test").warning("queue.full", extra={"waiting": 7})
        handler.close()
        logging.getLogger().removeHandler(handler)
        texts.append(stream.getvalue())

    assert "queue.full" in texts[0]
    assert "\x1b[33m" in texts[0]
    assert json.loads(texts[1])["waiting"] == 7


def test_lines_of_other_threads_and_after_close_are_not_lost() -> None:
    stream = io.StringIO()
    handler = start_logging(form="json", stream=stream)
    logger = logging.getLogger("topup.test")

    async def log_in_threads() -> None:
        await asyncio.gather(
            *(asyncio.to_thread(logger.info, "line", extra={"number": n}) for n in range(50))
        )

    asyncio.run(log_in_threads())
    handler.close()
    logging.getLogger().removeHandler(handler)

    numbers = {json.loads(text)["number"] for text in stream.getvalue().splitlines()}
    assert numbers == set(range(50))


def test_a_reader_that_went_away_does_not_stop_the_process() -> None:
    stream = io.StringIO()
    handler = start_logging(form="json", stream=stream)
    stream.close()

    logging.getLogger("topup.test").info("nobody reads this")
    handler.close()
    logging.getLogger().removeHandler(handler)

    assert stream.closed
