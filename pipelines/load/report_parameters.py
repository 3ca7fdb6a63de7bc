"""What a report is asked for: put into one spelling, and looked at before the POST, for Canvas does not look.

Canvas starts a report whatever it is given, and fails it later, takes `false` for true, or moves its dates without a
word. Parameters tell the slices of a report apart, so that two spellings of one question would count its rows twice.
What is known of the parameters stands in the contracts, what this Canvas says of them in its catalog.
"""

import re
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from difflib import get_close_matches

from pipelines.canvas.account_reports import FALSE_WORDS, TRUE_WORDS
from pipelines.canvas.client import as_text
from pipelines.ledger.catalog import OfferedReport
from pipelines.normalize.contracts import Parameter, ParameterKind, Report, report_contract
from pipelines.normalize.contracts.parameters import TERM

_ID = re.compile(r"(\d+~)?\d+")
_OFFSET = re.compile(r"(Z|[+-]\d{2}(:?\d{2})?)$")

Parameters = Mapping[str, object]


class ReportParametersError(Exception):
    """A report is asked for something that it does not take. Nothing was sent to Canvas."""


def canonical_parameters(report: str, parameters: Parameters) -> dict[str, object]:
    """Return the parameters of a report in the one spelling in which they are sent, stored and compared.

    By the contract: names for aliases, booleans for their words, whole numbers for ids and days, sorted lists for
    LIST. Moments stay as they are, and so does a value that `parameter_problems` tells of. What is empty, None or
    false is left out, for to Canvas that is the same; of a report without a contract only what is empty or None.
    """
    contract = report_contract(report)
    found: dict[str, object] = {}
    for name, value in parameters.items():
        declared = contract.parameter(name) if contract else None
        # Of a report without a contract a command gives text where the settings give numbers: Canvas gets text.
        sent = _as_sent(value) if declared is None else _canonical(declared.kind, value)
        if _is_empty(sent):
            continue
        if declared is None or name == declared.name:
            found[name if declared is None else declared.name] = sent
        else:
            found.setdefault(declared.name, sent)
    return found


def _as_sent(value: object) -> object:
    return as_text(value) if isinstance(value, bool | int | float) else value


def _is_empty(value: object) -> bool:
    return value is None or value in ("", [], ())


def _canonical(kind: ParameterKind, value: object) -> object:
    """Return a declared parameter's value in its one spelling; None if it is to be left out."""
    text = str(value).strip()
    if _is_empty(value) or text == "":
        return None
    if kind is ParameterKind.BOOLEAN:
        word = text.lower()
        return True if word in TRUE_WORDS else None if word in FALSE_WORDS else value
    if kind is ParameterKind.TRUTHY:
        # A text that says no is for `parameter_problems` to tell of: Canvas and its writer mean opposite things.
        return None if value is False else value if text.lower() in FALSE_WORDS else True
    if kind in (ParameterKind.TERM, ParameterKind.COURSE, ParameterKind.DAYS):
        return int(text) if text.isascii() and text.isdecimal() else text
    if kind is ParameterKind.LIST:
        parts = value if isinstance(value, list | tuple) else text.split(",")
        return sorted({str(part).strip() for part in parts} - {""})
    return text if kind is ParameterKind.CHOICE and isinstance(value, str) else value


def check_parameters(
    report: str, parameters: Parameters, catalog: Mapping[str, OfferedReport] | None, *, by_term: bool = False
) -> None:
    """Raise ReportParametersError with everything that is wrong with a report's parameters.

    `catalog` is what the account offers, by name; None if it could not be read, and then the contracts alone decide.
    `by_term` says that the report is asked for once for each of several terms.
    """
    problems = parameter_problems(report, parameters, catalog, by_term=by_term)
    if problems:
        raise ReportParametersError(
            f"{report} was not asked for: {' '.join(problems)} Correct it where it is configured or given; "
            "canvaslake reports catalog shows what this Canvas offers."
        )


def parameter_problems(
    report: str, parameters: Parameters, catalog: Mapping[str, OfferedReport] | None, *, by_term: bool = False
) -> list[str]:
    """Return a sentence for each thing that is wrong with a report's parameters, or with its name.

    With `by_term` a term counts as given, whichever.
    """
    if catalog is not None and report not in catalog:
        return [f"This Canvas does not offer it{_meant(report, list(catalog))}."]
    contract, offered = report_contract(report), catalog.get(report) if catalog else None
    known = _known_names(contract, offered)
    problems = []
    if by_term:
        problems += _once_for_each_term(contract, known, parameters)
        parameters = {TERM.name: 1, **parameters}
    for name, value in parameters.items():
        declared = contract.parameter(name) if contract else None
        if known is not None and name not in known:
            if not (by_term and name == TERM.name):
                problems.append(f"It has no parameter {name}{_meant(name, sorted(known))}.")
        elif declared is not None and not _is_empty(value):
            problems += _value_problems(declared, name, value)
            if name != declared.name and not _is_empty(parameters.get(declared.name)):
                problems.append(f"{name} and {declared.name} are the same: give one of them.")
    problems += _missing(contract, offered, parameters)
    problems += _no_file(contract, parameters)
    problems += _window(contract, parameters)
    return problems


