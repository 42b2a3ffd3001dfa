import { route } from "../index.ts";
import { greeter } from "./greeter.ts";

const TEXT = { "content-type": "text/plain; charset=utf-8" };

/** What a browser sees: the Greeter's answer to nobody in particular. */
export const home = route("GET POST", "/", async () => {
  const reply = await greeter.direct.sayHello({ name: "" });
  return { headers: TEXT, body: reply.message };
});

/** The same as a page. Its style sheet is pushed to a client that allows it, before the page asks for it. */
export const page = route("GET", "/hello.html", async (request) => {
  request.push("/hello.css");
  const reply = await greeter.direct.sayHello({ name: request.query.get("name") ?? "" });
  return {
    headers: { "content-type": "text/html; charset=utf-8" },
    body: `<!doctype html><link rel="stylesheet" href="/hello.css"><h1>${escapeHtml(reply.message ?? "")}</h1>\n`,
  };
});

export const style = route("GET", "/hello.css", () => ({
  headers: { "content-type": "text/css; charset=utf-8" },
  body: "h1 { font: 3rem system-ui, sans-serif; text-align: center; margin-top: 30vh }\n",
}));

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
