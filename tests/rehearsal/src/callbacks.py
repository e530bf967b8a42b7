# Follows launcher.py in the same program: tasks that wait for a token, and queues.
import math  # noqa: E402

from ministack.services import sqs  # noqa: E402

# --- "Wait for a Callback with Task Token": the integration is called like any other, and the task waits until its token is answered, until
# TimeoutSeconds have passed (States.Timeout), or until the execution is stopped. Each attempt has a token of its own. In the history
# TaskSubmitted has the integration's answer, and a task that runs out of time ends as TaskTimedOut (API HistoryEvent). MiniStack's wait
# passes in real time, and goes on when the execution was stopped.
callbacks = {}
ended_callbacks = set()
# Not `counting`, which is held where executions are stopped.
answering = threading.Lock()
# A change of the speed is noticed after this, at the latest.
LONGEST_LOOK_SECONDS = 1.0
# Whoever answers is a function, which works in real time: at two hundred times the speed a quarter of an hour would be over too soon for it.
FASTEST = 45


def time_limit(seconds):
    return max(scaled(seconds), seconds / FASTEST)


def invoke_with_callback(resource, input_data, token, state):
    seconds = state.get("TimeoutSeconds", 99_999_999)
    if isinstance(seconds, str) or "HeartbeatSeconds" in state:
        raise sfn._ExecutionError("States.Runtime", "This emulator's callback takes TimeoutSeconds as a number, and no HeartbeatSeconds.")
    execution, began = current.get(), time.monotonic()
    callback = {"execution": execution, "event": threading.Event()}
    with answering:
        callbacks[token] = callback
    try:
        sent = sfn._invoke_resource(resource, input_data)
        if not is_stopped(execution):
            sfn._add_event(execution, "TaskSubmitted", {"taskSubmittedEventDetails": {"resource": resource, "output": json.dumps(sent)}})
        while "answer" not in callback:
            if is_stopped(execution):
                raise Stopped
            left = began + time_limit(seconds) - time.monotonic()
            if left <= 0:
                break
            callback["event"].wait(min(left, LONGEST_LOOK_SECONDS))
    finally:
        with answering:
            ended_callbacks.add(token)
            del callbacks[token]
    if "answer" not in callback:
        raise sfn._ExecutionError("States.Timeout", "")
    if isinstance(callback["answer"], sfn._ExecutionError):
        raise callback["answer"]
    return callback["answer"]


# API SendTaskSuccess: InvalidOutput; TaskTimedOut, "The task token has either expired or the task associated with the token has already
# been closed"; InvalidToken for any other. MiniStack tells of all that the task does not exist, which is said of activities; this product
# has none.
def answer_callback(data, answer):
    token = data.get("taskToken")
    with answering:
        callback = callbacks.get(token)
        if callback is None and token not in ended_callbacks:
            return error_response_json("InvalidToken", "Invalid Token: 'Invalid token'", 400)
        if callback is None or "answer" in callback or is_stopped(callback["execution"]):
            return error_response_json("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'", 400)
        callback["answer"] = answer
        callback["event"].set()
    return json_response({})


def send_task_success(data):
    try:
        answer = json.loads(data.get("output", ""))
    except ValueError as error:
        return error_response_json("InvalidOutput", f"Invalid Output: '{error}'", 400)
    return answer_callback(data, answer)


def send_task_failure(data):
    return answer_callback(data, sfn._ExecutionError(data.get("error", ""), data.get("cause", "")))


replaced(
    sfn._execute_task,
    ('    if is_callback:\n        ctx["Task"] = {"Token": new_uuid()}\n', ""),
    (
        '        ctx["State"]["RetryCount"] = sum(retry_counts.values())\n',
        '        ctx["State"]["RetryCount"] = sum(retry_counts.values())\n'
        '        if is_callback:\n            ctx["Task"] = {"Token": new_uuid()}\n',
    ),
    (
        '            _add_event(execution, "TaskFailed", {\n                "taskFailedEventDetails": {',
        '            timed_out = is_callback and err.error == "States.Timeout"\n'
        '            _add_event(execution, "TaskTimedOut" if timed_out else "TaskFailed", {\n'
        '                "taskTimedOutEventDetails" if timed_out else "taskFailedEventDetails": {',
    ),
)
# An error that SQS answers is SQS.AmazonSQSException, after the SDK's exception, whatever its code is; no page of AWS lists it.
replaced(
    sfn._invoke_sqs_send_message,
    (
        'raise _ExecutionError(f"SQS.{e.code}", e.message)',
        'raise _ExecutionError("SQS.AmazonSQSException", f"{e.message} (Service: AmazonSQS; Error Code: {e.code})")',
    ),
)
stop = sfn._stop_execution


