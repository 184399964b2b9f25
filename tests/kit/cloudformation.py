"""A CloudFormation for `sam deploy`: its change sets do what the test says.

S3 and Secrets Manager are moto's. moto's own CloudFormation does not know the SAM transform, so it is not used.
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Operations.html
"""

import hashlib
import io
import secrets
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from xml.sax.saxutils import escape

import boto3
import yaml
from aiohttp import ClientSession, web

BUCKET = "sam-artifacts"
_NAMESPACE = "http://cloudformation.amazonaws.com/doc/2010-05-15/"
_ARN = "arn:aws:cloudformation:us-east-1:123456789012:{kind}/{name}/1"
# What SAM looks for before it takes its own bucket (samcli.lib.utils.managed_cloudformation_stack).
_SAM_STACK = "aws-sam-cli-managed-default"


@dataclass
class Stack:
    """A deployed stack: the template and its parameters as they arrived, and the policy in the uploaded artifact."""

    template: dict[str, Any]
    parameters: dict[str, str]
    policy: bytes
    outputs: dict[str, str] = field(default_factory=dict)
    status: str = "CREATE_COMPLETE"


class CloudFormation:
    """The server at AWS_ENDPOINT_URL. It answers calls of CloudFormation, and passes all others on to moto."""

    def __init__(self, moto: str) -> None:
        self._moto = moto
        self._proposed: dict[str, Stack] = {}
        self._deployments = 0
        self.stacks: dict[str, Stack] = {}
        self.health: Any = None  # in place of the deployed broker's answer
        self.url = ""
        self.region = "us-east-1"  # of the last call

    def app(self) -> web.Application:
        app = web.Application(client_max_size=2**28)
        app.router.add_get("/broker/{stack}/health", self._health)
        app.router.add_route("*", "/{path:.*}", self._answer)
        return app

    def client(self, service: str) -> Any:
        connect: Any = boto3.client
        given = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing", "region_name": self.region}
        return connect(service, endpoint_url=self._moto, **given)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        form = dict(parse_qsl(body.decode("latin-1"))) if request.content_type.endswith("urlencoded") else {}
        if "Action" in form and form.get("Version") == "2010-05-15":
            self.region = request.headers["Authorization"].split("/")[2]  # of the signature's scope
            return self._called(form["Action"], form)
        headers = {name: value for name, value in request.headers.items() if name.lower() != "content-length"}
        async with (
            ClientSession(auto_decompress=False) as session,
            session.request(
                request.method, self._moto + request.raw_path, data=io.BytesIO(body), headers=headers
            ) as answer,
        ):
            kept = {name: answer.headers[name] for name in ("Content-Type", "ETag") if name in answer.headers}
            return web.Response(status=answer.status, body=await answer.read(), headers=kept)

    def _called(self, action: str, form: Mapping[str, str]) -> web.Response:
        name = form["StackName"].split("/")[1] if form["StackName"].startswith("arn:") else form["StackName"]
        if action == "CreateChangeSet":
            self._proposed[name] = self._uploaded(form)
            return _xml(
                action, Id=_ARN.format(kind="changeSet", name=name), StackId=_ARN.format(kind="stack", name=name)
            )
        if action == "DescribeChangeSet":
            return _xml(action, ChangeSetName="set", StackName=name, Status="CREATE_COMPLETE", Changes=[])
        if action == "ExecuteChangeSet":
            self._deploy(name)
            return _xml(action)
        if action == "DescribeStackEvents":
            # SAM waits for an event that is newer than the last one before the deployment.
            time = {"Timestamp": f"{2126 + self._deployments}-01-01T00:00:00Z"}
            return _xml(action, StackEvents=[_event(name) | time])
        if action == "GetTemplateSummary":
            return _xml(action, Parameters=[{"ParameterKey": each} for each in self.stacks[name].parameters])
        return self._described(action, name)

    def _described(self, action: str, name: str) -> web.Response:
        if name == _SAM_STACK:
            outputs, tags = {"SourceBucket": BUCKET}, [{"Key": "ManagedStackSource", "Value": "AwsSamCli"}]
        elif name in self.stacks:
            outputs, tags = self.stacks[name].outputs, []
        else:
            message = f"Stack with id {name} does not exist"
            error = _members({"Code": "ValidationError", "Message": message})
            text = f"<ErrorResponse><Error>{error}</Error></ErrorResponse>"
            return web.Response(status=400, text=text, content_type="text/xml")
        told = [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]
        status = self.stacks[name].status if name in self.stacks else "CREATE_COMPLETE"
        stack = _event(name) | {"StackStatus": status, "Outputs": told, "Tags": tags}
        return _xml(action, Stacks=[stack | {"CreationTime": "2026-11-25T00:00:00Z"}])

    def _uploaded(self, form: Mapping[str, str]) -> Stack:
        """The template that SAM put into the bucket, and the policy in the artifact that it names."""
        template = yaml.safe_load(self._object(urlsplit(form["TemplateURL"]).path.removeprefix(f"/{BUCKET}/")))
        code = template["Resources"]["BrokerFunction"]["Properties"]["CodeUri"]
        artifact = zipfile.ZipFile(io.BytesIO(self._object(code.removeprefix(f"s3://{BUCKET}/"))))
        place = "Parameters.member.{}.{}"
        parameters, number = {}, 1
        while (key := form.get(place.format(number, "ParameterKey"))) is not None:
            parameters[key] = form.get(place.format(number, "ParameterValue"), "")
            number += 1
        return Stack(template, parameters, artifact.read("policy.json"))

    def new_secret(self) -> str:
        """Make a secret without a value and return its ARN. Its name is unique, since tests share moto."""
        return str(self.client("secretsmanager").create_secret(Name=secrets.token_hex(8))["ARN"])

    def _object(self, key: str) -> bytes:
        content: bytes = self.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return content

    def _deploy(self, name: str) -> None:
        stack = self._proposed.pop(name)
        self._deployments += 1
        known = self.stacks.get(name)
        arn = known.outputs["SecretArn"] if known else self.new_secret()
        stack.status = "UPDATE_COMPLETE" if known else "CREATE_COMPLETE"
        literal = {
            key: output["Value"]
            for key, output in stack.template["Outputs"].items()
            if isinstance(output["Value"], str)
        }
        base = f"{self.url}/broker/{name}"
        stack.outputs = {**literal, "HealthUrl": f"{base}/health", "TokenUrl": f"{base}/token", "SecretArn": arn}
        self.stacks[name] = stack

    async def _health(self, request: web.Request) -> web.Response:
        """The answer of the deployed function, from the artifact that was uploaded."""
        stack = self.stacks[request.match_info["stack"]]
        digest = hashlib.sha256(stack.policy).hexdigest()
        answer = {"status": "ok", "version": stack.outputs["Version"], "policy": digest}
        return web.json_response(self.health or answer)


def _event(name: str) -> dict[str, Any]:
    return {
        "StackId": _ARN.format(kind="stack", name=name),
        "StackName": name,
        "EventId": "1",
        "LogicalResourceId": name,
        "PhysicalResourceId": _ARN.format(kind="stack", name=name),
        "ResourceType": "AWS::CloudFormation::Stack",
        "ResourceStatus": "CREATE_COMPLETE",
    }


def _xml(action: str, **result: Any) -> web.Response:
    """An answer of AWS's query protocol."""
    inside = f"<{action}Result>{_members(result)}</{action}Result>"
    text = f'<{action}Response xmlns="{_NAMESPACE}">{inside}</{action}Response>'
    return web.Response(text=text, content_type="text/xml")


def _members(value: Any) -> str:
    if isinstance(value, dict):
        return "".join(f"<{name}>{_members(item)}</{name}>" for name, item in value.items())
    if isinstance(value, list):
        return "".join(f"<member>{_members(item)}</member>" for item in value)
    return escape(str(value))
