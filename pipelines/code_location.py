"""Assets, jobs, schedules and sensors, put together from the settings, and nothing else."""

import dagster as dg

from assets.checks import keys_of_checks, table_checks
from assets.course import course_assets
from assets.department import department_assets
from assets.directory import directory_assets
from assets.models import model_assets
from assets.published import PUBLISHED, published_asset
from assets.reports import report_assets
from assets.specs import asset_key
from assets.student import student_assets
from pipelines.normalize.contracts import REPORTS, TABLES
from pipelines.project import Project
from pipelines.resources import Projects
from pipelines.schedules import ask_for_reports_job, endpoint_schedule, report_schedules
from pipelines.sensors import completion_sensor, failure_sensors
from pipelines.settings import Settings, load_settings
from pipelines.warehouse.check_list import checks_of

PULL_JOB = "pull_endpoints"


def build_definitions(settings: Settings | None = None, projects: Projects | None = None) -> dg.Definitions:
    """Return the definitions for some settings, those of the environment by default.

    `projects` replaces the resource that opens the project at run time. Without a Canvas in the settings the
    definitions load all the same: runs say then what is missing.
    """
    settings = settings or load_settings()
    reports = list(dict.fromkeys([*REPORTS, *(report.report for report in settings.reports)]))
    endpoints = endpoint_assets(settings)
    loaded = [*endpoints, *report_assets(reports, settings.owners)]
    files = Project(settings).model_files
    models = model_assets(files)
    keys = [key for assets in (*loaded, *models) for key in assets.keys]
    pull = dg.define_asset_job(
        PULL_JOB,
        # With the checks of the answers; those of the tables are told when the file has been built.
        selection=dg.AssetSelection.assets(*endpoints).without_checks() | dg.AssetSelection.checks(*endpoints),
        description="Pull the directory and the analytics from Canvas.",
        # Canvas may be away at the hour of the schedule; what is permanent says so and is not tried again.
        op_retry_policy=dg.RetryPolicy(max_retries=4, delay=60, backoff=dg.Backoff.EXPONENTIAL),
    )
    checks = {name: checks_of(name) for name in TABLES if asset_key(name) in keys}
    checks |= {model.qualified: model.checks for model in files}
    return dg.Definitions(
        assets=[*loaded, *models, published_asset(keys, settings.owners, keys_of_checks(checks))],
        asset_checks=[table_checks(checks)],
        jobs=[ask_for_reports_job, pull],
        schedules=[*report_schedules(settings), endpoint_schedule(PULL_JOB, settings)],
        sensors=[
            completion_sensor(reports, settings),
            *failure_sensors(),
            dg.AutomationConditionSensorDefinition(
                "models_and_published_file",
                target=dg.AssetSelection.assets(*(key for assets in models for key in assets.keys), PUBLISHED),
                minimum_interval_seconds=10,
                default_status=dg.DefaultSensorStatus.RUNNING,
                description="Makes the models and the published file anew when something was loaded.",
            ),
        ],
        resources={"projects": (projects or Projects()).as_resource()},
        # A step costs a tenth of a second in the run's process, and seconds in one of its own.
        executor=dg.in_process_executor,
    )


def endpoint_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """Return the assets that are pulled from endpoints, in data order; students only where the settings want them."""
    owners = settings.owners
    students = [] if settings.sync.student_analytics == "off" else student_assets(owners)
    return [*directory_assets(owners), *department_assets(owners), *course_assets(owners), *students]
