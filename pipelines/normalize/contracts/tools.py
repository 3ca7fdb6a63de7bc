"""Contracts of the reports about external tools, developer keys and ePortfolios."""

from dataclasses import replace

from pipelines.normalize.contracts.model import Parameter, ParameterKind, Privacy, Report
from pipelines.normalize.contracts.parameters import INCLUDE_DELETED, SKIP_MESSAGE
from pipelines.normalize.contracts.report_tables import SIS, flag_of, id_of, report_table_of, text_of, time_of

_IDENTITY = Privacy.IDENTITY

LTI_REPORT = report_table_of(
    "lti_report_csv",
    "External tools by the account or course that they are installed in.",
    "one row per tool and place",
    ("context_type", "context_id", "tool_id"),
    (
        text_of("context_type", "account or course."),
        id_of("context_id", "Canvas id of the account or course."),
        text_of("account_name", "Name of the account."),
        text_of("course_name", "Name of the course, for tools in a course."),
        id_of("tool_id", "Canvas id of the installed tool."),
        text_of("tool_type_name", "Name of the tool."),
        text_of("tool_type_id", "What the tool calls itself."),
        time_of("tool_created_at", "When the tool was installed."),
        text_of("privacy_level", "What the tool learns about people: public, name_only, email_only or anonymous."),
        text_of("launch_url", "Web address that the tool starts at."),
        text_of("custom_fields", "What is handed to the tool, as Canvas prints it."),
    ),
    unique=False,
)

DEVELOPER_KEY_REPORT = report_table_of(
    "developer_key_report_csv",
    "Developer keys that the account sees, and what they may do.",
    "one row per key",
    ("global_id",),
    (
        id_of("Global ID", "Id of the key over all of Canvas's databases.", needed=True),
        text_of("Key Name", "Name of the key."),
        flag_of("Inherited from Parent Account", "Whether the key comes from an account above."),
        text_of("Contact Info", "E-mail address of the owner.", privacy=_IDENTITY),
        text_of("Key Type", "LTI Key or API Key."),
        text_of("Placements", "Where the tool shows up, as Canvas prints it, or None."),
        text_of("Status", "Whether the key is on in the account."),
        text_of("Permitted API Endpoints", "Which endpoints the key may call, as Canvas prints them, or All or None."),
    ),
    unique=False,
)

EPORTFOLIO_REPORT = report_table_of(
    "eportfolio_report_csv",
    "ePortfolios. An author with two logins has two rows for each; with include_deleted, only deleted ones are listed.",
    "one row per portfolio and login of its author",
    ("eportfolio_id", "author_login_id"),
    (
        text_of("eportfolio_name", "Name of the portfolio.", privacy=Privacy.RECORD),
        id_of("eportfolio_id", "Canvas id of the portfolio.", needed=True),
        text_of("author_name", "Name of the author.", privacy=_IDENTITY),
        id_of("author_id", "Canvas id of the author.", privacy=Privacy.PSEUDONYM),
        text_of("author_sis_id", f"Id of the author {SIS}.", privacy=_IDENTITY),
        text_of("author_login_id", "What the author types to log in.", privacy=_IDENTITY),
        time_of("created_at", "When the portfolio was made.", privacy=Privacy.RECORD),
        time_of("updated_at", "When the portfolio was last changed.", privacy=Privacy.RECORD),
        flag_of("is_public", "Whether anybody may read the portfolio.", privacy=Privacy.RECORD),
        text_of("workflow_state", "active or deleted."),
    ),
    unique=False,
)

LTI_REPORT_CSV = Report(
    name="lti_report_csv",
    title="LTI Report",
    description="External tools by account and course.",
    tables={"": LTI_REPORT},
    parameters=(INCLUDE_DELETED, SKIP_MESSAGE),
)
DEVELOPER_KEY_REPORT_CSV = Report(
    name="developer_key_report_csv",
    title="Developer Keys Report",
    description="Developer keys and what they may do.",
    tables={"": DEVELOPER_KEY_REPORT},
    parameters=(SKIP_MESSAGE,),
)
EPORTFOLIO_REPORT_CSV = Report(
    name="eportfolio_report_csv",
    title="Eportfolio Report",
    description="ePortfolios and their authors.",
    tables={"": EPORTFOLIO_REPORT},
    parameters=(
        Parameter("no_enrollments", ParameterKind.BOOLEAN, description="Only of people without any enrollment."),
        replace(INCLUDE_DELETED, description="Only what is deleted."),
        SKIP_MESSAGE,
    ),
)

REPORTS = (LTI_REPORT_CSV, DEVELOPER_KEY_REPORT_CSV, EPORTFOLIO_REPORT_CSV)
