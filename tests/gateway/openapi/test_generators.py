"""What the field's own programs say of /openapi.json: a linter, and the parser of a generator of clients.

tests/clients holds the clients that are generated of it, in two languages.
"""

import json
from pathlib import Path

import pytest
from openapi_python_client.config import Config, ConfigFile, MetaType
from openapi_python_client.parser.openapi import GeneratorData

from tests.support import node
from tests.support.openapi_check import the_document

pytestmark = pytest.mark.one_database
# /topup/status/{id} and /topup/{id}/…: the router takes the word before the id.
ACCEPTED = {"no-ambiguous-paths"}


def test_redocly_finds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(the_document()), encoding="utf-8")
    done = node.run_tool("redocly", "lint", path, "--extends=recommended", "--format=json")

    problems = json.loads(done.stdout[done.stdout.index("{") :])["problems"]
    found = [f"{one['ruleId']}: {one['message']}" for one in problems]
    assert [one for one in found if one.partition(":")[0] not in ACCEPTED] == []


def test_openapi_python_client_warns_of_nothing(tmp_path: Path) -> None:
    config = Config.from_sources(ConfigFile(), MetaType.NONE, tmp_path, "utf-8", False, None)
    parsed = GeneratorData.from_dict(the_document(), config=config)

    assert isinstance(parsed, GeneratorData), parsed
    warned = [*parsed.errors]
    for calls in parsed.endpoint_collections_by_tag.values():
        warned += calls.parse_errors
    assert warned == []
