"""What an institution, or the person who starts a report, has switched on, as far as report files show it.

Everything is off by default. How a switch changes a file is written in the builder of the report.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Preferences:
    """Features and settings that change report files.

    The first four are preferences for gradebook exports, which only the three outcome reports honour:
    `semicolons` and `byte_order_mark` as they say, `decimal_comma` is a locale that writes 3,5 (numbers of the outcome
    export, and `;` in all three), `encoding` is the one that the locale names.

    `pronouns` adds a last column to users.csv, `trusts` a last column root_account to enrollments.csv and admins.csv.
    `temporary_enrollments` adds two columns to the enrollments of provisioning, and to those of the SIS export three
    header cells but one cell of data. `integration_ids_in_grades` and `final_grade_override` add columns to both grade
    exports; `account_level_mastery_scales` takes the ratings out of the outcome export. The `older_` ones are headers
    of earlier versions: portfolios without their author's SIS id and login, LTI tools without the tool's id, and
    students without submissions always with their enrollment state.
    """

    semicolons: bool = False
    byte_order_mark: bool = False
    decimal_comma: bool = False
    encoding: str = "utf-8"
    pronouns: bool = False
    trusts: bool = False
    temporary_enrollments: bool = False
    integration_ids_in_grades: bool = False
    final_grade_override: bool = False
    account_level_mastery_scales: bool = False
    older_eportfolios: bool = False
    older_lti: bool = False
    older_no_submissions: bool = False