def members_missing(report: str, parameters: Parameters, member_names: Collection[str]) -> list[str]:
    """Return the members that the parameters select and that a report's file lacks, in Canvas's order.

    `member_names` are the names of the file's members without `.csv`. A file that is no ZIP is one member by the name
    of "": the selected one where one is selected, and none of several.
    """
    selected = _selected(report_contract(report), parameters)
    if len(selected) == 1 and "" in member_names:
        return []
    return [name for name in selected if name not in member_names]


def _selected(contract: Report | None, parameters: Parameters) -> list[str]:
    if contract is None:
        return []
    given = canonical_parameters(contract.name, parameters)
    return [name for name in contract.selectors if given.get(name) is True]


def _once_for_each_term(contract: Report | None, known: set[str] | None, parameters: Parameters) -> list[str]:
    if known is not None and TERM.name not in known:
        return ["It takes no notice of terms, so its rows would be counted once for each: leave out terms."]
    alike = [name for name in _selected(contract, parameters) if contract and name in contract.not_by_term]
    if not alike:
        return []
    told = f"Asked for each term, it would count {', '.join(alike)} once for each: their rows are the same for all"
    return [f"{told}. Put these into a [[reports]] of their own, without terms."]


def _meant(name: str, known: list[str]) -> str:
    close = get_close_matches(name, known, n=1)
    if close:
        return f" (did you mean {close[0]}?)"
    return f"; there are {', '.join(sorted(known))}" if known else ""


def _known_names(contract: Report | None, offered: OfferedReport | None) -> set[str] | None:
    """Return the names that a report takes; None if nobody says. Aliases and some that work are in no catalog."""
    # A catalog may list a report and none of its parameters, whatever it takes.
    if contract is None and (offered is None or not offered.parameters):
        return None
    names = set(offered.parameters) if offered else set()
    if contract:
        names.update(name for one in contract.parameters for name in (one.name, *one.aliases))
    return names | {"skip_message"}


def _value_problems(parameter: Parameter, name: str, value: object) -> list[str]:
    text = str(value).strip()
    if parameter.kind is ParameterKind.TRUTHY and not isinstance(value, bool) and text.lower() in FALSE_WORDS:
        return [f"{name} = {text!r} would count as true, as every text does there: leave it out to say no."]
    if parameter.kind is ParameterKind.BOOLEAN and text.lower() not in TRUE_WORDS | FALSE_WORDS:
        return [f"{name} must be true or false."]
    if parameter.kind in (ParameterKind.TERM, ParameterKind.COURSE):
        word = "sis_term_id" if parameter.kind is ParameterKind.TERM else "sis_course_id"
        if not _ID.fullmatch(text) and not text.startswith(f"{word}:"):
            return [f"{name} must be a Canvas id or {word}:X."]
    if parameter.kind is ParameterKind.DAYS and not text.isdecimal():
        return [f"{name} must be a whole number of days."]
    if parameter.kind is ParameterKind.MOMENT:
        return _moment_problems(name, text)
    if parameter.choices and parameter.kind in (ParameterKind.CHOICE, ParameterKind.LIST):
        given = [str(one) for one in value] if isinstance(value, list | tuple) else text.split(",")
        wrong = [one.strip() for one in given if one.strip() not in parameter.choices]
        if wrong:
            return [f"{name} takes {', '.join(parameter.choices)}, and not {', '.join(wrong)}."]
    return []


def _moment_problems(name: str, text: str) -> list[str]:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return [f"{name} is no time like 2026-11-01T00:00:00Z; Canvas would take it as not given."]
    if not _OFFSET.search(text) or len(text) == 10:
        return [f"{name} has no offset, so Canvas would read it in its own time zone: write it with Z or +01:00."]
    return []


def _missing(contract: Report | None, offered: OfferedReport | None, parameters: Parameters) -> list[str]:
    required = set(offered.required) if offered else set()
    if contract and offered is None:
        required = {one.name for one in contract.parameters if one.required}
    problems = []
    for name in sorted(required):
        declared = contract.parameter(name) if contract else None
        names = (declared.name, *declared.aliases) if declared else (name,)
        if not any(one in parameters for one in names):
            problems.append(
                f'It wants {name}. To ask for all the same without it, which Canvas allows, set {name} = "".'
            )
    return problems


def _no_file(contract: Report | None, parameters: Parameters) -> list[str]:
    if contract is None or not contract.selectors:
        return []
    if _selected(contract, parameters):
        return []
    return [f"It fails without a file to make: set at least one of {', '.join(contract.selectors)} to true."]


def _window(contract: Report | None, parameters: Parameters) -> list[str]:
    if contract is None or contract.longest_window is None:
        return []
    try:
        start, end = (datetime.fromisoformat(str(parameters[name])) for name in ("start_at", "end_at"))
        too_long = end - start > contract.longest_window
    except (KeyError, ValueError, TypeError):
        return []
    if not too_long:
        return []
    days = f"{contract.longest_window / timedelta(days=1):.0f} days"
    why = f"Between start_at and end_at are more than {days}: Canvas would move start_at without a word"
    return [f"{why}. Ask for {days} at a time."]
