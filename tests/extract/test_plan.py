"""The price of a sync: which of its bounds counts, what one family leaves of the quota, and the words for it."""

import pytest

from pipelines.extract.courses import CourseFacts
from pipelines.extract.plan import (
    Asked,
    Choice,
    Part,
    Plan,
    Seen,
    about,
    cheapest,
    choose,
    course_requests,
    pages,
    price,
    report_requests,
)
from pipelines.ledger.pulls import Spent

FULL = Seen(round_trip=0.2, cost=0.1, remaining=600.0)
NEAR = Seen(round_trip=0.01, cost=1.0, remaining=600.0)


def asked(requests: int, family: str = "course", before: Spent | None = None) -> Asked:
    return Asked(family, (Part(("analytics.course_activity",), requests, requests),), before=before)


def seconds(plan: Plan) -> list[float | None]:
    return [None if line.seconds is None else round(line.seconds, 6) for line in plan.lines]


def test_while_the_quota_stands_ready_the_way_to_canvas_counts() -> None:
    plan = price([asked(100)], FULL, cap=10)
    assert seconds(plan) == [2.0]
    assert plan.lines[0].cost == pytest.approx(10.0)
    assert seconds(price([asked(100)], FULL, cap=5)) == [4.0]


def test_beyond_what_stands_ready_the_quota_leaks_back_at_ten_a_second() -> None:
    # 1,000 units, of which 600 - 25 stand ready.
    assert seconds(price([asked(1000)], NEAR, cap=10)) == [42.5]


def test_what_one_family_leaves_of_the_quota_is_the_next_ones() -> None:
    # The first takes 0.5 s by its way and leaves 575 - 500 + 10 * 0.5 = 80.
    plan = price([asked(500), asked(500, "student")], NEAR, cap=10)
    assert seconds(plan) == [0.5, 42.0]
    assert plan.seconds == pytest.approx(42.5)


def test_a_pause_fills_the_quota_no_further_than_it_was_seen() -> None:
    slow = Spent(questions=10, requests=10, cost=10.0, seconds=1000.0)
    plan = price([asked(10, "department", slow), asked(1000)], NEAR, cap=10)
    assert seconds(plan) == [1000.0, 42.5]


def test_an_overdrawn_quota_is_waited_for_first() -> None:
    # 5 - 25 = -20 stand ready: 10 more cost three seconds, and the next has nothing left.
    plan = price([asked(10), asked(10)], Seen(0.01, 1.0, 5.0), cap=10)
    assert seconds(plan) == [3.0, 1.0]


def test_what_was_measured_gives_the_cost_and_a_bound() -> None:
    before = Spent(questions=10, requests=20, cost=40.0, seconds=30.0)
    [line] = price([asked(100, before=before)], FULL, cap=10).lines
    assert line.cost == pytest.approx(200.0)
    assert line.seconds == pytest.approx(150.0)
    quick = Spent(questions=10, requests=20, cost=2.0, seconds=0.02)
    assert seconds(price([asked(100, before=quick)], FULL, cap=10)) == [2.0]


def test_without_quota_headers_four_go_at_once_and_nothing_is_said_of_cost() -> None:
    plan = price([asked(100)], Seen(0.2, None, None), cap=10)
    assert seconds(plan) == [5.0]
    assert plan.lines[0].cost is None
    assert seconds(price([asked(100)], Seen(0.2, None, None), cap=2)) == [10.0]


def test_without_canvas_only_what_was_measured_has_a_time() -> None:
    before = Spent(questions=10, requests=10, cost=10.0, seconds=20.0)
    plan = price([asked(5, before=before), asked(5)], None, cap=10)
    assert seconds(plan) == [10.0, None]
    assert plan.seconds is None
    assert plan.requests == 10


def test_what_is_not_known_yet_takes_no_time_and_is_told_apart() -> None:
    plan = price([asked(100), Asked("student", None)], FULL, cap=10)
    assert seconds(plan) == [2.0, 0.0]
    assert not plan.is_whole
    assert price([asked(100)], FULL, cap=10).is_whole


def test_rows_are_those_of_an_answer_times_the_questions_and_none_where_none_came() -> None:
    family = Asked("course", (Part(("a", "b"), 10, 10), Part(("c",), 3, 3)))
    [line] = price([family], FULL, cap=10, rows_per_answer={"a": 2.56, "c": 0.0}).lines
    assert line.rows == {"a": 26, "b": None, "c": 0}
    assert line.total_rows == 26
    [line] = price([family], FULL, cap=10).lines
    assert line.total_rows is None


@pytest.mark.parametrize(("records", "requests"), [(None, 1), (0, 1), (1, 1), (100, 1), (101, 2), (4210, 43)])
def test_a_list_takes_a_request_per_hundred(records: int | None, requests: int) -> None:
    assert pages(records) == requests


def test_a_large_course_takes_more_requests() -> None:
    def requests(students: int | None) -> list[int]:
        course = CourseFacts(1, 1, 1, "available", False, students)
        return [course_requests(course, name) for name in ("activity", "assignments", "student_summaries")]

    assert requests(None) == [1, 1, 1]
    assert requests(200) == [1, 1, 2]
    assert requests(201) == [1, 3, 3]
    assert report_requests(reports=2) == 14


def test_the_change_that_saves_most_is_chosen_and_one_that_costs_more_never() -> None:
    now = price([asked(192, "department"), asked(5202, "student")], NEAR, cap=10)
    changed = choose(
        'student_analytics = "changed"', "student", now, price([now.lines[0].asked, asked(12, "student")], NEAR, cap=10)
    )
    roots = choose('departments = "roots"', "department", now, price([asked(8), now.lines[1].asked], NEAR, cap=10))
    # 5,394 units take 0.192 + 481.708 s, 204 fit into what stands ready.
    assert changed.requests_saved == 5190
    assert changed.seconds_saved == pytest.approx(481.696)
    assert str(changed) == (
        '[sync] student_analytics = "changed" would ask 12 instead of 5,202 questions: saves about 8 min'
    )
    assert cheapest([roots, changed]) == changed
    dearer = Choice('student_analytics = "all"', 5202, 12, -5190, None)
    assert str(dearer) == (
        '[sync] student_analytics = "all" would ask 5,202 instead of 12 questions: takes 5,190 requests more'
    )
    assert cheapest([dearer, Choice("x", 0, 0, 0, 0.0)]) is None


@pytest.mark.parametrize(
    ("time", "words"),
    [
        (0.4, "less than a second"),
        (1.0, "about 1 s"),
        (89.4, "about 89 s"),
        (90.0, "about 2 min"),
        (240.0, "about 4 min"),
        (5400.0, "about 1.5 h"),
    ],
)
def test_a_time_is_told_no_more_exactly_than_it_is_known(time: float, words: str) -> None:
    assert about(time) == words
