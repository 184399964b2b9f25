"""The parameters with which the stack deploys the template: each function is given what its rules name."""

from infra.sam import ROOT
from local.aws.account import make_secret_arn
from local.aws.template import translated
from local.stack.deployment import make_parameters, make_sessions
from local.stack.options import PARAMETERS
from tests.kit.policies import assemble_rule, condition, policy, rule, sign_rule


def arns(*credentials: str) -> str:
    return ",".join(make_secret_arn(f"local/{name}") for name in credentials)


def invoked(credential: str) -> object:
    when = (condition("sub", ["one_of", ["pipeline"]]),)
    return rule(name=credential, issuer="invoke", when=when, credential=credential)


def test_each_function_is_given_the_credentials_that_its_rules_name() -> None:
    credentials = ["default", "one", "two", "three", "four", "five"]
    found = policy(
        credentials=credentials,
        rules=[rule(credential="two"), invoked("one"), invoked("two")],
        sign_rules=[sign_rule(credential="five")],
        assemble_rules=[assemble_rule(credential="three")],
    )
    given = make_parameters(found, credentials)
    # `four` is named by no rule: whoever adds one finds its secret there.
    assert (given["MoreCredentials"], given["MoreSecretArns"]) == ("two,four,five", arns("two", "four", "five"))
    assert (given["InvokeCredentials"], given["InvokeSecretArns"]) == ("one,two", arns("one", "two"))
    assert (given["AssemblyCredentials"], given["AssemblySecretArns"]) == ("three", arns("three"))
    assert (given["IamCredentials"], given["IamSecretArns"]) == ("", "")
    assert given.items() >= PARAMETERS.items()


def test_a_credential_whose_key_is_not_known_is_left_out() -> None:
    found = policy(credentials=["default", "one"], assemble_rules=[assemble_rule(credential="one")])
    given = make_parameters(found, ["default"])
    assert (given["MoreCredentials"], given["AssemblyCredentials"]) == ("", "")


def test_each_function_has_a_session_of_its_own() -> None:
    resources = translated(ROOT / "template.yaml", PARAMETERS, ROOT / ".local")
    sessions = make_sessions(resources)
    assert {"BrokerFunction", "IamFunction", "TokenFunction"} <= sessions.keys()
    assert all(session.statements for session in sessions.values())
    assert len({session.principal.access_key for session in sessions.values()}) == len(sessions)
