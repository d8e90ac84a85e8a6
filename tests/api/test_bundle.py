"""A loaded bundle: generation, logits, tokens, and misuse."""

import gc
import threading

import numpy as np
import pytest

import lutwerk
from lutwerk.bundle import Bundle
from lutwerk.errors import BundleError, LutwerkError
from lutwerk.manifest import read_folder
from lutwerk.native import Model, Session


@pytest.fixture
def bundle(demo_bundle):
    with lutwerk.load(demo_bundle, threads=1) as loaded:
        yield loaded


def test_the_same_seed_tells_the_same_story(demo_bundle):
    stories = []
    for threads, seed in ((1, 7), (2, 7), (1, 8)):
        with lutwerk.load(demo_bundle, threads=threads) as loaded:
            stories.append("".join(loaded.generate("Once upon a time", seed=seed, max_tokens=40)))
    assert stories[0] == stories[1]
    assert stories[0] != stories[2]


def test_greedy_text_is_the_largest_logit_each_time(bundle):
    generation = bundle.generate("The little", temperature=0, max_tokens=12)
    text = "".join(generation)
    ids = bundle.tokenize("The little")
    for token in generation.tokens:
        assert token == int(bundle.logits(ids)[-1].argmax())
        ids.append(token)
    assert bundle.detokenize(ids) == "The little" + text


def test_a_prompt_of_ids_is_a_prompt(bundle):
    ids = bundle.tokenize("Once upon")
    as_text = "".join(bundle.generate("Once upon", seed=1, max_tokens=8))
    assert "".join(bundle.generate(ids, seed=1, max_tokens=8)) == as_text


def test_text_comes_piece_by_piece(bundle):
    generation = bundle.generate("Once upon a time", seed=1, max_tokens=20)
    first = next(generation)
    assert first
    assert len(generation.tokens) < 20
    assert generation.finish_reason is None
    "".join(generation)
    assert generation.finish_reason == "length"
    assert (generation.prompt_tokens, generation.eval_tokens) == (5, 19)


def test_pieces_of_a_noisy_model_join_to_its_text(noise_bundle):
    with lutwerk.load(noise_bundle) as loaded:
        for seed in range(5):
            generation = loaded.generate([256], seed=seed, temperature=2, max_tokens=60)
            pieces = list(generation)
            assert "".join(pieces) == loaded.detokenize(generation.tokens)


def test_a_stop_string_ends_the_text_before_it(bundle):
    whole = "".join(bundle.generate("Once upon a time", seed=1, max_tokens=60))
    stop = whole[30:34]
    generation = bundle.generate("Once upon a time", seed=1, max_tokens=60, stop=[stop])
    assert "".join(generation) == whole[: whole.index(stop)]
    assert generation.finish_reason == "stop"


def test_an_end_of_sequence_token_ends_the_text(demo_bundle, bundle):
    first = bundle.generate("Once upon a time", temperature=0, max_tokens=3)
    text = "".join(first)
    folder = read_folder(demo_bundle)
    model = Model(folder.model)
    codec = bundle._codec
    codec.eos = frozenset([first.tokens[2]])
    with Bundle(folder, model, Session(model), codec) as loaded:
        second = loaded.generate("Once upon a time", temperature=0, max_tokens=3)
        assert text.startswith("".join(second))
        assert second.tokens == first.tokens[:2]
        assert second.finish_reason == "eos"


def test_a_full_context_ends_the_text_and_says_so(demo_bundle):
    with lutwerk.load(demo_bundle, context=9) as loaded:
        generation = loaded.generate("Once upon a time", temperature=0, max_tokens=-1)
        list(generation)
        assert generation.finish_reason == "context"
        # The last token is sampled from the last position and needs none of its own.
        assert generation.prompt_tokens + len(generation.tokens) == 10


def test_a_prompt_that_fills_the_context_gives_one_token(noise_bundle):
    with lutwerk.load(noise_bundle, context=8) as loaded:
        generation = loaded.generate([256] * 8, temperature=0, max_tokens=5)
        "".join(generation)
        assert len(generation.tokens) == 1
        with pytest.raises(BundleError, match=r"prompt has 9 tokens.*holds 8") as caught:
            loaded.generate([256] * 9)
        assert caught.value.status == "ERR_CONTEXT"


def test_no_tokens_asked_for_gives_none(bundle):
    generation = bundle.generate("Once", max_tokens=0)
    assert list(generation) == []
    assert generation.finish_reason == "length"


def test_a_repeat_penalty_avoids_repetition(noise_bundle):
    with lutwerk.load(noise_bundle) as loaded:
        distinct = []
        for penalty in (1.0, 50.0):
            generation = loaded.generate(
                [256], temperature=0, max_tokens=40, repeat_penalty=penalty
            )
            list(generation)
            distinct.append(len(set(generation.tokens)))
        assert distinct[0] < distinct[1]


