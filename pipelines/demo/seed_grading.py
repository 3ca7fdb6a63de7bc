"""Invented grading periods of the seeded university, the grades of each period, and overridden final grades.

One set per dated term that has begun; the default and the coming term have none. In one set two periods share a
title, another has a period that was deleted, and the ids of periods do not follow their dates.
"""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from pipelines.demo.grading_records import GradingPeriod, GradingPeriodSet, PeriodGrades
from pipelines.demo.institution import Institution
from pipelines.demo.records import NO_GRADES, Enrollment, Grades, Term
from pipelines.demo.seed_structure import letter

_STREAM: Final = 0x6D67
_SETS: Final = {
    # term id: title of the set, titles of its periods with their share of the term
    2: ("Thirds, numbered by nobody", (("Progress", 0.0), ("Progress", 0.33), ("Prüfung; 試験", 0.66))),
    3: ("Halves", (("First half", 0.0), ("Second half", 0.5))),
    4: ('Quarters "weighted"', (("Quarter 1", 0.0), ("Quarter 2, with exam", 0.5))),
}


def with_grading(institution: Institution, seed: int, now: datetime) -> Institution:
    """Return a copy with grading periods, their grades, and a few overridden final grades."""
    rng = random.Random(f"{seed} {_STREAM}")
    sets, periods = _periods(institution.terms)
    by_term = {
        term_id: [each for each in periods if each.set_id == held.id and each.state == "active"]
        for held in sets
        for term_id in held.term_ids
    }
    reached: list[PeriodGrades] = []
    enrollments: list[Enrollment] = []
    for each in institution.enrollments:
        if each.grades.current_score is None:
            enrollments.append(each)
            continue
        reached += [
            PeriodGrades(each.id, period.id, _period_grades(rng, each.grades))
            for period in by_term.get(institution.course_by_id[each.course_id].term_id, ())
            if period.start_at <= now
        ]
        enrollments.append(replace(each, grades=_overridden(rng, each.grades)))
    return replace(
        institution,
        enrollments=tuple(enrollments),
        grading_period_sets=sets,
        grading_periods=periods,
        period_grades=tuple(reached),
    )


def _periods(terms: Sequence[Term]) -> tuple[tuple[GradingPeriodSet, ...], tuple[GradingPeriod, ...]]:
    sets: list[GradingPeriodSet] = []
    periods: list[GradingPeriod] = []
    for term in terms:
        if term.id not in _SETS or term.start_at is None or term.end_at is None:
            continue
        title, parts = _SETS[term.id]
        held = GradingPeriodSet(10 + term.id, title, (term.id,))
        sets.append(held)
        span = term.end_at - term.start_at
        ends = [share for _, share in parts[1:]] + [1.0]
        for at, ((name, begins), until) in enumerate(zip(parts, ends, strict=True)):
            number = held.id * 10 + len(parts) - at
            start, end = term.start_at + span * begins, term.start_at + span * until
            periods.append(GradingPeriod(number, held.id, name, start, end))
        if len(parts) == 2:
            gone = GradingPeriod(held.id * 10 + 9, held.id, "Dropped", term.start_at, term.end_at, "deleted")
            periods.append(gone)
    return tuple(sets), tuple(periods)


def _period_grades(rng: random.Random, overall: Grades) -> Grades:
    if overall.current_score is None or rng.random() < 0.04:
        return NO_GRADES
    current = round(min(max(rng.gauss(overall.current_score, 5), 0), 110), 2)
    final = round(current * rng.choice((1.0, 1.0, 0.93)), 2)
    unposted = round(current + rng.choice((0.0, 1.25)), 2)
    override = round(min(current + 5, 100), 1) if rng.random() < 0.01 else None
    return Grades(
        current,
        final,
        unposted,
        final,
        letter(current),
        letter(final),
        letter(unposted),
        letter(final),
        override_score=override,
        override_grade=None if override is None else letter(override),
    )


def _overridden(rng: random.Random, grades: Grades) -> Grades:
    if rng.random() >= 0.03 or grades.final_score is None:
        return grades
    score = round(min(grades.final_score + 4, 100), 1)
    return replace(grades, override_score=score, override_grade=letter(score))
