"""The schemas of whole responses of our own API: one for each kind of success, and one for every
error.
"""

from collections.abc import Iterable
from typing import Any, Final, get_args

from gateway.answers.envelope import Envelope
from gateway.answers.outcome import Outcome
from gateway.answers.response_codes import CODES
from gateway.openapi.schemas import PLACE, Schema, Schemas
from kernel.refused import Refused
from kernel.words import TopUpStatus

ERROR: Final = "Error"
_BAD: Final = 400
_USUAL: Final = (200, 201)
_STATUSES: Final = get_args(TopUpStatus)


def types() -> Iterable[Any]:
    return Envelope, Refused


def success(outcome: Outcome, schemas: Schemas) -> Schema:
    """Refer to the schema of the outcome's response.

    Routes share it, so it lists the codes of all.
    """
    status = "" if outcome.http_status in _USUAL else outcome.http_status
    name = f"{schemas.name_of(outcome.data)}{status}Answer"
    listed = sorted({*outcome.codes, *_codes_of(schemas.components.get(name))})
    is_success = outcome.http_status < _BAD
    whole = _whole(schemas, listed, schemas.of(outcome.data), is_success=is_success)
    schemas.components[name] = whole
    return {"$ref": PLACE + name}


def _codes_of(schema: Schema | None) -> list[int]:
    if schema is None:
        return []
    code = schema["properties"]["code"]
    return list(code.get("enum", [code.get("const")]))


def error(schemas: Schemas) -> Schema:
    codes = [
        code for code, row in CODES.items() if row.http_statuses[-1] >= _BAD or row.next_action
    ]
    return schemas.add(ERROR, _whole(schemas, codes, schemas.of(Refused), is_success=False))


def _whole(schemas: Schemas, codes: list[int], data: Schema, *, is_success: bool) -> Schema:
    plain = schemas.body_of(Envelope)
    word = "ok" if is_success else "error"
    narrowed: Schema = {
        "success": {"type": "boolean", "const": is_success},
        "code": {"type": "integer", **_one_of(codes)},
        "status": {"type": "string", "enum": [word, *_STATUSES]},
        "timestamp": {"type": "string", "format": "date-time"},
        "data": data,
    }
    fields = {
        name: {"description": schema["description"], **narrowed.get(name, schema)}
        for name, schema in plain["properties"].items()
    }
    about = _told(codes) if is_success else "What every error looks like; its code says which."
    return {**plain, "description": about, "properties": fields}


def _one_of(codes: list[int]) -> Schema:
    """Make a single code a constant, which distinguishes responses of one HTTP status."""
    return {"const": codes[0]} if len(codes) == 1 else {"enum": codes}


def _told(codes: Iterable[int]) -> str:
    return " · ".join(f"{code} {CODES[code].message}" for code in codes)
