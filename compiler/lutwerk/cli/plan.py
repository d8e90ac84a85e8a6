"""``lutwerk inspect --plan``: what the planner predicted, and what this machine measures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lutwerk.cost import Prediction
    from lutwerk.manifest import Folder
    from lutwerk.native import Model
    from lutwerk.two_stage import TwoStage

#: Measuring a product takes about so long, for each of decode and prefill.
_SECONDS = 0.25


def describe(
    folder: Folder, model: Model, threads: int, tuning: Path | None, measure: bool
) -> dict[str, Any]:
    """Everything that --json prints; times are microseconds of one product, prefill of one token."""
    from lutwerk.cli.summary import rate
    from lutwerk.model_file import read_model_file
    from lutwerk.native import ISAS
    from lutwerk.plan import explain
    from lutwerk.targets import load_target
    from lutwerk.tuning_record import tuned_target

    target = load_target(folder.manifest["target"])
    if tuning is not None:
        target = tuned_target(target, tuning)
    plan = explain(read_model_file(folder.model), target.speed, threads)
    chunk = plan.prefill_tokens
    isa = ISAS.index(target.isa)
    products = []
    for planned in plan.products:
        one, many = model.kernels(planned.tensor, isa)
        product = planned.chosen.product
        products.append(
            {
                "name": planned.name,
                "count": planned.count,
                "prefill_count": planned.prefill_count,
                "rows": product.rows,
                "cols": product.cols,
                "format": product.format,
                "layout": product.layout,
                "kernel_one": one or None,
                "kernel_many": many or None,
                "decode": _prediction(planned.chosen.decode, 1),
                "prefill": _prediction(planned.chosen.prefill, chunk),
                "lost": [
                    {
                        "layout": other.product.layout,
                        "decode": _prediction(other.decode, 1),
                        "prefill": _prediction(other.prefill, chunk),
                    }
                    for other in planned.lost
                ],
                "two_stage": _two_stage(planned.two_stage, product.bytes),
            }
        )
    described = {
        "target": target.name,
        "isa": target.isa,
        "source": target.speed.source,
        "threads": threads,
        "chunk": chunk,
        "from_memory": plan.from_memory,
        "products": products,
        "tokens_per_second": {
            "decode": rate(1, plan.decode_seconds),
            "prefill": rate(chunk, plan.prefill_seconds),
            "decode_two_stage": rate(1, plan.two_stage_seconds or 0.0),
        },
    }
    if measure:
        _measure(model, threads, target.isa, [p.tensor for p in plan.products], described)
    return described


def _prediction(prediction: Prediction, tokens: int) -> dict[str, Any]:
    return {"us": prediction.seconds * 1e6 / tokens, "bound": prediction.bound}


def _two_stage(planned: TwoStage | None, whole: int) -> dict[str, Any] | None:
    if planned is None:
        return None
    return {"first": _prediction(planned.first, 1), "bytes": planned.bytes, "of_bytes": whole}


def _measure(
    model: Model, threads: int, isa: str, tensors: list[int], described: dict[str, Any]
) -> None:
    """Add what is measured, and its ratio to the prediction, to each product and to the totals."""
    from lutwerk.cli.summary import rate
    from lutwerk.native import Session
    from lutwerk.timing import time_product

    chunk = min(described["chunk"], model.info.chunk)
    with Session(model, context=1, threads=threads, isa_limit=isa) as session:
        described["measured_isa"] = session.isa
        described["measured_tokens_per_second"] = {}
        for phase, tokens, counts in (
            ("decode", 1, "count"),
            ("prefill", chunk, "prefill_count"),
        ):
            total = 0.0
            for product, tensor in zip(described["products"], tensors, strict=True):
                us = time_product(session, tensor, tokens, _SECONDS) * 1e6 / tokens
                product[phase] |= {"measured_us": us, "ratio": us / product[phase]["us"]}
                total += product[counts] * us
            described["measured_tokens_per_second"][phase] = rate(1, total * 1e-6)


def report(folder: Folder, described: dict[str, Any]) -> str:
    """The plan as text: a line a product, and a line for each layout that lost."""
    from lutwerk.cli.table import columns

    measured = "measured_isa" in described
    header = ["products", "rows x cols", "format", "layout"]
    for phase in ("decode us", "prefill us"):
        header += [phase, "bound by", *(["measured", "ratio"] if measured else [])]
    rows = []
    for product in described["products"]:
        shape = f"{product['rows']} x {product['cols']}"
        name = f"{product['count']} x {product['name']}"
        rows.append([name, shape, product["format"], product["layout"], *_times(product, measured)])
        if product["two_stage"]:
            first = product["two_stage"]["first"]
            rows.append(["", "", "", "first stage", *_times({"decode": first}, measured)])
        for other in product["lost"]:
            rows.append(["", "", "", f"not {other['layout']}", *_times(other, measured)])
    kernels = sorted(
        {
            f"  {p['format']} in {p['layout']}: {p['kernel_one']}, {p['kernel_many']}"
            for p in described["products"]
            if p["kernel_one"]
        }
    )
    place = "from memory" if described["from_memory"] else "from the cache"
    lines = [
        f"{folder.path}: predicted for {described['target']} ({described['isa']}), "
        f"{described['threads']} thread(s), weights {place}",
        f"  speeds: {described['source']}",
        *(["  kernels for one token, and for many:", *(f"  {line}" for line in kernels)]),
        "",
        columns([header, *rows], right=[i for i, cell in enumerate(header) if _is_number(cell)]),
        "",
        _total("predicted", described["tokens_per_second"]),
    ]
    lines += [_stages(p, described) for p in described["products"] if p["two_stage"]]
    if measured:
        lines.append(
            _total(
                f"measured with {described['measured_isa']}",
                described["measured_tokens_per_second"],
            )
        )
    return "\n".join(lines)


def _is_number(title: str) -> bool:
    return title.endswith("us") or title in ("measured", "ratio", "rows x cols")


def _times(product: dict[str, Any], measured: bool) -> list[str]:
    cells: list[str] = []
    for phase in ("decode", "prefill"):
        if phase not in product:
            return [*cells, *([""] * len(cells))]
        times = product[phase]
        cells += [f"{times['us']:.2f}", times["bound"]]
        if measured and "ratio" in times:
            cells += [f"{times['measured_us']:.2f}", f"{times['ratio']:.2f}"]
        elif measured:
            cells += ["", ""]
    return cells


def _stages(product: dict[str, Any], described: dict[str, Any]) -> str:
    from lutwerk.units import format_bytes

    stages = product["two_stage"]
    return (
        f"the head is read in two stages in decode: {format_bytes(stages['bytes'])} of "
        f"{format_bytes(stages['of_bytes'])} expected, {stages['first']['us']:.2f} us for the first "
        f"instead of {product['decode']['us']:.2f} us, which gives "
        f"{described['tokens_per_second']['decode_two_stage']:.1f} tokens/s"
    )


def _total(what: str, rates: dict[str, float | None]) -> str:
    decode, prefill = (
        "-" if rates[phase] is None else f"{rates[phase]:.1f}" for phase in ("decode", "prefill")
    )
    return (
        f"{what}: matrix products alone give {decode} tokens/s in decode and {prefill} in prefill"
    )
