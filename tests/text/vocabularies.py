"""Published vocabularies as tokenizer.json: the ggml-vocab-*.gguf files of the source package of llama-cpp-python."""

import json
from pathlib import Path

from gguf import GGUFReader
from tokenizers import Tokenizer, decoders, models, normalizers
from tokenizers import pre_tokenizers as pre

from families import DEEPSEEK, LLAMA_3, QWEN_2, bytes_only, raw, split

#: Types of tokens in these files.
_NORMAL, _UNKNOWN, _CONTROL, _USER_DEFINED = 1, 2, 3, 4
_GPT_2 = pre.ByteLevel(add_prefix_space=False)
#: File -> pre-tokeniser and normaliser of a byte-level vocabulary.
BYTE_LEVEL = {
    "gpt-2": (_GPT_2, None),
    "mpt": (_GPT_2, normalizers.NFC()),
    "gpt-neox": (_GPT_2, normalizers.NFC()),
    "starcoder": (pre.Sequence([pre.Digits(True), _GPT_2]), None),
    "llama-bpe": (pre.Sequence([split(LLAMA_3), bytes_only()]), None),
    "qwen2": (pre.Sequence([split(QWEN_2), bytes_only()]), normalizers.NFC()),
    "deepseek-llm": (
        pre.Sequence([split(r"\p{N}{1,3}"), split(DEEPSEEK), bytes_only()]),
        None,
    ),
}
SENTENCE_PIECE = ("llama-spm", "phi-3", "baichuan")


def read_vocabulary(folder: Path, name: str) -> Tokenizer:
    """The tokenizer of one file."""
    fields = GGUFReader(folder / f"ggml-vocab-{name}.gguf").fields
    tokens = fields["tokenizer.ggml.tokens"].contents()
    types = fields["tokenizer.ggml.token_type"].contents()
    vocab: dict[str, int] = {}
    for i, token in enumerate(tokens):
        vocab.setdefault(token, i)
    if name in BYTE_LEVEL:
        merges = [tuple(m.split(" ")) for m in fields["tokenizer.ggml.merges"].contents()]
        made = Tokenizer(models.BPE(vocab, merges, ignore_merges=name == "llama-bpe"))
        made.pre_tokenizer, normalizer = BYTE_LEVEL[name]
        made.decoder = decoders.ByteLevel()
    else:
        scores = fields["tokenizer.ggml.scores"].contents()
        unknown = tokens[types.index(_UNKNOWN)]
        made = Tokenizer(
            models.BPE(
                vocab,
                _merges(vocab, scores),
                unk_token=unknown,
                fuse_unk=True,
                byte_fallback=True,
            )
        )
        normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
        steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
        made.decoder = decoders.Sequence([*steps, decoders.Strip(" ", 1, 0)])
    if normalizer is not None:
        made.normalizer = normalizer
    for token, kind in zip(tokens, types, strict=True):
        if kind in (_UNKNOWN, _CONTROL, _USER_DEFINED) and not token.startswith("[PAD"):
            made.add_tokens([raw(token, special=kind != _USER_DEFINED)])
    return Tokenizer.from_str(json.dumps(json.loads(made.to_str())))


def _merges(vocab: dict[str, int], scores: list[float]) -> list[tuple[str, str]]:
    """All pairs of pieces that make a piece, best score first: what SentencePiece's search amounts to."""
    found = []
    for piece, i in vocab.items():
        pairs = [(piece[:at], piece[at:]) for at in range(1, len(piece))]
        known = [(vocab[a], vocab[b], a, b) for a, b in pairs if a in vocab and b in vocab]
        found += [(-scores[i], i, a, b) for _, _, a, b in sorted(known)]
    return [(a, b) for _, _, a, b in sorted(found, key=lambda row: row[0])]
