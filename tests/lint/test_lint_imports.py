"""The direction of knowledge in Python: a module of the package imports only from layers below."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from repository import ROOT, files, name

PACKAGE = ROOT / "compiler/lutwerk"

#: Lowest first; a subpackage stands for all its modules; members of a layer do not know each other.
LAYERS: list[set[str]] = [
    {"errors", "units", "native_types", "architectures", "huge_pages"},
    {"defs", "progress"},
    {"fields"},
    {"split"},
    {"graph", "layouts", "runner"},
    {"machine"},
    {"cost", "targets"},
    {"model_file", "dump", "tuning_record", "tokenizer", "chat", "two_stage"},
    {"quantize", "liveness", "manifest", "reference", "plan"},
    {"frontends", "verify"},
    {"passes", "emit"},
    {"pipeline", "probe", "deploy"},
    {"native_status"},
    {"_build_native", "native", "text"},
    {"sampling", "timing", "device_text", "text_probes"},
    {"generation", "verification", "tune", "text_check", "device_chat"},
    {"chat_check"},
    {"conversation"},
    {"bundle"},
    {"api"},
    {"demo", "evaluate"},
    {"__init__", "cli"},
    {"__main__"},
]
LEVEL = {module: level for level, layer in enumerate(LAYERS) for module in layer}
#: What executes bundles needs nothing of what makes them.
EXECUTION = {
    *("native", "native_types", "text", "sampling", "timing", "generation", "verification"),
    *("bundle", "conversation", "device_text", "device_chat", "text_probes", "huge_pages"),
    "native_status",
}
COMPILATION = {
    *("frontends", "quantize", "passes", "emit", "pipeline", "targets", "cost", "probe"),
    *("two_stage", "tokenizer", "chat", "runner"),
}
MODULES = list(files("compiler/lutwerk", suffixes=(".py",)))


def _part(path: Path) -> str:
    """Return the first name below the package: a module, or a subpackage."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def _imported(path: Path) -> set[str]:
    """Return the parts of lutwerk that a module imports, at any depth of its code."""
    found = set()
    here = ["lutwerk", *path.relative_to(PACKAGE).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = here[: len(here) - node.level + 1] if node.level else []
            module = ".".join([*base, node.module] if node.module else base)
            found |= {f"{module}.{a.name}" for a in node.names} if module == "lutwerk" else {module}
    parts = {module.split(".")[1] for module in found if module.startswith("lutwerk.")}
    return {p for p in parts if (PACKAGE / f"{p}.py").exists() or (PACKAGE / p).is_dir()}


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_imports_follow_the_arrow(path: Path) -> None:
    part = _part(path)
    imported = _imported(path) - {part}
    unplaced = {part, *imported} - set(LEVEL)
    assert not unplaced, "say in LAYERS where they belong"
    upwards = {other for other in imported if LEVEL[other] >= LEVEL[part]}
    assert not upwards, f"{name(path)} may import only what lies below {part}"
    if part in EXECUTION:
        assert not imported & COMPILATION, f"{name(path)} executes bundles: it must not compile"


def test_the_compiler_does_not_need_the_c_library() -> None:
    library = {"native", "native_status"}
    users = {_part(path) for path in MODULES if library & _imported(path)}
    assert users, "no module imports native: has it been renamed?"
    assert not users & COMPILATION
