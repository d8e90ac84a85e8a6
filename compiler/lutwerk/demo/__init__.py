"""The checkpoint that ships with the package (README.md beside this file) and settings that suit it."""

from pathlib import Path

CHECKPOINT = Path(__file__).parent / "checkpoint" / "tinystories-bitnet"
PROMPT = "Once upon a time"
#: A small model keeps to its story better below the usual 0.8, and this seed tells one with an end.
TEMPERATURE, SEED = 0.7, 31
#: The model ends a story with these characters, as its training text did.
STOP = "<|endoftext|>"
