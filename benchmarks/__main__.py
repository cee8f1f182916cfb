"""`python -m benchmarks`: speed beside named peers. Accuracy on real pictures needs them: see accuracy_table.py."""

import sys

from benchmarks.speed import main

sys.exit(main())
