"""Clients of the published file, each a real one in a process of its own, while publishes go on: `python -m tests.bi`.

What a client does is a file of `snippets`, which the pages show as it stands. `drivers` run a snippet again and again
inside the client. The rest lives in canvaslake's own environment: `publisher` makes generations whose rows tell their
number, `sessions` and `superset` are the clients as seen from outside, `judge` decides what is a fault.
"""
