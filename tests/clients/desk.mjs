// The simulated agent desk, as far as a script at it needs.

import { until } from './demo.mjs';

export class Desk {
  #instance;
  #api;

  constructor(serviceNow) {
    this.#instance = serviceNow.replace(/\/$/, '');
    this.#api = `${this.#instance}/desk/api`;
  }

  // The one chat whose `standing` is this, with all its lines.
  async chat(standing) {
    const { chats } = await this.#get('/chats');
    const found = chats.find((chat) => chat.standing === standing);
    return found && this.chatOf(found.id);
  }

  async chatOf(id) {
    const { chats } = await this.#get(`/chats?open=${encodeURIComponent(id)}`);
    return chats.find((chat) => chat.id === id);
  }

  // What the user said in it, in order.
  async userLines(id) {
    const { lines } = await this.chatOf(id);
    return lines.filter((line) => line.from === 'user').map((line) => line.text);
  }

  // Until the user's words have come. Only then is what a person says next said behind them.
  heard(id, text) {
    return until(`“${text}” at the desk`, async () => (await this.userLines(id)).includes(text));
  }

  accept(id, agent) {
    return this.#act(id, 'accept', { agent });
  }

  say(id, text) {
    return this.#act(id, 'say', { text });
  }

  typing(id, on) {
    return this.#act(id, 'typing', { on });
  }

  // A prepared message, by its name in the desk's menu.
  sample(id, name) {
    return this.#act(id, 'sample', { name });
  }

  end(id) {
    return this.#act(id, 'end', {});
  }

  // The messages of all users as they came over the wire: `{text, typed, …}` each.
  async messages() {
    const { requests } = await get(`${this.#instance}/simulator/state`);
    return requests.filter((request) => !request.action).map((request) => request.body.message);
  }

  // The session that was spoken in last, as the client and ServiceNow call it.
  async session() {
    const { requests } = await get(`${this.#instance}/simulator/state`);
    return requests.at(-1).body.clientSessionId;
  }

  // What was uploaded to ServiceNow: `{name, mediaType, bytes, sha256, …}` each.
  async uploads() {
    return (await get(`${this.#instance}/simulator/state`)).uploads;
  }

  async #act(id, act, body) {
    const url = `${this.#api}/chats/${encodeURIComponent(id)}/${act}`;
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`The desk refused ${act} with ${response.status}.`);
    const { status } = await response.json();
    if (status !== 200) throw new Error(`The connector answered the webhook of ${act} with ${status}.`);
  }

  #get(path) {
    return get(this.#api + path);
  }
}

async function get(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`The simulated ServiceNow answered ${response.status}.`);
  return response.json();
}
