/**
 * Runs an identity provider that lets everybody in, and a command that is told of it: the server by
 * SALON_IDENTITY_PROVIDERS, the tests by ISSUER.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import Provider from "oidc-provider";

// It warns that it is not made for production.
console.info = console.warn = () => {};

const SECRET = "a secret that both of them know, and nobody else";
const CALLBACK = "/login/with/sso/done";

const server = createServer().listen(0, "127.0.0.1");
await once(server, "listening");
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
    clients: [
        {
            client_id: "salon",
            client_secret: SECRET,
            redirect_uris: [`http://127.0.0.1${CALLBACK}`],
            application_type: "native",
            token_endpoint_auth_method: "client_secret_basic",
        },
    ],
    pkce: { required: () => true },
    claims: {
        acr: null,
        auth_time: null,
        email: ["email", "email_verified"],
        openid: ["sub"],
        profile: ["name", "preferred_username"],
    },
    /** Everybody has an account, whose name is what was typed. */
    findAccount: (_, name) => ({
        accountId: name,
        claims: () => ({
            sub: name,
            name: `${name} of the provider`,
            preferred_username: name,
            email: `${name}@provider.test`,
            email_verified: true,
        }),
    }),
});
server.on("request", provider.callback());

const [command, ...parameters] = process.argv.slice(2);
const providers = `[{id="sso",name="Real SSO",issuer="${issuer}",client_id="salon",client_secret="${SECRET}"}]`;
const tests = spawn(command, parameters, {
    env: { ...process.env, ISSUER: issuer, SALON_IDENTITY_PROVIDERS: providers },
    stdio: "inherit",
});
const [code] = await once(tests, "exit");
process.exit(code ?? 1);
