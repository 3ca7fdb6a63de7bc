"""Reads OULAD, a real university's open records, into an institution.

The files' own words are kept where Canvas has none: a module's presentation is a course, a presentation a
term, a final result a letter grade, an assessment an assignment. Nothing is invented beside them: no teachers,
no groups, no messages, no dates on which grades were posted. Download and licence of the files are the reader's
affair (Kuzilek, Hlosta, Zdrahal 2017, CC BY 4.0).
"""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from pipelines.demo.institution import Institution
from pipelines.demo.records import (
    CATEGORIES,
    EPOCH,
    NOTHING,
    Account,
    ActivityLog,
    Assignment,
    Course,
    CourseContent,
    Enrollment,
    Grades,
    Login,
    Section,
    Submissions,
    Term,
    User,
)

ZONE: Final = "Europe/London"
PRESENTATION_STARTS: Final = {
    "2013B": (2013, 2, 1),
    "2013J": (2013, 10, 1),
    "2014B": (2014, 2, 1),
    "2014J": (2014, 10, 1),
}
FACULTIES: Final = {"Social Sciences": ("AAA", "BBB", "GGG"), "STEM": ("CCC", "DDD", "EEE", "FFF")}

ACTIVITY_CATEGORIES: Final = {
    "dataplus": "other",
    "dualpane": "pages",
    "externalquiz": "quizzes",
    "folder": "files",
    "forumng": "discussions",
    "glossary": "pages",
    "homepage": "general",
    "htmlactivity": "modules",
    "oucollaborate": "conferences",
    "oucontent": "pages",
    "ouelluminate": "conferences",
    "ouwiki": "collaborations",
    "page": "pages",
    "questionnaire": "quizzes",
    "quiz": "quizzes",
    "repeatactivity": "modules",
    "resource": "files",
    "sharedsubpage": "pages",
    "subpage": "pages",
    "url": "other",
}
"""Kind of learning resource -> the category Canvas would count its views under."""

_KEY: Final = ["code_module", "code_presentation"]
_MADE_AT: Final = datetime(2012, 9, 1, tzinfo=UTC)


def oulad_institution(folder: Path) -> Institution:
    """Read the folder's `*.csv` or `*.csv.gz` files; raises FileNotFoundError when one is missing.

    22 courses (hard concluded), 28,785 users with one login each, 32,593 student enrollments.
    """
    starts = {name: _midnight(*day) for name, day in PRESENTATION_STARTS.items()}
    lengths = _read(folder, "courses").sort_values(_KEY[::-1])
    lengths["days"] = lengths["module_presentation_length"].astype(int)
    terms = _terms(lengths, starts)
    term_ids = {term.sis_id: term.id for term in terms}
    contents = _contents(folder)
    courses, sections = [], []
    course_ids: dict[tuple[str, str], int] = {}
    for number, row in enumerate(lengths.itertuples(index=False), start=1):
        module, presentation = str(row.code_module), str(row.code_presentation)
        start = starts[presentation]
        end = _midnight_after(start, int(str(row.days)))
        course_ids[module, presentation] = 100 + number
        courses.append(
            Course(
                id=100 + number,
                name=f"{module} {presentation}",
                code=f"{module}-{presentation}",
                account_id=2 if module in FACULTIES["Social Sciences"] else 3,
                term_id=term_ids[presentation],
                state="completed",
                created_at=start - timedelta(days=180),
                updated_at=end,
                sis_id=f"{module}-{presentation}",
                start_at=start,
                end_at=end,
                restrict_to_dates=True,
                created_by_sis=True,
                content=contents.get((module, presentation), CourseContent()),
            )
        )
        sections.append(
            Section(
                500 + number,
                f"{module} {presentation}",
                100 + number,
                f"{module}-{presentation}-1",
                created_by_sis=True,
            )
        )
    users, enrollments = _people(folder, course_ids, {course.id: course for course in courses})
    return Institution(
        accounts=(
            Account(1, "Open University", None, time_zone=ZONE),
            Account(2, "Social Sciences", 1, "SOCIAL", time_zone=ZONE, created_by_sis=True),
            Account(3, "STEM", 1, "STEM", time_zone=ZONE, created_by_sis=True),
        ),
        terms=terms,
        courses=tuple(courses),
        sections=tuple(sections),
        users=users,
        enrollments=enrollments,
        activity=_activity(folder, course_ids),
        assignments=_assignments(folder, course_ids, starts),
        submissions=_submissions(folder, course_ids, starts),
    )


