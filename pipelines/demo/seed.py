"""Builds the seeded university: colleges, terms around a date, courses, people, enrollments, groups.

The same date, seed and scale give the same institution. It is believable rather than average, and holds on
purpose the cases that break pipelines. People are invented in `seed_people`, page views in `seed_activity`,
assignments and what was handed in in `seed_coursework`.
"""

import random
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from pipelines.demo.institution import Institution
from pipelines.demo.records import (
    Account,
    Admin,
    Assignment,
    Course,
    CourseContent,
    Enrollment,
    Grades,
    Section,
    Term,
    User,
    UserObserver,
)
from pipelines.demo.seed_activity import Attendance, invented_activity, without_user
from pipelines.demo.seed_administration import with_administration
from pipelines.demo.seed_coursework import (
    Studies,
    invented_assignments,
    invented_messages,
    invented_submissions,
)
from pipelines.demo.seed_grading import with_grading
from pipelines.demo.seed_groups import seeded_groups
from pipelines.demo.seed_outcomes import with_outcomes
from pipelines.demo.seed_people import (
    CROSS_SHARD_USER_ID,
    invented_staff,
    invented_students,
    special_students,
    view_student,
)
from pipelines.demo.seed_structure import ZONE, letter, midnight, seeded_accounts, seeded_terms

_TOPICS: Final = ("Foundations of", "Methods in", "Seminar in", "Advanced", "Readings in", "Introduction to")
SILENT_USER_ID: Final = 9002
"""A student who is enrolled and never came: no page views, no submissions, no messages."""
_COURSES_PER_TERM: Final = {"default": 6, "previous": 12, "recent": 15, "current": 20, "future": 6}


_AWKWARD_TERMS: Final = {2: "Spring/Été 2026: 春 & “more”", 3: 'Summer, "late"\\2026', 5: "NA"}


def with_awkward_terms(institution: Institution) -> Institution:
    """Return a copy in which three terms have names that are no names of files: slashes, quotes, other alphabets."""
    terms = (replace(each, name=_AWKWARD_TERMS.get(each.id, each.name)) for each in institution.terms)
    return replace(institution, terms=tuple(terms))


def seeded_institution(as_of: date, seed: int = 7, scale: float = 1.0) -> Institution:
    """Build the university as it stands on `as_of`; `scale` multiplies its courses and students."""
    return _Builder(as_of, seed, scale).build()


