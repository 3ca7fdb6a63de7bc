"""A stand-in for Canvas: a real server on the loopback, filled with a seeded university or with OULAD.

Demo, documentation and tests talk to it as they would talk to Canvas. It shares no code with the
product, so a misreading of Canvas in one of the two shows up as a failing test. What the server does is
written down in the project's facts about Canvas, read from its source; nothing here is a client.
"""

from pipelines.demo.clock import Clock, ManualClock
from pipelines.demo.faults import Faults
from pipelines.demo.institution import Institution
from pipelines.demo.oulad import oulad_institution
from pipelines.demo.preferences import Preferences
from pipelines.demo.quota import CostModel, QuotaPolicy
from pipelines.demo.seed import seeded_institution, with_awkward_terms
from pipelines.demo.seed_changes import changed_institution
from pipelines.demo.server import DEMO_TOKEN, DemoCanvas
from pipelines.demo.tokens import ALL_PERMISSIONS, Grant

__all__ = [
    "ALL_PERMISSIONS",
    "DEMO_TOKEN",
    "Clock",
    "CostModel",
    "DemoCanvas",
    "Faults",
    "Grant",
    "Institution",
    "ManualClock",
    "Preferences",
    "QuotaPolicy",
    "changed_institution",
    "oulad_institution",
    "seeded_institution",
    "with_awkward_terms",
]
