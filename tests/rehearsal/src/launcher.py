"""Starts MiniStack with what its Step Functions lacks and this product uses. Each addition names the documented behaviour.

The pages are those of the "AWS Step Functions Developer Guide" and its API reference, as of November 2026.
"""

import contextvars
import inspect
import json
import os
import runpy
import secrets
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version

WANTED = "1.5.33"
if version("ministack") != WANTED:
    sys.exit(f"This launcher changes MiniStack {WANTED}, and {version('ministack')} is installed: look at each addition again.")

# An execution takes about sixteen threads, and each would reserve 8 MB of the address space, which is limited.
threading.stack_size(2 << 20)

from ministack.core.concurrency import run_reentrant  # noqa: E402
from ministack.core.responses import error_response_json, json_response, new_uuid, now_iso  # noqa: E402
from ministack.services import s3  # noqa: E402
from ministack.services import stepfunctions as sfn  # noqa: E402

from ministack.core import lambda_runtime  # noqa: E402
from ministack.services import lambda_svc  # noqa: E402
from ministack.services import sts  # noqa: E402

POLL_SECONDS = 0.02
UNFINISHED = ("FAILED", "ABORTED", "TIMED_OUT")
# The execution that a thread works for; threads of MiniStack hand it on.
current = contextvars.ContextVar("current", default=None)
# Held while a thread walks an execution, which goes on for a moment after the execution was stopped.
walking = {}
counting = threading.Lock()


class Stopped(Exception):
    """The execution was stopped meanwhile: nothing more of it happens, and nothing is written down."""


def scaled(seconds):
    """As fast as the waits of executions pass."""
    return seconds * sfn._SFN_WAIT_SCALE


sfn.Stopped = Stopped


def replaced(function, *pairs):
    """The function with parts of its text replaced, each of which must be there just once; whoever has it by another name has it too."""
    text = inspect.getsource(function)
    for old, new in pairs:
        if text.count(old) != 1:
            sys.exit(f"MiniStack's {function.__name__} does not have once: {old}")
        text = text.replace(old, new)
    made = {}
    exec(compile(text, f"<{function.__name__} of ministack, changed>", "exec"), function.__globals__, made)
    function.__code__ = made[function.__name__].__code__
    return function


# --- Redrive. "Restarting state machine executions with redrive": the execution goes on with the step that did not succeed, with
# that step's input, under the same ARN; the context object has Execution.RedriveCount.
walk = replaced(
    sfn._run_execution,
    ('current_name = definition.get("StartAt")', 'current_name = execution.get("_resume_at") or definition.get("StartAt")'),
    ('current_input = json.loads(execution["input"])', 'current_input = json.loads(execution.get("_resume_input") or execution["input"])'),
    # A step during which the execution was stopped has no end in the history: a redrive begins with it.
    (
        '            _add_event(execution, f"{state_type}StateExited", {',
        '            if execution["status"] != "RUNNING":\n                break\n            _add_event(execution, f"{state_type}StateExited", {',
    ),
    ('"Input": current_input,', '"Input": json.loads(execution["input"]), "RedriveCount": execution.get("redriveCount", 0),'),
    ("    except _ExecutionError as err:", "    except Stopped:\n        pass\n    except _ExecutionError as err:"),
)


def run_execution(arn):
    with walking.setdefault(arn, threading.Lock()):
        current.set(sfn._executions.get(arn))
        walk(arn)


def redrive(execution):
    """Makes the execution ready to go on. `None`: its history does not say where."""
    entered = None
    for event in execution["events"]:
        if event["type"].endswith("StateEntered"):
            entered = event["stateEnteredEventDetails"]
        elif event["type"].endswith("StateExited"):
            entered = None
    if entered:
        execution.update(_resume_at=entered["name"], _resume_input=entered["input"])
    elif len(execution["events"]) > 2:
        return None
    for gone in ("error", "cause"):
        execution.pop(gone, None)
    execution.update(status="RUNNING", stopDate=None, output=None, redriveDate=now_iso(), redriveCount=execution.get("redriveCount", 0) + 1)
    sfn._add_event(execution, "ExecutionRedriven", {"executionRedrivenEventDetails": {"redriveCount": execution["redriveCount"]}})
    return execution


