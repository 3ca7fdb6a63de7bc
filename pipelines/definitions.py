"""What Dagster loads: the definitions of this folder's settings. Importing it reads them; programs build their own."""

import os

from pipelines.code_location import build_definitions

# Runs write student data: whatever they create is their owner's alone.
os.umask(0o077)

defs = build_definitions()