class _Builder:
    """Grows the records in the order in which they refer to each other."""

    def __init__(self, as_of: date, seed: int, scale: float) -> None:
        self.as_of = as_of
        self.seed = seed
        self.scale = scale
        self.rng = random.Random(seed)
        self.now = self._moment(0)
        self.accounts = seeded_accounts()
        self.terms = seeded_terms(as_of)
        self.students = invented_students(self.rng, max(int(1200 * scale), 20))
        self.specials = special_students()
        self.teachers = invented_staff(self.rng, max(int(45 * scale), 4), 5001, "t")
        self.observers = invented_staff(self.rng, 12, 6001, "o")
        self.staff = invented_staff(self.rng, 6, 7001, "adm")
        self.ability = {user.id: min(max(self.rng.gauss(83, 9), 20), 101) for user in self.students}
        self.courses: list[Course] = []
        self.sections: list[Section] = []
        self.enrollments: list[Enrollment] = []

    def build(self) -> Institution:
        self._plain_courses()
        self._awkward_courses()
        self._cross_list()
        self._special_enrollments()
        self._observe()
        studies = self._studies()
        assignments = invented_assignments(self.seed, studies)
        by_course: dict[int, list[Assignment]] = {}
        for each in assignments:
            by_course.setdefault(each.course_id, []).append(each)
        for course in self.courses:
            content = replace(course.content, assignments=len(by_course.get(course.id, ())))
            self._replace(replace(course, content=content))
        categories, groups, memberships = seeded_groups(self.courses, self.enrollments, self.students)
        admins = tuple(
            Admin(user.id, account, "AccountAdmin" if at < 2 else "Department Head", 1 if at < 2 else 21)
            for at, (user, account) in enumerate(zip(self.staff, (1, 1, 2, 3, 4, 5), strict=True))
        )
        institution = Institution(
            accounts=self.accounts,
            terms=tuple(self.terms.values()),
            courses=tuple(self.courses),
            sections=tuple(self.sections),
            users=(*self.teachers, *self.observers, *self.staff, *self.specials, *self.students, view_student(8001)),
            enrollments=tuple(self.enrollments),
            activity=without_user(invented_activity(self.seed, self._attendances()), SILENT_USER_ID),
            group_categories=categories,
            groups=groups,
            group_memberships=memberships,
            user_observers=self._observer_links(),
            admins=admins,
            api_user_id=self.staff[0].id,
            api_user_name=self.staff[0].name,
            assignments=assignments,
            submissions=invented_submissions(self.seed, self.now, studies, by_course),
            messages=invented_messages(self.seed, self.now, studies),
        )
        # What only reports show is drawn last and from other streams: everything above stays as it is.
        institution = with_administration(institution, self.seed, self.now)
        return with_outcomes(with_grading(institution, self.seed, self.now), self.seed)

    def _moment(self, days: int) -> datetime:
        return midnight(self.as_of, days)

    def _course(self, term_key: str, account: Account, name: str, state: str) -> Course:
        term = self.terms[term_key]
        number = len(self.courses) + 1
        restrict = self.rng.random() < 0.3
        course = Course(
            id=100 + number,
            name=name,
            code=f"{account.name[:3].upper()}-{100 + number}",
            account_id=account.id,
            term_id=term.id,
            state=state,
            created_at=(term.start_at or self._moment(-200)) - timedelta(days=60, hours=number),
            updated_at=self._moment(-20),
            sis_id=f"{term.sis_id or 'D'}-{number:04d}" if number % 7 else None,
            start_at=term.start_at if restrict else None,
            end_at=term.end_at if restrict else None,
            restrict_to_dates=restrict and term.start_at is not None,
            course_format=self.rng.choice((None, None, "on_campus", "online", "blended")),
            grading_scheme=self.rng.random() < 0.85,
            is_public=self.rng.random() < 0.05,
            created_by_sis=bool(number % 7),
            content=CourseContent(*(self.rng.randint(low, high) for low, high in ((2, 20), (0, 9), (5, 60), (4, 18)))),
        )
        self.courses.append(course)
        return course

    def _section(self, course: Course, label: str = "Section 1") -> Section:
        number = len(self.sections) + 1
        section = Section(
            2000 + number,
            label,
            course.id,
            None if course.sis_id is None else f"{course.sis_id}-{number:03d}",
            created_by_sis=course.created_by_sis,
        )
        self.sections.append(section)
        return section

    def _enroll(
        self, user: User, section: Section, kind: str = "StudentEnrollment", state: str = "active"
    ) -> Enrollment:
        course = self.courses[section.course_id - 101]
        term = next(each for each in self.terms.values() if each.id == course.term_id)
        enrollment = Enrollment(
            id=30001 + len(self.enrollments),
            user_id=user.id,
            course_id=course.id,
            section_id=section.id,
            type=kind,
            state=state,
            created_at=(term.start_at or course.created_at) - timedelta(days=14),
            updated_at=min(term.start_at or self.now, self.now),
            limit_section_privileges=kind == "TaEnrollment",
            created_by_sis=course.created_by_sis,
            grades=self._grades(user, course, term) if kind == "StudentEnrollment" else Grades(),
        )
        self.enrollments.append(enrollment)
        return enrollment

    def _grades(self, user: User, course: Course, term: Term) -> Grades:
        started = term.start_at is None or term.start_at <= self.now
        # Some students have nothing graded yet: their scores are null, which is not zero.
        if not started or course.state in {"created", "claimed"} or self.rng.random() < 0.03:
            return Grades()
        current = round(min(max(self.rng.gauss(self.ability.get(user.id, 75), 7), 0), 104), 2)
        final = round(current * self.rng.uniform(0.9, 1.0), 2) if term.id == self.terms["current"].id else current
        unposted = round(min(current + self.rng.choice((0.0, 0.0, 1.5)), 104), 2)
        if not course.grading_scheme:
            return Grades(current, final, unposted, final)
        return Grades(current, final, unposted, final, letter(current), letter(final), letter(unposted), letter(final))

    def _plain_courses(self) -> None:
        departments = [account for account in self.accounts if account.id >= 5 and account.state == "active"]
        for key, plain in _COURSES_PER_TERM.items():
            for at in range(max(round(plain * self.scale), 1)):
                account = departments[(len(self.courses) * 3 + at) % len(departments)]
                name = f"{_TOPICS[(at + len(self.courses)) % len(_TOPICS)]} {account.name}"
                concluded = (key == "previous" and at % 3 == 0) or (key == "default" and at == 1)
                state = "completed" if concluded else "claimed" if key == "future" and at % 2 else "available"
                course = self._course(key, account, name, state)
                self._fill(course, key)

    def _fill(self, course: Course, term_key: str) -> None:
        first = self._section(course)
        sections = [first, self._section(course, "Section 2")] if course.id % 4 == 0 else [first]
        done = "completed" if course.state == "completed" else "active"
        for teacher in self.rng.sample(self.teachers, 1 + (course.id % 5 == 0)):
            self._enroll(teacher, first, "TeacherEnrollment", done)
        if course.id % 6 == 0:
            self._enroll(self.rng.choice(self.teachers), first, "TaEnrollment", done)
        if term_key == "future":
            size = self.rng.randint(15, 40)
        else:
            size = int(min(max(self.rng.lognormvariate(4.45, 0.5), 12), 260))
        size = min(max(int(size * min(self.scale * 2, 1)), 5), len(self.students))
        students = self.rng.sample(self.students, size)
        for student in students:
            section = self.rng.choice(sections)
            self._enroll(student, section, state=self._state(done, term_key))
        if len(sections) > 1:
            # One person in two sections of a course: one student, two enrollments.
            repeated = students[0]
            placed = self.enrollments[-size].section_id
            self._enroll(repeated, next(section for section in sections if section.id != placed), state=done)

    def _state(self, usual: str, term_key: str) -> str:
        draw = self.rng.random()
        if draw < 0.03:
            return "deleted"
        if draw < 0.05:
            return "inactive"
        if draw < 0.055:
            return "rejected"
        return "invited" if term_key in {"current", "future"} and draw < 0.08 else usual

    def _awkward_courses(self) -> None:
        at = self.accounts
        unpublished = self._course("current", at[5], "Laboratory Safety (draft)", "created")
        self._enroll(self.teachers[0], self._section(unpublished), "TeacherEnrollment")
        self._course("default", at[4], "Never published", "claimed")
        empty = self._course("current", at[6], "Nobody came", "available")
        self._section(empty)
        quoted = self._course(
            "current", at[7], 'Commas, "quotes"\nand a second line; 100 % — naïve 日本語', "available"
        )
        self._fill(quoted, "current")
        self._course("recent", at[1], "NA", "available")
        deleted = self._course("recent", at[8], "Withdrawn, with a SIS id", "deleted")
        section = self._section(deleted)
        for student in self.students[:5]:
            self._enroll(student, section)
        old = self._course("previous", at[9], "Deleted long ago", "deleted")
        self._replace(replace(old, sis_id=None, created_by_sis=False, updated_at=self._moment(-200)))
        self._replace(replace(empty, sis_id="00012345"))

    def _replace(self, course: Course) -> None:
        self.courses[course.id - 101] = course

    def _cross_list(self) -> None:
        """Move the first section of up to two current courses into the first current course."""
        current = [each for each in self.courses if each.term_id == 4 and each.state == "available"]
        target = current[0]
        # Only courses with a second section give one away, so that no course loses all its students.
        givers = [each for each in current[1:] if sum(held.course_id == each.id for held in self.sections) > 1][:2]
        for origin in givers:
            at = next(at for at, each in enumerate(self.sections) if each.course_id == origin.id)
            moved = replace(self.sections[at], course_id=target.id, nonxlist_course_id=origin.id)
            self.sections[at] = moved
            self.enrollments = [
                replace(each, course_id=target.id) if each.section_id == moved.id else each for each in self.enrollments
            ]

    def _special_enrollments(self) -> None:
        home = next(each for each in self.sections if self.courses[each.course_id - 101].term_id == 4)
        for user in self.specials:
            self._enroll(user, home)
        present = {each.user_id for each in self.enrollments if each.section_id == home.id}
        absent = [student for student in self.students if student.id not in present]
        for state, student in zip(
            ("invited", "inactive", "deleted", "rejected", "creation_pending"), absent, strict=False
        ):
            self._enroll(student, home, state=state)
        self._enroll(view_student(8001), home, "StudentViewEnrollment")

    def _observer_links(self) -> tuple[UserObserver, ...]:
        links = [UserObserver(each.id, self.students[at].id) for at, each in enumerate(self.observers)]
        return (*links[:-1], replace(links[-1], state="deleted"))

    def _observe(self) -> None:
        by_user: dict[int, list[Enrollment]] = {}
        for enrollment in self.enrollments:
            by_user.setdefault(enrollment.user_id, []).append(enrollment)
        sections = {section.id: section for section in self.sections}
        for link in self._observer_links():
            observer = next(each for each in self.observers if each.id == link.observer_id)
            for watched in by_user.get(link.student_id, [])[:1]:
                seen = self._enroll(observer, sections[watched.section_id], "ObserverEnrollment")
                self.enrollments[-1] = replace(seen, associated_user_id=link.student_id)

    def _studies(self) -> list[Studies]:
        students: dict[int, set[int]] = {}
        for each in self.enrollments:
            if each.type == "StudentEnrollment" and each.state in {"active", "completed"}:
                students.setdefault(each.course_id, set()).add(each.user_id)
        studies = []
        for course in self.courses:
            if course.state in {"available", "completed"}:
                term = next(each for each in self.terms.values() if each.id == course.term_id)
                first, last = term.start_at or self._moment(-60), term.end_at or self._moment(20)
                studies.append(
                    Studies(course.id, sorted(students.get(course.id, set()) - {SILENT_USER_ID}), first, last)
                )
        # In one running course nothing is graded yet, whatever was handed in.
        running = [at for at, each in enumerate(studies) if each.student_ids and self._is_current(each.course_id)]
        studies[running[-1]] = replace(studies[running[-1]], graded=False)
        return studies

    def _is_current(self, course_id: int) -> bool:
        return self.courses[course_id - 101].term_id == self.terms["current"].id

    def _attendances(self) -> list[Attendance]:
        by_course: dict[int, dict[int, float]] = {}
        for each in self.enrollments:
            if each.state in {"active", "completed"} and each.type in {"StudentEnrollment", "TeacherEnrollment"}:
                able = self.ability.get(each.user_id, 90.0)
                by_course.setdefault(each.course_id, {})[each.user_id] = max(able - 35, 3) / 30
        terms = {term.id: term for term in self.terms.values()}
        zone = ZoneInfo(ZONE)
        attendances = []
        for course in self.courses:
            if course.state not in {"available", "completed"}:
                continue
            term = terms[course.term_id]
            first = (term.start_at or self._moment(-60)).astimezone(zone).date()
            last = (term.end_at or self.now).astimezone(zone).date()
            people = by_course.get(course.id, {})
            attendances.append(Attendance(course.id, list(people), list(people.values()), first, min(last, self.as_of)))
        return attendances


__all__ = ["CROSS_SHARD_USER_ID", "SILENT_USER_ID", "letter", "seeded_institution", "with_awkward_terms"]
