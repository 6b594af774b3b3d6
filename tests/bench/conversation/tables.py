"""Figures as they are printed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def row(name: str, values: Sequence[float], unit: str = "ms", reach: str = "") -> None:
    """Percentiles of a series."""
    if not values:
        print(f"  {name:<52} nothing measured")
        return
    p50, p95, p99 = (float(np.percentile(values, q)) for q in (50, 95, 99))
    figures = f"p50 {p50:8.1f}  p95 {p95:8.1f}  p99 {p99:8.1f}  max {max(values):8.1f} {unit}  n={len(values)}"
    print(f"  {name:<52} {figures}{f'   reach: {reach}' if reach else ''}")


def figure(name: str, value: str, reach: str = "") -> None:
    """One figure."""
    print(f"  {name:<52} {value}{f'   reach: {reach}' if reach else ''}")
