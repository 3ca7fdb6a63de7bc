"""What the history keeps: versions where something was said to be different, and none where it was said again."""

from datetime import timedelta
from typing import Any

import pytest

from pipelines.models import load_models, model_columns, sql_folder
from pipelines.normalize.contracts import TABLES
from tests.models.campus import Lived
from tests.models.loaded import NOON, Loaded

HISTORY = tuple(model for model in load_models(sql_folder(), TABLES) if model.schema == "history")
LATER = NOON + timedelta(days=7)


def test_the_history_is_of_what_canvas_forgets() -> None:
    names = {model.name for model in HISTORY}
    assert names == {"enrollments", "courses", "users", "grades", "student_summaries"}


@pytest.mark.parametrize("model", HISTORY, ids=lambda model: model.qualified)
def test_every_version_says_how_long_it_held_and_nothing_of_the_load_that_brought_it(model: Any) -> None:
    columns = [name for name, _ in model_columns(load_models(sql_folder(), TABLES), TABLES)[model.qualified]]
    assert columns[-3:] == ["valid_from", "valid_to", "is_current"]
    assert "extracted_at" in columns
    assert not any(name.startswith("_") for name in columns)


def test_the_current_rows_are_those_of_now_each_key_once(lived: Lived) -> None:
    drawn = lived.drawn
    due = {
        "enrollments": len(drawn["reports.provisioning_enrollments"]),
        "courses": len(drawn["canvas.courses"]),
        "grades": len({(row["course_id"], row["student_id"]) for row in drawn["reports.grade_export"]}),
        "student_summaries": len(drawn["analytics.student_summaries"]),
    }
    for name, rows in due.items():
        key = ", ".join(next(model.key for model in HISTORY if model.name == name))
        assert lived.rows(
            f"select count(*), count(distinct ({key})) from history.{name} where is_current and valid_to is null"
        ) == [(rows, rows)]


@pytest.mark.slow
def test_what_is_said_again_makes_no_version_and_what_is_said_differently_makes_one(loaded: Loaded) -> None:
    def everything(load: str, at: Any, status: str, views: int, score: float, name: str) -> None:
        loaded.add("canvas.courses", load=load, at=at, course_id=1, name=name, total_students=views)
        loaded.add("analytics.student_summaries", load=load, at=at, course_id=1, user_id=7, page_views=views)
        loaded.add("reports.provisioning_users", load=load, at=at, canvas_user_id=7, login_id="a", full_name=name)
        ids = {"canvas_course_id": 1, "canvas_section_id": 1, "canvas_user_id": 7}
        loaded.add("reports.provisioning_enrollments", load=load, at=at, canvas_enrollment_id=100, status=status, **ids)
        loaded.add("reports.grade_export", load=load, at=at, course_id=1, section_id=1, student_id=7, final_score=score)

    def versions(column: str, table: str) -> list[tuple[Any, ...]]:
        return loaded.rows(f"select {column}, is_current from history.{table} order by valid_from")

    everything("load-1", NOON, "active", 5, 80.0, "Art")
    loaded.rows("select 1")
    everything("load-2", LATER, "active", 5, 80.0, "Art")
    assert versions("status", "enrollments") == [("active", True)]
    assert versions("page_views", "student_summaries") == [(5, True)]

    everything("load-3", LATER + timedelta(days=1), "deleted", 6, 75.0, "Arts")
    assert versions("status", "enrollments") == [("active", False), ("deleted", True)]
    assert versions("page_views", "student_summaries") == [(5, False), (6, True)]
    assert versions("final_score", "grades") == [(80.0, False), (75.0, True)]
    assert versions("course_name", "courses") == [("Art", False), ("Arts", True)]
    assert versions("full_name", "users") == [("Art", False), ("Arts", True)]

    # More students in a course are versions of their enrollments and not of the course.
    loaded.add(
        "canvas.courses", load="load-4", at=LATER + timedelta(days=2), course_id=1, name="Arts", total_students=99
    )
    assert versions("course_name", "courses") == [("Art", False), ("Arts", True)]
