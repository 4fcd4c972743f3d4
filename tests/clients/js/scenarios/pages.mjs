/** The server's own pages in a real browser: the second factor is set up, and asked for at each entrance. */

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";

const PASSWORD = "correct horse battery staple";

/** The code that an authenticator app shows, so many steps of 30 seconds from now. RFC 6238. */
function code(secret, steps = 0) {
    const counter = Buffer.alloc(8);
    counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps));
    const digest = createHmac("sha1", base32(secret)).update(counter).digest();
    const offset = digest[19] & 15;
    return String((digest.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

function base32(text) {
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    const bits = [...text.replace(/[\s=-]/g, "")].map((letter) => alphabet.indexOf(letter).toString(2).padStart(5, "0"));
    const bytes = bits.join("").match(/.{8}/g);
    return Buffer.from(bytes.map((byte) => Number.parseInt(byte, 2)));
}

async function picture(page, name) {
    if (process.env.PICTURES) await page.screenshot({ path: `${process.env.PICTURES}/${name}.png` });
}

async function signIn(page, name) {
    await picture(page, "sign-in");
    await page.getByLabel("User name").fill(name);
    await page.getByLabel("Password").fill(PASSWORD);
    await page.getByRole("button", { name: "Continue" }).click();
}

async function enter(page, code) {
    await page.getByRole("heading", { name: "Second factor" }).waitFor();
    await picture(page, "second-factor");
    if (code.length > 6) await page.getByRole("link", { name: "Use a recovery code" }).click();
    await page.getByLabel(code.length > 6 ? "Recovery code" : "Code").fill(code);
    await page.getByRole("button", { name: "Continue" }).click();
}

/** Registers on the page, and sets the second factor up there: the app's secret and the recovery codes. */
async function enrolled(stage, name) {
    const page = await stage.tab();
    await page.goto(`${stage.url}/register`);
    await page.getByLabel("User name").fill(name);
    await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
    await page.getByLabel("The password again").fill(PASSWORD);
    await page.getByRole("button", { name: "Make the account" }).click();
    await page.getByRole("heading", { name: "Your account" }).waitFor();
    await picture(page, "account");
    await page.getByRole("link", { name: "Two-factor authentication" }).click();
    await page.getByRole("button", { name: "Set it up" }).click();
    const secret = await page.locator("#secret").textContent();
    const qr = page.getByAltText("QR code for your authenticator app");
    assert.ok(await qr.evaluate((image) => image.complete && image.naturalWidth > 50), "the QR code is shown");
    await picture(page, "enrolment");
    await page.getByLabel("Code").fill(code(secret));
    await page.getByRole("button", { name: "Turn it on" }).click();
    await page.getByRole("heading", { name: "Your recovery codes" }).waitFor();
    const recoveryCodes = await page.locator("ol.codes code").allTextContents();
    assert.equal(recoveryCodes.length, 10);
    return { page, secret, recoveryCodes };
}

/** Lets an application in from a browser where nobody is signed in; the application, in its page. */
async function letIn(stage, name, proof) {
    const page = await stage.tab();
    const home = stage.home();
    const { url, context } = await page.evaluate(([url, home]) => window.application.begin(url, home), [stage.url, home]);
    await page.goto(url);
    await signIn(page, name);
    await enter(page, proof);
    await page.getByText("Client under test").waitFor();
    await picture(page, "consent");
    await page.getByRole("button", { name: "Allow" }).click();
    await page.waitForURL(`${home}#**`);
    await page.waitForFunction(() => window.application);
    const fragment = new URL(page.url()).hash.slice(1);
    const complete = ([url, home, context, fragment]) => window.application.complete(url, home, context, fragment);
    await page.evaluate(complete, [stage.url, home, context, fragment]);
    return page;
}

export async function the_sdks_own_oauth_logs_in_refreshes_and_logs_out(stage) {
    const { secret } = await enrolled(stage, "olivia");

    const app = await letIn(stage, "olivia", code(secret, 1));

    const who = await app.evaluate(() => window.application.whoami());
    assert.match(who.user_id, /^@olivia:/);
    assert.ok(who.device_id.length >= 8);
    assert.equal(await app.evaluate(() => window.application.refresh()), true);
    assert.equal(await app.evaluate(() => window.application.isLoggedIn()), true);
    await app.evaluate(() => window.application.logout());
    assert.equal(await app.evaluate(() => window.application.isLoggedIn()), false);
}

export async function sso_gives_a_login_token_for_password_and_recovery_code(stage) {
    const { recoveryCodes } = await enrolled(stage, "sofia");
    const page = await stage.tab();

    await page.goto(`${stage.url}/_matrix/client/v3/login/sso/redirect?redirectUrl=${encodeURIComponent(stage.home())}`);
    await signIn(page, "sofia");
    await enter(page, recoveryCodes[0]);
    await page.getByRole("button", { name: "Allow" }).click();
    await page.waitForURL(`${stage.home()}?loginToken=**`);

    const token = new URL(page.url()).searchParams.get("loginToken");
    const login = async ([url, token]) => {
        const body = JSON.stringify({ type: "m.login.token", token });
        return (await fetch(`${url}/_matrix/client/v3/login`, { method: "POST", body })).json();
    };
    assert.match((await page.evaluate(login, [stage.url, token])).user_id, /^@sofia:/);
    assert.equal((await page.evaluate(login, [stage.url, token])).errcode, "M_FORBIDDEN");
}

export async function a_device_without_a_browser_is_let_in_by_its_code(stage) {
    const { page, secret } = await enrolled(stage, "daria");
    const television = await stage.tab();

    const { url, code: shown } = await television.evaluate((url) => window.application.wait(url), stage.url);
    await page.goto(url);
    await page.getByLabel("Code").fill(shown);
    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByText(shown).waitFor();
    await picture(page, "device");
    await page.getByRole("button", { name: "Allow" }).click();
    await page.getByText("The device is signed in.").waitFor();
    await television.evaluate((url) => window.application.enter(url), stage.url);

    assert.match((await television.evaluate(() => window.application.whoami())).user_id, /^@daria:/);
    assert.ok(secret);
}

export async function the_sdks_interactive_auth_goes_on_when_a_popup_has_confirmed_it(stage) {
    const { recoveryCodes } = await enrolled(stage, "ursula");
    const page = await stage.tab();
    const login = ([url, password]) => window.confirmation.login(url, "ursula", password);
    assert.equal(await page.evaluate(login, [stage.url, PASSWORD]), "M_FORBIDDEN", "the password is not enough");
    assert.equal(await page.evaluate(login, [stage.url, `${PASSWORD} ${recoveryCodes[0]}`]), undefined);

    const wanted = await page.evaluate(() => window.confirmation.begin());
    assert.equal(wanted, "m.login.sso");
    const popping = page.waitForEvent("popup");
    await page.evaluate((wanted) => window.confirmation.open(wanted), wanted);
    const popup = await popping;
    await signIn(popup, "ursula");
    await enter(popup, recoveryCodes[1]);
    await popup.getByText("An app wants to sign out devices of your account.").waitFor();
    await picture(popup, "confirm");
    assert.ok(await page.evaluate(() => window.confirmation.isLoggedIn()), "nothing is confirmed yet");
    await popup.getByRole("button", { name: "Confirm" }).click();

    assert.equal(await page.evaluate(() => window.confirmation.finish()), new URL(stage.url).origin);
    assert.equal(await page.evaluate(() => window.confirmation.isLoggedIn()), false);
}

export async function a_picture_is_chosen_on_the_account_page(stage) {
    const { page } = await enrolled(stage, "pia");
    const name = "dot.png";
    const dot = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

    await page.goto(`${stage.url}/account`);
    const file = { name, mimeType: "image/png", buffer: Buffer.from(dot, "base64") };
    await page.getByLabel("A picture, by which others know you in rooms").setInputFiles(file);
    await page.getByRole("button", { name: "Use this picture" }).click();
    await page.getByText("It is saved.").waitFor();

    const shown = page.getByAltText("Your picture");
    await shown.evaluate((image) => image.decode());
    assert.ok(await shown.evaluate((image) => image.complete && image.naturalWidth > 0), "the picture is shown");
    await page.getByRole("button", { name: "Remove the picture" }).click();
    await page.getByText("It is saved.").waitFor();
    assert.equal(await page.getByAltText("Your picture").count(), 0);
}
