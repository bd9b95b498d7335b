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

// A page of the test's own, under the demo's origin. What the socket brings is handed to it in order, and nothing behind a piece of an
// answer before that piece is drawn: how a busy machine draws can then not hide that the answer grows.
async function open(context, demo) {
  const chat = new WebChat(await context.newPage());
  const seen = { sockets: [], frames: [], polls: 0, modes: new Set() };
  await chat.page.routeWebSocket(/.*/, (socket) => {
    seen.sockets.push(socket.url());
    let before = Promise.resolve();
    socket.connectToServer().onMessage((payload) => {
      const frame = payload && JSON.parse(payload);
      if (frame) seen.frames.push(frame);
      before = before.then(async () => {
        socket.send(payload);
        for (const { text } of frame ? pieces([frame]) : []) await chat.see(text);
      });
    });
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
    window.WebChat.renderWebChat({ directLine, store, userID: 'dana', locale: 'en-US' }, document.getElementById('webchat'));
  }, { tokenEndpoint: demo.tokenEndpoint, domain: `${demo.root}/v3/directline` });
  return { chat, seen };
}

const pieces = (frames) => frames.flatMap((frame) => frame.activities)
  .filter((activity) => activity.channelData?.streamType === 'streaming');

async function streams(chat, seen) {
  await chat.say('stream');
  await chat.see(STREAMED);
  const came = pieces(seen.frames).map((piece) => piece.text);
  assert.ok(came.length >= 2, `it came in pieces: ${JSON.stringify(came)}`);
  came.slice(1).forEach((text, before) => assert.ok(text.startsWith(came[before]) && text !== came[before], `it grows: ${text}`));
  assert.equal(await chat.bubbles('The printer').count(), 1, 'it is shown once');
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
