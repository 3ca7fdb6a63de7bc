"""Ids in the settings are held against those that Canvas shows."""

import pytest

from pipelines.extract.chosen_ids import UnknownIds, unknown_ids


@pytest.mark.parametrize(
    ("chosen", "ids"),
    [
        ((777,), (777,)),
        ((3, 1), ()),
        ((900, 3, 555, 900), (555, 900)),
        (("self", "sis_account_id:ENG", 777), (777,)),
        (("self",), ()),
        ("all", ()),
        ("active", ()),
        ((), ()),
    ],
)
def test_ids_that_are_not_shown_are_found_and_names_are_left_out(
    chosen: tuple[int | str, ...] | str, ids: tuple[int, ...]
) -> None:
    expected = [UnknownIds("departments", "account", ids)] if ids else []
    assert unknown_ids("departments", "account", chosen, [1, 2, 3]) == expected


def test_before_anything_is_loaded_nothing_is_said() -> None:
    assert unknown_ids("terms", "term", (77,), []) == []