def stop_execution(data):
    answer = stop(data)
    with answering:
        for callback in callbacks.values():
            if callback["execution"]["executionArn"] == data.get("executionArn"):
                callback["event"].set()
    return answer


# --- Time of SQS. DelaySeconds ("0 to 900", API SendMessage) and VisibilityTimeout pass as fast as the waits of executions.
def delay_of(seconds):
    if not float(seconds).is_integer() or not 0 <= float(seconds) <= 900:
        reason = "Reason: DelaySeconds must be >= 0 and <= 900."
        raise sqs._Err("InvalidParameterValue", f"Value {seconds} for parameter DelaySeconds is invalid. {reason}")
    return scaled(int(seconds))


sqs.scaled = lambda_svc.scaled = scaled
sqs.delay_of = delay_of
replaced(
    sqs._act_send_message,
    ("delay = int(_delay)", "delay = delay_of(_delay)"),
    # The poller of event sources makes a new list of the messages: one that is added to the old list meanwhile would be lost.
    ('    q["messages"].append(msg)\n', '    with _queues_lock:\n        q["messages"].append(msg)\n'),
)
for changing in (sqs._act_change_visibility, sqs._act_change_visibility_batch):
    replaced(changing, ('m["visible_at"] = time.time() + vt', 'm["visible_at"] = time.time() + scaled(vt)'))
for collecting in (sqs._collect_msgs, sqs._collect_fifo):
    replaced(collecting, ('m["visible_at"] = now + vis_timeout', 'm["visible_at"] = now + scaled(vis_timeout)'))
replaced(
    sqs._act_receive_message,
    (
        "        _expire_retained(q)\n        _dlq_sweep(q)\n        msgs = _collect_msgs(q, max_n, vis)\n",
        "        with _queues_lock:\n            _expire_retained(q)\n            _dlq_sweep(q)\n            msgs = _collect_msgs(q, max_n, vis)\n",
    ),
)


def locked(act):
    def locked_act(data, url):
        with sqs._queues_lock:
            return act(data, url)
    return locked_act


for name in ("DeleteMessage", "DeleteMessageBatch"):
    sqs._HANDLERS[name] = locked(sqs._HANDLERS[name])


# --- Event sources of SQS. "Using Lambda with Amazon SQS": a queue's VisibilityTimeout is at least the function's timeout, so that no
# message comes back while it is worked on. Functions run in real time: a message is out of sight until its function has ended, and then
# until its VisibilityTimeout has passed. The poller looks when the next message can be received; MiniStack's looks once a second.
dispatch = lambda_svc._dispatch_esm_batch


def dispatch_batch(mapping, run, *arguments):
    batch = arguments[3]
    visible_at = [message["visible_at"] for message in batch]

    def give_back():
        for message, moment in zip(batch, visible_at):
            message["visible_at"] = moment

    def run_and_give_back(*arguments):
        try:
            run(*arguments)
        finally:
            give_back()

    for message in batch:
        message["visible_at"] = math.inf
    try:
        dispatch(mapping, run_and_give_back, *arguments)
    except RuntimeError:
        give_back()
        raise


def seconds_to_message(began):
    """At most one. What could be received at the look that began then, and was not taken, does not count."""
    moments = [began + 1]
    for account, region, mapping in lambda_svc._iter_all_esms():
        queue = sqs._queue_by_arn(mapping.get("EventSourceArn", ""))
        if queue:
            moments += [message.get("visible_at", 0) for message in list(queue["messages"])]
            moments.append(lambda_svc._esm_backoff_until._data.get((account, region, mapping["UUID"]), 0))
    return max(min(moment for moment in moments if moment > began) - time.time(), 0)


lambda_svc.seconds_to_message = seconds_to_message
replaced(
    lambda_svc._poll_loop,
    ("        _esm_wake.clear()\n", "        _esm_wake.clear()\n        began = time.time()\n"),
    ("_esm_wake.wait(1 if _esms.has_any() else 5)", "_esm_wake.wait(seconds_to_message(began) if _esms.has_any() else 5)"),
)
# After a message that can't be received yet. It is a second or so of simulated time.
lambda_svc._ESM_IDLE_WAKE_GAP_SECONDS = POLL_SECONDS
replaced(lambda_svc._run_sqs_batch, ("time.time() + _ESM_BACKOFF_SECONDS", "time.time() + scaled(_ESM_BACKOFF_SECONDS)"))

sfn._stop_execution = stop_execution
sfn._invoke_with_callback = invoke_with_callback
sfn._send_task_success = send_task_success
sfn._send_task_failure = send_task_failure
lambda_svc._dispatch_esm_batch = dispatch_batch
