/** Runs all tests here against the server at SALON_URL; prints a line for each. */

import { Stage } from "./stage.mjs";
import * as accounts from "./scenarios/accounts.mjs";
import * as captcha from "./scenarios/captcha.mjs";
import * as encryption from "./scenarios/encryption.mjs";
import * as pages from "./scenarios/pages.mjs";
import * as recovery from "./scenarios/recovery.mjs";
import * as rooms from "./scenarios/rooms.mjs";

const PATIENCE_MS = 120_000;
const modules = { accounts, captcha, encryption, pages, recovery, rooms };
const words = process.argv.slice(2);

/** Fails what takes too long. */
function inTime(work) {
    let timer;
    const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error("It took too long.")), PATIENCE_MS);
    });
    return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

const stage = await Stage.open(process.env.SALON_URL);
let failed = 0;
try {
    for (const [module, tests] of Object.entries(modules)) {
        for (const [claim, test] of Object.entries(tests)) {
            const name = `${module}::${claim}`;
            if (words.length > 0 && !words.some((word) => name.includes(word))) continue;
            try {
                await inTime(test(stage));
                console.log(`test ${name} ... ok`);
            } catch (fault) {
                failed += 1;
                console.log(`test ${name} ... FAILED`);
                console.log(fault, stage.complaints());
            }
            await stage.clear();
        }
    }
} finally {
    await stage.close();
}
process.exitCode = failed === 0 ? 0 : 1;
