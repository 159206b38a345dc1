"""Hold the prose to the project's voice: each count has a ceiling that falls.

`python -m tests.test_prose` prints today's counts. Lower a ceiling when you lower its count. The lines of product
rise only with something that users asked for, and the commit says what.
"""

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Final

import pytest

from tests.test_tidy import ROOT, sources, tree_of

# Each a little above its count, so that work landed side by side doesn't collide.
CEILINGS: Final = {
    "docstrings that open with no verb": 6,
    "error details that are no sentence": 6,
    "words of docstrings and comments": 87_700,
    "product lines": 157_200,
    "old words in docstrings and comments": 180,
    "old words in documents": 28,
    "paragraphs over 60 words": 1,
    "sentences over 25 words": 4,
    "table cells over 200 characters": 3,
    "words for callers": 16_060,
    "words for operators": 19_000,
    "words for contributors": 7580,
    "words of the README": 455,
}

# Pages for people who change the code; every other page of docs/ is for operators.
CONTRIBUTORS: Final = {
    "CONTRIBUTING.md",
    "docs/architecture.md",
    "docs/glossary.md",
    "docs/languages.md",
    "docs/performance.md",
    "docs/releasing.md",
    "docs/states.md",
    "docs/where.md",
}
GENERATED: Final = {
    "docs/cli.md",
    "docs/metrics.md",
    "docs/modules.md",
    "gateway/docs/text/changelog.md",
}

# The field's own word is given in brackets.
OLD_WORDS: Final = re.compile(
    r"\b(?:asks?|asked"  # call, request
    r"|tells?|told"  # notify, report
    r"|keeps?|kept"  # store
    r"|go(?:es)? on|gone on"  # continue
    r"|st(?:and|ood)s?-? ?in"  # simulate
    r"|by itself|by themselves"  # automatically
    r"|mend(?:s|ed)?"  # fix
    r"|anew"  # again
    r"|a person|a human"  # an operator, a user
    r"|looks? at|looked at"  # check, inspect
    r"|whoever|whom"  # the caller, the recipient
    r"|what came out)\b",  # result
    re.IGNORECASE,
)
VERBS: Final = frozenset(
    """
    abandon abort accept account acknowledge acquire act add adjust advance aggregate allow answer append apply
    approve arm arrange ask assemble assert assign attach attempt audit authenticate authorize await back begin
    bill bind block book bound bring build bump cache calculate call cancel cap capture carry catch cause change
    charge check choose claim classify clean clear close collect combine commit compare compile complete compose
    compress compute confirm connect consume continue convert copy correct count cover create credit cut debit
    decide declare decline decode decompress decrypt deduct defer define delay delegate delete deliver deny depend
    derive describe deserialize detach detect determine disable discard disconnect dispatch display dispute divide
    do download draw drive drop dump duplicate edit embed emit enable encode encrypt end enforce enqueue ensure
    enter enumerate erase escape establish estimate evaluate exchange exclude execute exit expand expire explain
    export expose extend extract fail fall fetch fill filter find finish fix flag flush fold follow force forget
    format forward free freeze fulfil generate get give grant group guard guess hand handle hash have hide hold
    identify ignore import include increment index infer inform init initialize inject insert inspect install
    interpret interrupt invalidate invite invoke issue iterate join jump kill label launch lead leave let lift
    limit link list listen load lock log look lower mail make map mark mask match measure merge migrate mint mount
    move name narrow negotiate normalize note notify number observe obtain offer omit open order override page
    parse pass patch pause pay perform permit permute persist pick place plan poll post prefer prepare present
    prevent print process produce promise propagate protect prove provide prune publish purge push put quantize
    query queue quote raise reach read rebuild recalculate receive recheck reclaim recompute reconcile reconnect
    record recover redact redeem redirect reduce refill refresh refund refuse register reject release reload
    remember remove rename render renew reopen repair repeat replace replay reply report reprice request require
    reread reschedule reserve reset resolve respond restart restore restrict resume retire retry return reuse
    reveal reverse revert review revoke rewind rewrite roll rotate round route run sample satisfy save say scan
    schedule score seal search seed select sell send separate serialize serve set settle share shorten show shrink
    shut sign simulate skip sleep slice sort spawn spend split spread stage start state stop store stream strip
    submit subscribe substitute subtract suggest sum supply support suspend swap switch sync take tell terminate
    test throttle tick time touch trace track transfer translate treat trim truncate try turn undo unescape unlock
    unpack unwrap update upgrade upload upsert use validate verify void wait wake walk warn watch weigh withdraw
    work wrap write yield
    """.split()  # noqa: SIM905 - a list of 400 lines would be harder to read
)

_DETAIL = r'\(\s*f?"((?:[^"\\]|\\.)*)"((?:\s*f?"(?:[^"\\]|\\.)*")*)'
_SENTENCE = re.compile(r"""^[A-Z0-9`{'"].*[.!?]$""", re.DOTALL)
_SENTENCE_END = re.compile(r"(?<=[.!?])[)*_`]*\s+(?=[A-Z`*_(\[])")
_WORD = re.compile(r"\S*[A-Za-z0-9]\S*")
_FENCE = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
_MEASURED = re.compile(r"<!-- bench:.*?<!-- /bench:\S+ -->", re.DOTALL)
_COMMENT = re.compile(r"(?:^ *|  )# ([^\n]*[^\n\"'])$", re.MULTILINE)
_HAS_DOCSTRING = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_RULE = re.compile(r"[|\-: ]+")


