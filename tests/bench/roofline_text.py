"""A roofline for a terminal: a chart of characters, and the points as a table."""

from __future__ import annotations

import math

from roofline import Roofline

WIDTH, HEIGHT = 72, 22


class _Canvas:
    """Characters on logarithmic axes."""

    def __init__(self, x: tuple[float, float], y: tuple[float, float]) -> None:
        self._x, self._y = x, y
        self._cells = [[" "] * WIDTH for _ in range(HEIGHT)]

    def column_value(self, column: int) -> float:
        """Return x in the middle of a column."""
        low, high = map(math.log, self._x)
        return math.exp(low + (high - low) * (column + 0.5) / WIDTH)

    def put(self, x: float, y: float, mark: str) -> None:
        """Write ``mark`` at (x, y); what lies outside is dropped."""
        column = math.floor(WIDTH * math.log(x / self._x[0]) / math.log(self._x[1] / self._x[0]))
        row = math.floor(HEIGHT * math.log(y / self._y[0]) / math.log(self._y[1] / self._y[0]))
        if 0 <= column < WIDTH and 0 <= row < HEIGHT:
            self._cells[HEIGHT - 1 - row][column] = mark

    def lines(self) -> list[str]:
        """Return the chart with its axes and their ends."""
        labels = {0: f"{self._y[1]:.4g}", HEIGHT - 1: f"{self._y[0]:.4g}"}
        body = [f"{labels.get(i, ''):>6} |{''.join(row)}" for i, row in enumerate(self._cells)]
        ends = f"{self._x[0]:<.4g}".ljust(WIDTH - 8) + f"{self._x[1]:>8.4g}"
        return [*(line.rstrip() for line in body), " " * 7 + "+" + "-" * WIDTH, " " * 8 + ends]


def text(roofline: Roofline) -> str:
    """Return the chart (layouts by their first letter, prefill in capitals) and the table."""
    points = roofline.points
    intensities = [p.intensity for p in points]
    rates = [p.rate for p in points] + [roof.multiply for roof in roofline.roofs]
    canvas = _Canvas(
        (min(intensities) / 1.5, max(intensities) * 1.5), (min(rates) / 1.5, max(rates) * 1.5)
    )
    for roof in roofline.roofs:
        for column in range(WIDTH):
            x = canvas.column_value(column)
            canvas.put(x, roof.at(x)[0], ".")
    for p in points:
        canvas.put(p.intensity, p.rate, p.layout[0].upper() if p.tokens > 1 else p.layout[0])
    layouts = sorted({p.layout for p in points})
    legend = ", ".join(f"{layout[0]} {layout}" for layout in layouts)
    ceilings = [
        f"{roof.threads} thread{'s' if roof.threads > 1 else ''}: reads {roof.read:.1f} GB/s, "
        f"multiplies {roof.multiply:.0f} G/s"
        for roof in roofline.roofs
    ]
    table = [f"{'kernel':24} {'format':8} {'tokens':>6} {'threads':>7} {'per byte':>8} {'G/s':>8}"]
    table[0] += f" {'roof':>8} {'%':>6}  bound by"
    table += [
        f"{p.kernel:24} {p.format:8} {p.tokens:6} {p.threads:7} {p.intensity:8.2f} {p.rate:8.1f} "
        f"{p.roof:8.1f} {p.percent:6.1f}  {p.bound}"
        for p in points
    ]
    head = [
        f"{roofline.isa}, {roofline.shape}, pages of {roofline.pages}: 10^9 multiply-adds a second "
        "over multiply-adds per byte of weights",
        f"{legend}; small: 1 token from memory, CAPITAL: prefill; dots: the ceilings",
        *ceilings,
    ]
    return "\n".join([*head, "", *canvas.lines(), "", *table])
