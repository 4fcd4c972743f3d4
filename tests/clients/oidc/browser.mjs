/** A browser that runs no scripts: pages, forms, cookies and redirects, on several sites. */

const REDIRECTS = 20;

/** What stands between a quotation mark and the next, as it was before it was put there. */
function unescape(text) {
    return text
        .replace(/&#(\d+);/g, (_, number) => String.fromCodePoint(Number(number)))
        .replace(/&quot;/g, '"')
        .replace(/&lt;/g, "<")
        .replace(/&gt;/g, ">")
        .replace(/&amp;/g, "&");
}

function attribute(tag, name) {
    const found = new RegExp(`${name}="([^"]*)"`).exec(tag);
    return found ? unescape(found[1]) : undefined;
}

class Page {
    constructor(url, status, html) {
        Object.assign(this, { url, status, html });
    }

    says(text) {
        return unescape(this.html).includes(text);
    }

    /** Where the link that says `text` leads. */
    link(text) {
        const links = [...this.html.matchAll(/<a [^>]*>[^<]*<\/a>/g)].map(([link]) => link);
        const found = links.find((link) => unescape(link).includes(text));
        if (!found) throw new Error(`No link says ${text} on ${this.url}: ${this.html}`);
        return new URL(attribute(found, "href"), this.url).href;
    }
}

export class Browser {
    #cookies = new Map();

    /** Opens a page, following redirects as long as `follows` says so. */
    async open(url, follows = () => true) {
        return this.#send(url, { method: "GET" }, follows);
    }

    /** Fills in the first form whose HTML contains `mark`. */
    async submit(page, mark, fields, follows = () => true) {
        const forms = [...page.html.matchAll(/<form [^]*?<\/form>/g)].map(([form]) => form);
        const form = forms.find((form) => form.includes(mark));
        if (!form) throw new Error(`There is no form for ${mark} on ${page.url}: ${page.html}`);
        const all = new URLSearchParams();
        for (const [tag] of form.matchAll(/<input [^>]*>/g)) {
            if (attribute(tag, "type") === "hidden") all.set(attribute(tag, "name"), attribute(tag, "value"));
        }
        for (const [name, value] of Object.entries(fields)) all.set(name, value);
        const action = new URL(attribute(form, "action") ?? "", page.url).href;
        return this.#send(action, { method: "POST", body: all }, follows);
    }

    async #send(url, request, follows) {
        for (let count = 0; count < REDIRECTS; count += 1) {
            const { origin } = new URL(url);
            const jar = this.#cookies.get(origin) ?? new Map();
            const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
            const answer = await fetch(url, { ...request, headers: { cookie }, redirect: "manual" });
            for (const line of answer.headers.getSetCookie()) {
                const [pair, ...rest] = line.split(";");
                const [name, value] = [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)];
                const isOver = rest.some((part) => /^ *max-age=0$/i.test(part)) || value === "";
                if (isOver) jar.delete(name);
                else jar.set(name, value);
            }
            this.#cookies.set(origin, jar);
            const location = answer.headers.get("location");
            if (location === null) return new Page(url, answer.status, await answer.text());
            await answer.arrayBuffer();
            url = new URL(location, url).href;
            if (!follows(url)) return new Page(url, answer.status, "");
            request = { method: "GET" };
        }
        throw new Error(`${url} redirects without an end`);
    }
}
