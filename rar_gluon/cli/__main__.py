"""`python -m rar_gluon.cli` is `rar`."""

import sys

from rar_gluon.cli import main

sys.exit(main())
