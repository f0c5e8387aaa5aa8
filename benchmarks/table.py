"""The figures as a table for people."""

from typing import Any

COLUMNS = (
    ("accepted/s", "per_second", "{:.0f}"),
    ("answer p50 ms", "answer_p50_ms", "{:.1f}"),
    ("p99", "answer_p99_ms", "{:.1f}"),
    ("visible p50 ms", "visible_p50_ms", "{:.1f}"),
    ("p99", "visible_p99_ms", "{:.1f}"),
    ("CPU us/msg", "cpu_us", "{:.0f}"),
    ("mongod us/msg", "mongod_cpu_us", "{:.0f}"),
    ("DB ops/msg", "operations", "{:.2f}"),
    ("DB requests/msg", "requests_per_message", "{:.2f}"),
    ("memory MB", "memory_mb", "{:.0f}"),
)


def print_table(results: dict[str, Any]) -> None:
    """Print what `benchmarks.__main__.bench` measured."""
    rows = [["", *(title for title, _, _ in COLUMNS)]]
    for name, run in results["runs"].items():
        cells = [form.format(run[key]) if run.get(key) is not None else "-" for _, key, form in COLUMNS]
        rows.append([name, *cells])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        name, *cells = row
        print(
            name.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True)), sep="  "
        )
    print()
    print(f"accepted/s at 64 connections, in floors of this run: {results['ratio_to_floor_at_64']:.2f}")
    print(f"memory above a process that only imports the libraries: {results['above_imports_mb']:.0f} MB")
    lost = {name: run["accepted"] - run["visible"] for name, run in results["runs"].items() if "floor" not in name}
    print(f"accepted but not seen on the live feed: {sum(lost.values())}")
