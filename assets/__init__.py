"""The assets in data order: directory, department, course, student, reports, models, published.

Thin shells: what is asked, parsed, stored and published is done by the packages under `pipelines`.
"""
