"""The step in Python, with boto3."""

import json
import os

import boto3
import urllib3

secrets = boto3.client("secretsmanager")
http = urllib3.PoolManager(ca_certs=os.environ.get("AWS_CA_BUNDLE"))


def look(event, context):
    provider = event["request"]["provider"]
    secret = secrets.get_secret_value(SecretId=provider["secret_id"])
    token = json.loads(secret["SecretString"])["token"]

    response = http.request(
        "GET",
        f"{os.environ['AIVEN_API_URL']}/v1/project/{provider['project']}/service/{provider['service_name']}/privatelink/aws",
        headers={"Authorization": f"aivenv1 {token}"},
    )
    if response.status != 200:
        raise RuntimeError(f"Aiven answered {response.status}")
    service = response.json()

    if service["state"] != "active":
        return {"status": "pending", "state": service["state"]}
    return {"status": "ready", "state": "active", "result": {"service_name": service["aws_service_name"]}}
