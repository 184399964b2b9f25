"""AWS for the stack: moto's server, which checks no signature, behind a front that does.

    python -m local.aws.server PORT DURABLE_PORT

With `UPSTREAM=` the real Auth Secret is stored here, and moto itself would give it to any program or page that asks. So
the front answers only requests that are signed with the stack's own credentials, and no page: the operator's may call
everything, and those of a function what its role allows. The credentials come in environment variables, which no
process list shows.
"""

import io
import json
import os
import sys
import time
from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import msgspec
import urllib3
from werkzeug.wrappers import Request, Response

from local.aws.account import Principal
from local.aws.roles import Session, may, read_asked
from local.aws.sigv4 import Sent, is_signed, read_access_key
from local.loopback.guard import from_a_page
from local.loopback.sites import refused, serve_wsgi

SERVICES = ("secretsmanager", "dynamodb", "sqs", "s3", "lambda", "states")
ROLES = "STACK_ROLES"  # the variable that holds the sessions of the functions, as JSON
# What waits for callbacks is served at a port of its own: durable functions, which moto does not have, and state
# machines, whose interpreter in moto calls every service at one port with keys of its own.
_DURABLE = "/2025-12-01/"  # the version of Lambda's API that has durable functions, and they alone
_STATES = "AWSStepFunctions."


def main(port: int, durable_port: int) -> None:
    operator = Session("operator", Principal(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]))
    functions = msgspec.json.decode(os.environ[ROLES], type=list[Session])
    sessions = {each.principal.access_key: each for each in (operator, *functions)}
    moto, durable = _make_moto(), _make_durable(durable_port)

    def refusal_of(request: Request) -> Response | None:
        page = from_a_page(request.headers)
        if page is not None:
            return refused(page)
        body = request.get_data()
        request.environ["wsgi.input"] = io.BytesIO(body)  # for moto to read again
        sent = Sent(request.method, f"http://{request.host}{request.environ['REQUEST_URI']}", request.headers, body)
        session = sessions.get(read_access_key(sent) or "")
        if session is None or not any(is_signed(sent, service, session.principal) for service in SERVICES):
            return refused("sign with the credentials in stack.json", __type="UnrecognizedClientException")
        return None if session is operator else _refuse_by_role(session, sent)

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        is_task = environ.get("HTTP_X_AMZ_TARGET", "").startswith(_STATES)
        app = durable if is_task or environ["PATH_INFO"].startswith(_DURABLE) else moto
        return app(environ, start_response)

    serve_wsgi(answer, port, refusal_of)


def _refuse_by_role(session: Session, sent: Sent) -> Response | None:
    asked = read_asked(sent)
    if may(session.statements, asked):
        return None
    error = "AccessDeniedException"
    message = f"{session.function} is not authorized to perform: {asked.action} on resource: {asked.resource}"
    body = json.dumps({"__type": error, "Message": message})
    return Response(body, 400, {"x-amzn-errortype": error}, content_type="application/json")


def _make_moto() -> WSGIApplication:
    # moto lets every origin read its answers unless this is set before it is imported.
    os.environ["MOTO_DISABLE_GLOBAL_CORS"] = "true"
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    _add_sequencers()
    app: WSGIApplication = DomainDispatcherApplication(create_backend_app)
    return app


def _add_sequencers() -> None:
    """Let moto's S3 tell what S3 always does: by its sequencer the same event is known when it comes again.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
    """
    from moto.s3 import notifications

    make_event = notifications._get_s3_event

    def make_whole_event(event_name: str, bucket: Any, key: Any, notification_id: str) -> dict[str, Any]:
        event = make_event(event_name, bucket, key, notification_id)
        event["Records"][0]["s3"]["object"]["sequencer"] = f"{time.time_ns():018X}"
        return event

    notifications._get_s3_event = make_whole_event


_SENT = ("content-type", "authorization", "x-amz-target")  # moto finds its service by them


def _make_durable(port: int) -> WSGIApplication:
    """Whatever serves at this port answers, such as AWS's runner of durable functions."""
    web = urllib3.PoolManager(retries=False)

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        url = f"http://127.0.0.1:{port}{environ['REQUEST_URI']}"
        headers = {name: request.headers[name] for name in _SENT if name in request.headers}
        try:
            answered = web.request(request.method, url, body=request.get_data(), headers=headers, redirect=False)
        except urllib3.exceptions.HTTPError:
            message = f"nothing serves what waits for callbacks at port {port}"
            response = Response(json.dumps({"Message": message}), 503, {"x-amzn-errortype": "ServiceException"})
        else:
            names = ("content-type", "x-amzn-errortype")
            kept = {name: answered.headers[name] for name in names if name in answered.headers}
            response = Response(answered.data, answered.status, kept)
        return response(environ, start_response)

    return answer


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