def redrive_execution(data):
    arn = data.get("executionArn")
    execution = sfn._executions.get(arn)
    if execution is None:
        return error_response_json("ExecutionDoesNotExist", f"Execution {arn} not found", 400)
    # A thread that has not noticed yet that the execution was stopped would go on with it.
    with walking.setdefault(arn, threading.Lock()):
        if execution["status"] not in UNFINISHED or redrive(execution) is None:
            return error_response_json("ExecutionNotRedrivable", f"Execution {arn} is {execution['status']}", 400)
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(run_execution, arn), daemon=True).start()
    return json_response({"redriveDate": execution["redriveDate"]})


# --- Tasks that fail, not by themselves but because a test asks for it, with an error that the service integration documents; or the
# execution is stopped there. The n-th call of a task fails before the service is called, or after it has acted: its answer is lost.
CALLBACK = ".waitForTaskToken"
task_calls = []
task_failure = {}
invoke = sfn._invoke_resource


def task_name(resource, arguments):
    service = resource.split(":::")[-1].removesuffix(CALLBACK)
    function = arguments.get("FunctionName", "") if service == "lambda:invoke" else ""
    # The template's name, of what CloudFormation calls privatelink-ValidateFunction-946661AF2CFBA.
    return f"{service}/{function.split(':')[-1].split('-')[-2]}" if function.count("-") > 1 else service


def invoke_resource(resource, arguments):
    name = task_name(resource, arguments)
    with counting:
        task_calls.append(name)
        fails = task_failure.get("task") == name and task_failure["nth"] == task_calls.count(name)
        failure = dict(task_failure) if fails else None
    if failure and not failure["after"]:
        stop_or_raise(failure["error"])
    result = invoke(resource, arguments)
    if failure:
        stop_or_raise(failure["error"])
    return result


def stop_or_raise(error):
    if error == "Stopped":
        execution = current.get()
        sfn._stop_execution({"executionArn": execution["executionArn"]})
    raise sfn._ExecutionError(error, "simulated failure")


sfn._invoke_resource = invoke_resource


def expect_tasks(wanted):
    """Says what was called until now and forgets it; from now on the wanted failure holds."""
    with counting:
        calls = list(task_calls)
        task_calls.clear()
        task_failure.clear()
        task_failure.update(wanted)
    return json_response({"calls": calls})


handle = sfn.handle_request


async def handle_request(method, path, headers, body, query_params):
    if headers.get("x-amz-target", "") == "AWSStepFunctions.RehearsalExpectTasks":
        return expect_tasks(json.loads(body))
    if headers.get("x-amz-target", "").endswith(".RedriveExecution"):
        # It waits, which must not hold up everybody else.
        answer = await run_reentrant(redrive_execution, json.loads(body), thread_name="redrive")
        return sfn._finalize_response(answer)
    return await handle(method, path, headers, body, query_params)


# --- Expressions. MiniStack ends one after a second of the wall's clock, which is a limit of its own, and which a small one takes on a busy
# machine with a hundred executions at once.
expression_of = sfn.jsonata.Jsonata.jsonata
EXPRESSION_MILLISECONDS = 60_000


def patient_expression(expression, timeout=None):
    return expression_of(expression, timeout=timeout and EXPRESSION_MILLISECONDS)


sfn.jsonata.Jsonata.jsonata = staticmethod(patient_expression)


# --- Stopping. An execution that was stopped stays ABORTED (API StopExecution); MiniStack's next failing task makes it FAILED.
fail = sfn._fail_execution


def fail_execution(execution, error, cause):
    if execution["status"] == "RUNNING":
        fail(execution, error, cause)


def is_stopped(execution):
    return execution is not None and execution["status"] != "RUNNING"


# --- StartExecution "is idempotent for STANDARD workflows": the name and input of a running execution answer with that one.
start = sfn._start_execution


def start_execution(data):
    machine = sfn._state_machines.get(data.get("stateMachineArn", ""))
    if machine and data.get("name"):
        arn = machine["stateMachineArn"].replace(":stateMachine:", ":execution:") + ":" + data["name"]
        known = sfn._executions.get(arn)
        if known and known["status"] == "RUNNING" and known["input"] == data.get("input", "{}"):
            return json_response({"executionArn": arn, "startDate": known["startDate"]})
    return start(data)


