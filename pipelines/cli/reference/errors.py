"""The page of errors: what can go wrong between canvaslake and Canvas."""

import inspect
from collections.abc import Iterator

from pipelines.canvas import errors
from pipelines.canvas.errors import CanvasError
from pipelines.cli.exit_codes import exit_code_of
from pipelines.cli.reference.markdown import page


def errors_page() -> str:
    """Return the page of the tree of Canvas errors: meaning, usual reason, next step."""
    lines: list[str] = []
    for kind, depth in error_tree(CanvasError):
        said = inspect.cleandoc(kind.__doc__ or "").replace("``", "`")
        lines += [f"{'#' * min(2 + depth, 4)} {kind.__name__}", "", said, ""]
        facts = [("Usual reason", kind.default_why), ("Next step", kind.default_next_step)]
        facts.append(("Exit code", f"[{int(exit_code_of(kind('')))}](exit-codes.md)"))
        lines += [f"- {name}: {value}" for name, value in facts if value] + [""]
    intro = (
        "Everything that can go wrong between canvaslake and Canvas. A message names the method and the path, the "
        "HTTP status and Canvas's request id: quote them to Canvas support. Headings are nested as the errors are."
    )
    return page("Errors", intro, lines)


def error_tree(kind: type[CanvasError], depth: int = 0) -> Iterator[tuple[type[CanvasError], int]]:
    """Yield an error and those below it, in the order of their module, with how deep each stands."""
    yield kind, depth
    order = list(vars(errors))
    below = [one for one in kind.__subclasses__() if one.__name__ in order]
    for one in sorted(below, key=lambda each: order.index(each.__name__)):
        yield from error_tree(one, depth + 1)
