"""Chat templates from the checkpoint to the answer: bundles, conversations, the command line."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import checkpoints
import lutwerk
import templates
from lutwerk.chat import ChatTemplate
from lutwerk.chat.derive import conversation
from lutwerk.errors import BundleError
from lutwerk.model_file import read_sections

TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}
SHORT = {"max_tokens": 6, "temperature": 0.0}


def checkpoint(folder: Path, template: str) -> Path:
    made = checkpoints.llama(folder, max_position_embeddings=512)
    settings = {**TOKENS, "chat_template": template}
    (made / "tokenizer_config.json").write_text(json.dumps(settings))
    return made


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    """Bundle folders by the name of a template."""
    made = {}

    def make(name: str) -> Path:
        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            lutwerk.compile(checkpoint(folder / "c", getattr(templates, name)), folder / "b")
            made[name] = folder / "b"
        return made[name]

    return make


def run(*arguments, stdin="") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lutwerk", *map(str, arguments)]
    return subprocess.run(command, input=stdin, capture_output=True, encoding="utf-8")


def test_a_conversation_is_evaluated_as_the_template_prints_it(bundles):
    messages = conversation("Be brief.", ["Hello", "Hi.", "Why?"])
    text = ChatTemplate(templates.LLAMA_2, TOKENS).render(messages)
    with lutwerk.load(bundles("LLAMA_2")) as bundle:
        answer = "".join(bundle.chat(messages, **SHORT))
        assert answer == "".join(bundle.generate(bundle.tokenize(text), **SHORT))


@pytest.mark.parametrize("name", ["LLAMA_2", "ZEPHYR", "QWEN_3", "GEMMA"])
def test_turns_keep_the_context(bundles, name):
    """Each answer is that of a fresh evaluation of the same tokens; little is evaluated again."""
    with lutwerk.load(bundles(name)) as bundle, lutwerk.load(bundles(name)) as fresh:
        talk = bundle.conversation(None if name == "GEMMA" else "s")
        before = 0
        for text in ("Hello", "And then?", "Why"):
            answer = talk.send(text, **SHORT)
            said = "".join(answer)
            prompt = answer.history[: len(answer.history) - len(answer.tokens)]
            assert said == "".join(fresh.generate(prompt, **SHORT))
            if name in ("LLAMA_2", "ZEPHYR"):
                # The last token of the answer before was not evaluated.
                assert answer.prompt_tokens == len(prompt) - max(before - 1, 0)
            before = len(answer.history)
        assert [m["content"] for m in talk.messages if m["role"] == "user"][-1] == "Why"


def test_another_generation_in_between_changes_nothing(bundles):
    texts = []
    with lutwerk.load(bundles("LLAMA_2")) as bundle:
        for disturb in (False, True):
            talk = bundle.conversation()
            first = "".join(talk.send("One", **SHORT))
            if disturb:
                bundle.logits("x")
            second = talk.send("Two", **SHORT)
            held = len(second.context)
            texts.append((first, talk.messages))
            assert (held > 0) == (not disturb)


def test_an_answer_that_is_left_counts_as_far_as_it_was_taken(bundles):
    with lutwerk.load(bundles("LLAMA_2")) as bundle:
        talk = bundle.conversation()
        taken = next(talk.send("One", max_tokens=20, temperature=0.0))
        talk.send("Two", **SHORT)
        talk.send("Three", **SHORT)
        assert [m["content"] for m in talk.messages] == ["One", taken, "Two", "", "Three"]


def test_the_end_of_a_turn_ends_an_answer(bundles):
    with lutwerk.load(bundles("ALPACA")) as bundle:
        assert bundle._template().info.stop == "\n\n### Instruction:"
    with lutwerk.load(bundles("ZEPHYR")) as bundle:
        assert bundle._template().info.end == bundle.tokenize("</s>")[-1]


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ([], "out of order"),
        (conversation("s", []), "out of order"),
        (conversation(None, ["a", "b"]), "out of order"),
        ([{"role": "tool", "content": "x"}], "accepted: system, user, assistant"),
        (conversation(None, ["\ud800"]), "not valid Unicode at character 0"),
    ],
)
def test_conversations_that_are_none(bundles, messages, reason):
    with lutwerk.load(bundles("LLAMA_2")) as bundle, pytest.raises(BundleError, match=reason):
        bundle.chat(messages)


def test_what_a_template_treats_in_a_way_of_its_own_is_refused(bundles):
    reserved = conversation(None, ["a", "b", "x<tool_response>"])
    with lutwerk.load(bundles("QWEN_3")) as bundle, pytest.raises(BundleError, match="message 3"):
        bundle.chat(reserved)
    with lutwerk.load(bundles("GEMMA")) as bundle, pytest.raises(BundleError, match="no place for"):
        bundle.conversation("Be brief.")


def test_a_template_that_is_not_carried(tmp_path):
    made = checkpoint(tmp_path / "c", "{{ messages | length }}{{ messages[-1].content }}")
    done = run("compile", made, "-o", tmp_path / "b")
    assert done.returncode == 0
    assert "warning: the chat template is not in the bundle" in done.stderr
    manifest = json.loads((tmp_path / "b" / "manifest.json").read_text())
    assert manifest["chat"]["carried"] is False
    assert manifest["chat"]["reason"] in done.stderr
    assert not read_sections(tmp_path / "b" / "model.lw")["CHAT"]
    refused = run("run", tmp_path / "b", "--chat", "-p", "Hello")
    assert refused.returncode == 1
    assert manifest["chat"]["reason"] in refused.stderr
    shown = run("inspect", tmp_path / "b").stdout
    assert f"template not carried: {manifest['chat']['reason']}" in shown


def test_inspect_shows_the_template(bundles):
    assert "chat     template carried\n" in run("inspect", bundles("LLAMA_2")).stdout


def test_a_checkpoint_without_a_template(tmp_path):
    lutwerk.compile(checkpoints.llama(tmp_path / "c"), tmp_path / "b")
    assert json.loads((tmp_path / "b" / "manifest.json").read_text())["chat"] is None
    refused = run("run", tmp_path / "b", "--chat", "-p", "Hello")
    assert refused.returncode == 1
    assert "has no chat template; give a prompt" in refused.stderr


def test_without_the_tables_of_the_tokeniser_nothing_is_carried(tmp_path):
    made = checkpoint(tmp_path / "c", templates.ZEPHYR)
    manifest = lutwerk.compile(made, tmp_path / "b", device_tokenizer=False)
    assert "tables of the tokeniser" in manifest["chat"]["reason"]


def test_run_chat(bundles):
    options = ("--chat", "--system", "Be brief.", "-n", 5, "--temp", 0)
    one = run("run", bundles("LLAMA_2"), *options, "-p", "Hello", "--json")
    result = json.loads(one.stdout)
    assert len(result["tokens"]) == 5
    shown = run("run", bundles("LLAMA_2"), *options, "-p", "Hello")
    assert shown.stdout == result["text"] + "\n"
    lines = run("run", bundles("LLAMA_2"), *options, stdin="Hello\n\nAnd?\n")
    assert lines.returncode == 0, lines.stderr
    assert lines.stdout.startswith(shown.stdout)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--system", "x", "-p", "y"), "--system goes with --chat"),
        ((), "-p/--prompt -f/--file --chat is required"),
        (("--chat", "--json"), "goes with -p or -f"),
    ],
)
def test_wrong_usage(options, words):
    done = run("run", "bundle", *options)
    assert done.returncode == 2
    assert words in done.stderr
