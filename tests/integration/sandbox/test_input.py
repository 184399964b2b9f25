"""Every malformed request gets a refusal in api2's format, and reveals no defect of the sandbox."""

import json
import socket
from typing import Any
from urllib.parse import urlsplit

import pytest
import urllib3

from tests.kit.api2 import FORM, KEY, STEPS, Api2, upload_metadata

LONG = "9" * 5000
GZIP = {"content-encoding": "gzip", "content-type": FORM}


@pytest.mark.parametrize(
    ("method", "path", "params", "error"),
    [
        ("GET", "/assemblies", {"type": []}, "ASSEMBLY_LIST_ERROR"),
        ("GET", "/assemblies", {"sort": []}, "ASSEMBLY_LIST_ERROR"),
        ("GET", "/assemblies", {"pagesize": LONG}, "ASSEMBLY_LIST_ERROR"),
        ("GET", "/templates", {"include_builtin": []}, "TEMPLATE_LIST_ERROR"),
        ("GET", "/templates", {"page": LONG}, "TEMPLATE_LIST_ERROR"),
        (
            "POST",
            "/templates",
            {"name": "my-template", "template": {"steps": STEPS}, "require_signature_auth": 2},
            "TEMPLATE_VALIDATION_ERROR",
        ),
        ("GET", "/assemblies", {"more": float("nan")}, "INVALID_PARAMS_FIELD"),
        ("GET", "/assemblies", {"more": float("inf")}, "INVALID_PARAMS_FIELD"),
        ("GET", "/assemblies/%0A", {}, "ASSEMBLY_NOT_FOUND"),
        ("PUT", "/templates/a%0Ab", {}, "SERVER_404"),
        ("POST", "/auth_keys", {"scope": "read", "auth_key": "\ud800"}, "INVALID_PARAMS_FIELD"),
        ("POST", "/auth_keys", {"scope": "read", "auth_key": "a:b"}, "AUTH_KEY_NOT_CREATED"),
        ("POST", "/auth_keys", {"scope": "read", "auth_key": "a b"}, "AUTH_KEY_NOT_CREATED"),
        ("POST", "/auth_keys", {"scope": "read", "auth_key": "a\u200bb"}, "AUTH_KEY_NOT_CREATED"),
        ("POST", "/auth_keys", {"scope": "read", "can_show_auth_secret": "yes"}, "AUTH_KEY_NOT_CREATED"),
        ("PUT", f"/auth_keys/{KEY.id}", {"is_active": 2}, "AUTH_KEY_NOT_UPDATED"),
        ("PUT", f"/auth_keys/{KEY.id}", {"is_active": None}, "AUTH_KEY_NOT_UPDATED"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_impossible_params_are_refused(api2: Api2, method: str, path: str, params: dict[str, Any], error: str) -> None:
    assert api2.by(api2.bearer(), method, path, **params)[1]["error"] == error
    assert api2.signed("GET", "/auth_keys")[0] == 200


def test_numbers_of_thousands_of_digits_are_refused(api2: Api2) -> None:
    made, files = api2.assembly(expected=1), {"num_expected_upload_files": LONG}
    code = "ASSEMBLY_INVALID_NUM_EXPECTED_UPLOAD_FILES_PARAM"
    assert api2.signed("POST", "/assemblies", files=files, steps=STEPS)[1]["error"] == code
    assert api2.send("POST", f"{made['assembly_url']}/add_file?size={LONG}")[1]["error"] == "INVALID_FORM_DATA"
    metadata = upload_metadata(assembly_url=made["assembly_url"])
    assert api2.tus("POST", made["tus_url"], upload_length=LONG, upload_metadata=metadata).status == 400
    api2.send("DELETE", made["assembly_url"])
    assert api2.raw("GET", made["update_stream_url"], headers={"Last-Event-ID": LONG}).status in (200, 204)


def test_a_body_that_is_not_as_encoded_as_it_says_is_refused(api2: Api2) -> None:
    basic = urllib3.make_headers(basic_auth=f"{KEY.key}:{KEY.secret}")
    assert api2.send("POST", "/token", headers=basic | GZIP, body="abcde")[1]["error"] == "TOKEN_INVALID_REQUEST"
    assert api2.send("POST", "/assemblies", headers=GZIP, body="abcde")[1]["error"] == "INVALID_FORM_DATA"


def multipart(api2: Api2, head: bytes) -> Any:
    params = json.dumps({"steps": STEPS}).encode()
    parts = (head + b"\r\n\r\na", b"Content-Disposition: form-data; name=params\r\n\r\n" + params)
    body = b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + b"--b--\r\n"
    headers = {"authorization": f"Bearer {api2.bearer()}", "content-type": "multipart/form-data; boundary=b"}
    return api2.send("POST", "/assemblies", headers=headers, body=body)[1]


def test_a_part_of_a_form_may_be_strange(api2: Api2) -> None:
    head = b"Content-Disposition: form-data; name=x\r\nContent-Transfer-Encoding: strange"
    assert multipart(api2, head)["error"] == "INVALID_FORM_DATA"
    (upload,) = multipart(api2, b'Content-Disposition: form-data; name=f; filename="\xff.txt"')["uploads"]
    assert upload["name"] == "\ufffd.txt"
    assert api2.raw("GET", upload["url"]).data == b"a"


def test_a_method_for_proxies_is_unknown(api2: Api2) -> None:
    host, port = urlsplit(api2.origin).netloc.split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(f"CONNECT a.example:443 HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 404 ")


def test_a_key_can_be_allowed_to_show_its_secret_only_when_it_is_made(api2: Api2) -> None:
    made = api2.signed("POST", "/auth_keys", scope="read", is_allowed_for_smartcdn="true")[1]["auth_key"]
    changed = api2.signed("PUT", f"/auth_keys/{made['id']}", can_show_auth_secret=True, is_active="0")[1]["auth_key"]
    shown = [changed[name] for name in ("is_allowed_for_smartcdn", "can_show_auth_secret", "is_active")]
    assert shown == [True, False, False]
