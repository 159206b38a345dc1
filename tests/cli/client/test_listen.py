"""`topup listen` before it connects anywhere; tests/e2e/test_listen.py runs it."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.client.listen import secret_of
from cli.main import main
from keys.signatures.signing import secret_key

FORWARD = ("listen", "--forward", "http://127.0.0.1:9/hook")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOPUP_DATA_DIR", str(tmp_path))


def run(*words: str) -> Result:
    return CliRunner().invoke(main, [*FORWARD, *words])


def test_without_a_key_and_without_topup_dev_it_says_what_to_give() -> None:
    result = run()

    assert result.exit_code == 2
    assert "no key to listen with" in result.stderr
    assert "--key" in result.stderr


def test_a_key_and_an_account_are_one_too_many() -> None:
    assert run("--key", "ak_staging_x", "--account", "a@b.example").exit_code == 2


def test_a_profile_has_its_own_key_and_address_and_resend_its_own_events() -> None:
    for words in (
        ("--profile", "a", "--key", "@k"),
        ("--profile", "a", "--url", "http://x.example"),
    ):
        Path("k").write_text("ak_staging_x")
        assert run(*words).exit_code == 2
    assert run("--resend", "evt_1", "--after", "0").exit_code == 2
    assert "there is no profile 'a'" in run("--profile", "a").stderr


def test_a_secret_of_another_form_is_refused_and_not_shown() -> None:
    result = run("--key", "ak_staging_x", "--secret", "whsec_!!")

    assert result.exit_code == 1
    assert "not base64" in result.stderr
    assert "whsec_!!" not in result.stderr


def test_the_secret_stays_the_same_for_a_key_and_does_not_show_it() -> None:
    key = "ak_staging_" + "x" * 32

    assert secret_of(key) == secret_of(key) != secret_of(key + "y")
    assert len(secret_key(secret_of(key))) == 32
    assert "x" * 8 not in secret_of(key)
