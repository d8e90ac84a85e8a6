"""Conversations: the ids of the chat template, the context kept from turn to turn, refusals instead of guesses."""

import json
from pathlib import Path

import pytest

import checkpoints
import lutwerk
import templates
from lutwerk.device_chat import DeviceChat
from lutwerk.device_text import DeviceText
from lutwerk.model_file import read_sections
from programs import make_bundle

#: A template that appends, one that drops thoughts of earlier answers, one without a system message.
TEMPLATES = {
    "zephyr": templates.ZEPHYR,
    "deepseek": templates.DEEPSEEK_R1,
    "gemma": templates.GEMMA,
}
CONTEXT = 600


@pytest.fixture(scope="module")
def chat_bundle(program, tmp_path_factory):
    """Make a bundle with random weights, tokens of one byte, and a chat template."""
    made: dict[str, Path] = {}

    def make(name: str) -> Path:
        if name not in made:
            root = tmp_path_factory.mktemp(name)
            checkpoint = checkpoints.bitnet(root / "checkpoint", max_position_embeddings=CONTEXT)
            settings = {
                "add_bos_token": False,
                "bos_token": "<s>",
                "eos_token": "</s>",
                "chat_template": TEMPLATES[name],
            }
            (checkpoint / "tokenizer_config.json").write_text(json.dumps(settings))
            made[name] = make_bundle(root / "bundle", checkpoint, program)
        return made[name]

    return make


def device_chat(bundle: Path) -> DeviceChat:
    sections = read_sections(bundle / "model.lw")
    text = DeviceText(bytes(sections["TEXT"]), str(bundle))
    return DeviceChat(bytes(sections["CHAT"]), text, str(bundle))


def talk(run, bundle: Path, *arguments: object, lines: list[str]) -> list[dict]:
    done = run(
        *(bundle, "--chat", "--json", "--temp", 0, "-n", 20, *arguments),
        stdin="".join(f"{line}\n" for line in lines).encode(),
    )
    assert (done.returncode, done.stderr) == (0, b"")
    return [json.loads(line) for line in done.stdout.splitlines()]


def common(a: list[int], b: list[int]) -> int:
    return next((i for i, pair in enumerate(zip(a, b, strict=False)) if pair[0] != pair[1]), len(a))


@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.parametrize("temperature", [0, 1.5])
def test_answers_are_those_of_a_conversation_in_python(run, chat_bundle, name, temperature):
    bundle = chat_bundle(name)
    system = "Be kind." if device_chat(bundle).info.system else None
    lines = ["Hello", "What is <s> and </s>?", "naïve 漢字", "  spaces  "]
    options = ("--temp", temperature, "--seed", 9, *(("--system", system) if system else ()))
    answers = talk(run, bundle, *options, lines=lines)
    with lutwerk.load(bundle, threads=1) as loaded:
        conversation = loaded.conversation(system)
        for line, answer in zip(lines, answers, strict=True):
            expected = conversation.send(line, seed=9, temperature=temperature, max_tokens=20)
            text = "".join(expected)
            assert (answer["prompt"], answer["text"]) == (line, text)
            assert answer["tokens"] == expected.tokens
            assert answer["prompt_tokens"] == expected.prompt_tokens


def test_only_what_is_new_is_evaluated(run, chat_bundle):
    bundle = chat_bundle("zephyr")
    chat = device_chat(bundle)
    assert chat.info.appends
    first, second = talk(run, bundle, lines=["Hello", "And you?"])
    messages = [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": first["text"]},
        {"role": "user", "content": "And you?"},
    ]
    assert first["prompt_tokens"] == len(chat.encode(messages[:1]))
    # The last token of the first answer had not been evaluated.
    assert second["prompt_tokens"] == len(chat.encode(messages, 2)) + 1


def test_a_template_that_rewrites_keeps_what_is_equal(run, chat_bundle):
    bundle = chat_bundle("deepseek")
    chat = device_chat(bundle)
    assert not chat.info.appends
    first, second = talk(run, bundle, lines=["Hello", "And you?"])
    messages = [{"role": "user", "content": "Hello"}]
    before = chat.encode(messages) + first["tokens"]
    messages += [
        {"role": "assistant", "content": first["text"]},
        {"role": "user", "content": "And you?"},
    ]
    ids = chat.encode(messages)
    assert second["prompt_tokens"] == len(ids) - common(before[:-1], ids)


def test_one_turn_with_p_prints_the_answer_alone(run, chat_bundle):
    bundle = chat_bundle("zephyr")
    common = ("--chat", "-p", "Hello", "-n", 12, "--seed", 3)
    result = json.loads(run(bundle, *common, "--json").stdout)
    done = run(bundle, *common)
    assert done.stdout.decode() == result["text"] + "\n"
    assert b"seed 3; ended because" in done.stderr


def test_special_tokens_in_a_message_are_text(run, chat_bundle):
    bundle = chat_bundle("zephyr")
    plain, spelled = (
        json.loads(run(bundle, "--chat", "--json", "-p", text, "-n", 1).stdout)["prompt_tokens"]
        for text in ("xxxx", "</s>")
    )
    assert plain == spelled


def test_a_stop_text_ends_an_answer_and_the_next_turn_fits(run, chat_bundle):
    bundle = chat_bundle("zephyr")
    free = talk(run, bundle, lines=["Hello"])[0]["text"]
    stop = free[3]
    first, second = talk(run, bundle, "--stop", stop, lines=["Hello", "And you?"])
    assert (first["text"], first["finish_reason"]) == (free[: free.index(stop)], "stop")
    messages = [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": first["text"]},
        {"role": "user", "content": "And you?"},
    ]
    ids = device_chat(bundle).encode(messages)
    with lutwerk.load(bundle, threads=1) as loaded:
        expected = loaded.generate(ids, temperature=0, max_tokens=20, stop=[stop])
        assert second["text"] == "".join(expected)


def test_what_a_template_cannot_carry_is_refused(run, bundle, chat_bundle):
    done = run(bundle, "--chat", "-p", "Hello")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"carries no chat template" in done.stderr
    done = run(chat_bundle("gemma"), "--chat", "--system", "Be kind.", "-p", "Hello")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"its chat template has no system message; leave out --system" in done.stderr


def test_a_conversation_that_fills_the_context_ends_with_a_sentence(run, chat_bundle):
    bundle = chat_bundle("zephyr")
    lines = "".join(f"{'x' * 90}\n" for _ in range(9)).encode()
    done = run(bundle, "--chat", "-n", 20, "--ignore-eos", stdin=lines)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith(b"run: error: the conversation has ")
    assert b"do not fit into the context of 600; start again" in last


def test_empty_lines_are_no_messages(run, chat_bundle):
    answers = talk(run, chat_bundle("zephyr"), lines=["", "Hello", "", ""])
    assert [a["prompt"] for a in answers] == ["Hello"]
