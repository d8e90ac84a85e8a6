"""How many bits should the first stage of the two-stage head read? Count the survivors of several cuts of a code.

    python tests/head/high_bits.py --rows 128256 --cols 2560

Fewer high bits make the first stage cheaper, but the part that stays unread wider, so that more rows
survive. For each cut: the relative error of the quantiser, which the dither costs levels, and the bits a
weight that both stages read. Rounding is left out; docs/two-stage-head.md shows the result.
"""

import argparse
from dataclasses import dataclass

import numpy as np

from oracle import GROUP, Tokens, t_of

F32 = np.float32
HEADS = ("uniform", "normal", "zipf")
#: Bits a weight of a float16 scale for each group.
SCALE_BITS = 16 / GROUP
BLOCK_ROWS = 4096


@dataclass(frozen=True)
class Cut:
    """A code of values -long .. short, whose sum with the dither is cut into high and low bits."""

    high_bits: int
    low_bits: int

    @property
    def levels(self):
        """Values that leave room for a dither of 0 .. 2^low_bits - 1."""
        return 2 ** (self.high_bits + self.low_bits) - 2**self.low_bits + 1

    @property
    def long(self):
        """57 levels are -30 .. 26; others in proportion."""
        return round(30 / 57 * self.levels)

    def quantize(self, weights):
        """Values and scales of weights [rows, groups, 64]: the extreme lands on -long."""
        short = self.levels - 1 - self.long
        top, bottom = weights.max(axis=2), weights.min(axis=2)
        positive = top > -bottom
        extreme, opposite = np.where(positive, (top, -bottom), (-bottom, top))
        scale = np.where(positive, -1, 1) * np.maximum(
            extreme / self.long, np.maximum(opposite, 0) / (short + 0.49)
        ).astype(F32)
        return np.clip(np.rint(weights / scale[:, :, None]), -self.long, short), scale

    def kappa(self, top):
        """Radius of the estimate's interval in units of R (docs/two-stage-head.md, step 3)."""
        return t_of(top) * np.sqrt((4**self.low_bits - 1) / 12)


CUTS = (Cut(3, 3), Cut(2, 4), Cut(2, 5))


def draw(kind, rng, norms, cols):
    """Weights of some rows."""
    if kind == "uniform":  # like the weights of synthetic: models
        return rng.uniform(-1, 1, (len(norms), cols)).astype(F32)
    weights = rng.standard_normal((len(norms), cols), dtype=F32)
    return norms[:, None] * weights if kind == "zipf" else weights


def study(kind, rows, cols, tokens, rng):
    """Rows of the table for one kind of head: (kind, cut, error, {top: (survivors, bits read)})."""
    states = Tokens.of(rng.standard_normal((tokens, cols)).astype(F32))
    q = states.q.reshape(tokens, -1)
    energy = (states.q**2).sum(axis=2)
    parts = {cut: [] for cut in CUTS}
    dither = {cut: rng.integers(0, 2**cut.low_bits, q.shape[1]) for cut in CUTS}
    norms = (1 + rng.permutation(rows)).astype(F32) ** F32(-0.5)
    for begin in range(0, rows, BLOCK_ROWS):
        some = norms[begin : begin + BLOCK_ROWS]
        weights = np.zeros((len(some), q.shape[1]), F32)
        weights[:, :cols] = draw(kind, rng, some, cols)
        groups = weights.reshape(len(weights), -1, GROUP)
        for cut in CUTS:
            values, scale = cut.quantize(groups)
            stored = values.reshape(len(weights), -1).astype(np.int32) + cut.long + dither[cut]
            low = (stored % 2**cut.low_bits - (2**cut.low_bits - 1) / 2).reshape(groups.shape)
            exact = (values * scale[:, :, None]).reshape(len(weights), -1)
            unread = (low * scale[:, :, None]).astype(F32).reshape(len(weights), -1)
            logits = exact.astype(F32) @ q.T
            radius = np.sqrt((scale * scale) @ energy.T)
            error = np.sum((exact - weights) ** 2) / np.sum(weights**2)
            parts[cut].append((logits, logits - unread @ q.T, radius, error, len(weights)))
    for cut in CUTS:
        logits, estimate, radius = (np.concatenate([p[i] for p in parts[cut]]) for i in range(3))
        error = np.sqrt(np.average([p[3] for p in parts[cut]], weights=[p[4] for p in parts[cut]]))
        for top in (1, 40):
            counts = []
            for t in range(tokens):
                seeds = np.argsort(-estimate[:, t])[: max(4 * top, 32)]
                threshold = np.sort(logits[seeds, t])[-top]
                upper = estimate[:, t] + cut.kappa(top) * radius[:, t]
                counts.append(np.count_nonzero(upper >= threshold))
            share = np.mean(counts) / rows
            yield kind, cut, error, top, share, cut.high_bits + SCALE_BITS + cut.low_bits * share


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=16384)
    parser.add_argument("--cols", type=int, default=1024)
    parser.add_argument("--tokens", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    print(
        "| head | high + low bits | levels | error of the quantiser | wanted | survive | bits a weight read |"
    )
    print("|---|---|---:|---:|---:|---:|---:|")
    for kind in HEADS:
        rng = np.random.default_rng(arguments.seed)
        for _, cut, error, top, share, bits in study(
            kind, arguments.rows, arguments.cols, arguments.tokens, rng
        ):
            print(
                f"| {kind} | {cut.high_bits} + {cut.low_bits} | {cut.levels} | {error:.2%} "
                f"| {top} | {share:.2%} | {bits:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
