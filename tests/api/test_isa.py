"""LUTWERK_ISA: lower instruction sets on request, and named errors for what cannot be."""

from types import SimpleNamespace

import pytest

import lutwerk
from lutwerk import native
from lutwerk.errors import LutwerkError


@pytest.mark.parametrize("isa", native.ISAS[: native.lib.lw_cpu_isa() + 1])
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


def test_a_name_above_the_processor_is_refused(monkeypatch):
    monkeypatch.setattr(native, "lib", SimpleNamespace(lw_cpu_isa=lambda: 1))
    monkeypatch.setenv("LUTWERK_ISA", "avx512")
    with pytest.raises(LutwerkError, match=r"processor lacks; accepted here: scalar, avx2$"):
        native.best_isa()


def test_nothing_set_means_the_best(monkeypatch):
    monkeypatch.setenv("LUTWERK_ISA", "")
    assert native.best_isa() == native.lib.lw_cpu_isa()
