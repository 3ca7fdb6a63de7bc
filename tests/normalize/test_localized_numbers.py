"""Numbers in an account's language: the right one, or none. A score of 1.234 must never become 1234."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.normalize.localized_numbers import decimal_mark, from_localized

LANGUAGES = {"en": (".", ","), "de": (",", "."), "fr": (",", "\u202f"), "nb": (",", "\u00a0"), "ch": (".", "\u2019")}


def one(text: str, mark: str | None = None) -> tuple[float | None, dict[int, str]]:
    array, bad = from_localized([text.encode()], mark)
    return array.to_pylist()[0], bad


def in_language(number: float, language: str) -> str:
    mark, thousands = LANGUAGES[language]
    return f"{number:,}".translate({ord(","): thousands, ord("."): mark})


@pytest.mark.parametrize(
    ("text", "due"),
    [("3,5", 3.5), ("3.5", 3.5), ("0,750", 0.75), ("0.750", 0.75), ("1.234,5", 1234.5), ("1,234.5", 1234.5), ("7", 7.0),
     ("1000", 1000.0), ("1234,567", 1234.567), ("1 234", 1234.0), ("1\u202f234,5", 1234.5), ("1'234'567.8", 1234567.8),
     ("1.234.567", 1234567.0), ("-2,5", -2.5), (" 4 ", 4.0), ("+1.5", 1.5), ("1,23", 1.23), ("0005", 5.0)],
)  # fmt: skip
def test_a_text_that_can_be_one_number_is_that_number(text: str, due: float) -> None:
    assert one(text) == (due, {})


@pytest.mark.parametrize("text", ["1,234", "1.234", "-999,999", "12,345"])
def test_a_text_that_can_be_two_numbers_is_none_until_the_mark_is_known(text: str) -> None:
    assert one(text) == (None, {0: "can be two numbers, depending on the language"})
    readings = [one(text, mark) for mark in ".,"]
    assert readings[0][0] != readings[1][0]
    assert {bad for _, bad in readings if bad} == set()


@pytest.mark.parametrize(
    "text", ["1,23,456", "1.2.3", "1,234,56", "1.234.5", "1 23", "A", "3,5%", "--1", "1e3", "NaN", "inf", ",", "1,",
             ".5", "1 234'567", "9" * 400]
)  # fmt: skip
def test_what_is_no_number_in_any_language_is_named(text: str) -> None:
    assert one(text) == (None, {0: "is not a number"})


def test_nothing_and_spaces_are_nothing() -> None:
    array, bad = from_localized([None, b"", b"  "], None)
    assert (array.to_pylist(), bad) == ([None, None, None], {})


@pytest.mark.parametrize(
    ("texts", "mark"),
    [([], None), (["1,234", "5"], None), (["1,234", "3,5"], ","), (["1,234", "2.5"], "."), (["3,5", "2.5"], None),
     (["1.234.567"], ","), (["x", "0,750"], ",")],
)  # fmt: skip
def test_the_mark_is_what_the_clear_numbers_show(texts: list[str], mark: str | None) -> None:
    assert decimal_mark(texts) == mark


@given(
    language=st.sampled_from(sorted(LANGUAGES)),
    numbers=st.lists(st.integers(-(10**9), 10**9).map(lambda number: number / 1000), max_size=8),
)
def test_in_no_language_does_a_number_become_another_one(language: str, numbers: list[float]) -> None:
    texts = [in_language(number, language) for number in numbers]
    array, bad = from_localized([text.encode() for text in texts], decimal_mark(texts))
    for place, (found, number) in enumerate(zip(array.to_pylist(), numbers, strict=True)):
        assert found == number if place not in bad else found is None
