"""``python -m lutwerk``."""

import sys

from lutwerk.cli import main

sys.exit(main())
