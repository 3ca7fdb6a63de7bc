"""The pipeline's memory: what was asked of Canvas, what has finished, what is loaded, what is live."""

from pipelines.ledger.coverage import Coverage, CoverageStatus
from pipelines.ledger.database import Ledger
from pipelines.ledger.intents import Intent, IntentState
from pipelines.ledger.loads import CommitResult, Drift, LiveFile, Load, LoadFile

__all__ = [
    "CommitResult",
    "Coverage",
    "CoverageStatus",
    "Drift",
    "Intent",
    "IntentState",
    "Ledger",
    "LiveFile",
    "Load",
    "LoadFile",
]
