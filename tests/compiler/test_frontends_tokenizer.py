"""What is taken from tokenizer.json and the files beside it."""

import json

import numpy as np
import pytest
from tokenizers import Tokenizer, processors

import checkpoints
from lutwerk.errors import CheckpointError
from lutwerk.frontends import read_checkpoint


@pytest.fixture
def folder(tmp_path):
    made = checkpoints.llama(tmp_path)
    (made / "tokenizer_config.json").unlink()
    return made


def read(folder):
    return read_checkpoint(str(folder), max_context=None, seed=0).tokenizer


def put(folder, file, **fields):
    (folder / file).write_text(json.dumps(fields))


def change_config(folder, **fields):
    config = json.loads((folder / "config.json").read_text())
    put(folder, "config.json", **{k: v for k, v in (config | fields).items() if v is not None})


def test_the_text_of_the_tokenizer_is_kept_as_it_is(folder):
    assert read(folder).tokenizer_json == (folder / "tokenizer.json").read_text()


def test_generation_config_goes_before_config(folder):
    assert (read(folder).bos, read(folder).eos) == (256, (257,))
    put(folder, "generation_config.json", bos_token_id=5, eos_token_id=[7, 9, 7])
    assert (read(folder).bos, read(folder).eos) == (5, (7, 9))
    graph = read_checkpoint(str(folder), max_context=None, seed=0).graph
    assert (graph.config.bos, graph.config.eos) == (5, (7, 9))


@pytest.mark.parametrize("token", ["<s>", {"content": "<s>", "special": True}])
def test_token_texts_are_looked_up_when_no_id_is_given(folder, token):
    change_config(folder, bos_token_id=None, eos_token_id=None)
    put(folder, "tokenizer_config.json", bos_token=token)
    assert (read(folder).bos, read(folder).eos) == (256, ())


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, False),
        ({"add_bos_token": True}, True),
        ({"tokenizer_class": "LlamaTokenizer"}, True),
        ({"tokenizer_class": "LlamaTokenizerFast", "add_bos_token": False}, False),
        ({"tokenizer_class": "PreTrainedTokenizerFast"}, False),
    ],
)
def test_bos_is_added_as_transformers_does(folder, settings, expected):
    put(folder, "tokenizer_config.json", **settings)
    assert read(folder).add_bos is expected


def test_bos_is_not_added_twice(folder):
    path = folder / "tokenizer.json"
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A", None, [("<s>", 256)])
    path.write_text(tokenizer.to_str())
    put(folder, "tokenizer_config.json", add_bos_token=True, tokenizer_class="LlamaTokenizer")
    assert read(folder).add_bos is False


def test_a_bos_that_does_not_exist_cannot_be_added(folder):
    change_config(folder, bos_token_id=None)
    put(folder, "tokenizer_config.json", add_bos_token=True)
    with pytest.raises(CheckpointError, match=r"tokenizer_config.json: 'add_bos_token' .*no file"):
        read(folder)


def test_chat_templates_come_from_a_file_a_text_or_a_list(folder):
    assert read(folder).chat_template is None
    named = [{"name": "tool_use", "template": "T"}, {"name": "default", "template": "D"}]
    put(folder, "tokenizer_config.json", chat_template=named)
    assert read(folder).chat_template == "D"
    put(folder, "tokenizer_config.json", chat_template="C")
    assert read(folder).chat_template == "C"
    (folder / "chat_template.jinja").write_text("J")
    assert read(folder).chat_template == "J"


def test_a_vocabulary_padded_beyond_the_tokenizer_is_allowed(folder):
    largest = max(Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab().values())
    assert largest < checkpoints.BASE["vocab_size"] - 1
    assert read(folder) is not None


@pytest.mark.parametrize(
    ("model", "golden"),
    [
        ("stories260K", "stories260K"),
        ("tinystories-bitnet/offline", "tinystories-bitnet-offline"),
    ],
)
def test_real_prompts_begin_with_bos_exactly_once(shared_data, model, golden):
    data = read(shared_data / model)
    tokenizer = Tokenizer.from_str(data.tokenizer_json)
    ids = np.load(shared_data / "golden" / f"{golden}.npz")["ids0"].tolist()
    text = tokenizer.decode(ids, skip_special_tokens=True)
    encoded = ([data.bos] if data.add_bos else []) + tokenizer.encode(text).ids
    assert encoded == ids
    assert encoded.count(data.bos) == 1
