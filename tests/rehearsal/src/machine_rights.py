# Follows launcher.py in the same program.
#
# --- "How AWS Step Functions works with IAM": whatever a state machine does, it does with its role. MiniStack asks no role. Here an action
# that the role, as it is deployed, does not grant fails the task, and what was granted is written down, by role and statement. Of a role
# that nobody deployed nothing is known, and nothing is refused. What each integration needs: "IAM policies for integrated services".
from ministack.core import iam_evaluator as iam  # noqa: E402

# The name of the error by which an integration is refused, where it is not <Service>.AccessDeniedException.
REFUSALS = {"sqs": "SQS.AmazonSQSException"}
SDK_SERVICES = {"cloudwatch": "cloudwatch", "s3": "s3", "sfn": "states"}
noted = set()
noting = threading.Lock()


def note(line):
    """One line of JSON in the file that RIGHTS_LOG names, if any."""
    text, path = json.dumps(line), os.environ.get("RIGHTS_LOG")
    with noting:
        if path and text not in noted:
            noted.add(text)
            with open(path, "a") as log:
                log.write(text + "\n")


def machine_of(arn):
    """A state machine; of a Distributed Map's own one, the one that has the Map."""
    return sfn._state_machines.get(arn.split("/")[0]) or {}


def demand(role_arn, needs):
    account, role = role_arn.split(":")[4], role_arn.split("/")[-1]
    policies = iam._gather_role_policies(role, account)
    if not policies:
        return
    for action, resource, keys in needs:
        context = iam.EvalContext(role_arn, "AssumedRole", account, action, resource, sfn.get_region(), service_context=keys)
        granting = [one for policy in policies for one in policy if iam._first_match(context, [one], "Allow")]
        if not granting:
            note({"denied": f"{role} lacks {action} on {resource} with {keys}"})
            service = action.split(":")[0]
            raise sfn._ExecutionError(
                REFUSALS.get(service, f"{service.capitalize()}.AccessDeniedException"),
                f"User: {role_arn} is not authorized to perform: {action} on resource: {resource}",
            )
        for one in granting:
            note({"role": role, "sid": one.sid, "action": action})


def needs_of(resource, data):
    """Action, resource and condition keys of each thing that an integration does."""
    region = f"{sfn.get_region()}:{sfn.get_account_id()}"
    if resource == "arn:aws:states:::lambda:invoke":
        return [("lambda:InvokeFunction", data["FunctionName"], {})]
    if resource.startswith("arn:aws:states:::states:startExecution"):
        machine = data["StateMachineArn"]
        needs = [("states:StartExecution", machine, {})]
        if ".sync" in resource:
            execution = machine.replace(":stateMachine:", ":execution:") + ":" + data.get("Name", "any")
            rule = f"arn:aws:events:{region}:rule/StepFunctionsGetEventsForStepFunctionsExecutionRule"
            needs += [(f"states:{action}", execution, {}) for action in ("DescribeExecution", "StopExecution")]
            needs += [(f"events:{action}", rule, {}) for action in ("PutTargets", "PutRule", "DescribeRule")]
        return needs
    if resource.removesuffix(CALLBACK) == "arn:aws:states:::sqs:sendMessage":
        account, queue = data["QueueUrl"].split("/")[-2:]
        return [("sqs:SendMessage", f"arn:aws:sqs:{sfn.get_region()}:{account}:{queue}", {})]
    if resource == "arn:aws:states:::events:putEvents":
        def bus(entry):
            return entry.get("EventBusName", "default").split("event-bus/")[-1]
        return [
            ("events:PutEvents", f"arn:aws:events:{region}:event-bus/{bus(entry)}", {"events:source": entry["Source"]})
            for entry in data["Entries"]
        ]
    if ":aws-sdk:" in resource:
        service, action = resource.split(":")[-2:]
        action = f"{SDK_SERVICES[service]}:{action[0].upper()}{action[1:]}"
        if service == "s3":
            return [(action, f"arn:aws:s3:::{data['Bucket']}/{data['Key']}", {})]
        if service == "cloudwatch":
            return [(action, "*", {"cloudwatch:namespace": data["Namespace"]})]
        return [(action, data.get("ExecutionArn") or data.get("MapRunArn"), {})]
    return [(f"unknown:{resource}", "*", {})]


invoke_resource = sfn._invoke_resource


def allowed_resource(resource, input_data):
    execution = current.get()
    role_arn = machine_of(execution["stateMachineArn"]).get("roleArn", "") if execution else ""
    if role_arn.count(":") == 5:
        demand(role_arn, needs_of(resource, input_data))
    return invoke_resource(resource, input_data)


# "IAM policies for using Distributed Map state", with those for ItemReader and ResultWriter.
run_map = sfn._run_distributed_map


def allowed_map(state, raw_input, effective, iterator, execution, ctx):
    machine = machine_of(execution["stateMachineArn"])
    role_arn = machine.get("roleArn", "")
    if role_arn.count(":") == 5:
        arn = machine["stateMachineArn"]
        children = arn.replace(":stateMachine:", ":execution:") + "/any:any"
        needs = [("states:StartExecution", arn, {})]
        needs += [(f"states:{action}", children, {}) for action in ("DescribeExecution", "StopExecution", "RedriveExecution")]
        if "ItemReader" in state:
            place = sfn._apply_jsonata_template(state["ItemReader"]["Arguments"], raw_input, ctx)
            needs.append(("s3:GetObject", f"arn:aws:s3:::{place['Bucket']}/{place['Key']}", {}))
        if "ResultWriter" in state:
            place = sfn._apply_jsonata_template(state["ResultWriter"]["Arguments"], raw_input, ctx)
            actions = ("PutObject", "GetObject", "ListMultipartUploadParts", "AbortMultipartUpload")
            needs += [(f"s3:{action}", f"arn:aws:s3:::{place['Bucket']}/{place['Prefix']}/any", {}) for action in actions]
        demand(role_arn, needs)
    return run_map(state, raw_input, effective, iterator, execution, ctx)


sfn._invoke_resource = allowed_resource
sfn._run_distributed_map = allowed_map

if __name__ == "__main__":
    runpy.run_module("ministack", run_name="__main__")
