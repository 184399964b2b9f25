"""The architecture, held to: one ladder of imports, one maker for each type, few doors to the world outside."""

import ast
import re
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import broker
import pytest
import token_broker_client

from tests.kit.ladders import imports, modules, room, rungs, upward

ROOT = Path(broker.__file__).parents[2]
MODULES = modules(broker)
SOURCES = [
    *(ROOT / "functions").rglob("*.py"),
    *(ROOT / "cli").rglob("*.py"),
    *(ROOT / "clients").glob("*/src/**/*.py"),
    *(ROOT / "local").rglob("*.py"),
    *(ROOT / "infra").rglob("*.py"),
]
ENTRY_POINTS = {"assembly_function", "http_api", "iam_api", "notification_api", "token_function"}
# Each type, and the module that may make it. A caller is made from each kind of proof by the kind's own module.
MAKERS = {
    "TokenRequest": "request.request",
    "Proof": "request.proof",
    "IamProof": "caller.iam",
    "InvokeProof": "assembly_function caller.invoke",
    "AssemblyRequest": "request.assembly request.events",
    "Caller": "caller.iam caller.invoke caller.verifier",
    "Once": "caller.verifier",
    "UnverifiedJwt": "caller.jwt",
    "VerifiedJwt": "caller.keys",
    "Grant": "assembly.decision decision",
    "Refusal": "assembly.decision decision signing.decision",
    "Assembling": "assembly.decision",
    "Made": "assembly.maker",
    "Keys": "assembly.keys",
    "Status": "assembly.endpoint",
    "Waiting": "assembly.maker",
    "NotificationRequest": "assembly.notification",
    "Notification": "assembly.notification",
    "Ending": "assembly.completion",
    "Completed": "assembly.completion",
    "SignatureRequest": "request.signature",
    "Signing": "signing.decision",
    "Signed": "signing.signer",
    "BearerToken": "token.mint",
    "NewToken": "token.mint",
    "Order": "token.obtain",
    "AuditRecord": "answering",
    "Credential": "token.credentials",
    "Secret": "aws.secretsmanager",
    "Minted": "token.transloadit",
    "Entry": "token.shared",
}


def tree(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text())


def calls(module: str) -> set[str]:
    """What a module calls by a plain or dotted name."""
    return {ast.unparse(node.func) for node in ast.walk(tree(module)) if isinstance(node, ast.Call)}


def names(module: str) -> set[str]:
    return {ast.unparse(node) for node in ast.walk(tree(module)) if isinstance(node, (ast.Attribute, ast.Name))}


def test_the_ladder_in_the_docstring_names_every_room() -> None:
    assert rungs(broker).keys() == set(map(room, MODULES))


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_down_the_ladder(module: str) -> None:
    assert upward(broker, module) == set()


def test_imports_never_form_a_circle() -> None:
    TopologicalSorter({module: imports(file, broker) for module, file in MODULES.items()}).prepare()


@pytest.mark.parametrize("module", modules(token_broker_client))
def test_imports_of_the_python_client_go_down_its_ladder_and_each_module_has_its_tests(module: str) -> None:
    assert room(module) in rungs(token_broker_client)
    assert upward(token_broker_client, module) == set()
    elsewhere = {"errors": "refusal", "proof": "identities"}
    assert (ROOT / f"tests/unit/token_broker_client/test_{elsewhere.get(module, module)}.py").exists()


@pytest.mark.parametrize(("kind", "maker"), MAKERS.items())
def test_each_type_is_made_by_one_module(kind: str, maker: str) -> None:
    makers = {module for module in MODULES if kind in calls(module)}
    assert makers == set(maker.split())


def test_the_environment_is_read_at_the_entry_point_and_nowhere_else() -> None:
    readers = {module for module in MODULES if {"os.environ", "os.getenv", "getenv", "environ"} & names(module)}
    assert readers == ENTRY_POINTS


def test_randomness_comes_from_os_urandom_alone() -> None:
    for module in MODULES:
        assert not {"random", "secrets", "uuid"} & {
            alias.name for node in ast.walk(tree(module)) if isinstance(node, ast.Import) for alias in node.names
        }


def test_time_is_the_wall_clock_s() -> None:
    """A monotonic clock stands still while an environment is frozen."""
    for module in MODULES:
        assert not {"time.monotonic", "time.perf_counter", "monotonic", "datetime.now"} & names(module)
    assert {module for module in MODULES if "time.time" in names(module)} <= {"early"} | ENTRY_POINTS


CLIENTS = ("SecretsManager", "Signer", "TokenEndpoint", "KeySets", "Credentials", "TokenCache", "Exchange", "Answering")


@pytest.mark.parametrize(
    "kind",
    [
        *CLIENTS,
        "Aws",
        "Table",
        "Queue",
        "SharedCache",
        "ReplayControl",
        "PipelineKeys",
        "AssemblyMaker",
        "Callbacks",
        "Completer",
    ],
)
def test_clients_are_made_by_wiring_alone(kind: str) -> None:
    assert {module for module in MODULES if kind in calls(module)} == {"wiring"}


