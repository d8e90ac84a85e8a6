"""Made-up machines for the planner."""

from lutwerk.machine import RATES, Machine


def machine(bandwidth=(20.0, 35.0), cache_mib=1.0, **rates):
    """All kernels alike, but for ``rates``, whose names have __ for the dots."""
    known = {name: 0.0 if name.endswith(".tables") else 100.0 for name in RATES}
    known |= {name: 1.0 for name in RATES if name.endswith(".stream")}
    changed = {name.replace("__", "."): value for name, value in rates.items()}
    assert changed.keys() <= known.keys()
    return Machine("made up", cache_mib, tuple(bandwidth), known | changed)
