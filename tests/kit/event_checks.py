"""Sends many events through a stack and checks that none is lost and none is made twice."""

from collections import Counter
from collections.abc import Sequence

from tests.kit.disturbances import kill_environment, lose_aws
from tests.kit.many_events import Disturb, Letter, Run, Sent, make_events
from tests.kit.stacks import Client

_BATCH = 10  # messages that an invocation gets at most


def check_events(stack: Client, count: int, disturb: Sequence[Disturb]) -> str:
    """Send events of so many objects while parts fail, then again what the dead letters have. Returns the figures."""
    events = make_events(count)
    wanted = {sent.key for sent in events if not sent.error}
    run = Run(stack)
    run.send(events, disturb)
    letters = run.read_letters(events)
    refused, failed = _check_letters(events, letters)
    made, again = run.count_assemblies(events), {letter.body for letter in failed}
    assert made.keys() | {sent.key for sent in events if sent.body in again} == wanted, "an event is lost"
    seconds, sent_once = run.seconds, len(events)
    run.send_again(events, failed)
    assert len(run.read_letters(events)) == len(refused), "an event fails that nothing disturbs"
    assert run.count_assemblies(events) == dict.fromkeys(wanted, 1)
    _check_records(run, sum(act in (kill_environment, lose_aws) for act in disturb))
    records = run.list_records()
    reasons = Counter(record["reason"] for record in records if record["outcome"] != "granted")
    found = sum(record.get("assembly_is_new") is False for record in records)
    return (
        f"{sent_once:,} events of {count:,} objects in {seconds:.1f} s, {sent_once / seconds:.0f} a second: "
        f"{len(wanted):,} Assemblies, found again {found}, {len(records):,} audit records, "
        f"failures {dict(reasons)}; dead letters: {len(refused)} refused, {len(failed)} sent again"
    )


def _check_letters(events: Sequence[Sent], letters: Sequence[Letter]) -> tuple[list[Letter], list[Letter]]:
    """The letters of events that must be refused, and the others. Each has a name and a reason."""
    assert all(letter.error and letter.reason for letter in letters), "a letter without its reason"
    errors = {sent.body: sent.error for sent in events if sent.error}
    refused = [letter for letter in letters if letter.body in errors]
    assert Counter((letter.body, letter.error) for letter in refused) == Counter(errors.items())
    return refused, [letter for letter in letters if letter.body not in errors]


def _check_records(run: Run, deaths: int) -> None:
    """One record of each event that the function received; of those that it had at a `death`, perhaps one."""
    by_id = Counter(record["request_id"] for record in run.list_records())
    assert run.messages.keys() <= by_id.keys(), "a message without a record"
    invoked = [number for id_, number in by_id.items() if id_ not in run.messages]
    assert set(invoked) == {1}
    answered = len(run.invocations.answers) - run.invocations.count("Runtime.ExitError")
    assert answered <= len(invoked) <= answered + deaths
    granted = Counter(record["request_id"] for record in run.list_records() if record["outcome"] == "granted")
    assert sum(granted[id_] - 1 for id_ in run.messages if granted[id_]) <= _BATCH * deaths, "a message came again"
