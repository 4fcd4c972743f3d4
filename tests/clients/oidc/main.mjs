/** People sign in at a real identity provider, at ISSUER, to use the server at SALON_URL. */

import assert from "node:assert/strict";
import { Browser } from "./browser.mjs";

const { SALON_URL: SALON, ISSUER } = process.env;
const API = `${SALON}/_matrix/client/v3`;
const isNotApp = (url) => !url.startsWith("https://app.test/");

async function call(method, path, body, token) {
    const headers = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) };
    const answer = await fetch(`${API}${path}`, { method, headers, body: body && JSON.stringify(body) });
    return { status: answer.status, body: await answer.json() };
}

/** Answers what the provider asks, until it sends its visitor back. */
async function pass(browser, page, name) {
    while (page.url.startsWith(ISSUER)) {
        const fields = page.says('name="login"') ? { login: name, password: "any" } : {};
        page = await browser.submit(page, "<form", fields, isNotApp);
    }
    return page;
}

/** What a client does that sends its user to the provider; the user makes an account if there is none. */
async function signIn(browser, name) {
    const start = `${API}/login/sso/redirect/sso?redirectUrl=${encodeURIComponent("https://app.test/")}`;
    let page = await pass(browser, await browser.open(start), name);
    if (page.says("Make an account")) page = await browser.submit(page, "/register/with", { name });
    assert.ok(page.says("Allow access?"), page.html);
    page = await browser.submit(page, "/sso", { decision: "allow" }, isNotApp);
    const token = new URL(page.url).searchParams.get("loginToken");
    const { status, body } = await call("POST", "/login", { type: "m.login.token", token });
    assert.equal(status, 200);
    return body;
}

const tests = {
    async a_client_offers_the_provider() {
        const { body } = await call("GET", "/login");
        const sso = body.flows.find((flow) => flow.type === "m.login.sso");
        assert.deepEqual(sso.identity_providers[0], { id: "sso", name: "Real SSO" });
    },

    async somebody_new_makes_an_account_and_somebody_known_signs_in() {
        const first = await signIn(new Browser(), "carol");
        const second = await signIn(new Browser(), "carol");
        assert.equal(first.user_id, second.user_id);
        assert.notEqual(first.device_id, second.device_id);
        const profile = await call("GET", `/profile/${encodeURIComponent(first.user_id)}`);
        assert.equal(profile.body.displayname, "carol of the provider");
        const contacts = await call("GET", "/account/3pid", undefined, second.access_token);
        assert.equal(contacts.body.threepids[0].address, "carol@provider.test");
    },

    async what_cannot_be_undone_is_confirmed_by_signing_in_anew() {
        const browser = new Browser();
        const session = await signIn(browser, "dave");
        const refused = await call("POST", "/account/deactivate", {}, session.access_token);
        assert.deepEqual(refused.body.flows, [{ stages: ["m.login.sso"] }]);
        const form = `${API}/auth/m.login.sso/fallback/web?session=${refused.body.session}`;
        // In another browser nobody is signed in, at the provider neither.
        const other = new Browser();
        let page = await other.open(form);
        page = await pass(other, await other.open(page.link("Real SSO")), "dave");
        page = await other.submit(page, "decision", { decision: "allow" });
        assert.ok(page.says("It is confirmed."), page.html);
        const done = await call("POST", "/account/deactivate", { auth: { session: refused.body.session } }, session.access_token);
        assert.equal(done.status, 200);
    },

    async an_account_is_linked_proved_anew_and_unlinked() {
        const browser = new Browser();
        let page = await browser.open(`${SALON}/register?next=/account/identities`);
        page = await browser.submit(page, "/register", { name: "erin", password: "long enough", repeated: "long enough" });
        page = await browser.submit(page, "/account/identities/link", {});
        page = await pass(browser, page, "erin-there");
        assert.ok(page.says("erin-there@provider.test"), page.html);
        // The provider knows who is there, and has to ask all the same.
        page = await browser.open(`${SALON}/login?again=1&next=/account/identities`);
        page = await browser.open(page.link("Real SSO"));
        assert.ok(page.says('name="login"'), page.html);
        page = await pass(browser, page, "erin-there");
        page = await browser.submit(page, "/account/identities/unlink", {});
        assert.ok(page.says("There are none."), page.html);
    },

    async an_answer_for_another_browser_signs_nobody_in() {
        const [mallory, victim] = [new Browser(), new Browser()];
        const isNotBack = (url) => !url.startsWith(`${SALON}/login/with/sso/done`);
        let page = await mallory.open(`${SALON}/login/with/sso?next=/account`);
        while (page.url.startsWith(ISSUER)) {
            const fields = page.says('name="login"') ? { login: "mallory", password: "any" } : {};
            page = await mallory.submit(page, "<form", fields, isNotBack);
        }
        page = await victim.open(page.url);
        assert.equal(page.status, 404);
        page = await victim.open(`${SALON}/account`);
        assert.ok(page.says("User name"), page.html);
    },
};

let failed = 0;
for (const [name, test] of Object.entries(tests)) {
    try {
        await test();
        console.log(`test oidc::${name} ... ok`);
    } catch (fault) {
        failed += 1;
        console.log(`test oidc::${name} ... FAILED`);
        console.log(fault);
    }
}
process.exitCode = failed === 0 ? 0 : 1;
