// An unmodified Direct Line client goes through a whole hand-off: bot, person, bot again.

import assert from 'node:assert/strict';

import { Chat } from './chat.mjs';
import { startDemo, until } from './demo.mjs';
import { Desk } from './desk.mjs';

const AGENT = 'Ana Agent';
const QUESTIONS = ['My laptop does not start.', 'It beeps twice.', 'It beeps twice.', 'Grüße 👋'];
const ANSWERS = ['I am looking at it.', 'Hold the power key.', 'Hold the power key.', 'Done?'];

const TURNS = [['It is on.', 'Does it beep?'], ['No.', 'Then it is fine.']];

const STREAMED = 'The printer on the second floor is ready again.';

async function wholeHandoff(chat, desk, domain, webSocket) {
  chat.agent = AGENT;
  await chat.say('help');
  await until('the bot to answer', () => chat.fromBot().length > 0);
  await checkStream(chat, webSocket);

  await checkRenewal(chat);
  await chat.say('agent');
  const waiting = await until('the chat to reach the desk', () => desk.chat('queued'));
  await desk.accept(waiting.id, AGENT);
  await until('the client to hear of it', () => chat.handoffStates().includes('accepted'));

  const ids = [];
  for (const question of QUESTIONS) ids.push(await chat.say(question));
  await until('the questions to arrive', async () => (await desk.userLines(waiting.id)).length >= QUESTIONS.length);
  for (const answer of ANSWERS) await desk.say(waiting.id, answer);
  await until('the answers to arrive', () => chat.fromAgent().length >= ANSWERS.length);
  await until('the echoes', () => ids.every((id) => chat.echoes().some((echo) => echo.id === id)));
  await checkBothWays(chat, desk, waiting.id, ids);
  await checkRenewal(chat);
  await takeTurns(chat, desk, waiting.id);
  await checkTyping(chat, desk, waiting.id);
  await checkReload(chat, domain, webSocket);

  await desk.end(waiting.id);
  await until('the client to hear of the end', () => chat.handoffStates().includes('completed'));
  await chat.say('store hours');
  // A word of the simulated agent's answer that nobody said before.
  await until('the bot to be back', () => JSON.stringify(chat.fromBot()).includes('Hamburg'));
  const stayed = await desk.userLines(waiting.id);
  assert.deepEqual(stayed, [...QUESTIONS, ...TURNS.map(([asked]) => asked)], 'what the user says to the bot stays there');
}

// Over a socket an answer comes token by token, and then whole, as one; a poll has it whole.
async function checkStream(chat, webSocket) {
  await chat.say('stream');
  const whole = await until('the whole answer', () => chat.fromBot().find((said) => said.text === STREAMED));
  const chunks = chat.chunks();
  assert.equal(chunks.length > 0, webSocket, 'tokens come over a socket, and over a socket only');
  let before = '';
  for (const { text, channelData } of chunks) {
    assert.ok(text.startsWith(before) && STREAMED.startsWith(text), 'the text grows');
    assert.equal(channelData.streamId, whole.channelData.streamId, 'all are of one stream');
    before = text;
  }
}

async function checkBothWays(chat, desk, id, ids) {
  assert.deepEqual(await desk.userLines(id), QUESTIONS, 'the desk has every question once, in order');
  const answers = chat.fromAgent();
  assert.deepEqual(answers.map((said) => said.text), ANSWERS, 'the client has every answer once, in order');
  for (const said of answers) {
    assert.equal(said.from.name, AGENT);
    assert.equal(said.from.role, 'bot');
  }
  const echoes = chat.echoes().filter((echo) => ids.includes(echo.id));
  assert.deepEqual(echoes.map((echo) => echo.text), QUESTIONS, 'every question is echoed once under its id');
}

// One after the other, each waiting for the one before: both sides read it as it was said.
async function takeTurns(chat, desk, id) {
  for (const [asked, answered] of TURNS) {
    await chat.say(asked);
    await desk.heard(id, asked);
    await desk.say(id, answered);
    await until('the answer to arrive', () => chat.fromAgent().some((said) => said.text === answered));
  }
  const talk = TURNS.flat();
  const { lines } = await desk.chatOf(id);
  assert.deepEqual(lines.slice(-talk.length).map((line) => line.text), talk, 'the desk reads it in order');
  assert.deepEqual(chat.messages().slice(-talk.length).map((said) => said.text), talk, 'so does the client');
}

// The simulated Direct Line answers 411 to a POST without a length, as fronts such as IIS do.
async function checkRenewal(chat) {
  const { token } = chat.identity();
  await until('the token to be renewed', () => chat.identity().token !== token);
}

async function checkTyping(chat, desk, id) {
  await desk.typing(id, true);
  const [typing] = await until('the typing', () => chat.typing().length > 0 && chat.typing());
  assert.deepEqual(typing.from, chat.fromAgent().at(-1).from, 'the one who types is the one who speaks');
  await chat.post({ type: 'typing' });
  await until('the desk to see the user type', async () => (await desk.chatOf(id)).userTyping);
}

// A page that is loaded again shows the live chat whole, and no typing that has passed.
async function checkReload(chat, domain, webSocket) {
  const again = new Chat({ ...chat.identity(), domain, webSocket });
  again.agent = AGENT;
  try {
    await until('the conversation to be read again', () => again.messages().length >= chat.messages().length);
    const seen = (of) => of.received.filter(({ type }) => type !== 'typing').map(({ id, type, name, text }) => ({ id, type, name, text }));
    assert.deepEqual(live(seen(again)), live(seen(chat)), 'the same activities under the same ids, in order');
    assert.deepEqual(again.typing(), [], 'typing is no history');
  } finally {
    again.stop();
  }
}

// From the hand-off on; the bot's words before it are Direct Line's to order.
function live(activities) {
  const at = activities.findIndex((activity) => activity.name === 'handoff.initiate');
  assert.ok(at >= 0, 'there was a hand-off');
  return activities.slice(at);
}

function checkWhole(chat) {
  const ids = chat.received.map((activity) => activity.id).filter(Boolean);
  assert.equal(new Set(ids).size, ids.length, 'no activity came twice');
  const conversations = new Set(chat.received.map((activity) => activity.conversation?.id).filter(Boolean));
  assert.equal(conversations.size, 1, 'for the client it was one conversation');
  assert.deepEqual(chat.statuses, ['Uninitialized', 'Connecting', 'Online'], 'it stayed online');
}

async function run(demo, webSocket) {
  const { token } = await (await fetch(demo.tokenEndpoint)).json();
  const domain = `${demo.root}/v3/directline`;
  const chat = new Chat({ token, domain, webSocket });
  await wholeHandoff(chat, new Desk(demo.serviceNow), domain, webSocket);
  checkWhole(chat);
  chat.stop();
  const how = webSocket ? 'on a web socket' : 'polling';
  console.log(`botframework-directlinejs went through a hand-off, ${how}: ${chat.received.length} activities.`);
}

for (const webSocket of [false, true]) {
  const demo = await startDemo();
  try {
    await run(demo, webSocket);
  } catch (error) {
    console.error(error);
    process.exitCode = 1;
  } finally {
    demo.stop();
  }
}
