"""Reads the HTTP API of the translated template: routes, CORS, throttling. Refuses what cannot be emulated."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.aws.template import Resources

_ANY = "x-amazon-apigateway-any-method"
_FUNCTION = re.compile(r"/functions/arn:aws:lambda:[^/]+:function:([A-Za-z0-9]+)/invocations$")
_VARIABLE = re.compile(r"\{([A-Za-z0-9._-]+)\}")


class CannotEmulate(Exception):
    """The template uses a feature that this gateway does not have. Ignoring it would make local tests pass in vain."""


@dataclass(frozen=True, slots=True)
class Cors:
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html"""

    origins: frozenset[str]
    methods: str
    headers: str
    exposed: str
    max_age: int

    def for_origin(self, origin: str | None) -> dict[str, str]:
        """The CORS headers of an answer to a page of this origin; empty if the origin is not allowed."""
        if origin not in self.origins:
            return {}
        return {"access-control-allow-origin": origin, "access-control-expose-headers": self.exposed, "vary": "origin"}

    def preflight(self, origin: str | None) -> dict[str, str]:
        if origin not in self.origins:
            return {}
        return {
            "access-control-allow-origin": origin,
            "access-control-allow-methods": self.methods,
            "access-control-allow-headers": self.headers,
            "access-control-max-age": str(self.max_age),
        }


@dataclass(frozen=True, slots=True)
class Route:
    """The logical id of the function that answers a route, and whether the IAM authorizer guards it."""

    function: str
    needs_iam: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """The route that a request takes: its key, as (method, path), and the values of its path variables by name."""

    key: tuple[str, str]
    variables: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Api:
    """The template's one HTTP API. `routes` by (method, path), where the method ANY stands for all methods.

    `rate` is in requests a second; `burst` is how many may come at once.
    """

    routes: Mapping[tuple[str, str], Route]
    cors: Cors | None
    rate: float
    burst: float

    def find_route(self, method: str, path: str) -> Match | None:
        """The route for a request, or None. An exact path wins over one with variables, then the method over ANY.

        https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html
        """
        found = []
        for key in self.routes:
            variables = _read_variables(key[1], path)
            if key[0] in (method, "ANY") and variables is not None:
                found.append(Match(key, variables))
        return min(found, key=lambda match: (len(match.variables), match.key[0] == "ANY"), default=None)


def _read_variables(pattern: str, path: str) -> dict[str, str] | None:
    """The values of a route's path variables, each one whole segment, or None if the path is another one."""
    names, segments = pattern.split("/"), path.split("/")
    if len(names) != len(segments):
        return None
    found = {}
    for name, segment in zip(names, segments, strict=True):
        variable = _VARIABLE.fullmatch(name)
        if variable and segment:
            found[variable[1]] = segment
        elif name != segment:
            return None
    return found


def read_api(resources: Resources) -> Api:
    """The API of a translated template. Raises CannotEmulate."""
    apis = {name: entry for name, entry in resources.items() if entry["Type"] == "AWS::ApiGatewayV2::Api"}
    if len(apis) != 1 or any(entry["Type"] == "AWS::ApiGateway::RestApi" for entry in resources.values()):
        raise CannotEmulate("the template must have one HTTP API and no REST API")
    name, api = next(iter(apis.items()))
    body = api["Properties"]["Body"]
    routes = {}
    for path, methods in body["paths"].items():
        for method, operation in methods.items():
            route = _read_route(f"{name} {method} {path}", path, operation)
            routes["ANY" if method == _ANY else method.upper(), path] = route
    stage = next(entry for entry in resources.values() if entry["Type"] == "AWS::ApiGatewayV2::Stage")["Properties"]
    if stage.get("RouteSettings"):
        raise CannotEmulate(f"{name}: RouteSettings; use DefaultRouteSettings")
    settings = stage.get("DefaultRouteSettings", {})
    return Api(
        routes,
        _read_cors(body.get("x-amazon-apigateway-cors")),
        float(settings.get("ThrottlingRateLimit", 10_000)),
        float(settings.get("ThrottlingBurstLimit", 5_000)),
    )


def _read_route(place: str, path: str, operation: Mapping[str, Any]) -> Route:
    integration = operation["x-amazon-apigateway-integration"]
    if integration.get("type") != "aws_proxy" or integration.get("payloadFormatVersion") != "2.0":
        raise CannotEmulate(f"{place}: only a Lambda proxy with payload format 2.0")
    security = operation.get("security") or []
    if security not in ([], [{"AWS_IAM": []}]):
        raise CannotEmulate(f"{place}: an authorizer other than AWS_IAM")
    function = _FUNCTION.search(integration["uri"])
    if function is None:
        raise CannotEmulate(f"{place}: a function of another template")
    if "{" in _VARIABLE.sub("", path) or path == "/$default":
        raise CannotEmulate(f"{place}: greedy path variables and $default")
    return Route(function[1], needs_iam=bool(security))


def _read_cors(declared: Mapping[str, Any] | None) -> Cors | None:
    if declared is None:
        return None
    origins = declared["allowOrigins"]
    if not isinstance(origins, list) or any("*" in origin for origin in origins):
        raise CannotEmulate("CORS: origins must be a list of exact origins")
    return Cors(
        frozenset(origins),
        ",".join(declared["allowMethods"]),
        ",".join(declared["allowHeaders"]),
        ",".join(declared["exposeHeaders"]),
        declared["maxAge"],
    )
