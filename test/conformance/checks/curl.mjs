import { expect, expectSuccess, runCases } from "../support/cases.mjs";
import { run as runTool } from "../support/process.mjs";

export const name = "curl on one port";

export function run(server) {
  const plain = `http://${server.address}/`;
  const secure = `https://localhost:${server.port}/`;
  const ca = ["--cacert", server.ca];
  return runCases({
    "HTTP/1.1 in plaintext": () => expectVersion("1.1", ["--http1.1", plain]),
    "HTTP/2 in plaintext, by prior knowledge": () => expectVersion("2", ["--http2-prior-knowledge", plain]),
    "HTTP/2 over TLS, by ALPN": () => expectVersion("2", ["--http2", ...ca, secure]),
    "HTTP/1.1 over TLS, by ALPN": () => expectVersion("1.1", ["--http1.1", ...ca, secure]),
  });
}

async function expectVersion(version, args) {
  const format = "%{http_version} %{http_code}";
  const result = await runTool("curl", ["-sS", "--max-time", "10", "-o", "/dev/null", "-w", format, ...args]);
  expectSuccess(result);
  const [gotVersion, status] = result.output.split(" ");
  expect(gotVersion === version, `spoke HTTP/${gotVersion}, wanted HTTP/${version}`);
  expect(/^[2-4]\d\d$/.test(status), `answered with status ${status}`);
}
