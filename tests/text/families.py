"""Tokenizers in the configurations that model families publish, trained in a moment on a little text."""

import json
import random
from functools import cache
from importlib import resources

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, trainers
from tokenizers import pre_tokenizers as pre
from tokenizers.processors import ByteLevel as ByteLevelOffsets
from tokenizers.processors import Sequence, TemplateProcessing

LLAMA_3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN_2 = LLAMA_3.replace(r"\p{N}{1,3}", r"\p{N}")
CL100K = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*"
    r"|\s*[\r\n]|\s+(?!\S)|\s+"
)
O200K = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
DEEPSEEK = (
    r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"
    r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


@cache
def training_text() -> list[str]:
    """Lines of the shipped probe text, and words from its pieces so that merges have ranks to compete with."""
    shipped = resources.files("lutwerk").joinpath("probe.txt").read_text("utf-8")
    source = random.Random(7)
    words = shipped.split()
    return [*shipped.splitlines(), *(" ".join(source.choices(words, k=30)) for _ in range(200))]


def byte_level(pre_tokenizer, vocab=1500, normalizer=None, ignore_merges=False) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.normalizer = normalizer or tokenizer.normalizer
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab, initial_alphabet=alphabet, show_progress=False, special_tokens=[]
    )
    tokenizer.train_from_iterator(training_text(), trainer)
    return tokenizer


def split(pattern: str) -> pre.PreTokenizer:
    return pre.Split(Regex(pattern), "isolated")


def bytes_only() -> pre.PreTokenizer:
    return pre.ByteLevel(add_prefix_space=False, use_regex=False)


def raw(text: str, special=True, **flags) -> AddedToken:
    return AddedToken(text, special=special, normalized=False, **flags)


def template(tokenizer: Tokenizer, single: str, *tokens: str) -> TemplateProcessing:
    pairs = [(token, tokenizer.token_to_id(token)) for token in tokens]
    return TemplateProcessing(single=single, special_tokens=pairs)


def llama_3() -> Tokenizer:
    made = byte_level(pre.Sequence([split(LLAMA_3), bytes_only()]), ignore_merges=True)
    # Words that no merge makes, as that vocabulary has some.
    state = json.loads(made.to_str())
    vocab = state["model"]["vocab"]
    for word in ("ĠHonorificab", "Ġbraces", "qwzx"):
        vocab.setdefault(word, len(vocab))
    made = Tokenizer.from_str(json.dumps(state))
    names = ("begin_of_text", "end_of_text", "start_header_id", "end_header_id", "eot_id")
    made.add_tokens([raw(f"<|{name}|>") for name in names])
    bos = "<|begin_of_text|>"
    made.post_processor = Sequence(
        [ByteLevelOffsets(trim_offsets=True), template(made, f"{bos} $A", bos)]
    )
    return made


def gpt_2() -> Tokenizer:
    made = byte_level(pre.ByteLevel(add_prefix_space=False))
    made.add_special_tokens([AddedToken("<|endoftext|>", normalized=True, special=True)])
    made.post_processor = ByteLevelOffsets(trim_offsets=False)
    return made


def roberta_style() -> Tokenizer:
    made = byte_level(pre.ByteLevel(add_prefix_space=True))
    made.add_special_tokens(["<s>", "</s>"])
    made.add_tokens([raw("<mask>", lstrip=True), raw("[word]", special=False, single_word=True)])
    made.post_processor = template(made, "<s> $A </s>", "<s>", "</s>")
    return made


def qwen_2() -> Tokenizer:
    pre_tokenizer = pre.Sequence([split(QWEN_2), bytes_only()])
    made = byte_level(pre_tokenizer, normalizer=normalizers.NFC())
    made.add_tokens([raw("<|endoftext|>"), raw("<|im_start|>"), raw("<|im_end|>")])
    made.add_tokens([raw("<think>", special=False), raw("</think>", special=False)])
    made.add_tokens([AddedToken("e\u0301t\u00e9", normalized=True, special=False)])
    return made


def cl100k() -> Tokenizer:
    cut = pre.Split(Regex(CL100K), "removed", invert=True)
    return byte_level(pre.Sequence([cut, bytes_only()]))


def o200k() -> Tokenizer:
    made = byte_level(pre.Sequence([split(O200K), bytes_only()]))
    made.add_tokens([raw("<|a|>"), raw("<|a|><|b|>"), raw("<|a|"), raw("  ", special=False)])
    return made


