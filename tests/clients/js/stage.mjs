/** A browser in which each person has a profile of their own. */

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";
import { chromium } from "playwright-core";

const here = path.dirname(fileURLToPath(import.meta.url));
const CRYPTO = "node_modules/@matrix-org/matrix-sdk-crypto-wasm/pkg/matrix_sdk_crypto_wasm_bg.wasm";
const FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    // Containers often have little shared memory.
    "--disable-dev-shm-usage",
];

export class Stage {
    #contexts = [];
    #complaints = [];
    #number = 0;

    static async open(url) {
        const stage = new Stage();
        stage.url = url;
        stage.bundle = await mkdtemp(path.join(tmpdir(), "salon-bundle-"));
        await build({
            entryPoints: [path.join(here, "page/person.mjs")],
            outfile: path.join(stage.bundle, "person.js"),
            bundle: true,
            format: "esm",
            define: { global: "globalThis" },
            logLevel: "error",
        });
        stage.pages = await serve(stage.bundle);
        stage.browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: FLAGS });
        return stage;
    }

    /** Somebody who is logged in nowhere, in a profile of their own. */
    async stranger() {
        const context = await this.browser.newContext();
        this.#contexts.push(context);
        const page = await context.newPage();
        page.on("console", (message) => {
            // The SDK copes with refusals that it expects, and says so itself of others.
            if (message.type() !== "error" || message.text().startsWith("Failed to load resource")) return;
            this.#complaints.push(message.text().split("\n")[0]);
        });
        page.on("pageerror", (fault) => this.#complaints.push(String(fault)));
        await page.goto(`http://127.0.0.1:${this.pages.address().port}/`);
        await page.waitForFunction(() => window.person);
        return remote(page);
    }

    /** Somebody who has just registered, with all that encryption needs. */
    async person(name) {
        this.#number += 1;
        const person = await this.stranger();
        await person.register(this.url, `${name}-${this.#number}`);
        return person;
    }

    /** A tab of a browser, in a profile of its own or that of another tab, at the client's page. */
    async tab(beside) {
        const context = beside ? beside.context() : await this.browser.newContext();
        if (!beside) this.#contexts.push(context);
        const page = await context.newPage();
        page.on("pageerror", (fault) => this.#complaints.push(String(fault)));
        page.on("console", (message) => {
            if (message.text().includes("Content Security Policy")) this.#complaints.push(message.text());
        });
        await page.goto(this.home());
        await page.waitForFunction(() => window.person);
        return page;
    }

    /** Where the client is. */
    home() {
        return `http://127.0.0.1:${this.pages.address().port}/`;
    }

    /** Several who have just registered. */
    people(...names) {
        return Promise.all(names.map((name) => this.person(name)));
    }

    /** A room that all have joined and know of. */
    async room(creator, others, { encrypted = false, ...options } = {}) {
        const invited = await Promise.all(others.map((other) => other.id()));
        const room = await creator.createRoom(invited, encrypted, options);
        for (const other of others) await other.join(room);
        for (const member of [creator, ...others]) await member.untilJoined(room, invited.length + 1);
        return room;
    }

    /** What the pages of this test wrote to their consoles as errors. */
    complaints() {
        return this.#complaints.slice(-10).join("\n");
    }

    /** Forgets the people. */
    async clear() {
        await Promise.all(this.#contexts.map((context) => context.close()));
        this.#contexts = [];
        this.#complaints = [];
    }

    async close() {
        await this.browser.close();
        this.pages.close();
        await rm(this.bundle, { recursive: true });
    }
}

/** Calls the methods of the page's person. */
function remote(page) {
    const call = (name) => async (...args) =>
        page.evaluate(([name, args]) => window.person[name](...args), [name, args]);
    return new Proxy({}, { get: (_, name) => (name === "then" ? undefined : call(name)) });
}

/** Serves the page, its script, and the cryptography where the script looks for it. */
async function serve(bundle) {
    const files = {
        "/": ["text/html", Buffer.from('<!doctype html><script type="module" src="person.js"></script>')],
        "/person.js": ["text/javascript", await readFile(path.join(bundle, "person.js"))],
        "/pkg/matrix_sdk_crypto_wasm_bg.wasm": ["application/wasm", await readFile(path.join(here, CRYPTO))],
    };
    const server = createServer((request, response) => {
        const [path] = request.url.split("?");
        const [type, content] = files[path] ?? ["text/plain", Buffer.from("")];
        response.writeHead(files[path] ? 200 : 404, { "Content-Type": type }).end(content);
    });
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    return server;
}
