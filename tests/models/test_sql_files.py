"""The SELECT files as a whole: what an analyst relies on whatever the data is."""

import pytest

from pipelines.models import Model, inherited_privacy, load_models, model_columns, refresh, sql_folder
from pipelines.normalize.contracts import TABLES, Privacy
from tests.models.loaded import Loaded

MODELS = load_models(sql_folder(), TABLES)
COLUMNS = model_columns(MODELS, TABLES)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.qualified)
def test_no_column_goes_without_a_description(model: Model) -> None:
    assert list(model.columns) == [name for name, _ in COLUMNS[model.qualified]]


def test_every_table_is_there_and_empty_before_the_first_load(loaded: Loaded) -> None:
    results = refresh(loaded.con, loaded.models)

    assert [(result.qualified, result.rows) for result in results] == [(model.qualified, 0) for model in MODELS]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.qualified)
def test_every_column_has_a_type_that_older_readers_and_bi_tools_know(model: Model) -> None:
    known = {"BIGINT", "INTEGER", "DOUBLE", "BOOLEAN", "VARCHAR", "DATE", "TIMESTAMP WITH TIME ZONE"}

    assert {type_name for _, type_name in COLUMNS[model.qualified]} <= known


def test_names_and_grades_of_people_keep_their_privacy_class_in_the_marts() -> None:
    privacy = inherited_privacy(MODELS, TABLES)

    assert privacy["marts.dim_user"]["email"] is Privacy.IDENTITY
    assert privacy["marts.dim_user"]["user_id"] is Privacy.PSEUDONYM
    assert privacy["marts.fct_enrollment"]["final_grade"] is Privacy.RECORD
    assert privacy["marts.dim_course"]["course_name"] is Privacy.NONE
    assert privacy["marts.grade_distribution"]["students"] is Privacy.NONE
