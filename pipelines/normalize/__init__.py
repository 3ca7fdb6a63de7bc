"""From Canvas's answers to declared tables: contracts, JSON to frames, CSV to typed batches, quarantine."""
