// What Lambda's Node runtime does, and no more: imports the handler, then serves one event after the other.
import http from "node:http";
import { look } from "./handler.mjs";

const agent = new http.Agent({ keepAlive: true });
const runtime = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation`;

function call(method, path, body) {
  return new Promise((resolve, reject) => {
    const request = http.request(`${runtime}/${path}`, { method, agent }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk) => (text += chunk));
      response.on("end", () => resolve({ headers: response.headers, text })).on("error", reject);
    });
    request.on("error", reject).end(body);
  });
}

(async () => {
  for (;;) {
    const { headers, text } = await call("GET", "next");
    const id = headers["lambda-runtime-aws-request-id"];
    try {
      await call("POST", `${id}/response`, JSON.stringify(await look(JSON.parse(text))));
    } catch (error) {
      await call("POST", `${id}/error`, JSON.stringify({ errorType: error.name, errorMessage: error.message }));
    }
  }
})();
