"""Contract of the documents that course reports make: not tables, so a row tells where the document is."""

from pipelines.normalize.contracts.model import Column, ColumnType, Table

_ID, _TEXT, _TIME = ColumnType.BIGINT, ColumnType.VARCHAR, ColumnType.TIMESTAMPTZ

COURSE_DOCUMENTS = Table(
    schema="reports",
    name="course_documents",
    description="Documents that course reports have made, with the place of each in the lake.",
    grain="one row per course, report and parameters: the newest document",
    key=("course_id", "report_type", "course_report_id"),
    columns=(
        Column("course_id", _ID, "Canvas id of the course.", nullable=False),
        Column("report_type", _TEXT, "Name of the course report in Canvas, such as course_pace_docx.", nullable=False),
        Column("course_report_id", _ID, "Canvas id of the report.", nullable=False),
        Column("parameters", _TEXT, "What was asked for, as JSON."),
        Column("created_at", _TIME, "When Canvas was asked.", unit="UTC"),
        Column("started_at", _TIME, "When Canvas began to make it.", unit="UTC"),
        Column("ended_at", _TIME, "When Canvas had made it.", unit="UTC"),
        Column("content_type", _TEXT, "What kind of file it is, told by its content."),
        Column("path", _TEXT, "The file, below the folder lake of the data directory.", nullable=False),
        Column("bytes", _ID, "Size of the file.", unit="bytes"),
        Column("sha256", _TEXT, "Checksum of the file."),
    ),
    source="POST /api/v1/courses/:course_id/reports/:report_type",
    slice="course, report, parameters",
    group="reports",
)
