// Hand-offs in a real browser: Microsoft's Web Chat as it comes from npm, and the demo's own pages.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { join } from 'node:path';

import { inChromium, newWindow, PICTURES, steps } from './chromium.mjs';
import { until } from './demo.mjs';
import { Desk } from './desk.mjs';
import { Keyboard } from './keyboard.mjs';
import { WebChat } from './webchat.mjs';

const AGENT = 'Ana Agent';
// Typing that no words end is shown for a minute.
const TYPING_GOES = 20_000;

async function inWebChat({ chat, desk, step }) {
  let id;
  await step('greeting', async () => {
    await chat.see('Hello');
    await chat.suggested('Store hours').waitFor();
  });
  await step('asks for a person', async () => {
    await chat.say('I want to talk to a person');
    ({ id } = await until('the chat to reach the desk', () => desk.chat('queued')));
    await chat.see('Routing you to a live agent... (');
  });
  await step('accepted', async () => {
    await desk.accept(id, AGENT);
    await chat.see(`${AGENT} has entered the chat.`);
  });
  await step('messages both ways', async () => {
    await desk.say(id, 'Good **morning**, what is it?');
    await chat.see('Good **morning**, what is it?');
    await chat.page.locator('.person-name', { hasText: AGENT }).first().waitFor();
    await until('their picture', () => chat.page.locator('.face img').first().evaluate((face) => face.complete && face.naturalWidth > 0));
    const expected = ['My laptop does not start.', 'It beeps twice.'];
    for (const line of expected) {
      await chat.say(line);
      await desk.heard(id, line);
    }
    assert.deepEqual(await desk.userLines(id), expected, 'the desk has every message once, in order');
    assert.equal(await chat.mine('It beeps twice.').count(), 1, 'the echo is the message');
  });
  await step('typing', async () => {
    await desk.typing(id, true);
    await chat.typing().waitFor();
  });
  await step('typing leads to words', async () => {
    await desk.say(id, 'Hold the power key.');
    await chat.see('Hold the power key.');
    await chat.typing().waitFor({ state: 'detached', timeout: TYPING_GOES });
    await chat.sendBox().pressSequentially('I am holding');
    await until('the desk to see the user type', async () => (await desk.chatOf(id)).userTyping);
    await chat.say('I am holding it.');
  });
  await questions({ chat, desk, step, id });
  await shows({ chat, desk, step, id });
  await pushed({ chat, desk, step, id });
  await files({ chat, desk, step, id });
  await step('reload', async () => {
    const before = await chat.messages();
    await chat.page.reload();
    await chat.see('Sent.');
    await until('the history', async () => (await chat.messages()).length === before.length);
    assert.equal(await chat.bubbles('a virtual assistant').count(), 1, 'the agent does not greet again');
    await chat.say('I am back.');
    await desk.heard(id, 'I am back.');
  });
  await step('end', async () => {
    assert.equal(chat.sockets.length, 2, 'a web socket carries it, and another one since the reload');
    await desk.end(id);
    await chat.see('The live chat has ended.');
  });
  await step('the bot is back', async () => {
    const before = await desk.userLines(id);
    await chat.say('Store hours');
    await chat.suggested('Hamburg').waitFor();
    assert.deepEqual(await desk.userLines(id), before, 'what the user says to the bot stays there');
  });
  await step('a new conversation', async () => {
    await chat.say('I want to talk to a person');
    const { id: second } = await until('the chat to reach the desk', () => desk.chat('queued'));
    await chat.page.getByRole('button', { name: 'New conversation' }).click();
    await chat.see('a virtual assistant');
    await until('the chat that was left to end', async () => (await desk.chatOf(second)).standing === 'ended');
  });
}

