"""What all tests share."""

import os

from steps.__main__ import QUIET

# Before any test imports what reads these.
for name, value in QUIET.items():
    os.environ.setdefault(name, value)
