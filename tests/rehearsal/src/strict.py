"""Starts moto's interpreter of Step Functions as a stricter second engine; its tasks call the emulator.

What is changed here is what the engine needs to run beside another one (time, addresses, the JSONata hook), and what contradicts
AWS's documentation: the pages are those of the "AWS Step Functions Developer Guide" and its API reference, as of November 2026.
"""

import datetime
import inspect
import json
import os
import socket
import sys
import threading
import types
import uuid
from importlib.metadata import version

WANTED = {"moto": "5.2.5", "jsonata-python": "0.7.1"}
for package, wanted in WANTED.items():
    if version(package) != wanted:
        sys.exit(f"This launcher changes {package} {wanted}, and {version(package)} is installed: look at each change again.")

# Each state of an execution takes a thread, which would reserve 8 MB of the address space.
threading.stack_size(2 << 20)
# An expression of JSONata is evaluated by recursion.
sys.setrecursionlimit(5000)

EMULATOR = os.environ["STRICT_EMULATOR_URL"]
PORT_FILE = os.environ["STRICT_PORT_FILE"]
SCALE = 1 / float(os.environ["STRICT_SPEED"])

# The port is known before all that takes long is loaded; who calls waits.
listener = socket.create_server(("127.0.0.1", 0), backlog=128)
with open(f"{PORT_FILE}.unfinished", "w") as file:
    file.write(str(listener.getsockname()[1]))
os.rename(f"{PORT_FILE}.unfinished", PORT_FILE)

import boto3  # noqa: E402
import jsonata  # noqa: E402
from botocore.config import Config  # noqa: E402
import moto  # noqa: E402

# The interpreter takes an enumeration from moto.batch, which would load all of EC2: two seconds.
batch = types.ModuleType("moto.batch")
batch.__path__ = [os.path.join(os.path.dirname(moto.__file__), "batch")]
sys.modules["moto.batch"] = batch

from moto.core.config import default_user_config  # noqa: E402
from moto.stepfunctions.parser.asl.utils import boto_client  # noqa: E402

# --- Addresses. Every task calls the emulator, and those of Step Functions this engine. moto makes a client for each call, which
# takes longer than the call, and is not safe in threads.
own_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
session = boto3.session.Session("ak", "sk")
clients = {}
making = threading.Lock()


def boto_client_for(region, service, state_credentials=None):
    with making:
        if (service, region) not in clients:
            url = own_url if service in ("stepfunctions", "sfn") else EMULATOR
            # No second attempt: that is what Retry is for.
            config = Config(parameter_validation=False, retries={"total_max_attempts": 1}, read_timeout=3600, max_pool_connections=64)
            name = "stepfunctions" if service == "sfn" else service
            clients[service, region] = session.client(name, region_name=region, endpoint_url=url, config=config)
        return clients[service, region]


# Before others take it by its name.
boto_client.boto_client_for = boto_client_for

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app  # noqa: E402
from moto.stepfunctions import exceptions, responses  # noqa: E402
from moto.stepfunctions.parser import models  # noqa: E402
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl  # noqa: E402
from moto.stepfunctions.parser.asl.component.program import program  # noqa: E402
from moto.stepfunctions.parser.asl.component.state.exec import execute_state  # noqa: E402
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service  # noqa: E402
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service_callback  # noqa: E402
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service_sqs  # noqa: E402
from moto.stepfunctions.parser.asl.component.state.wait.wait_function import wait_function  # noqa: E402
from moto.stepfunctions.parser.asl.eval.callback import callback  # noqa: E402
from moto.stepfunctions.parser.asl.jsonata import jsonata as moto_jsonata  # noqa: E402
from moto.stepfunctions.parser.backend import execution, execution_worker  # noqa: E402
from moto.stepfunctions.parser.mocking import mock_config  # noqa: E402
from werkzeug.serving import make_server  # noqa: E402


def change(owner, name, *pairs):
    """Replaces parts of a method's text, each of which must be there just once."""
    text = inspect.cleandoc("\n" + inspect.getsource(getattr(owner, name)))
    for old, new in pairs:
        if text.count(old) != 1:
            sys.exit(f"moto's {owner.__name__}.{name} does not have once: {old}")
        text = text.replace(old, new)
    module = sys.modules[owner.__module__].__dict__
    module["SCALE"] = SCALE
    made = {}
    exec(compile(text, f"<{owner.__name__}.{name} of moto, changed>", "exec"), module, made)
    setattr(owner, name, made[name])


