"""Compare the C tokeniser with the tokenizers library on as much text as you like.

    python tests/text/sweep.py --characters 5000000
    python tests/text/sweep.py --vocabularies models/ --file wikitext.txt

Text is generated in many scripts, with emoji, added tokens and bytes that are no UTF-8 in it; files
are added as they are. Tokenizers are those of families.py, or with --vocabularies published ones
(see vocabularies.py). Decoding is checked piece by piece: whole characters only.
"""

import argparse
import random
import sys
import time
from pathlib import Path

from tokenizers import Tokenizer

from families import FAMILIES, family
from lutwerk.device_text import DeviceText
from lutwerk.text_check import check_device_text, library_encode
from lutwerk.tokenizer import build_section
from scripts import generated

_STEP = 200_000


def with_noise(text: str, tokens: list[bytes], seed: int) -> bytes:
    """The text with added tokens and random bytes put in at one place of a hundred."""
    source = random.Random(seed)
    data = bytearray(text.encode())
    for _ in range(len(data) // 100):
        at = source.randrange(len(data))
        data[at:at] = source.choice((source.choice(tokens or [b" "]), source.randbytes(2)))
    return bytes(data)


def compare(library: Tokenizer, device: DeviceText, text: bytes, what: str) -> int:
    """Encode and decode by both. Returns the number of characters; ends the program on a difference."""
    for special in (True, False):
        expected = library_encode(library, text, None, special=special)
        found = device.encode(text, special=special)
        if found != expected:
            pairs = enumerate(zip(found, expected, strict=False))
            at = next((i for i, (a, b) in pairs if a != b), min(len(found), len(expected)))
            sys.exit(f"{what}: at {at}: {found[at : at + 5]}, not {expected[at : at + 5]}")
    stream = device.stream()
    pieces = [*(stream.feed(i) for i in expected), stream.finish()]
    # Every piece is UTF-8, or decoding it would have failed.
    shown = "".join(pieces)
    if "\ufffd" not in shown and shown != library.decode(expected):
        sys.exit(f"{what}: decoded otherwise")
    return len(text.decode("utf-8", "replace"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--characters", type=int, default=1_000_000, help="for each tokenizer")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--file", type=Path, action="append", default=[])
    parser.add_argument("--vocabularies", type=Path, help="folder of ggml-vocab-*.gguf")
    options = parser.parse_args()
    if options.vocabularies:
        from vocabularies import BYTE_LEVEL, SENTENCE_PIECE, read_vocabulary

        made = {name: (read_vocabulary, name) for name in (*BYTE_LEVEL, *SENTENCE_PIECE)}
        libraries = ((name, read(options.vocabularies, one)) for name, (read, one) in made.items())
    else:
        libraries = ((name, family(name)) for name in FAMILIES)
    total = 0
    for name, library in libraries:
        began = time.monotonic()
        section = build_section(library.to_str(), None, [0], name)
        check_device_text(section, library.to_str(), None, name)
        device = DeviceText(section, name)
        tokens = [t.content.encode() for t in library.get_added_tokens_decoder().values()]
        count = 0
        for step in range(0, options.characters, _STEP):
            seed = options.seed * 1_000_003 + step
            text = generated(seed, min(_STEP, options.characters - step))
            what = f"{name}, --seed {options.seed}, step {step}"
            count += compare(library, device, text.encode(), what)
            count += compare(library, device, with_noise(text[: _STEP // 4], tokens, seed), what)
        for path in options.file:
            count += compare(library, device, path.read_bytes(), f"{name}, {path}")
        total += count
        seconds = time.monotonic() - began
        print(
            f"{name}: {device.tokens} tokens, {count} characters equal, {seconds:.0f} s", flush=True
        )
    print(f"{total} characters equal")


if __name__ == "__main__":
    main()
