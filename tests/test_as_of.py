"""What people write after --as-of, and the moment that it means."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.as_of import MomentError, moment_meant

ZONES = ["UTC", "America/Denver", "Asia/Kathmandu", "Pacific/Apia", "America/Sao_Paulo", "Africa/Cairo"]


@pytest.mark.parametrize(
    ("text", "zone", "meant"),
    [
        ("2026-10-01", "UTC", "2026-10-01T23:59:59+00:00"),
        ("2026-10-01", "America/Denver", "2026-10-02T05:59:59+00:00"),
        (" 2026-10-01\n", "Asia/Tokyo", "2026-10-01T14:59:59+00:00"),
        ("2026-12-31", "UTC", "2026-12-31T23:59:59+00:00"),
        # The day on which the clocks go back has 25 hours.
        ("2026-11-01", "America/Denver", "2026-11-02T06:59:59+00:00"),
        # In Cairo the clocks went forward at midnight: the day after began at one o'clock.
        ("2026-04-23", "Africa/Cairo", "2026-04-23T21:59:59+00:00"),
        ("2026-10-01T12:00", "America/Denver", "2026-10-01T18:00:00+00:00"),
        ("2026-10-01 12:00:30", "UTC", "2026-10-01T12:00:30+00:00"),
        ("2026-10-01T12:00:00Z", "America/Denver", "2026-10-01T12:00:00+00:00"),
        ("2026-10-01T12:00:00+02:00", "America/Denver", "2026-10-01T10:00:00+00:00"),
        # As `query` shows meta.generation.published_at.
        ("2026-10-01T12:00:00.123456+00:00", "UTC", "2026-10-01T12:00:00.123456+00:00"),
        ("2026-11-01T01:30", "America/Denver", "2026-11-01T07:30:00+00:00"),
    ],
)
def test_words_mean_one_moment(text: str, zone: str, meant: str) -> None:
    moment = moment_meant(text, zone)

    assert moment.isoformat() == meant
    assert moment.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "12",
        "20261001",
        "2026-W40-4",
        "2026-10",
        "2026-13-01",
        "2026-02-30",
        "2026-10-01T",
        "2026-10-01T12",
        "2026-10-01T25:00",
        "2026-10-01T12:00 Denver",
        "9999-12-31",
        "0001-01-01T00:00+14:00",
        "01.10.2026",
        "\uff12\uff10\uff12\uff16-10-01",
    ],
)
def test_other_words_are_refused_with_words_that_work(text: str) -> None:
    with pytest.raises(MomentError) as caught:
        moment_meant(text, "America/Denver")

    assert "2026-10-01T12:00" in str(caught.value)
    assert "America/Denver" in str(caught.value)


@given(st.dates(date(1900, 1, 1), date(2100, 1, 1)), st.sampled_from(ZONES))
def test_a_day_ends_where_the_next_begins(day: date, zone: str) -> None:
    last = moment_meant(day.isoformat(), zone)

    following = datetime.combine(day + timedelta(days=1), datetime.min.time(), ZoneInfo(zone))
    assert last + timedelta(seconds=1) == following.astimezone(UTC)
    # Apia left the 30th of December 2011 out.
    assert last <= moment_meant((day + timedelta(days=1)).isoformat(), zone)
