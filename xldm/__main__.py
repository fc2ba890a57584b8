"""``python -m xldm`` is the ``xldm`` command."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
