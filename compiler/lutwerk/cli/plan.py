"""``lutwerk inspect --plan``: what the planner predicted, and what this machine measures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lutwerk.cost import Candidate, Prediction
    from lutwerk.manifest import Folder
    from lutwerk.native import Model
    from lutwerk.two_stage import TwoStage

#: Tokens of batched decode or speculative verification where nobody says how many.
FEW = 4
#: Logits that decode asks for by default, see `lutwerk run --top-k`.
_TOP = 40
#: Measuring a product takes about so long, for each phase.
_SECONDS = 0.25
#: Phases, and the count of a token's products that each of its tokens needs.
_PHASES = {"decode": "count", "few": "count", "prefill": "prefill_count"}


def describe(
    folder: Folder, model: Model, *, threads: int, few: int, tuning: Path | None, measure: bool
) -> dict[str, Any]:
    """Everything that --json prints; times are microseconds of one product, divided by its tokens."""
    from lutwerk.cli.summary import rate
    from lutwerk.model_file import read_model_file
    from lutwerk.native import ISAS
    from lutwerk.plan import explain
    from lutwerk.targets import load_target
    from lutwerk.tuning_record import tuned_target

    target = load_target(folder.manifest["target"])
    if tuning is not None:
        target = tuned_target(target, tuning)
    plan = explain(read_model_file(folder.model), target.speed, threads, few)
    tokens = {"decode": 1, "few": few, "prefill": plan.prefill_tokens}
    isa = ISAS.index(target.isa)

    def candidate(found: Candidate) -> dict[str, Any]:
        phases = (found.decode, found.few, found.prefill)
        return {
            phase: _prediction(of, count)
            for (phase, count), of in zip(tokens.items(), phases, strict=True)
        }

    products = []
    for planned in plan.products:
        product = planned.chosen.product
        chosen = candidate(planned.chosen)
        for phase, count in tokens.items():
            chosen[phase]["kernel"] = model.kernel(planned.tensor, isa, count) or None
        products.append(
            {
                "name": planned.name,
                "count": planned.count,
                "prefill_count": planned.prefill_count,
                "rows": product.rows,
                "cols": product.cols,
                "format": product.format,
                "layout": product.layout,
                "row_tiles": product.row_tiles,
                "share": planned.share,
                **chosen,
                "lost": [
                    {"layout": other.product.layout, **candidate(other)} for other in planned.lost
                ],
                "two_stage": _two_stage(planned.two_stage, product.bytes),
            }
        )
    described = {
        "target": target.name,
        "isa": target.isa,
        "source": target.speed.source,
        "threads": threads,
        "few": few,
        "chunk": plan.prefill_tokens,
        "from_memory": plan.from_memory,
        "products": products,
        "tokens_per_second": {
            "decode": rate(1, plan.decode_seconds),
            "few": rate(few, plan.few_seconds),
            "prefill": rate(plan.prefill_tokens, plan.prefill_seconds),
            "decode_two_stage": rate(1, plan.two_stage_seconds or 0.0),
        },
    }
    if measure:
        _measure(model, [p.tensor for p in plan.products], described)
    return described


def _prediction(prediction: Prediction, tokens: int) -> dict[str, Any]:
    return {
        "us": prediction.seconds * 1e6 / tokens,
        "bound": prediction.bound,
        "threads": prediction.threads,
    }


def _two_stage(planned: TwoStage | None, whole: int) -> dict[str, Any] | None:
    if planned is None:
        return None
    return {
        "first": _prediction(planned.first, 1),
        "both": _prediction(planned.both, 1),
        "bytes": planned.bytes,
        "of_bytes": whole,
    }


def _measure(model: Model, tensors: list[int], described: dict[str, Any]) -> None:
    """Add what is measured, and its ratio to the prediction, to each product and to the totals."""
    from lutwerk.cli.summary import rate
    from lutwerk.native import Session
    from lutwerk.timing import time_head, time_product

    def add(times: dict[str, Any], us: float) -> float:
        times |= {"measured_us": us, "ratio": us / times["us"]}
        return us

    chunk = min(described["chunk"], model.info.chunk)
    isa = described["isa"]
    with Session(model, context=1, threads=described["threads"], isa_limit=isa) as session:
        described["measured_isa"] = session.isa
        measured: dict[str, float | None] = {}
        described["measured_tokens_per_second"] = measured
        saved = 0.0
        for (phase, counts), tokens in zip(
            _PHASES.items(), (1, described["few"], chunk), strict=True
        ):
            total = 0.0
            for product, tensor in zip(described["products"], tensors, strict=True):
                seconds = time_product(session, tensor, tokens, _SECONDS)
                total += product[counts] * add(product[phase], seconds * 1e6 / tokens)
            measured[phase] = rate(1, total * 1e-6)
        for product in described["products"]:
            if stages := product["two_stage"]:
                top = min(_TOP, product["rows"] // 32)
                add(stages["first"], time_head(session, top, _SECONDS, estimates=True) * 1e6)
                both = add(stages["both"], time_head(session, top, _SECONDS) * 1e6)
                saved += product["decode"]["measured_us"] - both
        measured["decode_two_stage"] = (
            rate(1, 1 / measured["decode"] - saved * 1e-6) if saved and measured["decode"] else None
        )


def report(folder: Folder, described: dict[str, Any]) -> str:
    """The plan as text: a line a product, and a line for each layout that lost."""
    from lutwerk.cli.table import columns

    measured = "measured_isa" in described
    header = ["products", "rows x cols", "format", "layout", "share"]
    for title in ("1 token us", f"{described['few']} tokens us", "prefill us"):
        header += [title, "bound by", *(["measured", "ratio"] if measured else [])]
    rows = []
    for product in described["products"]:
        shape = f"{product['rows']} x {product['cols']}"
        name = f"{product['count']} x {product['name']}"
        tiles = product["row_tiles"]
        share = f"{product['share'] if product['share'] < tiles else 'all'} of {tiles}"
        what = [name, shape, product["format"], product["layout"], share]
        rows.append([*what, *_times(product, measured)])
        if stages := product["two_stage"]:
            for title, stage in (("first stage", stages["first"]), ("both stages", stages["both"])):
                rows.append(["", "", "", title, "", *_times({"decode": stage}, measured)])
        for other in product["lost"]:
            rows.append(["", "", "", f"not {other['layout']}", "", *_times(other, measured)])
    kernels = sorted(
        {
            f"{p['format']} in {p['layout']}: " + ", ".join(p[phase]["kernel"] for phase in _PHASES)
            for p in described["products"]
            if p["decode"]["kernel"]
        }
    )
    place = "from memory" if described["from_memory"] else "from the cache"
    lines = [
        f"{folder.path}: predicted for {described['target']} ({described['isa']}), "
        f"{described['threads']} thread(s), weights {place}",
        f"  speeds: {described['source']}",
        f"  kernels for 1 token, for {described['few']} and for {described['chunk']}:",
        *(f"    {line}" for line in kernels),
        "  share: row tiles that a thread takes at once at least; a product of a single share runs on one thread",
        "",
        columns([header, *rows], right=[i for i, cell in enumerate(header) if _is_number(cell)]),
        "",
        _total("predicted", described["tokens_per_second"], described["few"]),
    ]
    lines += [_stages(p, described) for p in described["products"] if p["two_stage"]]
    if measured:
        ran = f"measured with {described['measured_isa']}"
        lines.append(_total(ran, described["measured_tokens_per_second"], described["few"]))
    return "\n".join(lines)


def _is_number(title: str) -> bool:
    return title.endswith("us") or title in ("measured", "ratio", "rows x cols", "share")


def _times(product: dict[str, Any], measured: bool) -> list[str]:
    cells: list[str] = []
    for phase in _PHASES:
        times = product.get(phase)
        if times is None:
            cells += [""] * (4 if measured else 2)
            continue
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
        f"{format_bytes(stages['of_bytes'])} expected, {stages['both']['us']:.2f} us "
        f"instead of {product['decode']['us']:.2f} us, which gives "
        f"{described['tokens_per_second']['decode_two_stage']:.1f} tokens/s"
    )


def _total(what: str, rates: dict[str, float | None], few: int) -> str:
    decode, several, prefill = (
        "-" if rates[phase] is None else f"{rates[phase]:.1f}" for phase in _PHASES
    )
    heads = rates["decode_two_stage"]
    stages = "" if heads is None else f" ({heads:.1f} with the head in two stages)"
    return (
        f"{what}: matrix products alone give {decode} tokens/s in decode{stages}, {several} for {few} at once "
        f"and {prefill} in prefill"
    )
