"""Secrets Manager and DynamoDB of the stack: moto's server, which checks no signature, behind a front that does.

    python -m local.aws.server PORT

With `UPSTREAM=` the real Auth Secret is stored here, and moto itself would give it to any program or page that asks. So
the front answers only requests that are signed with the stack's own credentials, and no page. The credentials come in
AWS's environment variables, which no process list shows.
"""

import io
import os
import sys

from werkzeug.wrappers import Request, Response

from local.aws.account import Principal
from local.aws.sigv4 import Sent, is_signed
from local.loopback.guard import from_a_page
from local.loopback.sites import refused, serve_wsgi

SERVICES = ("secretsmanager", "dynamodb")


def main(port: int) -> None:
    # moto lets every origin read its answers unless this is set before it is imported.
    os.environ["MOTO_DISABLE_GLOBAL_CORS"] = "true"
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    principal = Principal(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])

    def refusal_of(request: Request) -> Response | None:
        page = from_a_page(request.headers)
        if page is not None:
            return refused(page)
        body = request.get_data()
        request.environ["wsgi.input"] = io.BytesIO(body)  # for moto to read again
        url = f"http://{request.host}{request.environ['REQUEST_URI']}"
        if any(is_signed(Sent(request.method, url, request.headers, body), service, principal) for service in SERVICES):
            return None
        return refused("sign with the credentials in stack.json", __type="UnrecognizedClientException")

    serve_wsgi(DomainDispatcherApplication(create_backend_app), port, refusal_of)


if __name__ == "__main__":
    main(int(sys.argv[1]))
