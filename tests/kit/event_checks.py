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
    stack.api2.control("reset")  # faults that no call has met
    failed = [letter for letter in run.read_letters(events) if not _is_refusal(letter, events)]
    made, again = run.count_assemblies(events), {letter.body for letter in failed}
    assert made.keys() | {sent.key for sent in events if sent.body in again} >= wanted, "an event is lost"
    run.send_again(failed)
    assert run.count_assemblies(events) == dict.fromkeys(wanted, 1)
    letters = run.read_letters(events)
    assert all(_is_refusal(letter, events) for letter in letters), "an event fails that nothing disturbs"
    # SQS delivers at least once, and so a letter may be there twice.
    assert {letter.body for letter in letters} == {sent.body for sent in events if sent.error}
    _check_records(run, sum(act in (kill_environment, lose_aws) for act in disturb))
    records = run.list_records()
    reasons = Counter(record["reason"] for record in records if record["outcome"] != "granted")
    found = sum(record.get("assembly_is_new") is False for record in records)
    rate = len(events) / run.seconds
    return (
        f"{len(events):,} events of {count:,} objects in {run.seconds:.1f} s, {rate:.0f} a second: "
        f"{len(wanted):,} Assemblies, found again {found}, {len(records):,} audit records, failures {dict(reasons)}; "
        f"{len(letters)} dead letters of what is refused, {len(failed)} sent again"
    )


def _is_refusal(letter: Letter, events: Sequence[Sent]) -> bool:
    """Whether it is of an event that must be refused, under the right name. Every letter has a name and a reason."""
    assert letter.error, "a letter without the name of its error"
    assert letter.reason, "a letter without its reason"
    return any(sent.body == letter.body and sent.error == letter.error for sent in events)


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
