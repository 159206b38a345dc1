"""What the field's own programs say of /openapi.json: a linter, and generators of clients in two languages."""

import json
import re
import subprocess
import sysconfig
from pathlib import Path

import pytest

from tests.support import node
from tests.support.installation import ROOT
from tests.support.openapi_check import the_document

pytestmark = pytest.mark.one_database
GENERATOR = Path(sysconfig.get_path("scripts")) / "openapi-python-client"
# /topup/status/{id} and /topup/{id}/…: the router takes the word before the id.
ACCEPTED = {"no-ambiguous-paths"}
README_BODY = re.compile(r"topup/send \\\n.*?-d '(\{.*?\})'", re.DOTALL)


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("openapi") / "openapi.json"
    path.write_text(json.dumps(the_document()), encoding="utf-8")
    return path


def test_redocly_finds_nothing(document: Path) -> None:
    done = node.run_tool("redocly", "lint", document, "--extends=recommended", "--format=json")

    problems = json.loads(done.stdout[done.stdout.index("{") :])["problems"]
    found = [f"{one['ruleId']}: {one['message']}" for one in problems]
    assert [one for one in found if one.partition(":")[0] not in ACCEPTED] == []


def test_openapi_python_client_warns_of_nothing(document: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    # Its formatting says nothing about the document.
    config.write_text('{"post_hooks": []}', encoding="utf-8")
    done = subprocess.run(
        [GENERATOR, "generate", "--path", document, "--config", config],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert "WARNING" not in done.stdout, done.stdout[:4000]


def test_typescript_takes_the_body_of_the_readme_as_printed(document: Path, tmp_path: Path) -> None:
    made = node.run_tool("openapi-typescript", document, "--output", tmp_path / "api.ts")
    assert made.returncode == 0, made.stderr
    printed = README_BODY.search((ROOT / "README.md").read_text(encoding="utf-8"))
    assert printed is not None
    (tmp_path / "send.ts").write_text(SEND.replace("BODY", printed[1]), encoding="utf-8")

    done = node.run_tool("tsc", "--strict", "--noEmit", "--skipLibCheck", tmp_path / "send.ts")

    assert done.stdout == ""


# Would not compile if a field were unknown, or if what has a default were required.
SEND = """
import type { paths } from "./api";
type Send = paths["/api/public/v1/topup/send"]["post"];
export const body: Send["requestBody"]["content"]["application/json"] = BODY;
type Answer = Send["responses"][200]["content"]["application/json"];
export function shown(answer: Answer): string {
  const code: number = answer.code;
  const cents: number = answer.data.amount_cents;
  const voucher: string | null = answer.data.voucher_code;
  return `${code} ${cents} ${voucher ?? ""}`;
}
export function refused(error: Send["responses"][402]["content"]["application/json"]): string {
  return `${error.data.error.next_action}: ${error.data.error.detail}`;
}
"""