def _read(folder: Path, name: str) -> pd.DataFrame:
    packed = folder / f"{name}.csv.gz"
    path = packed if packed.is_file() else folder / f"{name}.csv"
    frame = pd.read_csv(path, dtype=str, keep_default_na=False, engine="pyarrow")
    return frame.astype(object)


def _midnight(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, tzinfo=ZoneInfo(ZONE)).astimezone(UTC)


def _midnight_after(start: datetime, days: int) -> datetime:
    local = start.astimezone(ZoneInfo(ZONE)) + timedelta(days=days)
    return local.astimezone(UTC)


def _terms(lengths: pd.DataFrame, starts: dict[str, datetime]) -> tuple[Term, ...]:
    longest = lengths.groupby("code_presentation")["days"].max()
    dated = [
        Term(
            id=number,
            name=name,
            start_at=starts[name],
            end_at=_midnight_after(starts[name], int(longest[name])),
            created_at=_MADE_AT,
            sis_id=name,
            created_by_sis=True,
        )
        for number, name in enumerate(sorted(starts), start=2)
    ]
    return (Term(1, "Default Term", None, None, _MADE_AT, is_default=True), *dated)


def _contents(folder: Path) -> dict[tuple[str, str], CourseContent]:
    assessments = _read(folder, "assessments").groupby(_KEY).size()
    resources = _read(folder, "vle")
    kinds = resources["activity_type"].map(ACTIVITY_CATEGORIES)
    files = resources[kinds == "files"].groupby(_KEY).size()
    forums = resources[kinds == "discussions"].groupby(_KEY).size()
    return {
        (str(module), str(presentation)): CourseContent(
            discussion_topics=int(forums.get((module, presentation), 0)),
            attachments=int(files.get((module, presentation), 0)),
            assignments=int(count),
        )
        for module, presentation, count in assessments.reset_index().itertuples(index=False, name=None)
    }


def _people(
    folder: Path, course_ids: dict[tuple[str, str], int], courses: dict[int, Course]
) -> tuple[tuple[User, ...], tuple[Enrollment, ...]]:
    info = _read(folder, "studentInfo").merge(
        _read(folder, "studentRegistration"), on=[*_KEY, "id_student"], how="left", validate="one_to_one"
    )
    info = info.merge(_mean_scores(folder), on=[*_KEY, "id_student"], how="left", validate="one_to_one")
    scores = [None if np.isnan(each) else round(float(each), 2) for each in info["score"].astype(float)]
    registered = pd.to_numeric(info["date_registration"], errors="coerce").fillna(0).astype(int).tolist()
    left = pd.to_numeric(info["date_unregistration"], errors="coerce").tolist()
    enrollments = []
    columns = (info["code_module"], info["code_presentation"], info["id_student"], info["final_result"])
    for at, (module, presentation, student, result) in enumerate(zip(*columns, strict=True)):
        course = courses[course_ids[module, presentation]]
        start, end = course.start_at or course.created_at, course.end_at or course.updated_at
        withdrawn = result == "Withdrawn"
        score = scores[at]
        enrollments.append(
            Enrollment(
                id=10001 + at,
                user_id=int(student),
                course_id=course.id,
                section_id=course.id + 400,
                type="StudentEnrollment",
                state="inactive" if withdrawn else "completed",
                created_at=start + timedelta(days=registered[at]),
                updated_at=start + timedelta(days=float(left[at])) if withdrawn and left[at] == left[at] else end,
                created_by_sis=True,
                grades=Grades(score, score, score, score, result, result, result, result),
            )
        )
    students = sorted({enrollment.user_id for enrollment in enrollments})
    users = tuple(
        User(
            id=student,
            name=f"Student {student}",
            first_name="Student",
            last_name=str(student),
            logins=(Login(student, f"s{student}", f"{student:08d}", created_by_sis=True),),
            email=f"s{student}@example.org",
        )
        for student in students
    )
    return users, tuple(enrollments)