# --- JSONata: the hook that moto leaves empty.
def eval_jsonata(expression):
    try:
        result = jsonata.Jsonata(expression).evaluate(None)
    except Exception as error:
        raise moto_jsonata.JSONataException("UNKNOWN", str(error)) from error
    # Lists and numbers of the library's own become plain ones.
    return json.loads(json.dumps(result, default=str))


moto_jsonata._eval_jsonata = eval_jsonata
# "Step Functions implements JSONata based on the 2.0.6 specification. All built-in JSONata functions and operators [...] are
# supported": $ is the item in a filter. moto refuses every $; one at the top is nothing, which ends as States.QueryEvaluationError.
moto_jsonata._ILLEGAL_VARIABLE_REFERENCES = frozenset()


# --- Time: waits, pauses of Retry and the machine's TimeoutSeconds pass as fast as the simulators' clock. A stop ends a pause too
# (API StopExecution), which moto sleeps through.
def wait_interval(self, env, wait_seconds):
    if wait_seconds > 0 and env.is_running():
        env.program_state_event.wait(wait_seconds * SCALE)


wait_function.WaitFunction._wait_interval = wait_interval
change(retrier_decl.RetrierDecl, "_eval_body", ("time.sleep(interval_seconds)", "env.program_state_event.wait(interval_seconds * SCALE)"))
# What a state came to after the stop is of no account.
change(
    execute_state.ExecutionState, "_eval_state",
    ("except Exception as ex:\n", "except Exception as ex:\n            if not env.is_running():\n                break\n"),
)
change(program.Program, "eval", ("worker_thread.join(timeout=timeout)", "worker_thread.join(timeout=timeout and timeout * SCALE)"), ("super().eval", "super(Program, self).eval"))


# --- "Wait for a Callback with Task Token": TimeoutSeconds passes with the simulators' clock, as nothing is done meanwhile, and a stop ends
# the wait, which moto waits through.
CALLBACK_LOOK_SECONDS = 0.05
# As in launcher.py.
FASTEST = 45


def time_limit(state, seconds):
    condition = getattr(getattr(state, "resource", None), "condition", None)
    return seconds * max(SCALE, 1 / FASTEST) if condition == state_task_service_callback.ResourceCondition.WaitForTaskToken else seconds


def wait_for_task_token(self, env, timeout_seconds, callback_endpoint, heartbeat_endpoint):
    if heartbeat_endpoint is not None:
        raise RuntimeError("this engine's callback knows no HeartbeatSeconds")
    # The state ends this environment when its time has passed.
    while env.is_running() and callback_endpoint.get_outcome() is None:
        callback_endpoint.wait(CALLBACK_LOOK_SECONDS)
    return callback_endpoint.get_outcome() or callback.CallbackOutcomeTimedOut(callback_id=callback_endpoint.callback_id)


execute_state.time_limit = time_limit
change(
    execute_state.ExecutionState, "_evaluate_with_timeout",
    ("terminated_event.wait(timeout_seconds)", "terminated_event.wait(time_limit(self, timeout_seconds))"),
)
state_task_service_callback.StateTaskServiceCallback._eval_wait_for_task_token = wait_for_task_token
# An error that SQS answers is SQS.AmazonSQSException, after the SDK's exception, whatever its code is; no page of AWS lists it.
# moto gives it the name of a call that did not reach the service.
state_task_service_sqs._ERROR_NAME_CLIENT = state_task_service_sqs._ERROR_NAME_AWS


# --- API SendTaskSuccess: InvalidOutput; TaskTimedOut, "The task token has either expired or the task associated with the token has already
# been closed"; InvalidToken for any other. moto takes a second answer, and fails beside an execution that has not begun.
answering = threading.Lock()


def answer_callback(self, token, outcome):
    for each in self._get_executions():
        env = each.exec_worker and each.exec_worker.env
        endpoint = env and env.callback_pool_manager.get(token)
        if not endpoint:
            continue
        with answering:
            if not env.is_running() or endpoint._notify_event.is_set():
                raise exceptions.AWSError("Task Timed Out: 'Provided task does not exist anymore'", "TaskTimedOut")
            endpoint.notify(outcome)
        return
    raise exceptions.InvalidToken("'Invalid token'")


