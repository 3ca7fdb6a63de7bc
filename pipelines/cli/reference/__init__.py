"""The reference pages of `docs/reference`, written from the code: `python -m pipelines.cli.reference [--check] FOLDER`.

Each page is a pure function of what the code declares (contracts, models, settings, commands, errors), so that a page
cannot say something else than the product does. Pages that explain or advise are written by hand, beside these.
"""
