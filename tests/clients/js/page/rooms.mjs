/** Rooms, and what is said in them. */

import { Direction, TimelineWindow } from "matrix-js-sdk";

import { Session, until } from "./session.mjs";

export class Rooms extends Session {
    async createRoom(invite, isEncrypted, options) {
        const content = { algorithm: "m.megolm.v1.aes-sha2" };
        const encryption = { type: "m.room.encryption", state_key: "", content };
        const { room_id } = await this.client.createRoom({
            preset: "private_chat",
            invite,
            initial_state: isEncrypted ? [encryption] : [],
            ...options,
        });
        return room_id;
    }

    /** Joins a room by its ID or alias, when invited if that is how it works. */
    async join(room) {
        if (room.startsWith("!")) {
            await until(() => this.client.getRoom(room)?.getMyMembership() === "invite", "an invitation");
        }
        return (await this.client.joinRoom(room)).roomId;
    }

    /** Waits until the room is here with so many members. */
    async untilJoined(room, members) {
        await until(() => this.#room(room)?.getJoinedMemberCount() === members, `${members} members`);
    }

    async leave(room) {
        await this.client.leave(room);
        await this.client.forget(room);
    }

    #room(id) {
        return this.client.getRoom(id);
    }

    /** Sends an event, encrypted if the room is; returns its ID. */
    async send(room, type, content) {
        return (await this.client.sendEvent(room, type, content)).event_id;
    }

    async say(room, body, more = {}) {
        return this.send(room, "m.room.message", { msgtype: "m.text", body, ...more });
    }

    /** Says something in the thread below `root`. */
    async sayInThread(room, root, body) {
        return (await this.client.sendMessage(room, root, { msgtype: "m.text", body })).event_id;
    }

    async redact(room, event) {
        await this.client.redactEvent(room, event);
    }

    async #event(room, id) {
        const event = await until(() => this.#room(room)?.findEventById(id), `event ${id}`);
        await until(() => !event.isBeingDecrypted(), "its decryption");
        return event;
    }

    /** Waits for an event that can be read, and tells what it says. */
    async read(room, id) {
        const event = await this.#event(room, id);
        await until(() => !event.isEncrypted() || (event.clearEvent && !event.isDecryptionFailure()), "its keys");
        const { body, ...content } = event.getContent();
        return { type: event.getType(), sender: event.getSender(), encrypted: event.isEncrypted(), body, content };
    }

    /** What the server tells of an event, without any client's help. */
    async stored(room, id) {
        const event = await this.client.fetchRoomEvent(room, id);
        return { type: event.type, content: event.content };
    }

    async untilRedacted(room, id) {
        const event = await this.#event(room, id);
        await until(() => event.isRedacted(), "its redaction");
    }

    /** Waits for reactions to an event, and tells which and by whom. */
    async reactions(room, id) {
        const of = () => this.#room(room).relations.getChildEventsForEvent(id, "m.annotation", "m.reaction");
        const reactions = await until(() => of()?.getSortedAnnotationsByKey()?.length && of(), "a reaction");
        return reactions
            .getSortedAnnotationsByKey()
            .map(([key, events]) => [key, [...events].map((event) => event.getSender())]);
    }

    /** Waits until an event has been edited, and tells what it says now. */
    async edited(room, id) {
        const event = await this.#event(room, id);
        await until(() => event.replacingEvent(), "its edit");
        await until(() => !event.replacingEvent().isBeingDecrypted(), "the decryption of its edit");
        return event.getContent().body;
    }

    /** Waits for the thread below an event to have so many replies, and tells what they say. */
    async thread(room, root, length) {
        const thread = await until(() => this.#room(room).getThread(root), "a thread");
        await until(() => thread.length === length && thread.events.length >= length, `${length} replies`);
        const replies = thread.events.filter((event) => event.getId() !== root);
        for (const event of replies) await this.client.decryptEventIfNeeded(event);
        return replies.map((event) => event.getContent().body);
    }

    /** Reads all of a room's history, page by page, and tells what messages say; begins at an event,
     * or at the end. */
    async history(room, from) {
        const window = new TimelineWindow(this.client, this.#room(room).getUnfilteredTimelineSet());
        await window.load(from, 10);
        for (const direction of [Direction.Forward, Direction.Backward]) {
            while (await window.paginate(direction, 10));
        }
        const events = window.getEvents();
        for (const event of events) await this.client.decryptEventIfNeeded(event);
        return events.filter((event) => event.getType() === "m.room.message").map((event) => event.getContent().body);
    }

    async typing(room, isTyping) {
        await this.client.sendTyping(room, isTyping, 30_000);
    }

    async untilTyping(room, user, isTyping) {
        await until(() => (this.#room(room).getMember(user)?.typing ?? false) === isTyping, "a typing notification");
    }

    async markRead(room, id) {
        const event = await this.#event(room, id);
        await this.client.sendReadReceipt(event);
        await this.client.setRoomReadMarkers(room, id, event);
    }

    async untilReadBy(room, id, user) {
        await until(() => this.#room(room).hasUserReadEvent(user, id), `a receipt of ${user}`);
    }

    /** Waits until so many messages are unread, and so many of them are highlighted. */
    async untilUnread(room, total, highlights) {
        const counts = () => [
            this.#room(room).getUnreadNotificationCount("total"),
            this.#room(room).getUnreadNotificationCount("highlight"),
        ];
        await until(() => String(counts()) === String([total, highlights]), `counts ${[total, highlights]}`).catch(
            (fault) => {
                throw new Error(`${fault.message}, but ${counts()}`);
            },
        );
    }

    async setState(room, type, content, stateKey = "") {
        await this.client.sendStateEvent(room, type, content, stateKey);
    }

    async untilNamed(room, name) {
        await until(() => this.#room(room)?.name === name, `the name ${name}`);
    }

    async createAlias(alias, room) {
        await this.client.createAlias(alias, room);
    }

    async publicRooms(term) {
        const { chunk } = await this.client.publicRooms({ limit: 20, filter: { generic_search_term: term } });
        return chunk.map((room) => [room.room_id, room.name]);
    }

    async hierarchy(space) {
        const { rooms } = await this.client.getRoomHierarchy(space, 20, 2);
        return rooms.map((room) => room.room_id);
    }

    async search(term) {
        const found = await this.client.searchRoomEvents({ term });
        return found.results.map((result) => result.context.getEvent().getContent().body);
    }

    /** Looks into a room without joining it, until told to stop; tells what messages say. */
    async peek(room) {
        const seen = await this.client.peekInRoom(room);
        const bodies = seen.getLiveTimeline().getEvents().map((event) => event.getContent().body);
        return bodies.filter(Boolean);
    }

    stopPeeking() {
        this.client.stopPeeking();
    }

    async upgrade(room, version) {
        return (await this.client.upgradeRoom(room, version)).replacement_room;
    }

    async tag(room, tag) {
        await this.client.setRoomTag(room, tag, { order: 0.5 });
        return until(() => this.#room(room).tags[tag], `the tag ${tag}`);
    }

    async mute(room) {
        await this.client.setRoomMutePushRule("global", room, true);
    }
}
