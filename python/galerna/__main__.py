"""The command `galerna`: the same as the cargo binary."""

from __future__ import annotations

import signal
import sys

from galerna import _core


def main() -> int:
    """Run the command line of this process and return its exit code."""
    # No Python runs meanwhile that could raise KeyboardInterrupt.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return _core.main(["galerna", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
