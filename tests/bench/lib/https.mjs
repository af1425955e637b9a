// Single requests, for checking that a peer does what it is measured for.
import { readFileSync } from "node:fs";
import { request } from "node:https";

export function post(url, { ca, user, password, form }) {
  return new Promise((done, fail) => {
    const body = new URLSearchParams(form).toString();
    const headers = {
      Authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`,
      "Content-Type": "application/x-www-form-urlencoded",
      "Content-Length": Buffer.byteLength(body),
    };
    const sent = request(url, { method: "POST", ca: readFileSync(ca), headers, agent: false }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (part) => { text += part; }).on("end", () => {
        try {
          done({ status: answer.statusCode, json: JSON.parse(text) });
        } catch {
          fail(new Error(`${url}: ${answer.statusCode} ${text.slice(0, 200)}`));
        }
      });
    });
    sent.on("error", fail);
    sent.end(body);
  });
}
