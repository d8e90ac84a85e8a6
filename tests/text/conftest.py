"""The fixture that runs a test with every family."""

import pytest

from families import FAMILIES
from pairs import Pair, make_pair


@pytest.fixture(params=FAMILIES)
def pair(request) -> Pair:
    return make_pair(request.param)
