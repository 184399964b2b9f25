"""The lines of the client's README."""

import re
from pathlib import Path

import pytest
import token_broker_client

from tests.kit.token_server import TokenServer, make_jwt, token, token_server

README = Path(__file__).parents[3] / "clients/python/README.md"


def test_the_programs_of_the_readme_run_as_they_stand_but_for_their_addresses(
    broker: TokenServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = "".join(re.findall(r"^```python\n(.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL))
    (tmp_path / "token").write_text(make_jwt(sub="a"))
    broker.then(token())
    with token_server() as sandbox:
        sandbox.then([])
        monkeypatch.setenv("TRANSLOADIT_ENDPOINT", sandbox.origin)
        for written, here in (
            ("https://tokens.example.com", broker.origin),
            ("https://api2.transloadit.com", sandbox.origin),
            ("/var/run/secrets/broker", str(tmp_path)),
        ):
            assert written in program
            program = program.replace(written, here)
        exec(program, {})
        assert [call.headers["authorization"] for call in sandbox.calls] == ["Bearer bearer-1"]


def test_every_identity_of_the_readme_is_there_and_each_of_the_package_is_in_the_readme() -> None:
    rows = re.findall(r"^\|.*", README.read_text(), re.MULTILINE)
    assert set(re.findall(r"`(\w+)\(", "".join(rows))) | {"TokenError", "TokenProvider"} == set(
        token_broker_client.__all__
    )


def test_the_readme_fits_on_one_screen() -> None:
    assert README.read_text().count("\n") < 65
