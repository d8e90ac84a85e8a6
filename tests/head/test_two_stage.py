"""The two-stage head of the C library against its full head: never another answer, and seldom more work."""

import numpy as np
import pytest

import checkpoints
import lutwerk
from cases import Setup, Tally, agree, draw_setup, run
from head_model import write_head_model
from heads import HEADS, STATES
from lutwerk import split
from lutwerk.model_file import read_model_file
from lutwerk.native import Model, Session, best_isa, included

HERE = included(best_isa())


def test_twenty_thousand_cases(tmp_path):
    """A tenth of them with the portable kernels, which are a hundred times slower."""
    seed = int(np.random.SeedSequence().generate_state(1)[0])
    print(f"seed {seed}: python tests/head/sweep.py --seed {seed}")
    count = 300 if best_isa() else 30
    total = Tally()
    for index in range(3 * len(HEADS) * len(STATES)):
        setup = draw_setup(seed, index)
        found = run(setup, tmp_path, answered=count)
        assert (found.cases, found.failures, found.unlike_oracle) == (count, 0, 0), setup
        total.add(found)
    assert total.full < 0.6 * total.cases
    assert 0.3 < total.worst_error < 1


@pytest.mark.parametrize("isa", HERE)
def test_a_real_vocabulary_on_every_instruction_set(monkeypatch, tmp_path, isa):
    monkeypatch.setenv("LUTWERK_ISA", isa)
    setup = Setup((5,), "normal", "random", 60_000, 70, 24, 40, threads=2)
    found = run(setup, tmp_path, compared=4)
    assert (found.cases, found.failures, found.full, found.unlike_oracle) == (24, 0, 0, 0)
    assert np.median(found.shares["normal", "40000 to 131072", 40]) < 0.1


def test_without_dither_the_comparison_fails(monkeypatch, tmp_path):
    """The sweep can fail: states that align with what the high bits leave are then ruled out."""
    setup = Setup((6,), "normal", "like residuals", 2000, 576, 100, 1)
    assert run(setup, tmp_path).failures == 0
    monkeypatch.setattr(
        split,
        "draw_dither",
        lambda codes, scales: np.zeros(-(-codes.shape[1] // 64) * 64, np.uint8),
    )
    assert run(setup, tmp_path).failures > 50


def test_agreement_is_strict():
    expected = np.array([3, 1, 3, 2, 3], np.float32)
    nothing = np.float32(-np.inf)
    assert agree(np.array([3, nothing, 3, nothing, nothing], np.float32), expected, 2)
    assert not agree(np.array([3, nothing, nothing, nothing, 3], np.float32), expected, 2)
    assert not agree(
        np.array([3, 1, 3, 2, np.nextafter(np.float32(3), 4)], np.float32), expected, 2
    )
    assert agree(np.array([3, nothing, 3, 2, 3], np.float32), expected, 4)
    assert not agree(np.array([3, 1, 3, nothing, 3], np.float32), expected, 4)
    assert agree(expected, expected, 64)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A head of 4096 rows of which the last half repeats the first: every logit is tied."""
    rng = np.random.default_rng(7)
    weights = rng.standard_normal((4096, 96)).astype(np.float32)
    weights[2048:] = weights[:2048]
    path = write_head_model(tmp_path_factory.mktemp("head") / "model.lw", weights, weights)
    with Session(Model(path), threads=2) as session:
        yield session


def test_ties_go_to_the_lowest_id(small):
    for token in range(50):
        small.truncate(0)
        expected = small.eval([token])[0]
        for top in (1, 2, 3):
            small.truncate(0)
            got = small.eval_top([token], top)
            assert agree(got, expected, top)
            assert got.argmax() == token


def test_all_logits_when_all_or_too_many_are_wanted(small):
    for top in (0, 2000, 4096, 2**40):
        small.truncate(0)
        expected = small.eval([3])[0]
        small.truncate(0)
        before = small.head_stats()
        np.testing.assert_array_equal(small.eval_top([3], top), expected)
        stats = small.head_stats() - before
        assert (stats.tokens, stats.full) == (1, 1)


def test_a_prompt_is_answered_for_its_last_token(small):
    small.truncate(0)
    expected = small.eval([5, 6, 7])[0]
    small.truncate(0)
    before = small.head_stats()
    got = small.eval_top([5, 6, 7], 1)
    assert small.length == 3
    assert agree(got, expected, 1)
    assert (small.head_stats() - before).tokens == 1


@pytest.mark.parametrize(("top", "tokens"), [(-1, [1]), (1, []), (1, [4096])])
def test_what_cannot_be_asked_is_refused(small, top, tokens):
    with pytest.raises(lutwerk.BundleError):
        small.eval_top(tokens, top)


def test_other_heads_answer_in_full(tmp_path):
    rng = np.random.default_rng(8)
    weights = rng.standard_normal((600, 40)).astype(np.float32)
    for layout, quantizer in (("fields", "i6g64"), ("planes", "i57g64")):
        path = write_head_model(
            tmp_path / layout, weights, weights, layout=layout, quantizer=quantizer
        )
        with Session(Model(path)) as session:
            assert not session.model.has_two_stage_head
            got = session.eval_top([9], 1)
            assert np.isfinite(got).all()
            session.truncate(0)
            np.testing.assert_array_equal(got, session.eval([9])[0])


@pytest.fixture(scope="module")
def text_bundle(tmp_path_factory):
    """A random model over many tokens with a two-stage head that is also its embedding."""
    folder = tmp_path_factory.mktemp("text")
    checkpoint = checkpoints.llama(folder / "checkpoint", tied=True, vocab_size=9001)
    lutwerk.compile(checkpoint, folder / "bundle", head="i57g64", layouts=(("*embed*", "split"),))
    tensors = {t.name: t for t in read_model_file(folder / "bundle/model.lw").tensors}
    assert tensors["model.embed_tokens.weight"].layout.name == "split"
    return folder / "bundle"


@pytest.mark.parametrize(
    "settings",
    [
        {"temperature": 0},
        {"temperature": 0, "repeat_penalty": 1.7},
        {"temperature": 1.3, "top_k": 5},
        {"temperature": 0.9, "top_k": 3, "repeat_penalty": 1.2, "top_p": 1.0, "min_p": 0.0},
        {"temperature": 0.8, "repeat_penalty": 0.8},
        {"top_k": 0},
        {"temperature": 1e-38, "top_k": 4},
    ],
    ids=str,
)
def test_the_text_is_that_of_the_full_head(text_bundle, settings):
    with lutwerk.load(text_bundle) as bundle:
        texts = []
        for full_head in (False, True):
            generation = bundle.generate(
                [256, 5], seed=4, max_tokens=40, full_head=full_head, **settings
            )
            texts.append(("".join(generation), generation.tokens, generation.finish_reason))
            assert (generation.head is None) == full_head
            if not full_head:
                assert generation.head.tokens == generation.eval_tokens + 1
        assert texts[0] == texts[1]


def test_greedy_text_takes_two_stages(text_bundle):
    with lutwerk.load(text_bundle) as bundle:
        generation = bundle.generate([256, 5], temperature=0, max_tokens=20)
        list(generation)
        assert generation.head.full < generation.head.tokens
        assert generation.head.candidates >= generation.head.tokens - generation.head.full
