"""A roofline as a picture."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from roofline import Point, Roofline

#: Distinct for colour-blind readers too (Okabe and Ito's palette).
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00")
DASHES = ("-", "--", ":")
MARKERS = ("o", "^", "D")


def draw(roofline: Roofline, path: Path) -> None:
    """Write a PNG of the roofs and points to ``path``."""
    figure = Figure(figsize=(11, 7), dpi=130, layout="constrained")
    FigureCanvasAgg(figure)  # no pyplot, so no display and no state beyond this call
    axes = figure.add_subplot()
    points = roofline.points
    x = (min(p.intensity for p in points) / 2, max(p.intensity for p in points) * 2)
    lowest = min(p.rate for p in points)
    axes.set(
        xscale="log",
        yscale="log",
        xlim=x,
        ylim=(lowest / 3, max(roof.multiply for roof in roofline.roofs) * 1.5),
        xlabel="multiply-adds per byte of weights (codes and scales)",
        ylabel="$10^9$ multiply-adds a second",
        title=f"Matrix kernels, {roofline.isa}, {roofline.shape}, memory pages of {roofline.pages}",
    )
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.grid(which="both", linewidth=0.4, color="#dddddd")
    axes.set_axisbelow(True)
    for roof, dash in zip(roofline.roofs, DASHES, strict=False):
        ridge = roof.multiply / roof.read
        xs = [x[0], ridge, x[1]]
        threads = "1 thread" if roof.threads == 1 else f"{roof.threads} threads"
        label = f"{threads}: reads {roof.read:.1f} GB/s, multiplies {roof.multiply:.0f} G/s"
        axes.plot(xs, [roof.at(at)[0] for at in xs], dash, color="#444444", label=label)
    _scatter(axes, points)
    _name_columns(axes, [p for p in points if p.tokens == 1])
    _name_columns(axes, [p for p in points if p.tokens > 1])
    axes.legend(loc="lower right", fontsize=9)
    figure.savefig(path)


def _scatter(axes: Axes, points: tuple[Point, ...]) -> None:
    """Draw the points: a colour for each layout, a marker for each phase and number of threads."""
    layouts = sorted({p.layout for p in points})
    counts = sorted({p.threads for p in points})
    series: dict[tuple[str, int, int], list[Point]] = defaultdict(list)
    for p in points:
        series[p.layout, p.tokens, p.threads].append(p)
    for (layout, tokens, threads), members in sorted(series.items()):
        phase = f"{tokens} tokens" if tokens > 1 else "1 token from memory"
        many = f", {threads} threads" if threads > 1 else ""
        axes.plot(
            [p.intensity for p in members],
            [p.rate for p in members],
            "s" if tokens > 1 else MARKERS[counts.index(threads) % len(MARKERS)],
            color=COLOURS[layouts.index(layout) % len(COLOURS)],
            markersize=6,
            markeredgecolor="white",
            markeredgewidth=0.6,
            label=f"{layout}, {phase}{many}",
        )


def _name_columns(axes: Axes, points: list[Point]) -> None:
    """Name the format of the points that share an intensity, once, below the lowest of them."""
    columns: dict[float, list[Point]] = defaultdict(list)
    for p in points:
        columns[p.intensity].append(p)
    for intensity, members in columns.items():
        axes.annotate(
            members[0].format,
            (intensity, min(p.rate for p in members)),
            (0, -8),
            textcoords="offset points",
            rotation=90,
            ha="center",
            va="top",
            fontsize=8,
        )
