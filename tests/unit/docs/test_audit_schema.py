"""docs/audit.schema.json is what the broker writes: the same members, and every kind of outcome valid by it."""

import json
from pathlib import Path
from typing import Any

import pytest
from broker.base.audit import AssemblyNotes, AuditRecord, SignatureNotes, make_fields
from broker.base.errors import BrokerError
from jsonschema import Draft202012Validator

from tests.kit.brokers import JWKS_URL, SECRETS_URL, TOKEN_URL, InMemory, minted, secret
from tests.kit.notifications import Reception
from tests.kit.policies import sign_rule
from tests.kit.rows import Rows
from tests.kit.web import reply

SCHEMA = json.loads((Path(__file__).parents[3] / "docs/audit.schema.json").read_text())
VALIDATOR = Draft202012Validator(SCHEMA)


def test_the_audit_schema_has_the_record_s_members_in_their_order() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    names = [name for name in AuditRecord.__struct_fields__ if name not in ("signing", "assembly")]
    of_signatures = [f"signature_{name}" for name in SignatureNotes.__struct_fields__]
    of_assemblies = [f"assembly_{name}" for name in AssemblyNotes.__struct_fields__]
    assert SCHEMA["required"] == names
    assert list(SCHEMA["properties"]) == names + of_signatures + of_assemblies


def test_no_member_is_a_list_or_an_object() -> None:
    """CloudWatch Logs Insights would make fields of its items, whose names no query can know."""
    types = json.dumps([member.get("type") for member in SCHEMA["properties"].values()])
    assert "array" not in types
    assert "object" not in types


def test_the_outcomes_of_the_audit_schema_are_the_classes_of_errors() -> None:
    found, wanting = {"granted"}, [*BrokerError.__subclasses__()]
    while wanting:
        error = wanting.pop()
        found.add(error.__name__)
        wanting.extend(error.__subclasses__())
    assert set(SCHEMA["properties"]["outcome"]["enum"]) == found


CASES: dict[str, tuple[Any, dict[str, Any], dict[str, Any]]] = {
    "granted": (None, {}, {}),
    "granted by name": (None, {}, {"scope": "assemblies:read assemblies:write"}),
    "no rule": (None, {"groups": []}, {}),
    "expired": (None, {"exp": 1}, {}),
    "unknown issuer": (None, {"iss": "https://evil.example"}, {}),
    "malformed": (None, {}, {"client_secret": "x"}),
    "keys down": ((JWKS_URL, reply(b"", 500)), {}, {}),
    "secret malformed": ((SECRETS_URL, secret(text="x")), {}, {}),
    "api2 refuses the key": ((TOKEN_URL, reply({"error": "SERVER_401"}, 401)), {}, {}),
    "api2 gives wider": ((TOKEN_URL, minted(scope="x:y")), {}, {}),
    "a defect": ((TOKEN_URL, lambda: 1 / 0), {}, {}),
    "a long subject": (None, {"sub": "\u00e9" * 3000, "groups": []}, {}),
}


@pytest.mark.parametrize(("fault", "claims", "fields_sent"), CASES.values(), ids=CASES.keys())
def test_every_record_is_valid_by_the_audit_schema(
    fault: Any, claims: dict[str, Any], fields_sent: dict[str, Any]
) -> None:
    broker = InMemory()
    if fault:
        broker.web[fault[0]] = fault[1]
    broker.post(broker.jwt(**claims), **fields_sent)
    record = json.loads(json.dumps(make_fields(broker.record)))
    assert list(VALIDATOR.iter_errors(record)) == []


@pytest.mark.parametrize(
    "wish",
    [
        {"kind": "assembly", "template": "avatar"},
        {"kind": "smart_cdn", "template": "thumbnail", "inputs": ["users/alice/a", "users/alice/b"]},
        {"kind": "storage", "grant": "own"},
        {"kind": "storage", "grant": "unknown"},
        {"kind": "nothing"},
    ],
    ids=str,
)
def test_records_of_signatures_are_valid_too(wish: dict[str, Any]) -> None:
    broker = InMemory(sign_rules=[sign_rule()])
    broker.sign(wish)
    record = json.loads(json.dumps(make_fields(broker.record)))
    assert list(VALIDATOR.iter_errors(record)) == []


@pytest.mark.parametrize("code", ["ASSEMBLY_COMPLETED", "ASSEMBLY_EXECUTING", "INVALID_FILE_META_DATA"])
def test_records_of_notifications_are_valid_too(code: str) -> None:
    reception = Reception()
    reception.says(code)
    reception.post()
    reception.post(signature="forged")
    reception.post(c="forged", id_="no id")
    reception.says(code, account_slug="others")
    reception.post()
    assert [record.alarms for record in reception.records] == [set()] * 3 + [{"ForeignAssembly"}]
    for record in reception.records:
        assert list(VALIDATOR.iter_errors(json.loads(json.dumps(make_fields(record))))) == []


def test_records_of_the_shared_table_are_valid_too() -> None:
    rows = Rows()
    broker = InMemory(rows=rows)
    broker.post()
    environments = [broker.beside() for _ in range(3)]
    environments[0].post()
    rows.of("token")[0]["sealed"] = {"B": "AAAA"}
    environments[1].post()
    rows.fault = reply(b"", 500)
    environments[2].post()
    records = [environment.record for environment in environments]
    assert [record.cache for record in records] == ["shared", "miss", "miss"]
    assert [record.alarms for record in records] == [set(), {"SharedCacheUnreadable"}, {"SharedTableDown"}]
    for record in records:
        assert list(VALIDATOR.iter_errors(json.loads(json.dumps(make_fields(record))))) == []
