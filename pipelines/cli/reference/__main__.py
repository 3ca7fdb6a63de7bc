"""`python -m pipelines.cli.reference [--check] docs/reference`."""

import sys

from pipelines.cli.reference.pages import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
