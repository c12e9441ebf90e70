"""`python -m tvae` is `tvae`."""

from __future__ import annotations

import sys

from tvae.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
