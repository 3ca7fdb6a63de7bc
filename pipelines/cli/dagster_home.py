"""The Dagster instance of a data directory: its folder, its configuration, its workspace."""

import os
from pathlib import Path

from pipelines.private_files import private_folder, write_private
from pipelines.settings import Settings

# Why each line: telemetry and the sign-up nag are off, for this is student data; pools bind whole runs, because the
# slot of a step would outlive a killed process; a run that is killed is tried again, one that failed is not, for
# the product counts its own attempts; ticks are kept for a while and not for ever; every event is stored, and the
# terminal shows what the product itself says of it; what libraries print is not kept, for it could hold anything, and
# keeping it takes two processes per step.
_INSTANCE = """\
telemetry:
  enabled: false
nux:
  enabled: false
concurrency:
  runs:
    max_concurrent_runs: 4
  pools:
    default_limit: 1
    granularity: run
run_coordinator:
  module: dagster.core.run_coordinator
  class: QueuedRunCoordinator
  config:
    dequeue_interval_seconds: 1
run_monitoring:
  enabled: true
  start_timeout_seconds: 180
  poll_interval_seconds: 30
run_retries:
  enabled: true
  max_retries: 2
  retry_on_asset_or_op_failure: false
compute_logs:
  module: dagster._core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
python_logs:
  python_log_level: INFO
sensors:
  use_threads: true
  num_workers: 4
schedules:
  use_threads: true
  num_workers: 2
retention:
  schedule:
    purge_after_days: 90
  sensor:
    purge_after_days:
      skipped: 7
      failure: 30
      success: 90
"""

_WORKSPACE = """\
load_from:
  - python_module:
      module_name: pipelines.definitions
      location_name: canvaslake
"""


def prepare(settings: Settings) -> Path:
    """Write the instance's configuration and workspace, and return its folder.

    DAGSTER_HOME and CANVASLAKE_CONFIG are set for this process and the ones that it starts, so that all of them work
    on the same data directory with the same settings.
    """
    home = private_folder(settings.home / "dagster")
    write_private(home / "dagster.yaml", _INSTANCE)
    write_private(home / "workspace.yaml", _WORKSPACE)
    os.environ["DAGSTER_HOME"] = str(home)
    os.environ["CANVASLAKE_HOME"] = str(settings.home)
    if settings.config_path is not None:
        os.environ["CANVASLAKE_CONFIG"] = str(settings.config_path)
    return home
