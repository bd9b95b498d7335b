// Web Chat over Direct Line's web socket with `streaming` on, in a browser: both packages as they come from npm. Web Chat's own
// copy of DirectLineJS does not know the option yet, so that the page brings the one that does.

import assert from 'node:assert/strict';
import { join } from 'node:path';

import { inChromium, newWindow, steps } from './chromium.mjs';
import { ROOT, until } from './demo.mjs';
import { Desk } from './desk.mjs';
import { WebChat } from './webchat.mjs';

const MODULES = join(ROOT, 'tests', 'clients', 'node_modules');
const AGENT = 'Ana Agent';
const STREAMED = 'The printer on the second floor is ready again.';
const PAGE = `<!doctype html><html lang="en"><title>Web Chat on a socket</title>
<style>html, body, #webchat { height: 100%; margin: 0 }</style><div id="webchat"></div>`;
const SCRIPTS = ['botframework-webchat/dist/webchat.js', 'botframework-directlinejs/dist/directline.js'];

// A page of the test's own, under the demo's origin.
async function open(context, demo) {
  const chat = new WebChat(await context.newPage());
  const seen = { sockets: [], frames: [], polls: 0, modes: new Set() };
  chat.page.on('websocket', (socket) => {
    seen.sockets.push(socket.url());
    socket.on('framereceived', ({ payload }) => payload && seen.frames.push(JSON.parse(payload)));
  });
  chat.page.on('request', (request) => {
    if (!request.url().includes('/activities')) return;
    if (request.method() === 'GET') seen.polls += 1;
    if (request.method() === 'POST') seen.modes.add(request.postDataJSON()?.deliveryMode);
  });
  await chat.page.setViewportSize({ width: 720, height: 820 });
  await chat.page.goto(`${demo.root}/api/health`);
  await chat.page.setContent(PAGE);
  for (const script of SCRIPTS) await chat.page.addScriptTag({ path: join(MODULES, script) });
  await chat.page.evaluate(async ({ tokenEndpoint, domain }) => {
    const { token } = await (await fetch(tokenEndpoint)).json();
    const directLine = new window.DirectLine.DirectLine({ token, domain, webSocket: true, streaming: true });
    const greet = ({ dispatch }) => (next) => (action) => {
      if (action.type === 'DIRECT_LINE/CONNECT_FULFILLED') {
        dispatch({ type: 'WEB_CHAT/SEND_EVENT', payload: { name: 'startConversation', value: {} } });
      }
      return next(action);
    };
    const store = window.WebChat.createStore({}, greet);
    // How the last bubble grew.
    window.grew = [];
    new MutationObserver(() => {
      const last = [...document.querySelectorAll('.webchat__bubble__content')].at(-1)?.textContent;
      if (last && last !== window.grew.at(-1)) window.grew.push(last);
    }).observe(document.getElementById('webchat'), { childList: true, subtree: true, characterData: true });
    window.WebChat.renderWebChat({ directLine, store, userID: 'dana', locale: 'en-US' }, document.getElementById('webchat'));
  }, { tokenEndpoint: demo.tokenEndpoint, domain: `${demo.root}/v3/directline` });
  return { chat, seen };
}

// How often the answer is asked for until it is seen to grow: a busy machine draws several pieces of it at once.
const TRIES = 60;

async function streams(chat, seen) {
  for (let tries = 1; tries <= TRIES; tries += 1) {
    const from = seen.frames.length;
    await chat.page.evaluate(() => { window.grew = []; });
    await chat.say('stream');
    await until('the answer', async () => (await chat.bubbles(STREAMED).count()) >= tries);
    assert.equal(await chat.bubbles(STREAMED).count(), tries, 'each is shown once');
    const pieces = seen.frames.slice(from).flatMap((frame) => frame.activities)
      .filter((activity) => activity.channelData?.streamType === 'streaming');
    assert.ok(pieces.length >= 2, `it came in pieces: ${JSON.stringify(pieces)}`);
    const grew = await chat.page.evaluate(() => window.grew);
    if (grew.filter((text) => !text.includes(STREAMED) && /The printer/.test(text)).length >= 2) return;
  }
  assert.fail('the answer is never seen to grow');
}

async function run(demo, browser) {
  const { chat, seen } = await open(await newWindow(browser), demo);
  const desk = new Desk(demo.serviceNow);
  const step = steps({ streaming: chat });
  let id;
  await step('greeting', () => chat.see('a virtual assistant'));
  await step('token by token', () => streams(chat, seen));
  await step('hand-off', async () => {
    await chat.say('I want to talk to a person');
    ({ id } = await until('the chat to reach the desk', () => desk.chat('queued')));
    await desk.accept(id, AGENT);
    await chat.see('has entered the chat');
  });
  await step('live chat', async () => {
    await desk.say(id, 'Good morning, what is it?');
    await chat.see('Good morning, what is it?');
    await chat.say('My laptop does not start.');
    await until('the words at the desk', async () => (await desk.userLines(id)).length > 0);
    assert.deepEqual(await desk.userLines(id), ['My laptop does not start.']);
    assert.equal(await chat.mine('My laptop does not start.').count(), 1, 'the echo is the message');
  });
  await step('end', async () => {
    await desk.end(id);
    await chat.see('The live chat has ended.');
  });
  await step('the bot is back', async () => {
    await chat.say('Store hours');
    await chat.suggested('Hamburg').waitFor();
  });
  const ids = seen.frames.flatMap((frame) => frame.activities).map((activity) => activity.id).filter(Boolean);
  assert.equal(new Set(ids).size, ids.length, 'every activity came once');
  assert.equal(seen.sockets.length, 1, 'one socket carried it all');
  assert.equal(seen.polls, 0, 'nothing was polled');
  assert.deepEqual([...seen.modes], ['stream'], 'the client asked for streams');
}

await inChromium('Web Chat went through a hand-off on one web socket, token by token,', run);
