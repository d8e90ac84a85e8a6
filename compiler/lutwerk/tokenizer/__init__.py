"""A Hugging Face tokenizer.json as the tables of section TEXT, which ``runtime/text/`` executes.

Each module reads one part of the description strictly: `steps` the normaliser, `splits` the
pre-tokeniser (with `regex` and `automaton`), `vocabulary` the model, `added` the added tokens,
`template` the post-processor and `decoder` the decoder; `section` writes them. What has no exact form
is refused by name.
"""

from lutwerk.tokenizer.section import build_section

__all__ = ["build_section"]
