"""Chat templates of the model families, each with a tokenizer of its family."""

import json
from dataclasses import dataclass, replace
from functools import cache

from tokenizers import AddedToken, Tokenizer

import templates
from families import FAMILIES, raw
from lutwerk.chat import Chat, build_chat
from lutwerk.chat.form import Form, Gap
from lutwerk.chat.section import Literals
from lutwerk.device_chat import DeviceChat
from lutwerk.device_text import DeviceText
from lutwerk.tokenizer import build_section


@dataclass(frozen=True)
class Family:
    """Source of a template, family of the tokenizer, texts of bos and eos, tokens to add."""

    source: str
    tokenizer: str
    bos: str | None
    eos: str | None
    tokens: tuple[AddedToken, ...] = ()

    @property
    def special_tokens(self) -> dict[str, str | None]:
        return {"bos_token": self.bos, "eos_token": self.eos}


PHI_3 = tuple(raw(f"<|{name}|>", rstrip=True) for name in ("system", "user", "assistant", "end"))
#: Not special, though the template is made of them.
DEEPSEEK = (raw("<｜User｜>", False), raw("<｜Assistant｜>", False), raw("<｜end▁of▁sentence｜>"))
GEMMA = (raw("<bos>"), raw("<end_of_turn>"), raw("\n\n\n", False))
LLAMA_3 = ("llama_3", "<|begin_of_text|>", "<|eot_id|>")

CHATS = {
    "llama_2": Family(templates.LLAMA_2, "llama_2", "<s>", "</s>"),
    "llama_3": Family(templates.LLAMA_3, *LLAMA_3),
    "llama_3_2": Family(templates.LLAMA_3_2, *LLAMA_3),
    "bitnet": Family(templates.BITNET, *LLAMA_3),
    "chatml": Family(
        templates.CHATML, "gpt_2", None, None, (raw("<|im_start|>"), raw("<|im_end|>"))
    ),
    "qwen_2_5": Family(templates.QWEN_2_5, "qwen_2", None, "<|im_end|>"),
    "qwen_3": Family(templates.QWEN_3, "qwen_2", None, "<|im_end|>"),
    "smollm_3": Family(templates.SMOLLM_3, "qwen_2", None, "<|im_end|>"),
    "thoughts_1": Family(templates.THOUGHTS_TRIMMED, "qwen_2", None, None),
    "thoughts_2": Family(templates.THOUGHTS_WITHOUT_NEWLINES, "qwen_2", None, None),
    "thoughts_3": Family(templates.TRIMMED_THOUGHTS, "qwen_2", None, None),
    "mistral_1": Family(templates.MISTRAL_1, "llama_2", "<s>", "</s>"),
    "mistral_3": Family(templates.MISTRAL_3, "mistral", "<s>", "</s>"),
    "gemma": Family(templates.GEMMA, "gemma", "<bos>", "<eos>", GEMMA),
    "phi_3": Family(templates.PHI_3, "mistral", "<s>", "<|end|>", PHI_3),
    "zephyr": Family(templates.ZEPHYR, "llama_2", "<s>", "</s>"),
    "deepseek_2": Family(templates.DEEPSEEK_2, "deepseek", "<｜begin▁of▁sentence｜>", "<｜User｜>"),
    "deepseek_r1": Family(
        templates.DEEPSEEK_R1, "deepseek", "<｜begin▁of▁sentence｜>", None, DEEPSEEK
    ),
    "vicuna": Family(templates.VICUNA, "llama_2", "<s>", "</s>"),
    "alpaca": Family(templates.ALPACA, "starcoder", None, None),
}


@dataclass(frozen=True)
class ChatPair:
    """A template and its compact form, in Python and in C."""

    name: str
    family: Family
    chat: Chat
    library: Tokenizer
    text: DeviceText
    device: DeviceChat


@cache
def make_chat(name: str) -> ChatPair:
    family = CHATS[name]
    library = FAMILIES[family.tokenizer]()
    library.add_tokens(list(family.tokens))
    chat = build_chat(family.source, family.special_tokens, library.to_str())
    text = DeviceText(build_section(library.to_str(), None, [0]), name)
    return ChatPair(name, family, chat, library, text, DeviceChat(chat.section, text, name))


@cache
def _stand_ins(name: str) -> tuple[Tokenizer, Form]:
    """The tokenizer and the form with characters for private use instead of the tokens that no message may spell."""
    pair = make_chat(name)
    literals = Literals(pair.library)
    own = {m[2] for gap in pair.chat.form.gaps.values() for m in literals.find(gap.text)}
    state = json.loads(pair.library.to_str())
    names = {
        token["content"]: chr(0xE100 + i)
        for i, token in enumerate(state["added_tokens"])
        if token["special"] or token["id"] in own
    }
    for token in state["added_tokens"]:
        token["content"] = names.get(token["content"], token["content"])
    model = state["model"]
    model["vocab"] = {names.get(text, text): i for text, i in model["vocab"].items()}
    model["unk_token"] = names.get(model["unk_token"], model["unk_token"])
    state["post_processor"] = None
    gaps = {}
    for key, gap in pair.chat.form.gaps.items():
        text = gap.text.encode()
        for begin, size, token in reversed(literals.find(gap.text)):
            stand_in = names[pair.library.id_to_token(token)].encode()
            text = text[:begin] + stand_in + text[begin + size :]
        gaps[key] = Gap(text.decode(), gap.strip)
    return Tokenizer.from_str(json.dumps(state)), replace(pair.chat.form, gaps=gaps)


def text_only(name: str, messages) -> list[int]:
    """Ids of a conversation in which nothing in a message is a special token, or one of the template."""
    library, form = _stand_ins(name)
    return library.encode(form.render(messages), add_special_tokens=False).ids
