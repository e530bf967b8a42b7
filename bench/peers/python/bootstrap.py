"""What Lambda's Python runtime does, and no more: imports the handler, then serves one event after the other."""

import http.client
import json
import os

from handler import look

api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
RUNTIME = "/2018-06-01/runtime/invocation"

while True:
    api.request("GET", f"{RUNTIME}/next")
    invocation = api.getresponse()
    event = json.loads(invocation.read())
    request_id = invocation.headers["Lambda-Runtime-Aws-Request-Id"]
    try:
        path, answer = "response", look(event, None)
    except Exception as error:
        path, answer = "error", {"errorType": type(error).__name__, "errorMessage": str(error)}
    api.request("POST", f"{RUNTIME}/{request_id}/{path}", body=json.dumps(answer))
    api.getresponse().read()
