// The step in Node, with the AWS SDK v3.
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";

const secrets = new SecretsManagerClient({});

export async function look(event) {
  const { project, service_name, secret_id } = event.request.provider;
  const secret = await secrets.send(new GetSecretValueCommand({ SecretId: secret_id }));
  const { token } = JSON.parse(secret.SecretString);

  const response = await fetch(
    `${process.env.AIVEN_API_URL}/v1/project/${project}/service/${service_name}/privatelink/aws`,
    { headers: { authorization: `aivenv1 ${token}` } },
  );
  if (!response.ok) throw new Error(`Aiven answered ${response.status}`);
  const service = await response.json();

  if (service.state !== "active") return { status: "pending", state: service.state };
  return { status: "ready", state: "active", result: { service_name: service.aws_service_name } };
}
