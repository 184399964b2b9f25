"""The parameters of an Assembly: exactly what the decision says."""

import json
from typing import Any

from broker.signing.assembly import write_params, write_time
from broker.signing.decision import AssemblyParams


def params(**changes: Any) -> Any:
    members: dict[str, Any] = {
        "template_id": "0" * 32,
        "algorithm": "sha384",
        "expires": 300,
        "max_size": 10,
        "max_number_of_files": 2,
        "steps": {"exported": {"path": "users/alice/a"}},
        "fields": {"album": "été"},
    }
    return json.loads(write_params(AssemblyParams(**(members | changes)), "the-key", "the-nonce", 1_800_000_000))


def test_the_parameters_hold_authentication_template_steps_and_fields_and_nothing_else() -> None:
    assert params() == {
        "auth": {
            "key": "the-key",
            "expires": "2027-01-15T08:00:00.000Z",
            "nonce": "the-nonce",
            "max_size": 10,
            "max_number_of_files": 2,
        },
        "template_id": "0" * 32,
        "steps": {"exported": {"path": "users/alice/a"}},
        "fields": {"album": "été"},
    }


def test_what_the_rule_does_not_say_is_left_out() -> None:
    found = params(max_size=None, max_number_of_files=None, steps={}, fields={})
    assert set(found) == {"auth", "template_id"}
    assert set(found["auth"]) == {"key", "expires", "nonce"}


def test_a_time_is_written_in_utc() -> None:
    assert write_time(1_800_000_000) == "2027-01-15T08:00:00Z"
