"""Targets: what their files may say, and which one a machine gets."""

import pytest

from lutwerk import targets
from lutwerk.architectures import ARCHITECTURES
from lutwerk.errors import TargetError
from lutwerk.machine import RATES
from lutwerk.targets import ANY, choose_target, list_targets, load_target, parse_device

ARM = "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics"


def arm_device(board="", part="", extra=""):
    cpuinfo = "".join(
        f"processor\t: {i}\nFeatures\t: {ARM} {extra}\nCPU implementer\t: 0x41\nCPU part\t: {part}\n\n"
        for i in range(4)
    )
    return parse_device("aarch64", cpuinfo, f"{board}\0")


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        (arm_device("Raspberry Pi 5 Model B Rev 1.0", "0xd0b", "asimddp"), "rpi5"),
        (arm_device("Raspberry Pi Compute Module 4 Rev 1.1", "0xd08"), "rpi4"),
        (arm_device("Raspberry Pi 3 Model B Plus Rev 1.3", "0xd03"), "rpi3"),
        (arm_device("Raspberry Pi Zero 2 W Rev 1.0", "0xd03"), "rpi-zero2"),
        (arm_device(part="0xd0c", extra="asimddp"), "neoverse-n1"),
        (arm_device(part="0xd40", extra="asimddp i8mm"), "neoverse-v1"),
        (arm_device(part="0x032", extra="asimddp i8mm"), "apple-m"),
        (arm_device("Some Board", "0xd05"), "arm64"),
        (arm_device("Some Board", "0xd41", "asimddp"), "rpi5"),
        # A board that says one thing and has less is taken by what it has.
        (arm_device("Raspberry Pi 5 under emulation", "0xd03"), "arm64"),
        (parse_device("armv7l", "Features : neon vfpv3\n", ""), "armv7"),
        (parse_device("riscv64", "isa : rv64imafdc\n", ""), "riscv64"),
        (parse_device("x86_64", "flags : sse2\n", ""), "x86-64-v2"),
        (parse_device("x86_64", "flags : avx2 f16c\n", ""), "x86-64-v3"),
        (parse_device("s390x", "", ""), "generic"),
    ],
)
def test_a_machine_gets_the_target_of_its_name_or_the_best_that_it_meets(device, expected):
    assert choose_target(device).name == expected


def test_cores_that_differ_count_by_what_all_of_them_have():
    cpuinfo = "Features : asimd asimddp\nCPU part : 0xd0c\nFeatures : asimd\nCPU part : 0xd05\n"
    device = parse_device("aarch64", cpuinfo, "")
    assert device.cpu_flags == {"asimd"}
    assert device.names == ("part 0xd0c", "part 0xd05")
    assert choose_target(device).isa == "neon"


def test_targets_are_listed_by_architecture():
    found = [target.architecture for target in list_targets()]
    groups = list(dict.fromkeys(found))
    assert groups == [*ARCHITECTURES, ANY]
    assert found == sorted(found, key=groups.index)


@pytest.mark.parametrize("target", list_targets(), ids=lambda t: t.name)
def test_what_was_not_measured_says_so(target):
    measured = {"generic", "x86-64-v2", "x86-64-v3", "x86-64-v4"}
    assert ("prediction" in target.speed.source) == (target.name not in measured)


def test_rates_of_another_target_scale_as_rates_do():
    whole, scaled = load_target("rpi5").speed, load_target("neoverse-n1").speed
    for name in RATES:
        before, after = whole.rates[name], scaled.rates[name]
        if name.endswith(".stream"):
            assert after == before
        else:
            factor = 1 / 1.04 if name.endswith(".tables") else 1.04
            assert after == pytest.approx(before * factor)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('isa = "neon"', 'isa = "mmx"', r"isa is 'mmx'; accepted: scalar, "),
        ('isa = "neon"', 'isa = "avx2"', r"isa avx2 is of x86_64, but architecture is aarch64"),
        ('"aarch64"', '"alpha"', r"architecture is 'alpha'; accepted: any, x86_64"),
        ("page_kib = [4]\n", "", r"missing or unknown key: page_kib; see"),
        ('like = "rpi4"', 'like = "rpi9"', r"is like 'rpi9' times 0.33; accepted: the name of"),
        ("times = 0.33", "times = 0", r"is like 'rpi4' times 0; accepted: "),
        ("times = 0.33", "", r"unknown in \[speed.rates\]: like"),
    ],
)
def test_a_file_that_is_wrong_is_refused_by_key(monkeypatch, tmp_path, old, new, message):
    folder = targets._targets_dir()
    for path in folder.glob("*.toml"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    text = (tmp_path / "rpi3.toml").read_text()
    assert text.count(old) == 1
    (tmp_path / "rpi3.toml").write_text(text.replace(old, new))
    monkeypatch.setattr(targets, "_targets_dir", lambda: tmp_path)
    with pytest.raises(TargetError, match=rf"rpi3\.toml: .*{message}"):
        list_targets()
