/** A captcha in a real browser, on a server of its own that asks for one. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";

const PASSWORD = "correct horse battery staple";
const SITE = "https://challenges.cloudflare.com/";

/** What the service's script does, when somebody has solved the captcha: "solved-1", "solved-2", … */
const script = (number) => `
    const solve = () => {
        for (const place of document.querySelectorAll(".cf-turnstile")) {
            const answer = document.createElement("input");
            Object.assign(answer, { type: "hidden", name: "cf-turnstile-response", value: "solved-${number}" });
            place.append("Solved for " + place.dataset.sitekey, answer);
        }
    };
    if (document.readyState === "loading") addEventListener("DOMContentLoaded", solve); else solve();
`;

function listening(server) {
    return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server.address().port)));
}

/** The service, as far as servers ask it: each answer is good once. */
function service() {
    const used = new Set();
    return createServer(async (request, response) => {
        let form = "";
        for await (const piece of request) form += piece;
        const answer = new URLSearchParams(form).get("response");
        const success = answer.startsWith("solved-") && !used.has(answer);
        used.add(answer);
        response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify({ success }));
    });
}

/** Starts a server that asks for the captcha; its address, and how to stop all. */
async function start() {
    const asked = service();
    const verify = `http://127.0.0.1:${await listening(asked)}/siteverify`;
    const home = await mkdtemp(path.join(tmpdir(), "salon-captcha-"));
    const environment = Object.entries(process.env).filter(([name]) => !name.startsWith("SALON_"));
    const env = {
        ...Object.fromEntries(environment),
        SALON_SERVER__DATA_DIRECTORY: path.join(home, "data"),
        SALON_LISTENERS__PLAIN: '["127.0.0.1:0"]',
        SALON_REGISTRATION__MODE: "open",
        SALON_CAPTCHA__SERVICE: "turnstile",
        SALON_CAPTCHA__SITE_KEY: "the-site",
        SALON_CAPTCHA__SECRET: "a secret",
        SALON_CAPTCHA__VERIFY_URL: verify,
    };
    const salon = spawn(process.env.PROGRAM, { env, stdio: ["ignore", "pipe", "ignore"] });
    const ended = new Promise((resolve) => salon.on("exit", resolve));
    const stop = async () => {
        salon.kill();
        await ended;
        asked.close();
        await rm(home, { recursive: true });
    };
    let told = "";
    for await (const piece of salon.stdout) {
        told += piece;
        const [, url] = told.match(/^Salon serves .* at (http\S+)\n/m) ?? [];
        if (url) return { url, stop };
    }
    throw new Error(`The server did not become ready: ${told}`);
}

/** A tab in which the service's script is what it is here, whatever the network. */
async function tab(stage, number) {
    const page = await stage.tab();
    const content = { contentType: "text/javascript", body: script(number) };
    await page.context().route(`${SITE}**`, (route) => route.fulfill(content));
    return page;
}

async function solved(page) {
    await page.getByText("Solved for the-site").waitFor();
    const refused = await page.evaluate(() => new Promise((resolve) => {
        addEventListener("securitypolicyviolation", (event) => resolve(event.effectiveDirective));
        const other = document.createElement("script");
        other.src = "https://elsewhere.test/script.js";
        document.head.append(other);
    }));
    assert.equal(refused, "script-src-elem", "the page admits the captcha's script and no other");
}

export async function people_register_with_a_captcha_on_the_page_and_in_clients(stage) {
    const { url, stop } = await start();
    try {
        const page = await tab(stage, 1);
        await page.goto(`${url}/register`);
        await page.getByLabel("User name").fill("cara");
        await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
        await page.getByLabel("The password again").fill(PASSWORD);
        await solved(page);
        await page.getByRole("button", { name: "Make the account" }).click();
        await page.getByRole("heading", { name: "Your account" }).waitFor();

        const client = await tab(stage, 2);
        const register = ([url, password]) => window.confirmation.register(url, "cora", password);
        const wanted = await client.evaluate(register, [url, PASSWORD]);
        assert.equal(wanted, "salon.login.captcha", "clients would draw the captcha of reCAPTCHA by themselves");
        const popping = client.waitForEvent("popup");
        await client.evaluate((wanted) => window.confirmation.open(wanted), wanted);
        const popup = await popping;
        await solved(popup);
        await popup.getByRole("button", { name: "Confirm" }).click();
        assert.equal(await client.evaluate(() => window.confirmation.finish()), new URL(url).origin);
        const isFree = ([url, name]) => fetch(`${url}/_matrix/client/v3/register/available?username=${name}`).then((answer) => answer.ok);
        for (const name of ["cara", "cora"]) assert.equal(await client.evaluate(isFree, [url, name]), false, name);
    } finally {
        await stop();
    }
}
