"""`./dev bench [NAME...]`: measures, compares with the targets, ends with 0 only when all are met.

A bench is a module beside this one with `run(options, report)`; BENCHES names them.
"""

import argparse
import importlib
import os
import pathlib
import sys

import figures
from processes import Failed

BENCHES = {"transfer": "1 GiB, and 10,000 small files, between two network namespaces; against others"}


def parse():
    listed = "".join(f"\n  {name:<12}{text}" for name, text in BENCHES.items())
    parser = argparse.ArgumentParser(
        prog="./dev bench", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Measures, and compares with the targets.", epilog=f"benches:{listed}")
    parser.add_argument("names", metavar="NAME", nargs="*", help="what to measure (default: everything)")
    parser.add_argument("--json", action="store_true", help="one JSON object a figure and line")
    parser.add_argument("--quick", action="store_true", help="small and 2 rounds: to try it out, not to quote")
    parser.add_argument("--rounds", type=int, help="rounds (default: 7, with --quick 2)")
    parser.add_argument("--part", type=names, default=[], help="transfer: only these, of file,folder")
    parser.add_argument("--system", type=names, default=[], help="transfer: only these, as in rondo,libtorrent,scp")
    parser.add_argument("--dir", type=pathlib.Path, help="where the big file is written (default: in the build folder)")
    parser.add_argument("--rondo", type=pathlib.Path, default=pathlib.Path("build/release/rondo"), help="the program")
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build/release"), help="the build folder")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in BENCHES]
    if unknown:
        parser.error(f"there is no bench '{unknown[0]}': {', '.join(BENCHES)}")
    if options.rounds is None:
        options.rounds = 2 if options.quick else 7
    if options.rounds < 1:
        parser.error("--rounds needs at least 1")
    options.rondo, options.build = options.rondo.resolve(), options.build.resolve()
    if not os.access(options.rondo, os.X_OK):
        parser.error(f"there is no program {options.rondo}: ./dev bench builds it")
    options.tools = options.build.parent / "tools"
    options.dir = (options.dir or options.build / "bench").resolve()
    return options


def names(text):
    return [name for name in text.split(",") if name]


def main():
    options = parse()
    report = figures.Report(options.json)
    try:
        for name in options.names or BENCHES:
            importlib.import_module(name).run(options, report)
    except Failed as error:
        sys.exit(f"bench: {error}")
    sys.exit(report.finish())


if __name__ == "__main__":
    main()