# --- startExecution.sync ("Start workflow executions from a task state"): a started execution is like any other; refusals are
# `StepFunctions.…Exception`; its failure is States.TaskFailed with the description of the execution as cause. When the calling
# execution is stopped, the nested one is (best effort; "Run a Job (.sync)").
def nested_sync(resource, input_data):
    status, _, body = sfn._start_execution(sfn._nested_start_execution_request(input_data))
    answer = json.loads(body)
    if status >= 400:
        raise sfn._ExecutionError(f"StepFunctions.{answer['__type'].split('#')[-1]}Exception", answer.get("message", ""))
    nested, caller = sfn._executions[answer["executionArn"]], current.get()
    while nested["status"] == "RUNNING":
        if is_stopped(caller):
            sfn._stop_execution({"executionArn": nested["executionArn"], "cause": "The calling execution was stopped."})
        time.sleep(POLL_SECONDS)
    described = described_execution(nested)
    if nested["status"] != "SUCCEEDED":
        raise sfn._ExecutionError("States.TaskFailed", json.dumps(described))
    if resource.endswith(".sync:2"):
        described["Output"] = json.loads(described["Output"])
    return described


def described_execution(execution):
    """As DescribeExecution tells it, in the names that Step Functions gives to its fields."""
    described = json.loads(sfn._describe_execution({"executionArn": execution["executionArn"]})[2])
    described = {name[0].upper() + name[1:]: value for name, value in described.items() if value is not None}
    for details in ("InputDetails", "OutputDetails"):
        if details in described:
            described[details] = {"Included": True}
    if execution["status"] != "SUCCEEDED":
        described.pop("Output", None)
    return described


# --- SDK integration of S3: an object's content is the string Body. MiniStack takes it for XML.
sdk = sfn._invoke_aws_sdk_integration


def sdk_integration(resource, input_data):
    action = resource.rsplit(":", 1)[-1]
    if ":aws-sdk:s3:" not in resource or action not in ("getObject", "putObject"):
        return sdk(resource, input_data)
    if action == "getObject":
        status, _, body = s3._get_object(input_data["Bucket"], input_data["Key"], {})
    else:
        status, _, body = s3._put_object(input_data["Bucket"], input_data["Key"], input_data["Body"].encode(), {})
    text = body.decode() if isinstance(body, bytes) else body or ""
    if status >= 400:
        raise sfn._ExecutionError("S3.S3Exception", text)
    return {"Body": text} if action == "getObject" else {}


# --- Distributed Map in JSONata ("Using Map state in Distributed mode"): Items, ItemReader.Arguments, ItemSelector,
# MaxConcurrency, ToleratedFailurePercentage, ToleratedFailureCount, Output and Assign are expressions. A child is an execution
# of its own: stopped when the parent is or when the threshold is exceeded, redriven with the parent, listed in the results.
def field(state, name, kind, default, raw_input, ctx):
    return sfn._jsonata_state_field(state, name, kind, raw_input, ctx) if name in state else default


def map_items(state, raw_input, ctx):
    if "ItemReader" not in state:
        return field(state, "Items", "array", raw_input, raw_input, ctx)
    reader = dict(state["ItemReader"])
    reader["Arguments"] = sfn._apply_jsonata_template(reader.get("Arguments", {}), raw_input, ctx)
    try:
        items = sfn._read_map_items(reader, raw_input, ctx)
    except (ValueError, KeyError, TypeError) as error:
        raise sfn._ExecutionError("States.ItemReaderFailed", f"The dataset cannot be read: {error}") from error
    if not isinstance(items, list):
        raise sfn._ExecutionError("States.ItemReaderFailed", "Attempting to map over non-iterable node.")
    return items


def new_map_run(state, raw_input, ctx, execution):
    items = map_items(state, raw_input, ctx)
    base, label = execution["stateMachineArn"].split(":stateMachine:"), state.get("Label") or new_uuid()
    machine = f"{base[1]}/{label}"
    run = {
        "mapRunArn": f"{base[0]}:mapRun:{machine}:{new_uuid()}", "executionArn": execution["executionArn"], "startDate": now_iso(),
        "maxConcurrency": int(field(state, "MaxConcurrency", "number", 0, raw_input, ctx)),
        "toleratedFailurePercentage": field(state, "ToleratedFailurePercentage", "number", 0, raw_input, ctx),
        "toleratedFailureCount": int(field(state, "ToleratedFailureCount", "number", 0, raw_input, ctx)),
        "redriveCount": 0, "_stateMachineArn": f"{base[0]}:stateMachine:{machine}", "_state": ctx["State"]["Name"], "_children": [],
    }
    for index, item in enumerate(items):
        item_ctx = {**ctx, "Map": {"Item": {"Index": index, "Value": item}}}
        selector = state.get("ItemSelector")
        child_input = sfn._apply_jsonata_template(selector, raw_input, item_ctx) if selector else item
        name = new_uuid()
        run["_children"].append({
            "executionArn": f"{base[0]}:execution:{machine}:{name}", "stateMachineArn": run["_stateMachineArn"], "name": name,
            "status": "PENDING", "startDate": None, "stopDate": None, "input": json.dumps(child_input), "output": None,
            "mapRunArn": run["mapRunArn"], "events": [], "mockAttempts": {}, "redriveCount": 0,
            "sync": True,  # No event of EventBridge tells of it.
        })
    sfn._map_runs[run["mapRunArn"]] = run
    return run


