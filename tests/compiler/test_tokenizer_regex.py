"""Automata find what the tokenizers library's own regular expressions find."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Regex, pre_tokenizers

from lutwerk.tokenizer.automaton import DEAD, MATCH, START, build_automaton
from lutwerk.tokenizer.refusal import Unsupported
from lutwerk.tokenizer.regex import parse
from lutwerk.tokenizer.unicode import CODE_POINTS, expression_set

#: Priorities, overlaps, lookahead, counts, possessives, and cases that fold to one another.
PATTERNS = [
    r"ab?|abc|(?:a|bc)+(?=\s)|b+c?",
    r"(?:a{2,3}|ab*)(?=[bc])|(?:b|c)+a|[ab]?+c",
    r"a++b|a|b{2}|c{1,}|(a|ab)(c|bcd)(d*)",
    r"(?i:'s|'t|k)|[^\s\p{L}]+|\p{Lu}?\p{Ll}+|\s+(?!\S)|\s",
    r"[a-c]{,2}\.|\S\s|.",
    r"(?:ab|a)(?:bc|c)?(?!c)|[\]\-c]|\\",
]
ALPHABET = "aabbccd  \n.'sSkK\u017f\u212a\u00e9\u0130]-\\"


def cut(pattern: str, text: str) -> list[str]:
    """What an isolated split by the automaton gives."""
    automaton = build_automaton(parse(pattern))
    pieces, gap, at = [], 0, 0
    while at < len(text):
        end = match_end(automaton, text, at)
        if end == at:
            at += 1
            continue
        pieces += [text[gap:at], text[at:end]]
        gap = at = end
    return [piece for piece in [*pieces, text[gap:]] if piece]


def match_end(automaton, text: str, at: int) -> int:
    state, end = START, at
    while state != DEAD:
        column = automaton.classes[ord(text[at])] if at < len(text) else -1
        cell = int(automaton.cells[state, column])
        end = at if cell & MATCH else end
        state = cell & ~MATCH if at < len(text) else DEAD
        at += 1
    return end


@pytest.mark.parametrize("pattern", PATTERNS)
@given(text=st.text(ALPHABET, max_size=20))
@settings(deadline=None)
def test_the_same_pieces(pattern, text):
    library = pre_tokenizers.Split(Regex(pattern), "isolated")
    assert cut(pattern, text) == [piece for piece, _ in library.pre_tokenize_str(text)]


@st.composite
def expressions(draw, depth=2) -> str:
    """Expressions over a small alphabet, none of which matches the empty text."""
    if depth == 0:
        return draw(st.sampled_from(["a", "b", "c", "[ab]", "[^a]", r"\s", "."]))
    inner = expressions(depth - 1)
    match draw(st.integers(0, 4)):
        case 0:
            return f"(?:{draw(inner)}|{draw(inner)})"
        case 1:
            return (
                f"(?:{draw(inner)}){draw(st.sampled_from(['?', '*', '+', '{1,2}']))}{draw(inner)}"
            )
        case 2:
            return f"{draw(inner)}(?!{draw(st.sampled_from(['a', '[bc]', '.']))})"
        case 3:
            return f"(?:{draw(inner)})+"
        case _:
            return draw(inner) + draw(inner)


@given(pattern=expressions(), texts=st.lists(st.text("abc \n", max_size=12), max_size=8))
@settings(deadline=None, max_examples=100)
def test_the_same_pieces_by_any_expression(pattern, texts):
    library = pre_tokenizers.Split(Regex(pattern), "isolated")
    for text in texts:
        assert cut(pattern, text) == [piece for piece, _ in library.pre_tokenize_str(text)]


@pytest.mark.parametrize("source", [r"\p{L}", r"[^\r\n\p{L}\p{N}]", r"\s", "(?i:s)"])
def test_every_code_point_is_in_the_set_that_the_library_has(source):
    """Ranges that are probed by one code point, too."""
    every = np.delete(np.arange(CODE_POINTS, dtype="<u4"), range(0xD800, 0xE000))
    removed = pre_tokenizers.Split(Regex(f"(?:{source})+"), "removed")
    pieces = removed.pre_tokenize_str(every.tobytes().decode("utf-32-le"))
    outside = np.frombuffer("".join(p for p, _ in pieces).encode("utf-32-le"), "<u4")
    assert np.array_equal(np.setdiff1d(every, outside), np.flatnonzero(expression_set(source)))


@pytest.mark.parametrize(
    ("pattern", "named"),
    [
        (r"a*", "matches the empty text"),
        (r"^a", r"'\^' at character 0"),
        (r"a$", r"'\$' at character 1"),
        (r"a+?", "lazy"),
        (r"a+*", "repeated quantifier"),
        (r"(?:ab)++", "possessive quantifier of more than one"),
        (r"(?<=a)b", r"the group '\(\?<='"),
        (r"(?=ab)c", "lookahead of other than one character"),
        (r"\bfoo", r"the escape '\\\\b'"),
        (r"\x41", r"the escape '\\\\x'"),
        (r"\pL", "property without braces"),
        (r"[a[b]]", "set inside a set"),
        (r"[a&&b]", "set inside a set"),
        (r"[]a]", "begins with"),
        ("[\U000f0000]", "not assigned"),
        (r"(?i:stop)", "which in another case is one character"),
        ("(?i:\u00df)", "in another case is several"),
        (r"(?:a?)*", "repetition of something that may be empty"),
        (r"a{2,1}", "the quantifier"),
        (r"a{999}", "the quantifier"),
        (r"[a", "does not end"),
        (r"(a", "does not end"),
        (r"a)", "unmatched"),
    ],
)
def test_refused_by_name(pattern, named):
    with pytest.raises(Unsupported, match=named):
        build_automaton(parse(pattern))
