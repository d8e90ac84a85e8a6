"""Long texts in many scripts, seeded: words, digits, contractions, emoji, combining marks, spaces, long runs."""

import random

_LETTERS = [
    *((0x41, 0x7B), (0x61, 0x7B), (0x61, 0x7B), (0xC0, 0x180), (0x1E00, 0x1F00), (0x370, 0x400)),
    *(
        (0x400, 0x530),
        (0x531, 0x588),
        (0x5D0, 0x5EB),
        (0x620, 0x66A),
        (0x905, 0x940),
        (0x985, 0x9B9),
    ),
    *((0xB85, 0xBD7), (0xE01, 0xE5C), (0xE81, 0xEDE), (0xF40, 0xFBD), (0x1000, 0x10A0)),
    *((0x10A0, 0x1100), (0x1100, 0x1200), (0x1200, 0x1380), (0x1780, 0x17EA), (0x3041, 0x3100)),
    *((0x4E00, 0x9FFF), (0xAC00, 0xD7A4), (0xF900, 0xFAD9), (0xFB00, 0xFDFB), (0xFF01, 0xFFDD)),
    *((0x10330, 0x1034B), (0x11100, 0x11150), (0x1D400, 0x1D7FF), (0x20000, 0x2A6DD)),
]
_MARKS = [*range(0x300, 0x36F), *range(0x591, 0x5BE), *range(0x93C, 0x94E), 0x3099, 0x309A, 0x20E3]
_EMOJI = [*range(0x1F600, 0x1F650), *range(0x1F466, 0x1F46A), *range(0x2600, 0x2700), 0x1F308]
_MODIFIERS = [*range(0x1F3FB, 0x1F400), 0xFE0F, 0x200D, 0x1F1E6, 0x1F1FF, 0xE0067, 0xE007F]
_SPACES = "      \n\n\t\r\xa0\u2003\u3000\u200b\u2028\x0b\x85"
_CONTRACTIONS = ["'s", "'T", "'re", "'VE", "'m", "'LL", "'d", "\u2019s", "'\u017f", "'x", "'"]
_PUNCTUATION = '.,;:!?-\u2014()[]{}<>/\\|@#$%^&*_=+~`"\u00ab\u00bb\u3002\uff0c\u060c\u0964\u2581'


def generated(seed: int, characters: int) -> str:
    """At least ``characters`` characters."""
    source = random.Random(seed)
    pieces: list[str] = []
    size = 0
    while size < characters:
        pieces.append(_piece(source))
        size += len(pieces[-1])
    return "".join(pieces)


def _piece(source: random.Random) -> str:
    kind = source.randrange(16)
    if kind == 0:
        return "".join(source.choices(_SPACES, k=source.randrange(1, 7)))
    if kind == 1:
        return "".join(
            source.choices("0123456789\u0663\u0969\u00b2\u216b", k=source.randrange(1, 9))
        )
    if kind == 2:
        return "".join(source.choices(_PUNCTUATION, k=source.randrange(1, 4)))
    if kind == 3:
        emoji = [chr(source.choice(_EMOJI))]
        emoji += (chr(source.choice(source.choice((_EMOJI, _MODIFIERS)))) for _ in range(3))
        return "\u200d".join(emoji) if source.random() < 0.5 else "".join(emoji)
    if kind == 4 and source.random() < 0.05:
        return source.choice(" \na1.=\u00e9\u4e00\U0001f642") * source.randrange(20, 300)
    return source.choice((" ", " ", " ", "", "\n")) + _word(source)


def _word(source: random.Random) -> str:
    low, high = source.choice(_LETTERS)
    word = "".join(chr(source.randrange(low, high)) for _ in range(source.randrange(1, 9)))
    if source.random() < 0.1:
        at = source.randrange(1, len(word) + 1)
        marks = "".join(chr(m) for m in source.choices(_MARKS, k=source.randrange(1, 4)))
        word = word[:at] + marks + word[at:]
    if source.random() < 0.1:
        word += source.choice(_CONTRACTIONS)
    return word