def count(run):
    """What DescribeMapRun tells of items; without batches an item is an execution."""
    statuses = [child["status"] for child in run["_children"]]
    names = {"pending": "PENDING", "running": "RUNNING", "succeeded": "SUCCEEDED", "failed": "FAILED", "timedOut": "TIMED_OUT", "aborted": "ABORTED"}
    counts = {name: statuses.count(status) for name, status in names.items()}
    counts.update(total=len(statuses), resultsWritten=run.get("_written", 0), failuresNotRedrivable=0, pendingRedrive=0)
    run["itemCounts"] = run["executionCounts"] = counts
    return counts


def exceeded(state, run, counts):
    """"If you specify both values, the workflow fails when it exceeds either value"; of neither, when one item fails."""
    failed = counts["failed"] + counts["timedOut"]
    by_count = failed > run["toleratedFailureCount"]
    by_percentage = failed * 100 > run["toleratedFailurePercentage"] * counts["total"]
    given = [by for name, by in (("ToleratedFailureCount", by_count), ("ToleratedFailurePercentage", by_percentage)) if name in state]
    return any(given) if given else failed > 0


def run_child(child, state, run, execution):
    """One child to its end, unless the Map Run has ended before."""
    with counting:
        if is_stopped(execution) or exceeded(state, run, count(run)):
            return
        if child["events"] and redrive(child) is None:
            return
        child.update(status="RUNNING", startDate=child["startDate"] or now_iso())
    sfn._executions[child["executionArn"]] = child
    run_execution(child["executionArn"])
    with counting:
        if exceeded(state, run, count(run)):
            abort(run)


def abort(run):
    for child in run["_children"]:
        if child["status"] == "RUNNING":
            sfn._stop_execution({"executionArn": child["executionArn"]})


def distributed_map(state, raw_input, effective, iterator, execution, ctx):
    if sfn._state_query_language(state, ctx) != "JSONata":
        raise sfn._ExecutionError("States.Runtime", "This emulator's Distributed Map is for JSONata.")
    redriven = [r for r in sfn._map_runs.values() if r["executionArn"] == execution["executionArn"] and r["_state"] == ctx["State"]["Name"]]
    if redriven and execution.get("redriveCount", 0):
        # "Redriving Map Runs": only what did not succeed runs again, in the same Map Run.
        run = redriven[-1]
        run["redriveCount"] += 1
    else:
        run = new_map_run(state, raw_input, ctx, execution)
    run.update(status="RUNNING", stopDate=None)
    processor = {"QueryLanguage": ctx["QueryLanguage"], "StartAt": iterator["StartAt"], "States": iterator["States"]}
    machine = {"stateMachineArn": run["_stateMachineArn"], "name": run["_stateMachineArn"].split(":")[-1], "definition": json.dumps(processor)}
    todo = [child for child in run["_children"] if child["status"] != "SUCCEEDED"]
    # Those that failed before count again once they have run again.
    earlier = [child["status"] for child in todo]
    for child in todo:
        child["status"] = "PENDING"
    # It stays, for other executions of the same Map; MiniStack lists it, which AWS does not.
    sfn._state_machines[run["_stateMachineArn"]] = machine
    with ThreadPoolExecutor(max_workers=run["maxConcurrency"] or max(len(todo), 1)) as pool:
        futures = [pool.submit(contextvars.copy_context().run, run_child, child, state, run, execution) for child in todo]
        while not all(future.done() for future in futures):
            if is_stopped(execution):
                abort(run)
            count(run)
            time.sleep(POLL_SECONDS)
    for future in futures:
        future.result()
    for child, status in zip(todo, earlier):
        if child["status"] == "PENDING":
            child["status"] = status
    counts = count(run)
    failed = exceeded(state, run, counts)
    run.update(status="ABORTED" if is_stopped(execution) else "FAILED" if failed else "SUCCEEDED", stopDate=now_iso())
    if "ResultWriter" in state:
        result = write_results(state, run, raw_input, ctx)
        count(run)
    else:
        result = [json.loads(child["output"]) if child["status"] == "SUCCEEDED" else None for child in run["_children"]]
    if failed:
        raise sfn._ExecutionError("States.ExceedToleratedFailureThreshold", "The specified tolerated failure threshold was exceeded")
    output = sfn._apply_jsonata_output(state, raw_input, ctx, result=result, default=result)
    sfn._apply_state_assign(state, raw_input, ctx, result=result)
    return output, sfn._next_or_end(state)


