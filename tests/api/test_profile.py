"""What evaluations spend their time on: kinds of work by name, which add up to no more than the time outside."""

import time

import numpy as np
import pytest

from lutwerk.errors import BundleError
from lutwerk.native import Model, Session

TOKENS = [1, 2, 3]


@pytest.fixture
def model(demo_bundle):
    opened = Model(demo_bundle / "model.lw")
    yield opened
    opened.close()


@pytest.mark.parametrize("threads", [1, 2])
def test_the_kinds_add_up_and_change_no_logit(model, threads):
    with Session(model, threads=threads) as session:
        expected = session.eval(TOKENS)
        session.truncate(0)
        begin = time.perf_counter()
        with session.profile() as profile:
            logits = session.eval(TOKENS)
        wall = time.perf_counter() - begin
    np.testing.assert_array_equal(logits, expected)
    assert min(profile.seconds.values()) >= 0
    assert 0 < sum(profile.seconds.values()) <= wall
    assert profile.counts["attention"] == model.info.layers
    assert (profile.counts["waiting"] > 0) == (threads > 1)
    if threads == 1:
        assert profile.counts["redone"] == 0
        assert profile.counts["embed"] == len(TOKENS)


def test_only_the_block_is_measured(model):
    with Session(model) as session:
        with session.profile() as profile:
            session.eval([1])
        before = dict(profile.counts)
        session.eval([2])
        with session.profile() as empty:
            pass
    assert profile.counts == before
    assert set(empty.counts.values()) == {0}


def test_a_session_may_be_closed_in_the_block(model):
    session = Session(model)
    with session.profile() as profile:
        session.eval([1])
        session.close()
    assert profile.counts["embed"] == 1
    with pytest.raises(BundleError, match="the session is closed"), session.profile():
        pass
