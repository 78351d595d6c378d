"""Print configurations: `rar config`."""

from __future__ import annotations

import argparse

from rar_gluon import config as configuration
from rar_gluon.cli.options import add_command


def add_config(commands) -> None:
    """Add `rar config`."""
    printed = add_command(commands, "config", config_command, "print configurations", "rar config rar_thin --explain")
    printed.add_argument(
        "configs",
        nargs="*",
        metavar="CONFIG",
        help="presets' names or YAML files; default: rar; of --summary: rar, rar_thin",
    )
    what = printed.add_mutually_exclusive_group()
    what.add_argument("--explain", action="store_true", help="every value, and whether the paper states it")
    what.add_argument("--summary", action="store_true", help="parameters, multiply-accumulates and map sizes of each")


def config_command(arguments: argparse.Namespace) -> int:
    """Print configurations: complete YAML (default), every value with its mark, or a table of costs."""
    names = arguments.configs
    if arguments.summary:
        from rar_gluon.net.cost import summary_table

        names = names or ["rar", "rar_thin"]
        short = [configuration.name_of(name) for name in names]
        labels = short if len(set(short)) == len(short) else names
        print(summary_table({name: configuration.load(config) for name, config in zip(labels, names)}))
        return 0
    for name in names or ["rar"]:
        config = configuration.load(name)
        print(configuration.explain(config) if arguments.explain else configuration.dump(config), end="\n")
    return 0
