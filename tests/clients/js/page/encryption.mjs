/** Cross-signing, secret storage, the backup of keys, and verification. */

import { VerificationPhase, VerifierEvent } from "matrix-js-sdk/lib/crypto-api/index.js";
import { CryptoEvent } from "matrix-js-sdk/lib/crypto-api/CryptoEvent.js";

import { Media } from "./media.mjs";
import { until } from "./session.mjs";

export class Encryption extends Media {
    get #crypto() {
        return this.client.getCrypto();
    }

    /** Makes cross-signing keys, secret storage and a backup; returns the recovery key. */
    async setUpEncryption() {
        await this.#crypto.bootstrapCrossSigning({
            authUploadDeviceSigningKeys: (request) => this.proven(request),
        });
        const key = await this.#crypto.createRecoveryKeyFromPassphrase();
        await this.#crypto.bootstrapSecretStorage({
            createSecretStorageKey: async () => key,
            setupNewSecretStorage: true,
            setupNewKeyBackup: true,
        });
        await this.#crypto.checkKeyBackupAndEnable();
        return [...key.privateKey];
    }

    /** What of the set-up is complete. */
    async encryptionStatus() {
        const backup = await this.#crypto.getKeyBackupInfo();
        const device = await this.#crypto.getDeviceVerificationStatus(this.id(), this.device());
        return {
            crossSigning: await this.#crypto.isCrossSigningReady(),
            secretStorage: await this.#crypto.isSecretStorageReady(),
            backup: (await this.#crypto.getActiveSessionBackupVersion()) === backup.version,
            signed: device.signedByOwner,
        };
    }

    /** Waits until the backup has so many keys. */
    async untilBackedUp(count) {
        const stored = async () => (await this.#crypto.checkKeyBackupAndEnable()).backupInfo.count;
        await until(async () => (await stored()) >= count, `${count} keys in the backup`);
    }

    /** Uses the recovery key as a new device does: for cross-signing, then for the backup. */
    async recover(key) {
        this.recoveryKey = new Uint8Array(key);
        await this.untilKnowsIdentity(this.id());
        await this.#crypto.bootstrapCrossSigning({});
        await this.#crypto.loadSessionBackupPrivateKeyFromSecretStorage();
        await this.#crypto.checkKeyBackupAndEnable();
    }

    /** Takes all keys from the backup, and tells how many. */
    async restoreBackup() {
        const { imported } = await this.#crypto.restoreKeyBackup();
        return imported;
    }

    /** Waits until a user is known to be verified. */
    async untilVerified(user) {
        const status = () => this.#crypto.getUserVerificationStatus(user);
        await until(async () => (await status()).isCrossSigningVerified(), `the verification of ${user}`);
    }

    /** Waits until a device is known to be signed by its owner. */
    async untilSigned(user, device) {
        const status = () => this.#crypto.getDeviceVerificationStatus(user, device);
        await until(async () => (await status())?.signedByOwner, `the signature on ${device}`);
    }

    async untilKnowsIdentity(user) {
        await until(() => this.#crypto.userHasCrossSigningKeys(user, true), `the identity of ${user}`);
    }

    /** Asks another user, in a room, or one's own other devices to verify each other. */
    async requestVerification(user, room) {
        this.request = room
            ? await this.#crypto.requestVerificationDM(user, room)
            : await this.#crypto.requestOwnUserVerification();
    }

    /** Accepts requests for verification as they come. */
    awaitVerification() {
        this.client.on(CryptoEvent.VerificationRequestReceived, (request) => {
            this.request = request;
        });
    }

    async acceptVerification() {
        await until(() => this.request?.phase === VerificationPhase.Requested, "a request for verification");
        await this.request.accept();
    }

    async startVerification() {
        await until(() => this.request.phase === VerificationPhase.Ready, "the other side's consent");
        this.#show(await this.request.startVerification("m.sas.v1"));
    }

    async joinVerification() {
        this.#show(await until(() => this.request.verifier, "the start of the verification"));
    }

    #show(verifier) {
        verifier.on(VerifierEvent.ShowSas, (sas) => {
            this.sas = sas;
        });
        this.sas = verifier.getShowSasCallbacks();
        this.verification = verifier.verify();
    }

    /** The emoji that both sides should see. */
    async emoji() {
        return (await until(() => this.sas, "emoji")).sas.emoji.map(([symbol]) => symbol);
    }

    async confirmVerification() {
        await this.sas.confirm();
        await this.verification;
        await until(() => this.request.phase === VerificationPhase.Done, "the end of the verification");
    }
}
