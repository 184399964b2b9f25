"""The people who can log in at the local issuer: one for each thing that a policy can say about a person."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Person:
    """`note` is what the login page says about the person; `claims` go into each of the person's JWTs."""

    name: str
    note: str
    claims: dict[str, Any]


PEOPLE = {
    "alice": Person("Alice", "An editor: uploads by signature, and by bearer token.", {"groups": ["editors"]}),
    "vera": Person("Vera", "A visitor: uploads by signature alone.", {"groups": ["visitors"]}),
    "mallory": Person("Mallory", "A stranger: no rule of the policy matches.", {"groups": ["strangers"]}),
}


def claims_of(subject: str) -> dict[str, Any]:
    """The claims of a person by `sub`; none for a name that nobody has."""
    person = PEOPLE.get(subject)
    return {"name": person.name, **person.claims} if person else {}
