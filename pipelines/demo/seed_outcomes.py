"""Invented learning outcomes of the seeded university, what they are assessed by, and what students reached.

Holds on purpose what breaks readers: HTML with line breaks, `;` and quotes in descriptions, scales of two to five
ratings, an empty display name beside none, an outcome in two groups, hidden points, results nobody has judged.
"""

import random
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import numpy as np

from pipelines.demo.institution import Institution
from pipelines.demo.outcome_records import Outcome, OutcomeAlignment, OutcomeGroup, OutcomeResult, Rating
from pipelines.demo.records import NOTHING, Assignment

_STREAM: Final = 0x0C
_FIRST_RESULT: Final = 70001
_SCALE: Final = (
    Rating(5.0, "Exceeds; and explains why"),
    Rating(4.0, "Meets, in full"),
    Rating(3.0, "Near"),
    Rating(1.5, 'Begins to "show"'),
    Rating(0.0, "No evidence"),
)
_HALVES: Final = (Rating(3.5, "Erfüllt"), Rating(1.25, "Teilweise; mit Hilfe"), Rating(0.0, "Nicht erfüllt"))
_PASS: Final = (Rating(1.0, "Pass"), Rating(0.0, "Fail"))

_GROUPS: Final = (
    OutcomeGroup(1, 1, "Ridgeline University"),
    OutcomeGroup(2, 1, "Writing & Rhetoric", "<p>How students <b>write</b>;\nand rewrite.</p>", "grp-writing", 1),
    OutcomeGroup(3, 1, 'Quantitative, "reasoning"', None, None, 2),
    OutcomeGroup(4, 1, "Retired in 2019", None, "grp-old", 1, "deleted"),
    OutcomeGroup(5, 3, "College of Science"),
    OutcomeGroup(6, 3, "実験 · Laboratory", "", "00017", 5),
)
_OUTCOMES: Final = (
    Outcome(
        501,
        1,
        "Argues from evidence",
        (2,),
        _SCALE,
        4.0,
        '<p>Claims, "warrants";<br>\nand sources &amp; notes</p>',
        "I can argue from evidence.",
        "Argument",
        vendor_guid="W-001",
    ),
    Outcome(502, 1, "Revises", (2,), _HALVES, 2.5, None, None, "", "latest", None, "00502"),
    Outcome(503, 1, "Reads graphs, tables and maps", (3, 2), _SCALE, 3.0, "<ul><li>axes</li></ul>", "", None),
    Outcome(504, 1, "NA", (3,), _PASS, 1.0, "", None, None, "highest", None),
    Outcome(505, 1, "Taught no more", (3,), _PASS, 1.0, state="deleted"),
    Outcome(
        506,
        3,
        "Arbeitet sicher; auch allein — 安全",
        (6,),
        _HALVES,
        2.5,
        "<p>Goggles</p>",
        None,
        "Safety",
        "n_mastery",
        5,
        "LAB-1",
    ),
    Outcome(507, 3, "Calibrates", (6,), (), 0.0, None, None, None, "decaying_average", 65),
)
_ASSESSED: Final = tuple(each for each in _OUTCOMES if each.state == "active" and each.ratings)


def with_outcomes(institution: Institution, seed: int) -> Institution:
    """Return a copy with outcomes; every third course that ran assesses two or three of its assignments with them."""
    rng = random.Random(f"{seed} {_STREAM}")
    alignments: list[OutcomeAlignment] = []
    results: list[OutcomeResult] = []
    courses = [each for each in institution.courses if each.state in {"available", "completed"}]
    for number, course in enumerate(courses[::3]):
        work = institution.assignments_by_course.get(course.id, [])
        chosen = [each for each in work if each.points_possible and each.due_at and not each.non_digital_submission]
        for at, assignment in enumerate(chosen[:3]):
            by = {_ASSESSED[(number + at) % len(_ASSESSED)].id, _ASSESSED[number % len(_ASSESSED)].id}
            alignments += [OutcomeAlignment(outcome_id, assignment.id) for outcome_id in by]
    alignments.sort(key=lambda each: (each.assignment_id, each.outcome_id))
    by_id = {each.id: each for each in institution.assignments}
    outcomes = {each.id: each for each in _OUTCOMES}
    for alignment in alignments:
        first = _FIRST_RESULT + len(results)
        results += _reached(rng, institution, by_id[alignment.assignment_id], outcomes[alignment.outcome_id], first)
    return replace(
        institution,
        outcome_groups=_GROUPS,
        outcomes=_OUTCOMES,
        outcome_alignments=tuple(alignments),
        outcome_results=tuple(results),
    )


def _reached(
    rng: random.Random, institution: Institution, assignment: Assignment, outcome: Outcome, first: int
) -> list[OutcomeResult]:
    held = institution.submissions_of(assignment.course_id)
    rows = (held.assignment_id == assignment.id) & (held.submitted_at != NOTHING)
    hidden = assignment.course_id % 7 == 0
    results: list[OutcomeResult] = []
    for user_id, at, raw in zip(
        held.user_id[rows].tolist(), held.submitted_at[rows].tolist(), held.score[rows].tolist(), strict=True
    ):
        if rng.random() < 0.2:
            continue
        points = assignment.points_possible or 1.0
        judged = not np.isnan(raw) and rng.random() < 0.96
        score = round(raw / points * outcome.points_possible, 2) if judged else None
        asked = rng.random() < 0.25
        results.append(
            OutcomeResult(
                id=first + len(results),
                outcome_id=outcome.id,
                user_id=user_id,
                course_id=assignment.course_id,
                # A quiz is an assignment to whoever hands it in, but has an id and questions of its own.
                assessment_type="quiz" if asked else "assignment",
                assessment_id=assignment.id + 50_000 if asked else assignment.id,
                assessment_title=f"{assignment.title} (quiz)" if asked else assignment.title,
                submitted_at=datetime.fromtimestamp(at, UTC),
                submission_score=None if np.isnan(raw) else raw,
                attempt=rng.choice((1, 1, 1, 2, 3)),
                score=score,
                mastered=None if score is None else score >= outcome.mastery_points,
                hide_points=hidden,
                question_title=rng.choice(("Question 1", 'What does "n" mean; and why?\nExplain.')) if asked else None,
                question_id=assignment.id * 10 + rng.randrange(9) if asked else None,
            )
        )
    return results
