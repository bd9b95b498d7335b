// Sign-in of the agent's own, in Web Chat as it comes from npm, on a page of another origin than the connector's: with a token the
// page brings, and with a code from a window that Web Chat opens; before a live chat and after it.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { withBrowser, newWindow, PICTURES, steps } from './chromium.mjs';
import { ROOT, startApart, until } from './demo.mjs';
import { Desk } from './desk.mjs';
import { WebChat } from './webchat.mjs';

const WEB_CHAT = join(ROOT, 'tests', 'clients', 'node_modules', 'botframework-webchat', 'dist', 'webchat.js');
const AGENT = 'Ana Agent';
const SIGNED_IN = 'You are signed in as Dana.';
const OAUTH = 'application/vnd.microsoft.card.oauth';

// As Microsoft's single sign-on sample has it: a card is shown only when the page's token could not be exchanged.
const PAGE = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Web Chat with sign-in</title>
<style>html, body, #webchat { height: 100%; margin: 0 }</style><div id="webchat"></div>
<script src="/webchat.js"></script>
<script>
  const asked = new URLSearchParams(location.search);
  const directLine = WebChat.createDirectLine({ token: asked.get('token'), domain: asked.get('domain') });
  window.tokenOfUser = 'a-token-of-dana';
  const store = WebChat.createStore({}, ({ dispatch }) => (next) => (action) => {
    if (action.type === 'DIRECT_LINE/CONNECT_FULFILLED') {
      dispatch({ type: 'WEB_CHAT/SEND_EVENT', payload: { name: 'startConversation', value: {} } });
    }
    const { activity } = action.payload ?? {};
    const card = activity?.from?.role === 'bot' && activity.attachments?.find(({ contentType }) => contentType === '${OAUTH}');
    if (action.type !== 'DIRECT_LINE/INCOMING_ACTIVITY' || !card?.content?.tokenExchangeResource) return next(action);
    const { connectionName, tokenExchangeResource: { id } } = card.content;
    directLine
      .postActivity({ type: 'invoke', name: 'signin/tokenExchange', value: { id, connectionName, token: window.tokenOfUser }, from: { id: 'dana', role: 'user' } })
      .subscribe((posted) => posted === 'retry' && next(action), () => next(action));
  });
  WebChat.renderWebChat({ directLine, store, userID: 'dana', locale: 'en-US' }, document.getElementById('webchat'));
</script>`;

// A page that the connector does not serve: its origin is a site of its own.
function host() {
  const server = createServer((request, response) => {
    const script = request.url.startsWith('/webchat.js');
    response.setHeader('content-type', script ? 'text/javascript' : 'text/html');
    response.end(script ? readFileSync(WEB_CHAT) : PAGE);
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve({ origin: `http://localhost:${server.address().port}`, stop: () => server.close() }));
  });
}

const exchanges = (chat) => chat.answers.filter(({ name }) => name === 'signin/tokenExchange').map(({ status }) => status);

async function open(context, page, { root, tokenEndpoint }) {
  const { token } = await (await fetch(tokenEndpoint)).json();
  // Of the page's site, as a connector under the same domain is: browsers keep no cookies of other sites.
  const domain = `${root.replace('127.0.0.1', 'localhost')}/v3/directline`;
  const chat = new WebChat(await context.newPage());
  chat.answers = [];
  chat.page.on('response', (response) => {
    const request = response.request();
    if (request.method() !== 'POST' || !request.url().endsWith('/activities')) return;
    chat.answers.push({ name: request.postDataJSON().name, status: response.status() });
  });
  await chat.page.setViewportSize({ width: 720, height: 820 });
  await chat.page.goto(`${page.origin}/?${new URLSearchParams({ token, domain })}`);
  return chat;
}

// The page's own token is enough: no card, no window.
async function withToken(chat) {
  const cards = await chat.page.getByRole('button', { name: 'Sign in' }).count();
  const [asked, before] = [exchanges(chat).length, await chat.bubbles(SIGNED_IN).count()];
  await chat.page.evaluate(() => { window.tokenOfUser = 'a-token-of-dana'; });
  await chat.say('sign in');
  await until('the sign-in', async () => exchanges(chat).length > asked && (await chat.bubbles(SIGNED_IN).count()) > before);
  assert.equal(exchanges(chat).at(-1), 200);
  assert.equal(await chat.page.getByRole('button', { name: 'Sign in' }).count(), cards, 'no card is shown');
}

// A token that the agent can't exchange: the card, its window, and the code that stands there. Answers the session's id.
async function withCode(chat, picture) {
  const before = await chat.bubbles(SIGNED_IN).count();
  await chat.page.evaluate(() => { window.tokenOfUser = 'of-somebody-else'; });
  const buttons = chat.page.getByRole('button', { name: 'Sign in' });
  const [asked, cards] = [exchanges(chat).length, await buttons.count()];
  await chat.say('sign in');
  await until('the card', async () => exchanges(chat).length > asked && (await buttons.count()) > cards);
  const button = buttons.last();
  assert.equal(exchanges(chat).at(-1), 412, 'Direct Line says that it could not be exchanged');
  const [opened] = await Promise.all([chat.page.context().waitForEvent('page'), button.click()]);
  const code = await opened.locator('#code').textContent();
  const session = await opened.locator('#session').textContent();
  await opened.screenshot({ path: join(PICTURES, picture) });
  await opened.close();
  await chat.say(code);
  await until('the sign-in', async () => (await chat.bubbles(SIGNED_IN).count()) > before);
  return session;
}

async function run(browser, page, connector) {
  const context = await newWindow(browser);
  const chat = await open(context, page, connector);
  const desk = new Desk(connector.serviceNow);
  const step = steps({ 'sign-in': chat });
  let first;
  await step('greeting', () => chat.see('a virtual assistant'));
  await step('with a token', () => withToken(chat));
  await step('with a code', async () => {
    first = await withCode(chat, 'sign-in-window.png');
    const cookies = await context.cookies();
    assert.deepEqual(cookies.map(({ name, value }) => [name, value]), [['directline.webchat_session', first]], 'the session is the browser\'s');
  });
  await step('live chat', async () => {
    await chat.say('I want to talk to a person');
    const { id } = await until('the chat to reach the desk', () => desk.chat('queued'));
    await desk.accept(id, AGENT);
    await chat.see('has entered the chat');
    await chat.say('sign in');
    await desk.heard(id, 'sign in');
    await desk.end(id);
    await chat.see('The live chat has ended.');
  });
  await step('with a token after it', () => withToken(chat));
  await step('with a code after it', async () => {
    assert.equal(await withCode(chat, 'sign-in-window-after.png'), first, 'the same browser, the same session');
  });
}

const page = await host();
const connector = await startApart({ ALLOWED_ORIGINS: page.origin });
await withBrowser('Web Chat signed in by token and by code', [page, connector], (browser) => run(browser, page, connector));