// Each kind of question is answered as a user does, and ServiceNow is told what it asked for.
async function questions({ chat, desk, step, id }) {
  const ask = (name, sample, prompt, answer, expected) => step(name, async () => {
    await desk.sample(id, sample);
    await chat.see(prompt);
    const before = (await desk.messages()).length;
    await answer();
    const said = await until('the answer', async () => (await desk.messages())[before]);
    assert.deepEqual({ text: said.text, typed: said.typed }, expected, `the answer to “${sample}”`);
  });
  const chosen = (text) => ({ text, typed: false });
  await ask('picker', 'picker', 'Choose one', () => chat.choose('Option 2'), chosen('value_2'));
  await ask('picker answered in words', 'picker', 'Choose one', () => chat.say('option 3'), chosen('value_3'));
  await ask('long picker', 'long picker', 'Choose one of many',
    () => chat.submit((card) => card.getByRole('combobox').selectOption({ label: 'Option 17' })), chosen('value_17'));
  await ask('several choices', 'picker of several', 'Which of these are affected?', () => chat.submit(async (card) => {
    await card.getByRole('checkbox', { name: 'Option 1' }).check();
    await card.getByRole('checkbox', { name: 'Option 3' }).check();
  }), chosen('value_1,value_3'));
  await ask('date', 'date', 'When did it begin?',
    () => chat.submit((card) => card.locator('input[type=date]').fill('2026-03-05')), chosen('2026-03-05'));
  await ask('date and time', 'date and time', 'When may we call?', () => chat.submit(async (card) => {
    await card.locator('input[type=date]').fill('2026-03-06');
    await card.locator('input[type=time]').fill('14:30');
  }), chosen('2026-03-06 14:30:00'));
  await ask('yes or no', 'yes or no', 'Did that help?', () => chat.choose('No'), chosen('no'));
  await ask('skipped', 'optional picker', 'Which building, if any?', () => chat.choose('Skip'), chosen('_skip_'));
  await ask('carousel', 'carousel', 'Choose a device', async () => {
    await until('both pictures', () => loaded(chat.page, 'Laptop'));
    const tablet = chat.card().getByRole('button', { name: 'Tablet' });
    await tablet.click();
    await chat.mine('Tablet').waitFor();
    await until('the pictures to be off', async () => (await tablet.getAttribute('aria-disabled')) === 'true');
  }, chosen('tablet'));
  const secret = 'correct-horse-42';
  await ask('masked', 'secure input', 'Enter your one-time code', async () => {
    await chat.submit((card) => card.locator('input[type=password]').fill(secret));
  }, { text: secret, typed: true });
  await step('masked is not echoed', async () => {
    await chat.say('Sent.');
    assert.ok(!(await chat.page.content()).includes(secret), 'the page does not show the secret');
    const history = await until('the words after it', async () => {
      const all = JSON.stringify(await chat.messages());
      return all.includes('Sent.') && all;
    });
    assert.ok(!history.includes(secret), 'the conversation does not hold the secret');
  });
}

async function shows({ chat, desk, step, id }) {
  await step('table', async () => {
    await desk.sample(id, 'table');
    const card = chat.card();
    await card.getByText('INC0000005').waitFor();
    await card.getByRole('button', { name: 'Click for more' }).click();
    await card.getByText('INC0000010').waitFor();
    await card.getByRole('button', { name: 'Click for more' }).click();
    await card.getByText('INC0000012').waitFor();
    const told = async () => (await desk.messages()).some((message) => message.text === 'DONE');
    await until('ServiceNow to hear that the table was shown', told);
  });
  await step('link', async () => {
    await desk.sample(id, 'link');
    const link = chat.page.getByRole('link', { name: 'VPN guide' });
    assert.equal(await link.getAttribute('href'), 'https://kb.example.com/vpn');
  });
  await step('image', async () => {
    await desk.sample(id, 'image');
    await until('the picture', () => loaded(chat.page, 'A laptop'));
  });
  await step('record card', async () => {
    await desk.sample(id, 'record card');
    await chat.card().getByText('INC0000042').first().waitFor();
  });
  await step('stream', async () => {
    await desk.sample(id, 'stream');
    await chat.see('install it again');
    assert.equal(await chat.bubbles('Restart the VPN client first').count(), 1, 'a stream is shown once');
    const source = chat.bubbles('[1] Restart the VPN').getByRole('link', { name: 'Restart the VPN' });
    assert.equal(await source.getAttribute('href'), 'https://kb.example.com/vpn-restart');
  });
  await step('torn stream', async () => {
    const before = await chat.bubbles('Restart the VPN client first').count();
    await desk.sample(id, 'torn stream');
    await until('the answer', async () => (await chat.bubbles('Restart the VPN client first').count()) > before);
    await desk.say(id, 'That was all.');
    await chat.see('That was all.');
    assert.equal(await chat.bubbles('Restart the VPN client first').count(), before + 1, 'its end came twice');
  });
}

async function pushed({ chat, desk, step, id }) {
  await step('progress', async () => {
    await desk.sample(id, 'progress');
    await chat.see('Wrote an answer');
    assert.equal(await chat.bubbles('Looked for articles').count(), 1, 'the steps stand in one place');
    const said = (await chat.messages()).filter(({ text }) => text?.includes('Looked for articles'));
    assert.equal(said.length, 2, 'other clients read each look');
  });
  await step('notification', async () => {
    await desk.sample(id, 'record notification');
    await chat.card().getByText('In progress').waitFor();
  });
  await step('notification to act on', async () => {
    await desk.sample(id, 'actionable notification');
    const reject = chat.card().getByRole('button', { name: 'Reject' });
    await chat.card().getByRole('button', { name: 'Approve' }).click();
    await until('the answer', async () => (await desk.messages()).some(({ text }) => text === 'approve_42'));
    await until('the other button to be off', async () => (await reject.getAttribute('aria-disabled')) === 'true');
  });
}

