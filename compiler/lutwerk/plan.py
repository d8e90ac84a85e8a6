"""Explain the layouts of a compiled model: predicted times, what bounds them, and what else was possible."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from lutwerk.cost import Candidate, Product, exceeds_cache, rank
from lutwerk.machine import Machine
from lutwerk.model_file import ModelFile
from lutwerk.two_stage import LAYOUT, TwoStage
from lutwerk.two_stage import predict as predict_two_stage


@dataclass(frozen=True)
class PlannedProduct:
    """Matrix products of one shape, format and layout.

    Attributes:
        tensor: Index of the first of their matrices in the file.
        name: Name of that matrix.
        share: Row tiles that a thread takes at once at least, for one token.
        count: Products of a token.
        prefill_count: Those of them that every token of a prompt needs; the head serves the last.
        chosen: The layout of the file, with its predictions.
        lost: The other layouts that can hold the format, the fastest first.
        two_stage: For a head in layout split, which decode reads in two stages: what these cost.
    """

    tensor: int
    name: str
    share: int
    count: int
    prefill_count: int
    chosen: Candidate
    lost: tuple[Candidate, ...]
    two_stage: TwoStage | None


@dataclass(frozen=True)
class Plan:
    """All products of a model for a number of threads on a machine."""

    threads: int
    few_tokens: int
    prefill_tokens: int
    from_memory: bool
    products: tuple[PlannedProduct, ...]

    @property
    def decode_seconds(self) -> float:
        """Predicted time of all products of one token, every logit computed."""
        return sum(p.count * p.chosen.decode.seconds for p in self.products)

    @property
    def two_stage_seconds(self) -> float | None:
        """The same with both stages in place of the head, if the model has a two-stage head."""
        heads = [p for p in self.products if p.two_stage]
        saved = sum(
            p.chosen.decode.seconds - p.two_stage.both.seconds for p in heads if p.two_stage
        )
        return self.decode_seconds - saved if heads else None

    @property
    def few_seconds(self) -> float:
        """Predicted time of all products of a few tokens, every logit computed."""
        return sum(p.count * p.chosen.few.seconds for p in self.products)

    @property
    def prefill_seconds(self) -> float:
        """Predicted time of all products of a full chunk, without the head."""
        return sum(p.prefill_count * p.chosen.prefill.seconds for p in self.products)


def explain(model: ModelFile, machine: Machine, threads: int, few: int = 4) -> Plan:
    """Predict every product of a model: for one token, for ``few``, and prefill for its chunk."""
    operations = list(zip(model.op_names(), model.ops["tensor"], strict=True))
    body = operations[: model.conf["head_begin"]]
    uses, body_uses = (
        Counter(int(tensor) for kind, tensor in ops if kind in ("matmul", "matmul_float"))
        for ops in (operations, body)
    )
    shares = dict(zip(model.ops["tensor"].tolist(), model.ops["share"].tolist(), strict=True))
    groups: dict[Product, list[int]] = {}
    for index in uses:
        tensor = model.tensors[index]
        product = Product(tensor.rows, tensor.cols, tensor.format.name, tensor.layout.name)
        groups.setdefault(product, []).append(index)
    weight_bytes = sum(product.bytes * len(indices) for product, indices in groups.items())
    from_memory = exceeds_cache(machine, weight_bytes)
    tokens = max(model.conf["chunk"], 2)

    head = int(model.ops["tensor"][-1])

    def planned(product: Product, indices: list[int]) -> PlannedProduct:
        ranked = rank(
            machine,
            product.rows,
            product.cols,
            product.format,
            threads,
            few=few,
            tokens=tokens,
            from_memory=from_memory,
        )
        chosen = next(c for c in ranked if c.product == product)
        return PlannedProduct(
            indices[0],
            model.tensors[indices[0]].name,
            shares[indices[0]],
            sum(uses[i] for i in indices),
            sum(body_uses[i] for i in indices),
            chosen,
            tuple(c for c in ranked if c is not chosen),
            predict_two_stage(machine, product.rows, product.cols, threads, from_memory=from_memory)
            if product.layout == LAYOUT and head in indices
            else None,
        )

    products = tuple(planned(product, indices) for product, indices in groups.items())
    return Plan(threads, few, tokens, from_memory, products)
