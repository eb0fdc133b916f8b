"""The command line as a person meets it: its exit code, and the one sentence that a misuse gets."""

from motion_core.__main__ import main


def run(*arguments):
    try:
        return main([str(argument) for argument in arguments])
    except SystemExit as exit_:
        return exit_.code


def refused(capsys, *arguments):
    """The one sentence that a misuse gets."""
    assert run(*arguments) == 2
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("motion-i2v: ")]
    assert len(said) == 1
    return said[0]
