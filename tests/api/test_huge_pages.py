"""Where a model's bytes lie: copied into huge pages where there is room, mapped otherwise, and equal in both."""

import pytest

from lutwerk import huge_pages
from lutwerk.native import Model, Session

MODES = "always [madvise] never\n"
GIB = 1 << 30


@pytest.fixture
def system(tmp_path, monkeypatch):
    """A pretended system; call it with what its files say."""

    def pretend(modes=MODES, available=GIB, limit=None, used=0):
        files = {"_MODES": tmp_path / "enabled", "_SYSTEM": tmp_path / "meminfo"}
        files["_MODES"].write_text(modes)
        files["_SYSTEM"].write_text(
            f"MemTotal: 9 kB\nMemAvailable:   {available // 1024} kB\nSwapTotal: 0 kB\n"
        )
        group = tmp_path / "group"
        group.mkdir()
        if limit is not None:
            (group / "memory.max").write_text(f"{limit}\n")
            (group / "memory.current").write_text(f"{used}\n")
        for name, path in (files | {"_GROUP": group}).items():
            monkeypatch.setattr(huge_pages, name, path)

    return pretend


@pytest.fixture
def file(tmp_path, monkeypatch):
    """A file that counts as large."""
    monkeypatch.setattr(huge_pages, "LEAST_BYTES", 1000)
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 40)
    with path.open("r+b") as opened:
        yield opened


def is_copy(file):
    """Whether a later change of the file leaves the memory alone."""
    size = file.seek(0, 2)
    memory = huge_pages.hold_file(file, size)
    file.seek(0)
    assert memory[:] == file.read()
    file.seek(1)
    file.write(b"?")
    file.flush()
    return memory[1] == 1


def test_a_large_file_is_copied(system, file):
    system()
    assert is_copy(file)


@pytest.mark.parametrize(
    "facts",
    [
        {"modes": "always madvise [never]\n"},
        {"modes": ""},
        {"available": 2 * 10240 - 1024},
        {"limit": GIB, "used": GIB - 2 * 10240 + 1},
    ],
    ids=["never", "unknown", "no room", "no room in the container"],
)
def test_it_is_mapped_where_a_copy_would_not_pay_or_fit(system, file, facts):
    system(**facts)
    assert not is_copy(file)


def test_room_in_a_container_suffices(system, file):
    system(limit=GIB, used=GIB - 2 * 10240)
    assert is_copy(file)


def test_a_group_without_limit_does_not_count(system, file):
    system(limit="max", used=0)
    assert is_copy(file)


def test_a_small_file_is_mapped(system, file, monkeypatch):
    system()
    monkeypatch.setattr(huge_pages, "LEAST_BYTES", 20000)
    assert not is_copy(file)


def test_a_file_that_shrinks_is_an_error(system, file):
    system()
    with pytest.raises(OSError, match="shorter"):
        huge_pages.hold_file(file, 20000)


def test_a_resident_model_gives_the_same_logits(system, demo_bundle, monkeypatch):
    system()
    logits = []
    for least in (1 << 40, 1):
        monkeypatch.setattr(huge_pages, "LEAST_BYTES", least)
        model = Model(demo_bundle / "model.lw", resident=True)
        with Session(model, context=8) as session:
            logits.append(session.eval([1, 2, 3]).tobytes())
        model.close()
    assert logits[0] == logits[1]
