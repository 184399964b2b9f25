"""The caller, once verified."""

from broker.caller.caller import Caller


def test_a_representation_of_a_caller_hides_its_claims() -> None:
    caller = Caller("site", "https://login.example.com/", "alice", {"email": "alice@example.com"})
    assert "alice@example.com" not in repr(caller)