def send_task_success(self, task_token, outcome):
    try:
        json.loads(outcome)
    except ValueError as error:
        raise exceptions.AWSError(f"Invalid Output: '{error}'", "InvalidOutput") from error
    answer_callback(self, task_token, callback.CallbackOutcomeSuccess(callback_id=task_token, output=outcome))


def send_task_failure(self, task_token, error=None, cause=None):
    answer_callback(self, task_token, callback.CallbackOutcomeFailure(callback_id=task_token, error=error, cause=cause))


models.StepFunctionsParserBackend.send_task_success = send_task_success
models.StepFunctionsParserBackend.send_task_failure = send_task_failure


# --- "Accessing execution data from the Context object": Execution.StartTime is a string like 2025-08-08T10:00:00.123Z.
details = execution.Execution.get_start_execution_details


def date(moment):
    return moment.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def start_details(self):
    made = details(self)
    made.start_time = date(self.start_date)
    return made


execution.Execution.get_start_execution_details = start_details

# --- API StartExecution: "name: Optional name of the execution"; moto names it None, and a second one as well.
start = models.StepFunctionsParserBackend.start_execution


def start_execution(self, state_machine_arn, name=None, execution_input=None, trace_header=None):
    return start(self, state_machine_arn, name or str(uuid.uuid4()), execution_input, trace_header)


models.StepFunctionsParserBackend.start_execution = start_execution

# --- API GetExecutionHistory: reverseOrder "lists events in descending order of their eventId"; moto passes it over.
history = models.StepFunctionsParserBackend.get_execution_history


def get_execution_history(self):
    answer = dict(self.stepfunction_backend.get_execution_history(self._get_param("executionArn")))
    if self._get_param("reverseOrder"):
        answer["events"] = answer["events"][::-1]
    return responses.ActionResult(answer)


responses.StepFunctionResponse.get_execution_history = get_execution_history

# --- "Integrating services": "Parameters in Step Functions are expressed in PascalCase, even if the native service API is in
# camelCase", and so are results. moto has both translations and calls neither, so that no execution can be started from a state.
service = state_task_service.StateTaskService


def shapes(task, boto_service_name, service_action_name):
    name, action = task._get_boto_service_name(boto_service_name), task._get_boto_service_action(service_action_name)
    client = boto_client_for(os.environ["AWS_DEFAULT_REGION"], name)
    return client.meta.service_model.operation_model(client.meta.method_to_api_mapping[action])


def normalise_parameters(self, parameters, boto_service_name=None, service_action_name=None):
    shape = shapes(self, boto_service_name, service_action_name).input_shape
    if shape is not None:
        self._to_boto_request(parameters, shape)


def normalise_response(self, response, boto_service_name=None, service_action_name=None):
    shape = shapes(self, boto_service_name, service_action_name).output_shape
    if shape is not None:
        self._from_boto_response(response, shape)


value = service._from_boto_response_value


def response_value(response):
    # A date would be no JSON.
    return date(response) if isinstance(response, datetime.datetime) else value(response)


service._from_boto_response_value = staticmethod(response_value)
service._normalise_parameters = normalise_parameters
service._normalise_response = normalise_response

# --- States that are refused, for tests: {"stepfunctions": {"refused": {"states": [...], "error": "...", "cause": "..."}}} at
# /moto-api/config, of executions that are started then. moto's interpreter can play that, and nothing in moto tells it to.
worker = execution_worker.ExecutionWorker.__init__


def new_worker(self, *arguments, **named):
    worker(self, *arguments, **named)
    refused = default_user_config["stepfunctions"].get("refused")
    if refused:
        throw = mock_config.MockedResponseThrow(0, 99, refused["error"], refused["cause"])
        states = [mock_config.StateMockedResponses(state, "refused", [throw]) for state in refused["states"]]
        self._mock_test_case = mock_config.MockTestCase("any", "refused", states)


execution_worker.ExecutionWorker.__init__ = new_worker

if __name__ == "__main__":
    default_user_config["stepfunctions"]["execute_state_machine"] = True
    # Connections are kept.
    MotoRequestHandler.protocol_version = "HTTP/1.1"
    app = DomainDispatcherApplication(create_backend_app)
    make_server("127.0.0.1", 0, app, threaded=True, request_handler=MotoRequestHandler, fd=listener.fileno()).serve_forever()
