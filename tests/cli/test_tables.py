"""`canvaslake tables` in a terminal: every name whole, nothing cut off, at any width."""

import pytest

from pipelines.cli.tables import as_json, description_text, list_text, of_schema
from pipelines.serve import ColumnEntry, QueryError, TableEntry
from pipelines.serve.dictionary import TableDescription

LONG = "analytics.department_statistics_by_subaccount"
ENTRIES = [
    TableEntry(
        "marts",
        "dim_course",
        1204,
        2,
        "Courses from API and report. A course that only one knows is here.",
        extracted_at="2026-02-01T12:00:59Z",
    ),
    TableEntry("analytics", "department_statistics_by_subaccount", 1, 20, "Counts of what an account holds."),
    TableEntry("annex", "t", 0, 1, ""),
]
DESCRIBED = TableDescription(
    TableEntry(
        "marts",
        "dim_course",
        1204,
        2,
        "Courses from API and report. A course that only one knows is here.",
        grain="one row per course",
        key="course_id",
        source="sql/marts/dim_course.sql",
        kind="model",
        owner="team:analytics",
        extracted_at="2026-02-01T12:00:59Z",
    ),
    (
        ColumnEntry(
            "course_id",
            "BIGINT",
            "Canvas id of the course.",
            is_key=True,
            privacy="none",
            endpoint="GET /api/v1/courses?include[]=term; POST /api/v1/accounts/:account_id/reports/x (a.csv)",
            derived_from="staging.stg_courses.course_id, staging.stg_report_courses.course_id",
        ),
        ColumnEntry(
            "seen_at",
            "TIMESTAMP WITH TIME ZONE",
            "When [somebody] was :key: there.",
            unit="UTC",
            privacy="record",
            source="seen at",
        ),
    ),
)
WIDTHS = [60, 80, 119, 120, 140, 300]


def words(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("width", WIDTHS)
def test_the_list_goes_into_the_width_with_every_name_whole(width: int) -> None:
    text = list_text(ENTRIES, width=width, color=False)
    assert max(map(len, text.splitlines())) <= width
    for entry in ENTRIES:
        assert entry.qualified in text
    assert "1,204 rows" in text
    assert "1 row\n" in text or "1 row " in text
    assert "2026-02-01 12:00" in text


@pytest.mark.parametrize("width", WIDTHS)
def test_the_list_says_what_a_schema_is_for_and_what_a_table_is(width: int) -> None:
    text = words(list_text(ENTRIES, width=width, color=False))
    assert "marts Ready answers and stars" in text
    assert "Courses from API and report." in text
    assert "A course that only one knows" not in text
    assert text.index("marts.dim_course") < text.index(LONG) < text.index("annex.t")


@pytest.mark.parametrize("width", WIDTHS)
def test_a_table_shows_everything_that_is_known_of_it(width: int) -> None:
    text = description_text(DESCRIBED, width=width, color=False)
    assert max(map(len, text.splitlines())) <= width
    flat = words(text)
    for part in (
        "A course that only one knows is here.",
        "grain one row per course",
        "2026-02-01 12:00 UTC",
        "source sql/marts/dim_course.sql",
        "owner team:analytics",
        "from staging.stg_courses.course_id, staging.stg_report_courses.course_id",
        "from seen at",
        "TIMESTAMPTZ",
        "UTC record",
    ):
        assert part in flat
    # Neither markup nor the codes of pictures are taken out of what Canvas and analysts wrote.
    assert "When [somebody] was :key: there." in flat
    assert "GET /api/v1/courses?include[]=term" in text
    assert "/:account_id/reports/x (a.csv)" in flat


def test_colour_is_added_to_the_same_words() -> None:
    plain, coloured = (description_text(DESCRIBED, width=80, color=color) for color in (False, True))
    assert "\x1b[" not in plain
    assert "\x1b[" in coloured


def test_programs_get_the_table_with_its_columns() -> None:
    value = as_json(DESCRIBED)
    assert value["name"] == "dim_course"
    assert [column["name"] for column in value["columns"]] == ["course_id", "seen_at"]
    assert value["columns"][1]["unit"] == "UTC"


def test_a_schema_is_chosen_by_its_name_and_a_misspelt_one_is_answered() -> None:
    assert [entry.name for entry in of_schema(ENTRIES, "MARTS")] == ["dim_course"]
    with pytest.raises(QueryError, match="Did you mean analytics"):
        of_schema(ENTRIES, "analytic")
    with pytest.raises(QueryError, match="There are marts, analytics, annex"):
        of_schema(ENTRIES, "zzz")
