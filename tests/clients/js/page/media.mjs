/** Pictures: sent as they are, or encrypted. */

import { decryptAttachment, encryptAttachment } from "matrix-encrypt-attachment";

import { Rooms } from "./rooms.mjs";

/** A picture that is not all one colour. */
async function paint(width, height) {
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext("2d");
    const colours = context.createLinearGradient(0, 0, width, height);
    colours.addColorStop(0, "crimson");
    colours.addColorStop(1, "navy");
    context.fillStyle = colours;
    context.fillRect(0, 0, width, height);
    return canvas.convertToBlob({ type: "image/png" });
}

async function digest(bytes) {
    const hash = await crypto.subtle.digest("SHA-256", bytes);
    return [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export class Media extends Rooms {
    /** Paints and sends a picture; tells its event's ID and its digest. */
    async sendPicture(room, isEncrypted) {
        const picture = await paint(400, 300);
        const plain = await picture.arrayBuffer();
        const info = { mimetype: "image/png", size: plain.byteLength, w: 400, h: 300 };
        const content = { msgtype: "m.image", body: "picture.png", info };
        if (isEncrypted) {
            const { data, info: file } = await encryptAttachment(plain);
            const { content_uri: url } = await this.client.uploadContent(new Blob([data]), { includeFilename: false });
            content.file = { ...file, url };
        } else {
            content.url = (await this.client.uploadContent(picture, { name: "picture.png" })).content_uri;
        }
        const event = await this.send(room, "m.room.message", content);
        return { event, digest: await digest(plain) };
    }

    /** Downloads the picture of an event as a logged-in user, and tells its digest. */
    async picture(room, event) {
        const { content } = await this.read(room, event);
        const bytes = await (await this.#fetch(content.file?.url ?? content.url)).arrayBuffer();
        return digest(content.file ? await decryptAttachment(bytes, content.file) : bytes);
    }

    /** Has the server scale the picture of an event; tells its width and height. */
    async thumbnail(room, event, width, height) {
        const { content } = await this.read(room, event);
        const answer = await this.#fetch(content.url, width, height, "scale");
        const picture = await createImageBitmap(await answer.blob());
        return [picture.width, picture.height];
    }

    async #fetch(url, width, height, method) {
        const address = this.client.mxcUrlToHttp(url, width, height, method, false, true, true);
        const answer = await fetch(address, { headers: { Authorization: `Bearer ${this.client.getAccessToken()}` } });
        if (!answer.ok) throw new Error(`${address} was answered ${answer.status}`);
        return answer;
    }
}
