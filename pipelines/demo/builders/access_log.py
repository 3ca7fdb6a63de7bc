"""The access log of courses: a report of a closed plugin, of which nobody outside of this Canvas has heard.

It stands for whatever hosted Canvas offers beyond the open reports: a client learns of it from the catalog alone.
"""

from typing import Final

import numpy as np

from pipelines.demo.builders.report_type import COURSE, SKIP_MESSAGE, TERM, ReportType, Sheet, one_sheet
from pipelines.demo.builders.scope import ReportScope
from pipelines.demo.csv_text import Row

COLUMNS: Final = (
    "user id,user sis id,user name,course id,course sis id,course name,"
    "last access at,times accessed,times participated,minutes"
)
_MINUTES_A_VIEW: Final = 1.75


def _sheets(scope: ReportScope) -> dict[str, Sheet]:
    institution = scope.institution
    rows: list[Row] = []
    for course in scope.chosen_courses:
        log = institution.activity_of(course.id)
        if not len(log):
            continue
        # Sorted by user, so that each one's rows stand together.
        users, starts = np.unique(log.user_id, return_index=True)
        views, taken_part = (np.add.reduceat(each, starts) for each in (log.views, log.participations))
        for user_id, seen, done in zip(users.tolist(), views.tolist(), taken_part.tolist(), strict=True):
            user = institution.user_by_id[user_id]
            last = min(institution.last_activity[course.id, user_id], scope.now)
            minutes = round(seen * _MINUTES_A_VIEW, 1)
            person = (user_id, scope.sis_id(user_id), user.sortable_name)
            rows.append((*person, course.id, course.sis_id, course.name, last, seen, done, minutes))
    return one_sheet(COLUMNS, rows)


ACCESS_LOG: Final = ReportType(
    name="user_course_access_log_csv",
    title="User Course Access Log",
    parameters={**TERM, **COURSE, **SKIP_MESSAGE},
    sheets=_sheets,
)
