"""Search the documentation's passages by words. An exact name ranks first, then titles, then text.

A word also finds longer words that start with it, and a plural finds its singular.
"""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, takewhile
from typing import Final

WORDS_MAX: Final = 12
HITS_MAX: Final = 20
_EXCERPT: Final = 200
_LEAD: Final = 60
_PREFIX_MIN: Final = 3
_SINGULAR_MIN: Final = 4
_TIMES_MAX: Final = 3
_WORD: Final = re.compile(r"[a-z0-9]+")
_COMMON: Final = frozenset(
    words
    for line in (
        "a an and are as at be by can do does for from how i if in is it me my not of on or so",
        "that the there this to was what when where which who why will with you your",
    )
    for words in line.split()
)


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage of the documentation. `names` contains other words that rank like the title, such as a path."""

    title: str
    kind: str
    path: str
    text: str
    names: str = ""


@dataclass(frozen=True, slots=True)
class PassageHit:
    """A search result. `excerpt` contains pieces of its text, and whether each is a word from the query."""

    passage: Passage
    excerpt: Sequence[tuple[str, bool]]


@dataclass(frozen=True, slots=True)
class Searched:
    """Search results, best first. `has_all` is true if they contain all words of the query."""

    hits: Sequence[PassageHit]
    has_all: bool


@dataclass(slots=True)
class _Score:
    words: int = 0
    in_title: int = 0
    exact: int = 0
    times: int = 0


class PassageIndex:
    def __init__(self, passages: Iterable[Passage]) -> None:
        self._passages = tuple(passages)
        # The words of each passage's title and names, and the positions of each word in its text.
        self._called = [(words_of(one.title), words_of(one.names)) for one in self._passages]
        self._texts = [_spots_of(one.text) for one in self._passages]
        # The passages that contain each word: their positions, whether their titles contain it, and how often their
        # texts do.
        self._holders: dict[str, list[tuple[int, bool, int]]] = defaultdict(list)
        titles = [frozenset((*title, *names)) for title, names in self._called]
        for number, (title, text) in enumerate(zip(titles, self._texts, strict=True)):
            for word in title | text.keys():
                times = len(text.get(word, ()))
                self._holders[word].append((number, word in title, times))
        self._words = sorted(self._holders)

    def search(self, query: str) -> Searched:
        asked = _query_words(query)
        found = [self._beginning_with(word) for word in asked]
        scores: dict[int, _Score] = defaultdict(_Score)
        for word, known in zip(asked, found, strict=True):
            for number, score in self._of_word(word, known).items():
                _add(scores[number], score)
        most = max((score.words for score in scores.values()), default=0)
        best = [number for number, score in scores.items() if score.words == most]
        best.sort(key=lambda number: self._rank(number, asked, scores[number]))
        words = {*chain.from_iterable(found)}
        hits = [self._hit(number, words) for number in best[:HITS_MAX]]
        return Searched(hits, has_all=most == len(asked))

    def _of_word(self, word: str, known: Sequence[str]) -> dict[int, _Score]:
        found: dict[int, _Score] = {}
        for one in known:
            is_exact = one == word
            for number, in_title, times in self._holders[one]:
                score = found.get(number)
                if score is None:
                    score = found[number] = _Score(words=1)
                if in_title:
                    score.in_title = True
                if is_exact:
                    score.exact = True
                score.times += times
        return found

    def _beginning_with(self, word: str) -> Sequence[str]:
        if len(word) < _PREFIX_MIN:
            return [word] if word in self._holders else []
        first = bisect_left(self._words, word)
        rest = (self._words[at] for at in range(first, len(self._words)))
        return [*takewhile(lambda known: known.startswith(word), rest)]

    def _rank(self, number: int, asked: Sequence[str], score: _Score) -> tuple[int, ...]:
        title, names = self._called[number]
        # The end of a path, such as topup/send, also matches.
        is_like = asked in (title, names[-len(asked) :])
        called = 2 if asked == names else int(is_like)
        return (-called, -score.in_title, -score.exact, len(title), -score.times, number)

    def _hit(self, number: int, known: Iterable[str]) -> PassageHit:
        passage, spots = self._passages[number], self._texts[number]
        asked = sorted(spot for word in known for spot in spots.get(word, ()))
        return PassageHit(passage, list(_excerpt(passage.text, asked)))


def words_of(text: str) -> list[str]:
    """Return the words under which a text is found. They are in lower case, and plurals lose their s."""
    return [_singular(word) for word in _WORD.findall(text.lower())]


def _singular(word: str) -> str:
    if len(word) < _SINGULAR_MIN or word.endswith("ss"):
        return word
    return f"{word[:-3]}y" if word.endswith("ies") else word.removesuffix("s")


def _query_words(query: str) -> list[str]:
    said = _WORD.findall(query.lower())
    telling = [word for word in said if word not in _COMMON] or said
    return list(dict.fromkeys(map(_singular, telling)))[:WORDS_MAX]


def _add(total: _Score, one: _Score) -> None:
    total.words += one.words
    total.in_title += one.in_title
    total.exact += one.exact
    total.times += min(_TIMES_MAX, one.times)


def _spots_of(text: str) -> Mapping[str, Sequence[tuple[int, int]]]:
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for match in _WORD.finditer(text.lower()):
        found[_singular(match[0])].append(match.span())
    return {word: tuple(spots) for word, spots in found.items()}


def _excerpt(text: str, asked: Sequence[tuple[int, int]]) -> Iterator[tuple[str, bool]]:
    first = asked[0][0] if asked else 0
    start = 0 if first < _LEAD else text.find(" ", first - _LEAD)
    start = max(start, 0)
    end = len(text) if len(text) - start <= _EXCERPT else start + _EXCERPT
    if end < len(text):
        end = max(text.rfind(" ", start + 1, end), start + _LEAD)
    at = start
    yield "… " if start else "", False
    for begins, ends in asked:
        if start <= begins and ends <= end:
            yield text[at:begins], False
            yield text[begins:ends], True
            at = ends
    yield text[at:end] + (" …" if end < len(text) else ""), False
