"""A statement and what it is executed with fit together, where the source says both."""

import ast
import re
from collections.abc import Iterator, Mapping

from tests.test_tidy import name_of, nodes_of, shown, sources, tree_of

_VALUE = re.compile(r"(?<![:\w]):([a-z_]\w*)")


def constants_of(tree: ast.Module) -> dict[str, ast.expr]:
    """The values of the module's own names."""
    return {
        name: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for name in (target.id for target in node.targets if isinstance(target, ast.Name))
    }


def sql_of(node: ast.expr, constants: Mapping[str, ast.expr]) -> str | None:
    """The statement's text, without lists of columns; None where it is not known before it runs."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Name(id=name) if name in constants:
            return sql_of(constants[name], constants)
        case (
            ast.Attribute(attr="listed" | "typed" | "assigned")
            | ast.Call(func=ast.Attribute(attr="of"))
        ):
            return ""
        case ast.FormattedValue(value=value):
            return sql_of(value, constants)
        case ast.JoinedStr(values=parts):
            texts = [sql_of(part, constants) for part in parts]
            return None if None in texts else "".join(text or "" for text in texts)
        case _:
            return None


def statements_of(tree: ast.Module) -> Iterator[tuple[int, str, set[str]]]:
    """(line, text, names of the values) of each statement where both are literal."""
    constants = constants_of(tree)
    for node in nodes_of(tree):
        match node:
            case (
                ast.Call(
                    func=ast.Attribute(
                        attr="fetch" | "fetch_one" | "execute" | "execute_deferred",
                        value=ast.Name(id="tx"),
                    ),
                    args=[text],
                    keywords=given,
                )
                | ast.Call(func=ast.Name(id="BatchRead"), args=[text, _], keywords=given)
            ):
                names = {one.arg for one in given if one.arg is not None} - {"touching"}
                sql = sql_of(text, constants)
                if sql is not None and all(one.arg is not None for one in given):
                    yield node.lineno, sql, names
            case _:
                pass


def test_a_statement_is_given_the_very_values_that_it_names() -> None:
    seen = 0
    findings = []
    for path in sources():
        for line, sql, given in statements_of(tree_of(path)):
            seen += 1
            named = set(_VALUE.findall(sql))
            if named != given:
                findings.append(f"{name_of(path)}:{line} {sorted(named ^ given)}")

    assert not findings, shown(findings)
    assert seen > 150, "the rule reads statements no longer"
