"""`python -m nas` is the `nas` command."""

from __future__ import annotations

from nas.cli import main

if __name__ == "__main__":
    main()