def deepseek() -> Tokenizer:
    stages = [split(r"\p{N}{1,3}"), split("[一-龥぀-ゟ゠-ヿ]+"), split(DEEPSEEK), bytes_only()]
    made = byte_level(pre.Sequence(stages))
    made.add_tokens([raw("<｜begin▁of▁sentence｜>"), raw("<｜User｜>")])
    return made


def starcoder() -> Tokenizer:
    return byte_level(pre.Sequence([pre.Digits(True), pre.ByteLevel(add_prefix_space=False)]))


def gap_splits() -> Tokenizer:
    stages = [
        pre.Split(" ", "removed"),
        pre.Digits(False),
        pre.Split(Regex(r"[aeiou]+"), "removed"),
    ]
    return byte_level(pre.Sequence([*stages, bytes_only()]))


def sentence_piece(normalizer=None, pre_tokenizer=None, fallback=True) -> Tokenizer:
    """Pieces over characters, rewritten after training into the order that SentencePiece files have."""
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre.Metaspace("▁", prepend_scheme="always")
    trainer = trainers.BpeTrainer(vocab_size=1500, show_progress=False, special_tokens=[])
    lines = training_text() if fallback else [line for line in training_text() if line.isascii()]
    trained.train_from_iterator(lines, trainer)
    state = json.loads(trained.to_str())
    model = state["model"]
    special = ["<unk>", "<s>", "</s>"]
    tokens = special + ([f"<0x{byte:02X}>" for byte in range(256)] if fallback else [])
    tokens += sorted(model["vocab"], key=model["vocab"].get)
    model |= {"vocab": {token: i for i, token in enumerate(tokens)}, "unk_token": "<unk>"}
    model |= {"byte_fallback": fallback, "fuse_unk": True}
    made = Tokenizer.from_str(json.dumps(state))
    made.pre_tokenizer, made.normalizer = pre_tokenizer, normalizer
    made.add_special_tokens([raw(token) for token in special])
    made.post_processor = template(made, "<s> $A", "<s>")
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    made.decoder = decoders.Sequence([*steps, decoders.Strip(" ", 1, 0)])
    return made


def llama_2() -> Tokenizer:
    steps = [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    return sentence_piece(normalizer=normalizers.Sequence(steps))


def mistral() -> Tokenizer:
    made = sentence_piece(pre_tokenizer=pre.Metaspace("▁", prepend_scheme="first", split=False))
    made.add_tokens([raw("[INST]"), raw("[/INST]"), raw("<|user|>", rstrip=True)])
    made.add_tokens([AddedToken("two words", normalized=True, special=False, rstrip=True)])
    return made


def gemma() -> Tokenizer:
    made = sentence_piece(
        normalizer=normalizers.Replace(" ", "▁"),
        pre_tokenizer=pre.Split(" ", "merged_with_previous"),
    )
    made.add_tokens([raw("\n\n", special=False), raw("▁▁", special=False), raw("<start_of_turn>")])
    made.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    return made


def merged_marks() -> Tokenizer:
    stages = [pre.Split(Regex(r"\s"), "merged_with_previous"), pre.Split("-", "merged_with_next")]
    return byte_level(pre.Sequence([*stages, pre.Split("=", "contiguous"), bytes_only()]))


def t5_style() -> Tokenizer:
    made = sentence_piece(pre_tokenizer=pre.Metaspace("▁", prepend_scheme="always"), fallback=False)
    made.decoder = decoders.Metaspace("▁", prepend_scheme="always")
    return made


def unfused() -> Tokenizer:
    made = sentence_piece(normalizer=normalizers.Replace(" ", "▁"), fallback=False)
    state = json.loads(made.to_str())
    state["model"]["fuse_unk"] = False
    made = Tokenizer.from_str(json.dumps(state))
    made.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.Fuse()])
    return made


FAMILIES = {
    made.__name__: made
    for made in (
        *(llama_3, gpt_2, roberta_style, qwen_2, cl100k, o200k, deepseek, starcoder, gap_splits),
        *(llama_2, mistral, gemma, merged_marks, t5_style, unfused),
    )
}


@cache
def family(name: str) -> Tokenizer:
    return FAMILIES[name]()
