"""What holds for every test: property tests draw the same examples at every run, so that a failure repeats."""

from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None, print_blob=False)
settings.load_profile("repeatable")
