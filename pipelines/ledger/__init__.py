"""The pipeline's memory: what was asked of Canvas, what has finished, what is loaded, what is live."""

from pipelines.ledger.coverage import Answered, Coverage, CoverageStatus
from pipelines.ledger.database import Ledger
from pipelines.ledger.intents import Intent, IntentState
from pipelines.ledger.loads import BatchSlice, CommitResult, Drift, LiveFile, Load, LoadFile, ParquetFile

__all__ = [
    "Answered",
    "BatchSlice",
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
    "ParquetFile",
]
