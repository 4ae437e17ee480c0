"""Figures: what a benchmark finds, as a table for people or as one JSON object a line.

A figure with a target is ok when its value meets the target; one without a target is only told. A figure that could not
be measured has the value null and says why.
"""

import json
import operator
import re
import statistics
import sys

COMPARISONS = {"<=": operator.le, "<": operator.lt, ">=": operator.ge, ">": operator.gt}


class Figure:
    """A name, the values of its rounds, and what is wanted of their median."""

    def __init__(self, name, values, unit, target=None, note=None, failed=False):
        self.name, self.values, self.unit, self.target, self.note = name, list(values), unit, target, note
        self.value = statistics.median(self.values) if self.values else None
        self.ok = not failed and (target is None or (self.value is not None and meets(self.value, target)))

    def as_json(self):
        shown = {"figure": self.name, "value": rounded(self.value), "unit": self.unit, "target": self.target,
                 "ok": self.ok, "runs": len(self.values)}
        if self.values:
            shown |= {"min": rounded(min(self.values)), "max": rounded(max(self.values)),
                      "values": [rounded(value) for value in self.values]}
        return json.dumps(shown | ({"note": self.note} if self.note else {}))

    def cells(self):
        span = f"{shown(min(self.values))} - {shown(max(self.values))}" if len(self.values) > 1 else ""
        verdict = "" if self.ok and self.target is None else "ok" if self.ok else "FAILED"
        value = "-" if self.value is None else f"{shown(self.value)} {self.unit}"
        return [self.name, value, span, str(len(self.values)), self.target or "", verdict, self.note or ""]


def meets(value, target):
    """Whether a value is as a target like "<= 1.10" wants it."""
    sign, bound = re.fullmatch(r"([<>]=?) ([\d.]+)", target).groups()
    return COMPARISONS[sign](value, float(bound))


def rounded(value):
    return None if value is None else float(f"{value:.4g}")


def shown(value):
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


class Report:
    """Collects figures. JSON lines are printed as they come, the table at the end."""

    HEADINGS = ["figure", "median", "range", "runs", "target", "", ""]

    def __init__(self, as_json):
        self._as_json = as_json
        self.figures = []

    def add(self, *arguments, **options):
        figure = Figure(*arguments, **options)
        self.figures.append(figure)
        if self._as_json:
            print(figure.as_json(), flush=True)

    @staticmethod
    def say(text):
        """Progress: never among the results."""
        print(text, file=sys.stderr, flush=True)

    def finish(self):
        """The exit code."""
        if not self._as_json and self.figures:
            print_table([self.HEADINGS] + [figure.cells() for figure in self.figures])
        return 0 if self.figures and all(figure.ok for figure in self.figures) else 1


def print_table(rows):
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    numeric = {1, 2, 3}
    print()
    for row in rows:
        cells = (cell.rjust(width) if column in numeric else cell.ljust(width)
                 for column, (cell, width) in enumerate(zip(row, widths)))
        print("  ".join(cells).rstrip())
    print(flush=True)
