"""Who belongs to whom: the pairing of rows and columns with the largest sum."""

from __future__ import annotations

import numpy as np


def best_pairing(gain: np.ndarray) -> np.ndarray:
    """(n, m) gains, n <= m -> (n,) the column of each row, each used once, with the largest sum of gains. Exact, O(n^2 m).

    The Hungarian method (Kuhn 1955) as shortest augmenting paths (Jonker & Volgenant 1987): rows are added one at a
    time, prices on rows and columns keep all reduced costs at 0 or above, and a path of least reduced cost makes room.
    """
    cost = -np.asarray(gain, np.float64)
    n, m = cost.shape
    if n > m:
        raise ValueError(f"There are {n} rows but only {m} columns: each row needs a column of its own.")
    row_price, column_price = np.zeros(n), np.zeros(m)
    row_of = np.full(m, -1)
    for start in range(n):
        distance = np.full(m, np.inf)
        came_from = np.full(m, -1)  # the column before this one on the path; -1: the start
        done = np.zeros(m, bool)
        row, column, travelled = start, -1, 0.0
        while True:
            candidate = travelled + cost[row] - row_price[row] - column_price
            shorter = ~done & (candidate < distance)
            distance[shorter], came_from[shorter] = candidate[shorter], column
            column = int(np.where(done, np.inf, distance).argmin())
            travelled = distance[column]
            if row_of[column] < 0:
                break
            done[column] = True
            row = row_of[column]
        row_price[start] += travelled
        row_price[row_of[done]] += travelled - distance[done]
        column_price[done] -= travelled - distance[done]
        while column >= 0:
            before = came_from[column]
            row_of[column] = start if before < 0 else row_of[before]
            column = before
    column_of = np.empty(n, np.int64)
    used = row_of >= 0
    column_of[row_of[used]] = np.flatnonzero(used)
    return column_of
