"""`python -m experiments`."""

import sys

try:
    from experiments.cli import main
except ModuleNotFoundError as error:
    if error.name != "mxnet":
        raise
    print("experiments: this needs MXNet, which is not installed: docs/guide/install.md says how.", file=sys.stderr)
    sys.exit(2)

sys.exit(main())
