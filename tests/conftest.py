"""Fixtures that several suites use."""

from pathlib import Path

import pytest

#: Real checkpoints and texts lie beside a checkout; a checkout without them still passes.
SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    if not SHARED.is_dir():
        pytest.skip("the folder shared/data beside the checkout is absent")
    return SHARED
