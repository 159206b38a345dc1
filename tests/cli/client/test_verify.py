"""`topup verify`: what a receiver's developer asks when a signature does not fit."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli.main import main
from keys.signatures.signing import public_text, signature_headers, signer_of

SECRET = "whsec_" + "QUJD" * 8
SEED = b"s" * 32
BODY = b'{"id":"evt_1","type":"topup.delivered"}'


def verify(
    body: bytes = BODY,
    *words: str,
    secret: str = SECRET,
    age_s: int = 0,
    changed: Mapping[str, str] | None = None,
) -> Result:
    headers = signature_headers(
        secrets=[SECRET], message_id="evt_1", timestamp_s=int(time.time()) - age_s, body=BODY
    )
    given = [f"--header={name}: {value}" for name, value in (headers | dict(changed or {})).items()]
    return CliRunner().invoke(
        main, ["verify", "--secret", secret, *given, "--body-file", "-", *words], input=body
    )


def verified(*words: str, kept: str | None = None, **environment: str) -> Result:
    """Its body comes from a file here, so that standard input is free."""
    headers = signature_headers(
        secrets=[SECRET],
        signers=[signer_of(SEED)],
        message_id="evt_1",
        timestamp_s=int(time.time()),
        body=BODY,
    )
    given = [f"--header={name}: {value}" for name, value in headers.items()]
    return CliRunner().invoke(main, ["verify", *words, *given], input=kept, env=environment)


def test_the_secret_comes_from_a_file_standard_input_or_the_environment(tmp_path: Path) -> None:
    body, secret = tmp_path / "body.json", tmp_path / "secret.txt"
    body.write_bytes(BODY)
    secret.write_text(SECRET + "\n")
    given = ("--body-file", str(body))

    results = [
        verified(*given, "--secret", f"@{secret}"),
        verified(*given, "--secret", "-", kept=SECRET + "\n"),
        verified(*given, WEBHOOK_SECRET=SECRET),
    ]

    assert [result.exit_code for result in results] == [0, 0, 0]
    assert [result.stderr for result in results] == ["", "", ""]


def test_a_public_key_checks_the_signature_v1a_and_one_of_the_two_is_needed(
    tmp_path: Path,
) -> None:
    (tmp_path / "body.json").write_bytes(BODY)
    given = ("--body-file", str(tmp_path / "body.json"))

    good = verified(*given, "--public-key", public_text(SEED))
    other = verified(*given, "--public-key", public_text(b"o" * 32))
    neither = verified(*given)

    assert (good.exit_code, good.stderr) == (0, "")
    assert (other.exit_code, "webhook-signature" in other.output) == (1, True)
    assert (neither.exit_code, "--public-key" in neither.output) == (2, True)


def test_a_secret_on_the_command_line_works_with_a_warning_that_does_not_repeat_it() -> None:
    result = verify()

    assert result.exit_code == 0
    assert "list of processes" in result.stderr
    assert SECRET not in result.stderr


def test_secret_and_body_do_not_share_standard_input() -> None:
    result = verified("--body-file", "-", "--secret", "-", kept=SECRET + "\n{}")

    assert result.exit_code == 2
    assert "standard input holds the secret" in result.stderr


@pytest.mark.parametrize("given", ["@/nonexistent/secret.txt", "-"])
def test_a_secret_that_is_not_there_is_told(given: str, tmp_path: Path) -> None:
    body = tmp_path / "body.json"
    body.write_bytes(BODY)

    result = verified("--body-file", str(body), "--secret", given, kept="")

    assert result.exit_code == 2
    assert "secret" in result.stderr


def parts_of(result: Result) -> set[str]:
    found: dict[str, Any] = json.loads(result.stdout)
    assert found["valid"] is (not found["findings"])
    return {finding["part"] for finding in found["findings"]}


def test_a_genuine_webhook_is_said_to_be_one() -> None:
    result = verify()

    assert result.exit_code == 0
    assert "genuine" in result.stdout


@pytest.mark.parametrize(
    ("result", "parts"),
    [
        (lambda: verify(BODY + b"\n", "--json"), {"bytes"}),
        (lambda: verify(BODY, "--json", secret="whsec_" + "QUJE" * 8), {"bytes"}),
        (lambda: verify(BODY, "--json", secret=SECRET[6:]), {"secret"}),
        (lambda: verify(BODY, "--json", age_s=400), {"timestamp"}),
        (lambda: verify(BODY, "--json", changed={"webhook-signature": "v2,abc"}), {"header"}),
        (lambda: verify(BODY, "--json", "--tolerance-s", "500", age_s=400), set()),
    ],
    ids=["bytes", "another secret", "form of the secret", "timestamp", "header", "tolerated"],
)
def test_each_part_that_is_wrong_is_named(result: Any, parts: set[str]) -> None:
    answered = result()

    assert parts_of(answered) == parts
    assert answered.exit_code == (1 if parts else 0)


def test_people_are_told_in_a_sentence_and_never_the_secret() -> None:
    result = verify(BODY.replace(b":", b": ").replace(b",", b", "))

    assert result.exit_code == 1
    assert "the JSON was parsed and written again" in result.stdout
    assert SECRET not in result.output


def test_the_body_may_lie_in_a_file_and_the_secret_in_the_environment(tmp_path: Path) -> None:
    (tmp_path / "body").write_bytes(BODY)
    headers = signature_headers(
        secrets=[SECRET], message_id="evt_1", timestamp_s=int(time.time()), body=BODY
    )
    words = [f"--header={name}:{value}" for name, value in headers.items()]

    result = CliRunner().invoke(
        main,
        ["verify", *words, "--body-file", str(tmp_path / "body")],
        env={"WEBHOOK_SECRET": SECRET},
    )

    assert result.exit_code == 0


def test_a_header_without_a_name_is_a_usage_error() -> None:
    result = CliRunner().invoke(
        main, ["verify", "--secret", SECRET, "--header", "v1=abc", "--body-file", "-"], input=BODY
    )

    assert result.exit_code == 2
    assert "'Name: value'" in result.stderr
