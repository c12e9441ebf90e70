"""The process `tvae`, which is `python -m tvae` too: an interrupt is one line from the first import on."""

import sys


def main() -> int:
    """Run the command line of this process and return its exit code."""
    try:
        from tvae.cli.app import main as run

        code = run()
        from signal import SIG_IGN, SIGINT, signal

        # All is done: what is left of the process is its exit, which has a code by now.
        signal(SIGINT, SIG_IGN)
    except KeyboardInterrupt:
        sys.stderr.write("tvae: interrupted\n")
        code = 130
    if code == 130:
        # Python ends by the signal if it came while a text was compiled, even though it was caught; the next
        # text makes it forget that.
        exec("")
    return code


if __name__ == "__main__":
    sys.exit(main())
