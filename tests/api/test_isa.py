"""LUTWERK_ISA: lower instruction sets on request, and named errors for what cannot be."""

from types import SimpleNamespace

import pytest

import lutwerk
from lutwerk import defs, native
from lutwerk.errors import LutwerkError


@pytest.mark.parametrize("isa", native.included(native.lib.lw_cpu_isa()))
def test_every_instruction_set_gives_the_same_bits(demo_bundle, monkeypatch, isa):
    monkeypatch.setenv("LUTWERK_ISA", isa)
    with lutwerk.load(demo_bundle) as bundle:
        assert bundle.session.isa == isa
        result = bundle.verify()
    assert result.ok
    assert result.isa == isa


def test_an_unknown_name_is_refused(monkeypatch):
    monkeypatch.setenv("LUTWERK_ISA", "sse9")
    with pytest.raises(LutwerkError, match=r"LUTWERK_ISA is 'sse9'; accepted .*scalar"):
        native.best_isa()


@pytest.mark.parametrize(
    ("here", "wanted", "accepted"),
    [
        ("avx2", "avx512", "scalar, avx2"),
        ("avx512", "neon", "scalar, avx2, avx512"),
        ("dotprod", "avx2", "scalar, neon, dotprod"),
        ("scalar", "neon", "scalar"),
    ],
)
def test_what_the_processor_lacks_is_refused(monkeypatch, here, wanted, accepted):
    pretended = SimpleNamespace(
        lw_cpu_isa=lambda: native.ISAS.index(here), lw_isa_includes=native.lib.lw_isa_includes
    )
    monkeypatch.setattr(native, "lib", pretended)
    monkeypatch.setenv("LUTWERK_ISA", wanted)
    with pytest.raises(LutwerkError, match=rf"processor lacks; accepted here: {accepted}$"):
        native.best_isa()


def test_the_table_of_instruction_sets_is_the_library_s():
    assert tuple(defs.ISAS) == native.ISAS


def test_nothing_set_means_the_best(monkeypatch):
    monkeypatch.setenv("LUTWERK_ISA", "")
    assert native.best_isa() == native.lib.lw_cpu_isa()