async function files({ chat, desk, step, id }) {
  await step('upload', async () => {
    await desk.sample(id, 'file upload');
    await chat.see('Please send a screenshot');
    const picture = await chat.page.screenshot();
    await chat.upload({ name: 'My screen.png', mimeType: 'image/png', buffer: picture }, 'Here it is.');
    const [uploaded] = await until('the file to reach ServiceNow', async () => {
      const uploads = await desk.uploads();
      return uploads.length > 0 && uploads;
    });
    assert.equal(uploaded.name, 'My screen.png');
    assert.deepEqual([uploaded.mediaType, uploaded.bytes], ['image/png', picture.length]);
    assert.equal(uploaded.sha256, createHash('sha256').update(picture).digest('hex'), 'every byte arrived');
    const fetched = await until('the desk to fetch it', async () => {
      const { lines } = await desk.chatOf(id);
      return lines.flatMap((line) => line.attachments).find((file) => file.fetched)?.fetched;
    });
    assert.deepEqual([fetched.status, fetched.bytes], [200, picture.length]);
    const shown = await until('the echo', async () => (await chat.messages()).find(({ text }) => text === 'Here it is.'));
    assert.deepEqual(shown.attachments.map(({ name }) => name), ['My screen.png'], 'the file is shown once');
    await until('the picture in the chat', () => loaded(chat.page, 'My screen.png'));
  });
  await step('download', async () => {
    await desk.sample(id, 'file of the agent');
    const link = chat.page.getByRole('link', { name: 'manual.txt' });
    const address = await link.getAttribute('href');
    assert.equal(new URL(address).origin, new URL(chat.page.url()).origin, 'it comes through the connector');
    // Links open in a page of their own.
    const pages = chat.page.context();
    const [opened, response] = await Promise.all([
      chat.page.waitForEvent('popup'),
      pages.waitForEvent('response', (response) => response.url() === address),
      link.click(),
    ]);
    assert.match(await response.headerValue('content-disposition'), /filename="manual\.txt"/);
    assert.match(await response.text(), /^How to set up the VPN/);
    await opened.screenshot({ path: join(PICTURES, 'file-of-the-agent.png') });
    await opened.close();
  });
  await step('picture behind the login', async () => {
    await desk.sample(id, 'image of the instance');
    await until('the picture', () => loaded(chat.page, 'A picture that needs a login'));
  });
}

function loaded(page, alt) {
  return page.getByRole('img', { name: alt }).last().evaluate((image) => image.complete && image.naturalWidth > 0);
}

// A whole hand-off on the demo's own two pages, without a mouse.
async function byKeyboard({ chat, desk, step }) {
  await step('asks for a person', async () => {
    await chat.see('#log .bubble', 'Hello');
    await chat.type('#text', 'agent');
    await chat.see('#state', 'Waiting for a person');
  });
  await step('accepts', async () => {
    await desk.see('#waiting .entry', '');
    await desk.press('#waiting .entry');
    await desk.press('#accept');
    await chat.see('#name', AGENT);
  });
  await step('messages both ways', async () => {
    await desk.type('#text', 'What can I do for you?');
    await chat.see('#log .person .bubble', 'What can I do for you?');
    await chat.see('#log .person .avatar:has(img)', '');
    await chat.type('#text', 'The mouse is broken.');
    await desk.see('#talk .user', 'The mouse is broken.');
  });
  await step('a question from the menu', async () => {
    await desk.press('#more');
    await desk.reach('#find');
    await desk.page.keyboard.type('yes or no');
    await desk.press('#sample-list button');
    await chat.see('#log .actions button', 'Yes');
    await chat.press('#log .actions button');
    await desk.see('#talk .user', 'yes');
  });
  await step('the user ends it', async () => {
    await chat.press('#end');
    await chat.see('#log .system', 'You have left the live chat.');
    await chat.see('#name', 'Service Guide');
    await desk.see('#ended .entry', '');
  });
  await step('the bot is back', async () => {
    await chat.type('#text', 'store hours');
    await chat.see('#choices button', 'Hamburg');
    await chat.see('#name', 'Service Guide');
  });
}

async function run(demo, browser) {
  assert.ok(demo.webChat, 'the demo says where Web Chat is');
  const chat = await WebChat.open(await newWindow(browser), demo.webChat);
  const desk = new Desk(demo.serviceNow);
  await inWebChat({ chat, desk, step: steps({ webchat: chat }) });
  await chat.page.close();

  const own = await Keyboard.open(await newWindow(browser), `${demo.root}/demo/chat`, 640);
  const desks = await Keyboard.open(await newWindow(browser), `${demo.root}/demo/desk`, 1100);
  await byKeyboard({ chat: own, desk: desks, step: steps({ chat: own, desk: desks }) });
}

await inChromium("Web Chat and the demo's chat and desk went through a hand-off", run);
