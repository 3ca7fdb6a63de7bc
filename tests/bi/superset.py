"""A Superset server of its own on 127.0.0.1, and a chart that is asked for over its REST API.

Its metadata are in SQLite in the scratch folder. Two datasets: the table `marts.dim_course`, with a chart, and the
question over three tables as SQL. Passwords and keys are made for this one run.
"""

import json
import secrets
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx

from tests.bi.judge import LookError, Rows
from tests.bi.sessions import clean_environment

START_SECONDS = 300
_QUESTION = """
    select generation, t.term_name, a.account_name, c.course_id
    from meta.generation
    cross join marts.dim_course as c
    join marts.dim_term as t on c.term_id = t.term_id
    join marts.dim_account as a on c.account_id = a.account_id
"""
_COUNT = {"expressionType": "SQL", "sqlExpression": "count(*)", "label": "courses"}


class SupersetSession:
    """A running Superset with a database, two datasets and a chart. Raises LookError if it cannot be set up."""

    def __init__(self, programs: Path, folder: Path, published: Path, database: str) -> None:
        self._programs, self._folder = programs, folder
        folder.mkdir(parents=True, exist_ok=True)
        self._environment = clean_environment(folder, programs) | {
            "SUPERSET_CONFIG_PATH": str(self._configure()),
            "SUPERSET_HOME": str(folder),
            "FLASK_APP": "superset.app:create_app()",
        }
        password = secrets.token_urlsafe(16)
        self._prepare(password)
        port = _free_port()
        self._process = self._serve(port)
        self._http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120)
        try:
            self._wait_until_it_answers()
            self._log_in(password)
            self._table, self._question, self._chart = self._make(published, json.loads(database))
        except BaseException:
            self.close()
            raise

    def look(self) -> Rows:
        """Return the answer over three tables, after a look at the chart, which must be of one generation too."""
        [charted] = self._data(self._table, ["account_name", "term_name"], chart=self._chart)
        rows = self._data(self._question, ["generation", "term_name", "account_name"])
        names = ("generation", "term_name", "account_name", "courses")
        asked = [[row[name] for name in names] for row in rows]
        if charted["account_name"] != charted["term_name"]:
            raise LookError(f"the chart mixes generations: {charted}")
        if int(charted["term_name"].removeprefix("g")) > int(asked[0][0]):
            raise LookError(f"the chart saw {charted['term_name']}, and the question after it {asked[0][0]}")
        return asked

    def close(self) -> None:
        """End the server."""
        self._http.close()
        self._process.terminate()
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _configure(self) -> Path:
        path = self._folder / "superset_config.py"
        database = self._folder / "superset.sqlite"
        path.write_text(
            f"SECRET_KEY = {secrets.token_urlsafe(42)!r}\nSQLALCHEMY_DATABASE_URI = 'sqlite:///{database}'\n",
            encoding="utf-8",
        )
        path.chmod(0o600)
        return path

    def _prepare(self, password: str) -> None:
        admin = ["--username", "admin", "--firstname", "A", "--lastname", "B", "--email", "admin@example.edu"]
        for words in (
            ["db", "upgrade"],
            ["fab", "create-admin", *admin, "--password", password],
            ["init"],
        ):
            done = subprocess.run(
                [str(self._programs / "superset"), *words],
                cwd=self._folder,
                env=self._environment,
                capture_output=True,
                text=True,
                timeout=START_SECONDS,
                check=False,
            )
            if done.returncode:
                last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
                raise LookError(f"superset {words[0]} failed: {last}")

    def _serve(self, port: int) -> subprocess.Popen[bytes]:
        command = [str(self._programs / "superset"), "run", "-h", "127.0.0.1", "-p", str(port), "--with-threads"]
        with (self._folder / "server.log").open("wb") as log:
            return subprocess.Popen(command, cwd=self._folder, env=self._environment, stdout=log, stderr=log)

    def _wait_until_it_answers(self) -> None:
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            if self._process.poll() is not None:
                break
            try:
                if self._http.get("/health").status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                time.sleep(0.2)
        log = (self._folder / "server.log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise LookError(f"Superset does not answer: {log[-1:]}")

    def _log_in(self, password: str) -> None:
        wish = {"username": "admin", "password": password, "provider": "db", "refresh": False}
        token = self._send("/api/v1/security/login", wish)["access_token"]
        self._http.headers["Authorization"] = f"Bearer {token}"
        answer = self._http.get("/api/v1/security/csrf_token/")
        self._http.headers["X-CSRFToken"] = answer.json()["result"]

    def _make(self, published: Path, database: dict[str, Any]) -> tuple[int, int, int]:
        address = database["sqlalchemy_uri"].replace("/path/to/data/warehouse.duckdb", str(published))
        made = self._send("/api/v1/database/", database | {"sqlalchemy_uri": address})["id"]
        table = {"database": made, "schema": "marts", "table_name": "dim_course"}
        table_id = self._send("/api/v1/dataset/", table)["id"]
        question = {"database": made, "schema": "marts", "table_name": "question", "sql": _QUESTION}
        question_id = self._send("/api/v1/dataset/", question)["id"]
        chart = {
            "slice_name": "Courses by term",
            "viz_type": "table",
            "datasource_id": table_id,
            "datasource_type": "table",
            "params": json.dumps({"viz_type": "table", "groupby": ["term_name"], "metrics": [_COUNT]}),
        }
        return table_id, question_id, self._send("/api/v1/chart/", chart)["id"]

    def _data(self, dataset: int, columns: list[str], chart: int | None = None) -> list[dict[str, Any]]:
        wish = {
            "datasource": {"id": dataset, "type": "table"},
            "force": True,
            "queries": [{"columns": columns, "metrics": [_COUNT], "row_limit": 100}],
            "form_data": {"slice_id": chart} if chart else {},
            "result_format": "json",
            "result_type": "full",
        }
        [result] = self._send("/api/v1/chart/data", wish)["result"]
        if result.get("error"):
            raise LookError(str(result["error"]))
        rows: list[dict[str, Any]] = result["data"]
        return rows

    def _send(self, path: str, wish: dict[str, Any]) -> dict[str, Any]:
        try:
            answer = self._http.post(path, json=wish)
        except httpx.TransportError as error:
            raise LookError(f"POST {path}: {type(error).__name__}") from error
        if answer.is_error:
            raise LookError(f"POST {path}: {answer.status_code} {answer.text[:300]}")
        said: dict[str, Any] = answer.json()
        return said


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