def words(text: str) -> int:
    return len(_WORD.findall(text))


def documents() -> Iterator[tuple[str, str]]:
    """Yield each hand-written page's name and its text without code and measured tables."""
    paths = (
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/*.md"),
        *ROOT.glob("gateway/docs/text/*.md"),
        *ROOT.glob("deploy/**/*.md"),
    )
    for path in sorted(paths):
        name = path.relative_to(ROOT).as_posix()
        if name not in GENERATED and name != "CHANGELOG.md":
            text = path.read_text(encoding="utf-8")
            yield name, _FENCE.sub("", _MEASURED.sub("", text))


def reader_of(name: str) -> str:
    if name == "README.md":
        return "words of the README"
    if name.startswith("gateway/"):
        return "words for callers"
    return f"words for {'contributors' if name in CONTRIBUTORS else 'operators'}"


def units(text: str) -> Iterator[str]:
    """Yield each paragraph, list item and table row of a page."""
    for block in re.split(r"\n\s*\n", text):
        unit = ""
        for line in block.splitlines():
            if re.match(r"\s*(?:[-*]|\d+\.) |\s*\||#", line):
                yield unit
                unit = ""
            unit = f"{unit} {line.strip()}"
        yield unit


def counts_of_documents() -> Counter[str]:
    found: Counter[str] = Counter()
    for name, text in documents():
        found[reader_of(name)] += words(text)
        found["old words in documents"] += len(OLD_WORDS.findall(re.sub(r"`[^`]*`", "", text)))
        for unit in (one.strip() for one in units(text)):
            if _RULE.fullmatch(unit) or unit.startswith("#"):
                continue
            if unit.startswith("|"):
                cells = re.split(r"(?<!\\)\|", unit)
                found["table cells over 200 characters"] += sum(len(one) > 202 for one in cells)
                continue
            found["paragraphs over 60 words"] += words(unit) > 60
            found["sentences over 25 words"] += sum(
                words(one) > 25 for one in _SENTENCE_END.split(unit)
            )
    return found


def docstrings(tree: ast.Module) -> Iterator[tuple[bool, str]]:
    """Yield whether it is a function's, and the text, of each docstring."""
    inside: list[ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef] = [tree]
    while inside:
        node = inside.pop()
        if text := ast.get_docstring(node, clean=False):
            yield isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef), text
        inside += [one for one in node.body if isinstance(one, _HAS_DOCSTRING)]


def comments(text: str) -> Iterator[str]:
    """Yield each comment; two spaces and no quote set one off from a `#` inside a string."""
    return (hit[1] for hit in _COMMENT.finditer(text))


def opens_with_verb(text: str) -> bool:
    first = re.match(r"\W*([A-Za-z]+)", text)
    return first is not None and first[1].lower() in VERBS


def error_names(texts: list[str]) -> set[str]:
    """Return the names of DomainError's subclasses, whoever derives from whom."""
    bases = [
        hit for text in texts for hit in re.findall(r"^class (\w+)\((\w+)", text, re.MULTILINE)
    ]
    found = {"DomainError"}
    while more := {name for name, base in bases if base in found} - found:
        found |= more
    return found


def counts_of_code() -> Counter[str]:
    found: Counter[str] = Counter()
    paths = [path for path in sources() if "/migrations/" not in path.as_posix()]
    texts = [path.read_text(encoding="utf-8") for path in paths]
    for path, text in zip(paths, texts, strict=True):
        found["product lines"] += text.count("\n")
        prose = list(comments(text))
        for is_function, docstring in docstrings(tree_of(path)):
            prose.append(docstring)
            if is_function and not opens_with_verb(docstring):
                found["docstrings that open with no verb"] += 1
        found["words of docstrings and comments"] += sum(words(one) for one in prose)
        found["old words in docstrings and comments"] += len(OLD_WORDS.findall("\n".join(prose)))
    detail = re.compile(rf"\b(?:{'|'.join(sorted(error_names(texts)))}){_DETAIL}")
    for text in texts:
        for first, more in detail.findall(text):
            said = first + "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', more))
            if words(said) >= 3 and not _SENTENCE.match(said):
                found["error details that are no sentence"] += 1
    return found


def counts() -> Counter[str]:
    return counts_of_documents() + counts_of_code()


@pytest.fixture(scope="module")
def today() -> Counter[str]:
    return counts()


@pytest.mark.parametrize("what", CEILINGS)
def test_a_count_stays_below_its_ceiling(today: Counter[str], what: str) -> None:
    assert today[what] <= CEILINGS[what], f"{today[what]} {what}; the ceiling may only fall"


if __name__ == "__main__":
    for what, count in counts().items():
        sys.stdout.write(f"{count:>8,}  {what}\n")
