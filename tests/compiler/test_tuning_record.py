"""Tuning records: read back as written, refused by name when they are anything else."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from machines import machine

from lutwerk.errors import TargetError
from lutwerk.machine import RATES
from lutwerk.targets import load_target
from lutwerk.tuning_record import Record, read_record, tuned_target, write_record

TARGET = load_target("x86-64-v4")
GOOD = Record("avx512", machine())


@pytest.fixture
def text(tmp_path):
    write_record(tmp_path / "good.toml", GOOD)
    return (tmp_path / "good.toml").read_text()


@given(
    numbers=st.lists(st.floats(1e-3, 1e5), min_size=3, max_size=8),
    kept=st.sets(st.sampled_from(RATES)),
    source=st.text("aé\"\\'= #[\U0001f600", max_size=20),
)
def test_a_record_reads_back_as_written_to_four_digits(tmp_path_factory, numbers, kept, source):
    path = tmp_path_factory.mktemp("record") / "r.toml"
    rates = {name: numbers[i % len(numbers)] for i, name in enumerate(RATES) if name in kept}
    before = replace(machine(numbers[1:], numbers[0]), source=source, rates=rates)
    write_record(path, Record("avx2", before))
    after = read_record(path)
    assert (after.isa, after.machine.source) == ("avx2", source)
    assert after.machine.bandwidth == pytest.approx(before.bandwidth, rel=1e-3)
    assert after.machine.rates == pytest.approx(rates, rel=1e-3)
    assert set(after.machine.missing()) == set(RATES) - kept
    assert [p.name for p in path.parent.iterdir()] == ["r.toml"]


def test_a_target_takes_the_speeds_of_a_complete_record(tmp_path, text):
    tuned = tuned_target(TARGET, tmp_path / "good.toml")
    assert tuned == replace(TARGET, speed=GOOD.machine)


def test_a_record_of_other_kernels_or_unfinished_is_refused(tmp_path):
    path = tmp_path / "r.toml"
    write_record(path, replace(GOOD, isa="avx2"))
    with pytest.raises(TargetError, match=r"kernels of avx2, but .* has avx512; tune again with"):
        tuned_target(TARGET, path)
    fewer = {name: rate for name, rate in GOOD.machine.rates.items() if "base3" not in name}
    write_record(path, replace(GOOD, machine=replace(GOOD.machine, rates=fewer)))
    with pytest.raises(TargetError, match=r"measurements are missing, .* base3\.\w+; finish it"):
        tuned_target(TARGET, path)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('isa = "avx512"', 'isa = "mmx"', "isa is 'mmx'; accepted: scalar, avx2, avx512"),
        ('isa = "avx512"', "isa = [[]]", "isa is"),
        ('isa = "avx512"', "", "needs isa and speed"),
        ("[speed]", "[sped]", "needs isa and speed"),
        ("cache_mib = 1.0", "", "needs source, cache_mib, bandwidth, hand_over, rates"),
        ("cache_mib = 1.0", "cache_mib = 0", "speed.cache_mib is 0; accepted: a number, above 0"),
        ("cache_mib = 1.0", "cache_mib = nan", "speed.cache_mib is nan"),
        ("cache_mib = 1.0", "cache_mib = inf", "speed.cache_mib is inf"),
        ("cache_mib = 1.0", f"cache_mib = 1{'0' * 400}", "speed.cache_mib is 1000"),
        ("cache_mib = 1.0", f"cache_mib = 1{'0' * 9999}", "not a tuning record"),
        ("cache_mib = 1.0", "cache_mib = true", "speed.cache_mib is True"),
        ("cache_mib = 1.0", "cache_mib = 1.0\ncolour = 3", "and nothing else"),
        ("cache_mib = 1.0", "cache_mib = " + 600 * "[", "not a tuning record"),
        ("cache_mib = 1.0", f"cache_mib{5000 * '.a'} = 1", "not a tuning record"),
        ('source = "made up"', "source = 7", "speed.source is 7; accepted: a text"),
        ("bandwidth = [20.0, 35.0]", "bandwidth = []", "a list of 1 to 256 numbers"),
        ("bandwidth = [20.0, 35.0]", "bandwidth = 20", "speed.bandwidth is 20"),
        ("bandwidth = [20.0, 35.0]", f"bandwidth = [{257 * '1,'}]", "a list of 1 to 256"),
        ("bandwidth = [20.0, 35.0]", "bandwidth = [20.0, -1]", "speed.bandwidth is -1"),
        ("fields.stream = 1.0", 'fields.stream = "fast"', "speed.rates.fields.stream is 'fast'"),
        ("fields.stream = 1.0", "fields.stream = {}", ""),
        ("fields.stream = 1.0", "fields.steam = 1.0", "unknown in [speed.rates]: fields.steam"),
        ("fields.stream = 1.0", "fields.tables = 1.0", "unknown in [speed.rates]: fields.tables"),
        ("base3.tables = 0.0", "base3.tables = -0.1", "a number, 0 to 1000000"),
        ("fields.stream = 1.0", "fields.stream == 1.0", "not a tuning record"),
    ],
)
def test_hostile_records_are_refused_by_name(tmp_path, text, old, new, words):
    assert old in text
    path = tmp_path / "bad.toml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(TargetError) as caught:
        tuned_target(TARGET, path)
    assert str(caught.value).startswith(f"{path}: ")
    assert words in str(caught.value)
    assert len(str(caught.value)) < 500 + len(str(path))


def test_files_that_are_no_text_or_too_large_are_refused(tmp_path):
    path = tmp_path / "bad.toml"
    path.write_bytes(b"\xff\xfe" * 100)
    with pytest.raises(TargetError, match="not a tuning record"):
        read_record(path)
    path.write_bytes(b"#" * (2 << 20))
    with pytest.raises(TargetError, match="too large for a tuning record"):
        read_record(path)
