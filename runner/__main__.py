"""`python -m tinybench.runner` is the command `tinybench`."""

import sys

from .cli import main

sys.exit(main())
