/** What a person can do; runs in the page, driven from outside. Answers are plain data. */

import { logger } from "matrix-js-sdk/lib/logger.js";

import { Application } from "./application.mjs";
import { Confirmation } from "./confirmation.mjs";
import { Encryption } from "./encryption.mjs";

logger.setLevel("warn");
window.person = new Encryption();
window.application = new Application();
window.confirmation = new Confirmation();
