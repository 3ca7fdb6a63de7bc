"""The Progress of a background job, which a client polls until it has completed or failed."""

from typing import Any, Final

from pipelines.demo.institution import local_id
from pipelines.demo.progress_desk import Progress
from pipelines.demo.wire import Answer, not_found, utc_text
from pipelines.demo.world import Call, Endpoint

_COMPLETION: Final = {"queued": None, "running": 0.0, "completed": 100.0, "failed": 0.0}
"""The analytics job never says how far it is: it goes from nothing to everything."""


def progress_url(call: Call, progress: Progress) -> str:
    """Return where a job can be polled."""
    return f"{call.world.base_url}/api/v1/progress/{progress.id}"


def progress_json(call: Call, progress: Progress) -> dict[str, Any]:
    """Write a job as it stands now."""
    now = call.world.clock()
    state = progress.state(now)
    return {
        "id": progress.id,
        "context_id": progress.course_id,
        "context_type": "Course",
        "user_id": progress.user_id,
        "tag": progress.tag,
        "completion": _COMPLETION[state],
        "workflow_state": state,
        "created_at": utc_text(progress.created_at),
        "updated_at": utc_text(progress.updated_at(now)),
        "message": None,
        "url": progress_url(call, progress),
    }


def show(call: Call) -> Answer:
    """Answer a job's Progress, or the 404."""
    number = local_id(call.path_params["progress_id"])
    progress = None if number is None else call.world.progress.find(number)
    if progress is None:
        raise not_found()
    return Answer(progress_json(call, progress))


ENDPOINTS: Final = (Endpoint("GET", "/api/v1/progress/{progress_id}", show),)