def _assignments(
    folder: Path, course_ids: dict[tuple[str, str], int], starts: dict[str, datetime]
) -> tuple[Assignment, ...]:
    """Read the assessments, worth 100 points each and due at the end of their day; an exam's day may be unknown."""
    assessments = _read(folder, "assessments")
    days = pd.to_numeric(assessments["date"], errors="coerce").tolist()
    columns = (assessments[name] for name in ("code_module", "code_presentation", "id_assessment", "assessment_type"))
    return tuple(
        Assignment(
            id=int(number),
            course_id=course_ids[str(module), str(presentation)],
            title=f"{kind} {number}",
            due_at=None if day != day else _midnight_after(starts[presentation], int(day) + 1) - timedelta(minutes=1),
            points_possible=100.0,
        )
        for module, presentation, number, kind, day in zip(*columns, days, strict=True)
    )


def _submissions(folder: Path, course_ids: dict[tuple[str, str], int], starts: dict[str, datetime]) -> Submissions:
    """Read who handed in what, at noon of the day in the files; only some modules' scores are in them."""
    keys = ["id_assessment", "id_student"]
    handed_in = _read(folder, "studentAssessment")[[*keys, "date_submitted"]]
    handed_in = handed_in.merge(_read(folder, "assessments")[[*_KEY, "id_assessment"]], on="id_assessment")
    handed_in = handed_in.merge(_scores(folder)[[*keys, "score"]], on=keys, how="left", validate="one_to_one")
    first_noon = {name: int((start + timedelta(hours=12)).timestamp()) for name, start in starts.items()}
    days = handed_in["date_submitted"].astype("int64").to_numpy()
    return Submissions(
        assignment_id=handed_in["id_assessment"].to_numpy(dtype=np.int64),
        course_id=np.array(
            [
                course_ids[str(module), str(presentation)]
                for module, presentation in zip(handed_in["code_module"], handed_in["code_presentation"], strict=True)
            ],
            dtype=np.int64,
        ),
        user_id=handed_in["id_student"].to_numpy(dtype=np.int64),
        submitted_at=handed_in["code_presentation"].map(first_noon).astype("int64").to_numpy() + days * 86_400,
        score=handed_in["score"].to_numpy(dtype=np.float64),
        posted_at=np.full(len(handed_in), NOTHING, dtype=np.int64),
        excused=np.zeros(len(handed_in), dtype=np.bool_),
    )


def _mean_scores(folder: Path) -> pd.DataFrame:
    """Mean score by module, presentation and student, 0 to 100; only some modules' scores are in the files."""
    scores = _scores(folder).merge(
        _read(folder, "assessments")[[*_KEY, "id_assessment"]], on="id_assessment", validate="many_to_one"
    )
    means = scores.groupby([*_KEY, "id_student"])["score"].mean()
    return means.rename("score").reset_index()


def _scores(folder: Path) -> pd.DataFrame:
    # The data set as it is published has the scores in studentAssessment itself.
    apart = any((folder / f"studentAssessmentScores.csv{end}").is_file() for end in ("", ".gz"))
    scores = _read(folder, "studentAssessmentScores" if apart else "studentAssessment")
    scores["score"] = pd.to_numeric(scores["score"], errors="coerce")
    return scores


def _activity(folder: Path, course_ids: dict[tuple[str, str], int]) -> ActivityLog:
    sites = _read(folder, "vle")[["id_site", "activity_type"]]
    clicks = _read(folder, "studentVle").merge(sites, on="id_site", how="left", validate="many_to_one")
    # Days count from the presentation's start by the calendar, so they are added to a date, not to a moment.
    first_day = {name: (date(*day) - EPOCH).days for name, day in PRESENTATION_STARTS.items()}
    position = {name: at for at, name in enumerate(CATEGORIES)}
    rows = pd.DataFrame(
        {
            "course_id": [
                course_ids[str(module), str(presentation)]
                for module, presentation in zip(clicks["code_module"], clicks["code_presentation"], strict=True)
            ],
            "user_id": clicks["id_student"].astype("int64"),
            "day": clicks["code_presentation"].map(first_day).astype("int64") + clicks["date"].astype("int64"),
            "category": clicks["activity_type"].map(ACTIVITY_CATEGORIES).fillna("other").map(position).astype("int64"),
            "views": clicks["sum_click"].astype("int64"),
        }
    )
    keys = ["course_id", "user_id", "day", "category"]
    summed = rows.groupby(keys, as_index=False)["views"].sum()
    columns = {name: summed[name].to_numpy(dtype=np.int64) for name in [*keys, "views"]}
    return ActivityLog(**columns, participations=np.zeros(len(summed), dtype=np.int64))
