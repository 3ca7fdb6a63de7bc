"""Which courses and which students are worth asking about: the whole truth table, without any Canvas."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import product
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.extract.courses import (
    CACHED_FOR,
    CONCLUDED,
    OPEN,
    CourseFacts,
    is_course_due,
    is_settled,
    skip_reason,
)
from pipelines.extract.students import StudentSummary, coursework_mark, fingerprint, is_student_due, spread_of
from pipelines.extract.terms import TermDates
from pipelines.ledger import Answered, CoverageStatus

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAY = timedelta(days=1)
GOOD = (CoverageStatus.LOADED, CoverageStatus.EMPTY)
BAD = (CoverageStatus.FORBIDDEN, CoverageStatus.MISSING, CoverageStatus.FAILED)

RUNNING = TermDates(4, NOON - 35 * DAY, NOON + 80 * DAY)
ENDLESS = TermDates(1, None, None)
FUTURE = TermDates(5, NOON + DAY, NOON + 90 * DAY)
PAST = TermDates(2, NOON - 200 * DAY, NOON - 100 * DAY)
JUST_OVER = TermDates(3, NOON - 100 * DAY, NOON - 29 * DAY)


def course(
    state: str = "available", *, concluded: bool = False, students: int | None = 30, course_id: int = 7
) -> CourseFacts:
    return CourseFacts(course_id, 2, 4, state, concluded, students)


def answered(
    status: CoverageStatus, basis: str | None = None, *, ago: timedelta = DAY, settled: bool = True
) -> Answered:
    return Answered(status, NOON - ago, basis, settled)


@pytest.mark.parametrize(
    ("facts", "phase"),
    [
        (course("available"), OPEN),
        (course("unpublished"), OPEN),
        (course("completed"), CONCLUDED),
        (course("available", concluded=True), CONCLUDED),
        (course("completed", concluded=True), CONCLUDED),
    ],
)
def test_a_course_is_over_by_its_state_or_by_its_dates(facts: CourseFacts, phase: str) -> None:
    assert facts.phase == phase


@pytest.mark.parametrize(("students", "large"), [(None, False), (0, False), (200, False), (201, True)])
def test_only_a_large_course_is_left_to_the_background(students: int | None, large: bool) -> None:
    assert course(students=students).is_large is large


@pytest.mark.parametrize(
    ("facts", "term", "said"),
    [
        (course("unpublished"), RUNNING, "unpublished"),
        # Whatever else holds, unpublished comes first: it is what somebody can change.
        (course("unpublished"), None, "unpublished"),
        (course("unpublished"), FUTURE, "unpublished"),
        (course(), None, "[sync] terms"),
        (course("completed"), None, "[sync] terms"),
        (course(), FUTURE, "has not begun"),
        (course(), TermDates(5, NOON, None), None),
        (course(), RUNNING, None),
        (course(), ENDLESS, None),
        (course(), PAST, None),
        (course("completed"), RUNNING, None),
        (course("available", concluded=True), RUNNING, None),
    ],
)
def test_a_course_is_passed_over_with_a_reason_or_not_at_all(
    facts: CourseFacts, term: TermDates | None, said: str | None
) -> None:
    reason = skip_reason(facts, term, NOON)
    assert reason is None if said is None else said in (reason or "")


@pytest.mark.parametrize("term", [RUNNING, ENDLESS, JUST_OVER])
@pytest.mark.parametrize("old_too", [True, False])
def test_a_course_that_goes_on_is_due_at_every_pull(term: TermDates, old_too: bool) -> None:
    for last in (None, *(answered(status, OPEN) for status in (*GOOD, *BAD))):
        assert is_course_due(course(), term, NOON, last, old_too=old_too)


@pytest.mark.parametrize("facts", [course("completed"), course(concluded=True)])
@pytest.mark.parametrize("term", [RUNNING, ENDLESS, JUST_OVER])
@pytest.mark.parametrize("old_too", [True, False])
def test_a_course_that_is_over_has_one_last_round(facts: CourseFacts, term: TermDates, old_too: bool) -> None:
    due = {
        (status, basis): is_course_due(facts, term, NOON, answered(status, basis), old_too=old_too)
        for status in (*GOOD, *BAD)
        for basis in (OPEN, CONCLUDED, None)
    }
    # Only a good answer since it was seen to be over ends it.
    assert due == {(status, basis): not (status in GOOD and basis == CONCLUDED) for status, basis in due}
    assert is_course_due(facts, term, NOON, None, old_too=old_too)


@pytest.mark.parametrize("facts", [course(), course("completed"), course(concluded=True)])
def test_a_course_of_a_term_long_past_is_asked_about_once_more_and_else_left_alone(facts: CourseFacts) -> None:
    assert not is_course_due(facts, PAST, NOON, None, old_too=False)
    assert is_course_due(facts, PAST, NOON, None, old_too=True)
    # The term ended 100 days ago and settled 30 days later.
    for old_too, basis in product((True, False), (OPEN, CONCLUDED)):
        # That nobody studied there is as settled as what they did.
        for status in (*GOOD, CoverageStatus.MISSING):
            before, after = (answered(status, basis, ago=days * DAY) for days in (71, 69))
            assert is_course_due(facts, PAST, NOON, before, old_too=old_too)
            assert not is_course_due(facts, PAST, NOON, after, old_too=old_too)
        for status in (CoverageStatus.FORBIDDEN, CoverageStatus.FAILED):
            assert is_course_due(facts, PAST, NOON, answered(status, basis, ago=DAY), old_too=old_too)


@pytest.mark.parametrize("status", GOOD)
@pytest.mark.parametrize("term", [RUNNING, ENDLESS, JUST_OVER, PAST])
def test_a_last_answer_that_may_be_from_the_cache_is_asked_for_once_more(
    status: CoverageStatus, term: TermDates
) -> None:
    """Else the last round of a course could be the state of a day before its end."""
    over = course("completed")
    for ago, again in ((CACHED_FOR - timedelta(seconds=1), False), (CACHED_FOR, True), (2 * DAY, True)):
        unsettled, settled = (answered(status, CONCLUDED, ago=ago, settled=one) for one in (False, True))
        assert is_course_due(over, term, NOON, unsettled, old_too=False) is again
        assert not is_course_due(over, term, NOON, settled, old_too=False)


SUMMARY = StudentSummary(7, 9, (351, 4, 10, 1, 2, 3, 4))


def mark(summary: StudentSummary = SUMMARY, endpoint: str = "activity", phase: str = OPEN, work: str = "w") -> str:
    return fingerprint(summary, endpoint, phase=phase, coursework=work)


def test_an_answer_rests_on_every_count_of_the_summary() -> None:
    marks = {mark()}
    for at in range(len(SUMMARY.counts)):
        for changed in (None, 0, 99):
            counts = list[int | None](SUMMARY.counts)
            counts[at] = changed
            marks.add(mark(StudentSummary(7, 9, tuple(counts))))
    assert len(marks) == 1 + 3 * len(SUMMARY.counts)


@given(
    one=st.lists(st.none() | st.integers(0, 10**6), min_size=7, max_size=7),
    other=st.lists(st.none() | st.integers(0, 10**6), min_size=7, max_size=7),
)
def test_counts_that_differ_never_share_a_mark(one: Sequence[int | None], other: Sequence[int | None]) -> None:
    same = mark(StudentSummary(7, 9, tuple(one))) == mark(StudentSummary(7, 9, tuple(other)))
    assert same is (list(one) == list(other))


@pytest.mark.parametrize("endpoint", ["activity", "assignments", "communication"])
def test_only_answers_about_assignments_rest_on_the_facts_of_assignments(endpoint: str) -> None:
    assert (mark(endpoint=endpoint, work="a") != mark(endpoint=endpoint, work="b")) is (endpoint == "assignments")
    assert mark(endpoint=endpoint) != mark(endpoint=endpoint, phase=CONCLUDED)


def test_the_facts_of_assignments_have_one_mark_in_any_order_and_another_when_one_changes() -> None:
    facts: list[tuple[object, ...]] = [(1, "A", NOON, 10.0, False), (2, "B", None, None, True)]
    assert coursework_mark(facts) == coursework_mark(facts[::-1])
    for at, changed in ((0, 3), (1, "Ä"), (2, NOON + DAY), (2, None), (3, 10.5), (4, True)):
        other = list(facts[0])
        other[at] = changed
        assert coursework_mark([tuple(other), facts[1]]) != coursework_mark(facts)
    assert len({coursework_mark(facts), coursework_mark(facts[:1]), coursework_mark([])}) == 3


def due(last: Answered | None, *, every: bool = False, spread: float = 0.0, basis: str = "now") -> bool:
    return is_student_due(basis, last, NOON, every=every, refresh_after=30 * DAY, spread=spread)


@pytest.mark.parametrize("status", list(CoverageStatus))
def test_in_mode_all_everybody_is_due(status: CoverageStatus) -> None:
    assert due(answered(status, "now", ago=timedelta(0)), every=True)
    assert due(None, every=True)


def test_who_was_never_asked_about_and_whose_question_failed_are_due() -> None:
    assert due(None)
    for basis in ("now", "before", None):
        assert due(answered(CoverageStatus.FAILED, basis, ago=timedelta(0)))
        assert due(answered(CoverageStatus.SKIPPED, basis, ago=timedelta(0)))


@pytest.mark.parametrize("status", GOOD)
@pytest.mark.parametrize("settled", [True, False])
def test_whoever_moved_is_due_at_once(status: CoverageStatus, settled: bool) -> None:
    assert due(answered(status, "before", ago=timedelta(minutes=1), settled=settled))
    assert due(answered(status, None, ago=timedelta(minutes=1), settled=settled))
    assert not due(answered(status, "now", ago=timedelta(minutes=1), settled=settled))


@pytest.mark.parametrize("status", GOOD)
def test_an_answer_that_may_be_from_the_cache_is_asked_for_again_when_that_has_run_out(status: CoverageStatus) -> None:
    for ago, unsettled in ((CACHED_FOR - timedelta(seconds=1), False), (CACHED_FOR, True), (2 * DAY, True)):
        assert due(answered(status, "now", ago=ago, settled=False)) is unsettled
        assert not due(answered(status, "now", ago=ago, settled=True))


@pytest.mark.parametrize("basis", ["now", "before", None])
def test_what_was_missing_is_asked_again_at_the_pace_of_the_cache(basis: str | None) -> None:
    assert not due(answered(CoverageStatus.MISSING, basis, ago=CACHED_FOR - timedelta(seconds=1)))
    assert due(answered(CoverageStatus.MISSING, basis, ago=CACHED_FOR))


def test_a_right_that_was_granted_counts_at_the_next_pull() -> None:
    assert due(answered(CoverageStatus.FORBIDDEN, "now", ago=timedelta(seconds=1)))


def test_without_a_refresh_only_what_moved_or_is_not_sure_is_due() -> None:
    def due_(last: Answered) -> bool:
        return is_student_due("now", last, NOON, every=False, refresh_after=None, spread=0)

    assert not due_(answered(CoverageStatus.LOADED, "now", ago=900 * DAY))
    assert due_(answered(CoverageStatus.LOADED, "before"))
    assert due_(answered(CoverageStatus.LOADED, "now", settled=False))


@pytest.mark.parametrize(("spread", "days"), [(0.0, 15), (0.5, 22.5), (1.0, 30)])
def test_everybody_is_asked_about_again_in_the_second_half_of_the_refresh(spread: float, days: float) -> None:
    second = timedelta(seconds=1)
    assert not due(answered(CoverageStatus.LOADED, "now", ago=days * DAY - second), spread=spread)
    assert due(answered(CoverageStatus.LOADED, "now", ago=days * DAY), spread=spread)


def test_the_spread_is_fixed_for_a_student_and_even_over_many() -> None:
    spreads = [spread_of(course_id, user) for course_id in range(100, 120) for user in range(10_001, 10_101)]
    assert spreads == [spread_of(course_id, user) for course_id in range(100, 120) for user in range(10_001, 10_101)]
    assert all(0 <= one < 1 for one in spreads)
    assert abs(mean(spreads) - 0.5) < 0.02
    tenths = [sum(at <= one * 10 < at + 1 for one in spreads) for at in range(10)]
    assert min(tenths) > 140
    assert max(tenths) < 260
    # The same person is due on other days in other courses.
    assert len({spread_of(course_id, 10_001) for course_id in range(50)}) == 50


@pytest.mark.parametrize(
    ("ago", "settled"), [(None, True), (timedelta(0), False), (CACHED_FOR - timedelta(seconds=1), False),
                         (CACHED_FOR, True), (3 * DAY, True)],
)  # fmt: skip
def test_an_answer_is_trusted_when_nobody_here_asked_within_the_life_of_the_cache(
    ago: timedelta | None, settled: bool
) -> None:
    last = None if ago is None else answered(CoverageStatus.LOADED, ago=ago)
    assert is_settled(last, NOON) is settled
