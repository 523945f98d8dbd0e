"""`python -m lintdb` is the `lintdb` command."""

from __future__ import annotations

import sys

from lintdb.cli import main

if __name__ == "__main__":
    sys.exit(main())
