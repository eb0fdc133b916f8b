"""The command line; commands/ has one file for each thing it can do.

python -m motion_core animate photo.jpg --drag "0.4,0.5 0.6,0.4" --pin 0.8,0.5 -o out.mp4
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from typing import NoReturn

import torch

from .commands import animate, convert, convert_weights, i2v, predict, render, report, show, track
from .errors import MotionError

COMMANDS = [animate, i2v, predict, render, track, report, convert, show, convert_weights]
MISUSE = 2  # exit code of everything that a person can mend


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 if it worked, 2 with one sentence on standard error if it could not."""
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING)
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except MotionError as error:
        return _refused(str(error))
    except (MemoryError, RuntimeError) as error:
        if not _out_of_memory(error):
            raise
        return _refused(
            "There is not enough memory for this; use a smaller picture (--longest) or fewer frames, and with networks "
            "also --chunk 4 or --apart."
        )
    except KeyboardInterrupt:
        sys.stderr.write("motion-i2v: stopped; nothing half-written was left.\n")
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="motion-i2v", description="Make a still picture move exactly the way it was drawn.")
    commands = parser.add_subparsers(required=True, parser_class=_Parser)
    for command in COMMANDS:
        command.add(commands)
    commands.metavar = " | ".join(commands.choices)
    return parser


def _out_of_memory(error: Exception) -> bool:
    """torch tells of a full GPU by an error of its own, and of a full computer by a plain RuntimeError."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def _refused(reason: str) -> int:
    sys.stderr.write(f"motion-i2v: {reason}\n")
    return MISUSE


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise SystemExit(_refused(f"{message} (see {self.prog} --help)"))


if __name__ == "__main__":
    sys.exit(main())
