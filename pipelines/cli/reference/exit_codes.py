"""The page of exit codes, with the errors that lead to each."""

from pipelines.canvas.errors import CanvasError
from pipelines.cli.exit_codes import ExitCode, exit_code_of
from pipelines.cli.reference.errors import error_tree
from pipelines.cli.reference.markdown import as_code, member_docs, page, table_of


def exit_codes_page() -> str:
    """Return the page of exit codes, with the errors that lead to each."""
    said = member_docs(ExitCode)
    by_code: dict[ExitCode, list[str]] = {}
    for kind, _ in error_tree(CanvasError):
        by_code.setdefault(exit_code_of(kind("")), []).append(kind.__name__)
    said.setdefault("OK", "Everything went well.")
    rows = [
        (as_code(str(int(code))), code.name, said.get(code.name, ""), ", ".join(map(as_code, by_code.get(code, []))))
        for code in ExitCode
    ]
    intro = (
        "The exit code of a command is the class of the first thing that went wrong, and that of a missing right only "
        "where nothing else did; the message on standard error says what, why, and what to do next. Code 130 means "
        "that you stopped it with Ctrl-C. [Errors](errors.md) explains each error of a conversation with Canvas."
    )
    return page("Exit codes", intro, table_of(("code", "name", "meaning", "errors of Canvas in it"), rows))