def test_logits_do_not_depend_on_how_they_are_asked_for(bundle):
    ids = bundle.tokenize("Once upon a time there was a dog")
    whole = bundle.logits(ids)
    assert whole.shape == (len(ids), bundle.info.vocab)
    assert whole.dtype == np.float32
    bundle.session.truncate(0)
    one_by_one = np.concatenate([bundle.session.eval([token]) for token in ids])
    assert np.array_equal(whole, one_by_one)
    bundle.session.truncate(3)
    assert bundle.session.length == 3
    assert np.array_equal(bundle.session.eval(ids[3:], rows=1)[0], whole[-1])


def test_a_new_generation_ends_the_one_before(bundle):
    first = bundle.generate("Once", seed=1)
    next(first)
    bundle.logits("The")
    with pytest.raises(BundleError, match="later call"):
        next(first)


def test_a_finished_generation_stays_readable(bundle):
    first = bundle.generate("Once", seed=1, max_tokens=2)
    list(first)
    list(bundle.generate("The", seed=1, max_tokens=1))
    assert list(first) == []


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"temperature": -1}, "temperature is -1; accepted: 0 to 100"),
        ({"temperature": float("nan")}, "temperature is nan"),
        ({"top_p": 1.5}, "top_p is 1.5; accepted: 0 to 1"),
        ({"min_p": -0.1}, "min_p"),
        ({"top_k": -1}, "top_k"),
        ({"repeat_penalty": 0}, "repeat_penalty"),
        ({"seed": -1}, "seed is -1"),
        ({"max_tokens": -2}, "max_tokens is -2"),
    ],
)
def test_settings_out_of_range_are_named(bundle, setting, message):
    with pytest.raises(ValueError, match=message):
        bundle.generate("Once", **setting)


@pytest.mark.parametrize(
    ("ids", "status"),
    [
        ([], None),
        ([5000], "ERR_TOKEN"),
        ([-1], "ERR_TOKEN"),
        ([1] * 2000, "ERR_CONTEXT"),
        ([1.5], "ERR_ARGUMENT"),
        (b"Once", "ERR_ARGUMENT"),
    ],
)
def test_ids_that_cannot_be_evaluated_are_named(bundle, ids, status):
    with pytest.raises(BundleError) as caught:
        bundle.logits(ids)
    assert caught.value.status == status


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"context": 5000}, "context is 5000; this model accepts 1 to 1024"),
        ({"context": 0}, "context is 0"),
        ({"threads": 0}, "threads is 0"),
        ({"threads": 257}, "accepted: 1 to 256"),
    ],
)
def test_options_out_of_range_are_named(demo_bundle, options, message):
    with pytest.raises(BundleError, match=message):
        lutwerk.load(demo_bundle, **options)


def test_an_unknown_instruction_set_is_named(demo_bundle):
    model = Model(read_folder(demo_bundle).model)
    with pytest.raises(BundleError, match="isa_limit is 'avx'; accepted: scalar, avx2, avx512,"):
        Session(model, isa_limit="avx")
    model.close()


def test_a_bundle_without_a_tokeniser_works_with_ids(demo_bundle):
    folder = read_folder(demo_bundle)
    model = Model(folder.model)
    with Bundle(folder, model, Session(model), None) as loaded:
        assert loaded.logits([1, 2]).shape == (2, 1024)
        for call in (loaded.tokenize, loaded.generate, loaded.logits):
            with pytest.raises(BundleError, match="has no tokeniser"):
                call("Once")


def test_use_after_close_is_an_error(demo_bundle):
    loaded = lutwerk.load(demo_bundle)
    generation = loaded.generate("Once", seed=1)
    next(generation)
    loaded.close()
    loaded.close()
    for call in (lambda: next(generation), lambda: loaded.logits([1]), loaded._model.tensors):
        with pytest.raises(BundleError, match="closed"):
            call()


def test_a_session_that_nobody_closes_stops_its_threads(demo_bundle):
    loaded = lutwerk.load(demo_bundle, threads=4)
    loaded.logits([1, 2, 3])
    stop = loaded.session._stop
    del loaded
    gc.collect()
    assert not stop.alive


def test_calls_from_two_threads_wait_for_each_other(bundle):
    expected = bundle.logits([5] * 101)[-1]
    bundle.session.truncate(0)
    workers = [
        threading.Thread(target=lambda: [bundle.session.eval([5], rows=0) for _ in range(50)])
        for _ in range(2)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert np.array_equal(bundle.session.eval([5])[0], expected)


def test_the_memory_statement_covers_the_session(demo_bundle, bundle):
    stated = bundle.memory
    assert stated.kv_bytes_max_context == bundle.context * bundle.info.kv_bytes_per_token
    assert stated.weights_bytes == bundle.info.weight_bytes
    assert stated.activation_bytes == bundle.info.arena_bytes
    model = Model(demo_bundle / "model.lw")
    assert model.workspace_bytes() >= stated.kv_bytes_max_context + stated.activation_bytes
    assert sum(t.bytes for t in model.tensors()) <= stated.weights_bytes
    model.close()


def test_errors_are_of_one_family(demo_bundle):
    with pytest.raises(LutwerkError):
        lutwerk.load(demo_bundle / "nothing")
