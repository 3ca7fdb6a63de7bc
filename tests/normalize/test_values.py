"""Values: what Canvas wrote is what is stored, or it is named as bad; nothing is rounded, guessed or swallowed."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipelines.normalize.contracts import ColumnType
from pipelines.normalize.values import from_json, from_text

BIGINT, DOUBLE, TEXT = ColumnType.BIGINT, ColumnType.DOUBLE, ColumnType.VARCHAR
MOMENT, DAY, FLAG = ColumnType.TIMESTAMPTZ, ColumnType.DATE, ColumnType.BOOLEAN


def typed(kind: ColumnType, *cells: str | bytes | None) -> tuple[list[Any], dict[int, str]]:
    raw = [cell.encode() if isinstance(cell, str) else cell for cell in cells]
    array, bad = from_text(pa.array(raw, pa.binary()), kind)
    assert array.type == kind.arrow
    return array.to_pylist(), bad


def decoded(kind: ColumnType, *values: object) -> tuple[list[Any], dict[int, str]]:
    array, bad = from_json(values, kind)
    assert array.type == kind.arrow
    return array.to_pylist(), bad


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=5))
@example([2**53 + 1, -(2**53) - 1, 2**63 - 1, 10_000_000_000_123])
def test_every_id_comes_back_as_it_was(numbers: list[int]) -> None:
    assert typed(BIGINT, *map(str, numbers)) == (numbers, {})
    assert decoded(BIGINT, *numbers) == (numbers, {})
    assert decoded(BIGINT, *map(str, numbers)) == (numbers, {})


@given(st.integers(min_value=2**63) | st.integers(max_value=-(2**63) - 1))
@example(2**63)
@example(-(2**63) - 1)
def test_a_number_past_64_bits_is_bad_and_its_neighbours_stay(number: int) -> None:
    for values, bad in (typed(BIGINT, "1", str(number), None), decoded(BIGINT, 1, number, None)):
        assert values == [1, None, None]
        assert list(bad) == [1]


@pytest.mark.parametrize("cell", ["1.5", "1.0", "0x1", "1e3", "one", "1,000", "١", "1 2", "--1", "+", "NaN", "true"])
def test_what_is_no_whole_number_is_bad_and_not_guessed(cell: str) -> None:
    assert typed(BIGINT, "7", cell) == ([7, None], {1: "is not a whole number"})


def test_spaces_and_zeros_before_a_number_do_not_change_it() -> None:
    assert typed(BIGINT, " 7 ", "007", "+7", "-007", "0", "-0", "   ") == ([7, 7, 7, -7, 0, 0, None], {})


@pytest.mark.parametrize(
    "text", ["NA", "NULL", "null", "None", "nan", "N/A", "#N/A", "-", "00007919", " x ", "0x1", "1e5"]
)
def test_people_whose_name_looks_like_nothing_keep_it(text: str) -> None:
    assert typed(TEXT, text) == ([text], {})
    assert decoded(TEXT, text) == ([text], {})


@given(st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"])), max_size=5))
def test_every_text_comes_back_as_it_was_and_empty_is_not_null(texts: list[str | None]) -> None:
    assert typed(TEXT, *texts) == (texts, {})
    assert decoded(TEXT, *texts) == (texts, {})


def test_bytes_that_are_no_text_are_bad_by_themselves() -> None:
    assert typed(TEXT, "é", b"\xff", b"\xc3") == (["é", None, None], {1: "is not UTF-8", 2: "is not UTF-8"})
    assert typed(BIGINT, "5", b"\xff") == ([5, None], {1: "is not UTF-8"})
    assert decoded(TEXT, "a", "\ud800") == (["a", None], {1: "is not valid Unicode"})


@given(st.floats(allow_nan=False, allow_infinity=False))
@example(-0.0)
@example(5e-324)
def test_every_score_comes_back_to_the_last_bit(score: float) -> None:
    assert typed(DOUBLE, repr(score)) == ([score], {})
    assert decoded(DOUBLE, score) == ([score], {})


@pytest.mark.parametrize(
    "cell", ["inf", "-inf", "nan", "NaN", "Infinity", "0x1p3", "1e999", "3,5", "1.2.3", ".", "e5", "A-"]
)
def test_what_is_no_number_is_bad(cell: str) -> None:
    assert typed(DOUBLE, "1.5", cell) == ([1.5, None], {1: "is not a number"})


@pytest.mark.parametrize("number", [2**53 + 1, 2**70, 10**400])
def test_a_large_whole_number_among_scores_takes_no_other_score_with_it(number: int) -> None:
    values, bad = decoded(DOUBLE, 1.5, number, 3)
    assert (values[0], values[2]) == (1.5, 3.0)
    assert values[1] == (None if bad else float(number))


def test_numbers_as_texts_and_whole_floats_are_taken_and_others_are_not() -> None:
    assert decoded(BIGINT, "12", 12, 12.0, "", None) == ([12, 12, 12, None, None], {})
    values, bad = decoded(BIGINT, 1.5, True, [1], {"a": 1}, float("nan"), float("inf"), 1e30)
    assert values == [None] * 7
    assert sorted(bad) == list(range(7))
    assert decoded(TEXT, 5, 1.5, True) == (["5", "1.5", "true"], {})


def test_flags_are_read_in_every_spelling_that_canvas_uses() -> None:
    assert typed(FLAG, "true", "FALSE", "1", "0", None, "") == ([True, False, True, False, None, None], {})
    assert typed(FLAG, "maybe")[1] == {0: "is not true or false"}
    assert decoded(FLAG, True, False, None, "true") == ([True, False, None, True], {})
    assert decoded(FLAG, 2)[1] == {0: "is not true or false"}


@given(
    st.datetimes(datetime(1900, 1, 2), datetime(2100, 12, 30)),  # noqa: DTZ001 - the zone comes from the next line
    st.sampled_from(
        ["UTC", "America/Denver", "America/St_Johns", "Asia/Kathmandu", "Europe/Berlin", "Australia/Lord_Howe"]
    ),
)
@example(datetime(2026, 11, 1, 1, 30), "America/Denver")  # noqa: DTZ001 - the hour that happens twice
@example(datetime(2026, 3, 8, 2, 30), "America/Denver")  # noqa: DTZ001 - the hour that does not happen
def test_a_time_in_the_schools_zone_is_the_same_moment_in_utc(naive: datetime, zone: str) -> None:
    for fold in (0, 1):
        local = naive.replace(microsecond=0, tzinfo=ZoneInfo(zone), fold=fold)
        offset = local.utcoffset() or timedelta()
        if offset.total_seconds() % 60:
            continue  # local mean time of old days: ISO 8601 has no seconds in an offset
        text = local.isoformat(timespec="seconds")
        assert typed(MOMENT, text) == ([local.astimezone(UTC)], {})
        assert decoded(MOMENT, text) == ([local.astimezone(UTC)], {})


def test_every_form_of_a_time_that_canvas_writes_is_read() -> None:
    ten = datetime(2026, 1, 5, 10, tzinfo=UTC)
    forms = ["2026-01-05T10:00:00Z", "2026-01-05 10:00:00 UTC", "2026-01-05T03:00:00-07:00", "2026-01-05T10:00:00.000Z"]
    assert typed(MOMENT, *forms, "2026-01-05 03:00:00 -0700") == ([ten] * 5, {})
    micro = datetime(2026, 1, 5, 10, 0, 0, 123456, tzinfo=UTC)
    assert typed(MOMENT, "2026-01-05T10:00:00.123456Z") == ([micro], {})


@pytest.mark.parametrize(
    "cell",
    ["2026-01-05T10:00:00", "2026-01-05", "2026-02-30T10:00:00Z", "2026-01-05T25:00:00Z", "never", "1767607200",
     "05/01/2026 10:00 UTC", "2026-01-05T10:00:00+99:00", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00",
     "9999-12-31T23:59:59-14:00"],
)  # fmt: skip
def test_a_time_that_could_be_meant_two_ways_or_never_was_is_bad_by_itself(cell: str) -> None:
    good = "2026-01-05T10:00:00Z"
    for values, bad in (typed(MOMENT, good, cell, good), decoded(MOMENT, good, cell, good)):
        assert values == [datetime(2026, 1, 5, 10, tzinfo=UTC), None, datetime(2026, 1, 5, 10, tzinfo=UTC)]
        assert bad == {1: "is not a time with its offset"}


def test_the_far_ends_of_time_that_a_sis_writes_are_kept() -> None:
    assert typed(MOMENT, "9999-12-31T00:00:00Z", "0001-01-01T00:00:00Z") == (
        [datetime(9999, 12, 31, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC)],
        {},
    )


@given(st.dates())
def test_every_day_comes_back_as_it_was(day: date) -> None:
    assert typed(DAY, day.isoformat()) == ([day], {})
    assert decoded(DAY, day.isoformat()) == ([day], {})


@pytest.mark.parametrize(
    "cell", ["2026-02-30", "2026-13-01", "2025-02-29", "0000-01-01", "2026-1-5", "today", "20260105"]
)
def test_a_day_that_is_none_is_bad(cell: str) -> None:
    assert typed(DAY, "2026-01-05", cell) == ([date(2026, 1, 5), None], {1: "is not a day (YYYY-MM-DD)"})


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["1", "2026-01-05", ""]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=3,
)


@given(st.lists(_JSON, min_size=1, max_size=4), st.sampled_from(list(ColumnType)))
def test_a_values_fate_does_not_hang_on_its_neighbours(values: list[object], kind: ColumnType) -> None:
    array, bad = from_json(values, kind)
    together = array.to_pylist()
    for position, value in enumerate(values):
        (alone,), alone_bad = decoded(kind, value)
        assert together[position] == alone or (alone != alone)
        assert bad.get(position) == alone_bad.get(0)
        # A value that was there is either kept or named, never lost.
        if together[position] is None and position not in bad:
            assert value is None or (isinstance(value, str) and not value.strip())
