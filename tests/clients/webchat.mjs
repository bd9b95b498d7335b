// Microsoft's Web Chat in a browser's page: where its parts are, and how a user works with them.

import { until } from './demo.mjs';

export class WebChat {
  page;
  // Addresses of the web sockets it has opened.
  sockets = [];
  // The last read of the conversation, to ask for all of it again.
  #read;

  static async open(context, address) {
    const page = await context.newPage();
    await page.setViewportSize({ width: 720, height: 820 });
    const chat = new WebChat(page);
    await page.goto(address);
    return chat;
  }

  constructor(page) {
    this.page = page;
    page.on('websocket', (socket) => this.sockets.push(socket.url()));
    page.on('request', (request) => {
      // A client with a socket reads nothing over HTTP, but it posts to the same address.
      if (/\/activities(\?|$)/.test(request.url()) && request.method() !== 'OPTIONS') this.#read = request;
    });
  }

  // What was said: by anybody as bubbles, by nobody as lines.
  bubbles(text) {
    return this.page.locator('.webchat__bubble__content, .system').filter({ hasText: text });
  }

  mine(text) {
    return this.page.locator('.webchat__bubble--from-user').filter({ hasText: text });
  }

  see(text) {
    return this.bubbles(text).last().waitFor();
  }

  // The last adaptive or hero card.
  card() {
    return this.page.locator('.ac-adaptiveCard').last();
  }

  typing() {
    return this.page.locator('.webchat__typing-indicator');
  }

  sendBox() {
    return this.page.locator('[data-id="webchat-sendbox-input"]');
  }

  suggested(name) {
    return this.page.getByRole('toolbar').getByRole('button', { name, exact: true });
  }

  async say(text) {
    await this.sendBox().fill(text);
    await this.sendBox().press('Enter');
    await this.mine(text).last().waitFor();
  }

  // Picks a file and sends it with a text.
  async upload(file, text) {
    const clip = this.page.locator('.webchat__upload-button button');
    const before = await clip.innerHTML();
    await this.page.locator('input[type=file]').setInputFiles(file);
    // The clip gets a tick once a small picture of the file is made; before that the text would go alone.
    await until('the tick on the clip', async () => (await clip.innerHTML()) !== before);
    await this.say(text);
  }

  // Presses a button that stays with its question, and is off once it is answered.
  async choose(name) {
    const button = this.card().getByRole('button', { name, exact: true });
    await button.click();
    await this.mine(name).last().waitFor();
    await until('the answered buttons to be off', async () => (await button.getAttribute('aria-disabled')) === 'true');
  }

  // Fills in the last card and sends it.
  async submit(fill) {
    const card = this.card();
    await fill(card);
    const send = card.getByRole('button', { name: 'Send', exact: true });
    await send.click();
    await until('the answered card to be off', async () => (await send.getAttribute('aria-disabled')) === 'true');
  }

  // Waits until the transcript has scrolled to its end, for a picture of it.
  async settle() {
    const atEnd = () => {
      const { scrollHeight, scrollTop, clientHeight } = document.querySelector('.webchat__basic-transcript__scrollable');
      return scrollHeight - scrollTop - clientHeight < 2;
    };
    await this.page.waitForFunction(atEnd, undefined, { timeout: 1_000 }).catch(() => {});
  }

  // All messages as any client would read them.
  async messages() {
    const url = new URL(this.#read.url());
    url.searchParams.delete('watermark');
    const { authorization } = await this.#read.allHeaders();
    const { activities } = await (await fetch(url, { headers: { authorization } })).json();
    return activities.filter(({ type }) => type === 'message');
  }
}