# --- "ResultWriter (Map)": <prefix>/<id of the Map Run>/manifest.json beside SUCCEEDED_n, FAILED_n (failed, timed out and aborted)
# and PENDING_n.json (never started), each a JSON array of executions with their data; and what the state answers.
def write_results(state, run, raw_input, ctx):
    if state["ResultWriter"].get("WriterConfig"):
        raise sfn._ExecutionError("States.Runtime", "This emulator's ResultWriter knows no WriterConfig.")
    place = sfn._apply_jsonata_template(state["ResultWriter"]["Arguments"], raw_input, ctx)
    bucket, directory = place["Bucket"], "/".join(part for part in (place.get("Prefix"), run["mapRunArn"].split(":")[-1]) if part)

    def put(name, content):
        key, body = f"{directory}/{name}", json.dumps(content).encode()
        status, _, answer = s3._put_object(bucket, key, body, {})
        if status >= 400:
            raise sfn._ExecutionError("States.ResultWriterFailed", str(answer))
        return {"Key": key, "Size": len(body)}

    files = {}
    for name, statuses in (("FAILED", UNFINISHED), ("PENDING", ("PENDING",)), ("SUCCEEDED", ("SUCCEEDED",))):
        results = [written(child) for child in run["_children"] if child["status"] in statuses]
        files[name] = [put(f"{name}_0.json", results)] if results else []
    run["_written"] = len(run["_children"])
    manifest = put("manifest.json", {"DestinationBucket": bucket, "MapRunArn": run["mapRunArn"], "ResultFiles": files})
    return {"MapRunArn": run["mapRunArn"], "ResultWriterDetails": {"Bucket": bucket, "Key": manifest["Key"]}}


def written(child):
    names = {"executionArn", "stateMachineArn", "name", "status", "startDate", "stopDate", "input", "output", "error", "cause", "redriveCount"}
    result = {name[0].upper() + name[1:]: child[name] for name in names if child.get(name) is not None}
    if child["status"] != "SUCCEEDED":
        result.pop("Output", None)
        result["RedriveStatus"] = "REDRIVABLE"
    return {**result, "InputDetails": {"Included": True}, "OutputDetails": {"Included": True}}


# --- "Lambda execution role": a function runs with temporary credentials of its role. MiniStack gives all of them the account's own,
# unless it enforces IAM, which it does for its own services only. And "Setting application-level log level filtering": Lambda tells the
# function level and format.
credentials = {}


def execution_credentials(config):
    role, function, account = config.get("Role", "").rsplit("/", 1)[-1], config["FunctionName"], config["FunctionArn"].split(":")[4]
    if function not in credentials:
        key, secret, token = f"ASIA{secrets.token_hex(8).upper()}", secrets.token_urlsafe(30), secrets.token_urlsafe(120)
        credentials[function] = {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": token}
        sts.register_session(key, {
            "Arn": f"arn:aws:sts::{account}:assumed-role/{role}/{function[:64]}", "UserId": f"{role}:{function[:64]}", "AccountId": account,
            "SecretAccessKey": secret, "SessionToken": token,
        })
    logging = config.get("LoggingConfig") or {}
    level = logging.get("ApplicationLogLevel")
    return {**credentials[function], **({"AWS_LAMBDA_LOG_LEVEL": level, "AWS_LAMBDA_LOG_FORMAT": "JSON"} if level else {})}


lambda_svc.execution_credentials = lambda_runtime.execution_credentials = execution_credentials
sfn._run_execution = run_execution
sfn._fail_execution = fail_execution
sfn._start_execution = start_execution
sfn._invoke_nested_start_execution_sync = nested_sync
sfn._invoke_aws_sdk_integration = sdk_integration
sfn._run_distributed_map = distributed_map
sfn.handle_request = handle_request
