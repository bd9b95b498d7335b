// A chat client: botframework-directlinejs as it comes from npm, and what it received.

import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
globalThis.XMLHttpRequest = require('xhr2');
// Node has it from version 22 on.
globalThis.WebSocket ??= require('ws');
// It renews its token every quarter of an hour; here a quarter of an hour is a second.
const interval = globalThis.setInterval;
globalThis.setInterval = (call, millis, ...more) => interval(call, millis === 900_000 ? 1_000 : millis, ...more);
const { DirectLine, ConnectionStatus } = require('botframework-directlinejs');

const FROM = { id: 'user-1', name: 'A user' };

export class Chat {
  received = [];
  // Who is at the desk.
  agent;
  statuses = [];
  #line;

  // With a `conversationId` it is a reload: the client goes on with that conversation and knows nothing of it.
  constructor({ token, domain, conversationId, webSocket = false }) {
    const reading = webSocket ? { webSocket, streaming: true } : { webSocket, pollingInterval: 250 };
    this.#line = new DirectLine({ token, domain, conversationId, ...reading });
    this.#line.connectionStatus$.subscribe((status) => this.statuses.push(ConnectionStatus[status]));
    this.#line.activity$.subscribe(
      (activity) => this.received.push(activity),
      (error) => this.statuses.push(`activity$ failed: ${error}`),
    );
  }

  // Sends a message; resolves with the id the server gave it.
  say(text) {
    return this.post({ type: 'message', text });
  }

  post(activity) {
    return new Promise((resolve, reject) => this.#line.postActivity({ from: FROM, ...activity }).subscribe(resolve, reject));
  }

  messages() {
    return this.received.filter((activity) => activity.type === 'message');
  }

  // Texts of the user as the server gave them back.
  echoes() {
    return this.messages().filter((activity) => activity.from.id === FROM.id);
  }

  // Texts of the person at the desk.
  fromAgent() {
    return this.messages().filter((activity) => activity.channelData?.servicenow?.sentFromAgent);
  }

  // What neither said: the bot, and short notes of the connector's.
  fromBot() {
    const ofAgent = new Set(this.fromAgent());
    return this.messages().filter((activity) => activity.from.id !== FROM.id && !ofAgent.has(activity));
  }

  // What the client is known by when it comes back.
  identity() {
    const { token, conversationId } = this.#line;
    return { token, conversationId };
  }

  // A person's; the bot's comes over a socket only.
  typing() {
    return this.received.filter((activity) => activity.type === 'typing' && activity.from.name === this.agent);
  }

  // What came of answers before they were whole.
  chunks() {
    return this.received.filter((activity) => activity.type === 'typing' && activity.channelData?.streamType === 'streaming');
  }

  handoffStates() {
    const events = this.received.filter((activity) => activity.type === 'event' && activity.name === 'handoff.status');
    return events.map((activity) => activity.value.state);
  }

  stop() {
    this.#line.end();
  }
}