def test_the_client_of_the_network_is_made_by_the_first_work_of_a_start_alone() -> None:
    assert {module for module in MODULES if "BoundedHttp" in calls(module)} == {"early"}


def test_the_modules_of_services_call_aws_by_the_one_that_is_made() -> None:
    callers = {module for module in MODULES if "self.aws" in calls(module)}
    assert callers == {"aws.secretsmanager", "aws.dynamodb", "aws.sqs", "aws.callbacks"}


def test_the_auth_secret_is_used_to_mint_to_sign_to_verify_and_to_derive_keys_and_nowhere_else() -> None:
    users = {
        module
        for module in MODULES
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Attribute) and node.attr == "auth_secret"
    }
    assert users == {"token.transloadit", "token.sealing", "signing.signer", "assembly.signatures"}


def libraries(module: str) -> set[str]:
    """The packages that a module imports from."""
    return {
        name.split(".")[0]
        for node in ast.walk(tree(module))
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    }


def test_a_client_and_its_connections_speak_to_the_network_and_nothing_else_does() -> None:
    network = {"urllib3", "http", "socket", "requests"}
    assert {module for module in MODULES if network & libraries(module)} == {"base.net", "base.connections"}
    # The first work of a start reads the certificates.
    assert {module for module in MODULES if "ssl" in libraries(module)} == {"base.net", "base.connections", "early"}


def test_one_module_imports_boto3() -> None:
    assert {module for module in MODULES if {"boto3", "botocore"} & libraries(module)} == {"aws.client"}


def test_no_entry_point_imports_boto3_before_it_is_needed() -> None:
    """It is half of the start, and belongs where the others wait for the network."""
    script = "import sys, broker.wiring; print(*(name for name in sys.modules if name.startswith('boto')))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["botocore"]  # Powertools imports its empty package, for a version number.


def test_one_module_writes_to_the_log() -> None:
    """Its lines hold no event and no exception's message, which Powertools' conveniences would write."""
    logs = (
        r"aws_lambda_powertools\.(logging|metrics)|sys\.std|\bprint\(|\blog\w*\.(debug|info|warn\w*|error|exception)\("
    )
    assert {module for module in MODULES if re.search(logs, MODULES[module].read_text())} == {"aws.cloudwatch"}
    assert "logger.exception" not in calls("aws.cloudwatch")
    written = set(re.findall(r"\w+", MODULES["aws.cloudwatch"].read_text()))
    assert not {"exc_info", "inject_lambda_context", "log_event", "log_metrics"} & written


def test_the_function_ships_none_of_what_only_people_use() -> None:
    for module in MODULES:
        text = MODULES[module].read_text()
        assert not re.search(r"^\s*(import|from) (yaml|pydantic|token_broker|local)\b", text, re.MULTILINE)


@pytest.mark.parametrize("module", sorted(ENTRY_POINTS))
def test_an_entry_point_stops_the_garbage_collector_and_begins_its_start_before_other_imports(module: str) -> None:
    lines = [ast.unparse(node) for node in tree(module).body]
    heavy = [place for place, line in enumerate(lines) if line.startswith(("from broker.", "from aws_lambda"))]
    assert lines.index("gc.disable()") < heavy[0]
    assert lines[heavy[0] : heavy[0] + 2] == ["from broker.early import begin_start", "_early = begin_start()"]


def test_a_start_ends_with_the_garbage_collector_on() -> None:
    (start,) = (node for node in tree("wiring").body if isinstance(node, ast.FunctionDef) and node.name == "_start")
    assert [ast.unparse(node) for node in start.body[-3:]] == ["gc.freeze()", "gc.enable()", "return made"]


@pytest.mark.parametrize("module", MODULES)
def test_each_module_has_its_tests(module: str) -> None:
    elsewhere = {
        "base.net": "tests/integration/test_net.py",
        "base.connections": "tests/integration/test_connections.py",
        "early": "tests/integration/test_early.py",
        "answering": "tests/unit/broker/test_exchange.py",
        "assembly.signatures": "tests/attacks/test_notifications.py",
        "wiring": "tests/integration/outside/test_all_is_well.py",
        "iam_api": "tests/e2e/test_iam.py",
        "token_function": "tests/e2e/test_token_function.py",
    }
    folders, _, name = module.rpartition(".")
    assert (ROOT / elsewhere.get(module, f"tests/unit/broker/{folders}/test_{name}.py")).exists()


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(ROOT)))
def test_files_and_functions_are_short(file: Path) -> None:
    text = file.read_text()
    assert text.count("\n") <= 300
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert (node.end_lineno or 0) - node.lineno < 45, node.name


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_module_says_what_it_is(file: Path) -> None:
    text = file.read_text()
    assert not text or ast.get_docstring(ast.parse(text))
