"""What a good engineer would write in an afternoon instead of using the broker: Powertools' parts, put together.

It performs the same exchange for one issuer and one secret. It is measured, never shipped.
"""

import os
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response, content_types
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities import parameters
from aws_lambda_powertools.utilities.auth_alpha import JWTVerifier, OAuth2Client
from aws_lambda_powertools.utilities.typing import LambdaContext

SCOPES = {"editors": ("assemblies:read", "assemblies:write"), "designers": ("templates:read", "templates:write")}

app = APIGatewayHttpResolver()
logger = Logger()
metrics = Metrics(namespace="Conventional")
verifier = JWTVerifier(
    issuer=os.environ["ISSUER_URL"],
    audience=os.environ["AUDIENCE"],
    algorithms=["RS256"],
    required_claims=["sub"],
)


@cache
def transloadit(scopes: tuple[str, ...]) -> OAuth2Client:
    """A client that keeps its token until it expires. There is one for each set of scopes."""
    return OAuth2Client(
        token_url=f"{os.environ['API2_URL']}/token",
        client_id=credential()["auth_key"],
        client_secret=lambda: str(credential()["auth_secret"]),
        scopes=list(scopes),
    )


def credential() -> dict[str, Any]:
    """The Auth Key and Auth Secret; Powertools keeps them for five minutes."""
    return dict(parameters.get_secret(os.environ["SECRET_NAME"], transform="json"))


@app.post("/token", middlewares=[verifier.require()])
def token() -> Response[str] | dict[str, Any]:
    claims = app.context["claims"]
    scopes = {scope for group in claims.get("groups", []) for scope in SCOPES.get(group, ())}
    if not scopes:
        logger.info("refused", subject=claims["sub"])
        metrics.add_metric(name="Refused", unit=MetricUnit.Count, value=1)
        return Response(status_code=403, content_type=content_types.APPLICATION_JSON, body='{"error":"access_denied"}')
    header = transloadit(tuple(sorted(scopes))).auth_headers()["Authorization"]
    logger.info("granted", subject=claims["sub"], scopes=sorted(scopes))
    metrics.add_metric(name="Granted", unit=MetricUnit.Count, value=1)
    return {
        "access_token": header.removeprefix("Bearer "),
        "token_type": "Bearer",
        "scope": " ".join(sorted(scopes)),
    }


@app.get("/health")
def health() -> dict[str, str]:
    return {"status": "ok"}


@logger.inject_lambda_context
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
