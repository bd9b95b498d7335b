// What is said is what is read: kinds of messages that were once shown wrong, each in Web Chat in a browser, for a German user, for
// one who reads from right to left in the dark, for some whose language ServiceNow calls otherwise, and by a clock that is fast.

import assert from 'node:assert/strict';

import { inChromium, newWindow, steps } from './chromium.mjs';
import { until } from './demo.mjs';
import { Desk } from './desk.mjs';
import { closed, files, questions } from './rows/asked.mjs';
import { AGENT, asked, webhook } from './rows/row.mjs';
import { said } from './rows/said.mjs';
import { lines } from './texts.mjs';
import { WebChat } from './webchat.mjs';

async function german(place) {
  const { chat, desk, step } = place;
  await step('asks for a person', async () => {
    await chat.see('Hello');
    for (const [topic, answer] of [['help', 'I know these words'], ['card', 'Order a device'], ['carousel', 'Tablet 11']]) {
      await chat.say(topic);
      await chat.page.getByText(answer).last().waitFor();
    }
    place.id = await asked(chat, desk);
    await chat.see(`${AGENT} has entered the chat.`);
  });
  await step('the history at the desk is plain text', async () => {
    const history = (await desk.chatOf(place.id)).history.map(({ value }) => value);
    const said = (begin) => lines(history.find((value) => value.startsWith(begin)) ?? `no ${begin} in ${JSON.stringify(history)}`);
    assert.deepEqual(said('I know').slice(0, 3), ['I know these words, and agent calls a person:', '- help', '- store hours']);
    assert.deepEqual(said('Order a device').slice(0, 2), ['Order a device', 'It is sent to your desk.']);
    const devices = said('Here is what I found.').join(' ');
    for (const words of ['Laptop 14', 'Laptop 16', 'Tablet 11', 'with a bright screen']) assert.ok(devices.includes(words), devices);
  });
  place.hear = webhook(place.demo, desk);
  await said(place);
  await questions(place);
  await files(place);
  await closed(place);
}

async function rightToLeft({ chat, desk, step }) {
  await step('right to left in the dark', async () => {
    await chat.say('agent');
    const { id } = await until('the chat to reach the desk', () => desk.chat('queued'));
    await desk.accept(id, AGENT);
    await desk.say(id, 'مرحبا، كيف يمكنني مساعدتك؟\nC:\\Users\\anna');
    await chat.see('كيف يمكنني');
    await chat.say('الحاسوب لا يعمل');
    await desk.sample(id, 'yes or no');
    await chat.card().getByRole('button').first().waitFor();
    assert.equal(await chat.page.evaluate(() => document.dir), 'rtl');
    const text = chat.bubbles('كيف يمكنني').last();
    assert.equal(await text.evaluate((bubble) => getComputedStyle(bubble).direction), 'rtl');
    const behind = await chat.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    assert.ok(behind.match(/\d+/g).slice(0, 3).every((part) => Number(part) < 80), `dark, not ${behind}`);
    const button = await chat.page.locator('.ac-pushButton').first().evaluate((button) => getComputedStyle(button).backgroundColor);
    assert.equal(button, behind, 'buttons are dark, too');
  });
}

// Each with the code that ServiceNow has for it.
const LANGUAGES = [['pt-BR', 'pb'], ['zh-TW', 'zt'], ['fr-CA', 'fq'], ['ja-JP', 'ja']];

async function otherwiseCalled({ browser, demo, desk }) {
  for (const [locale, code] of LANGUAGES) {
    const chat = await WebChat.open(await newWindow(browser, { locale }), demo.webChat);
    await steps({ [`rows-${locale}`]: chat })('ServiceNow hears the language', async () => {
      await chat.see('Hello');
      const id = await asked(chat, desk);
      assert.equal((await desk.chatOf(id)).context.requester_session_language, code);
      await chat.see('has entered the chat');
      await desk.end(id);
      await until('the end to be told', async () => (await chat.page.locator('.system').count()) >= 2);
    });
    await chat.page.close();
  }
}

// Direct Line's clock is two seconds fast.
async function byAFastClock({ browser, demo, desk }) {
  const clock = new URL('/simulator/clock', demo.tokenEndpoint);
  await fetch(clock, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '2' });
  const chat = await WebChat.open(await newWindow(browser), demo.webChat);
  await steps({ 'rows-clock': chat })('words stand in the order they were said', async () => {
    await chat.see('Hello');
    await chat.say('help');
    await chat.see('I know these words');
    const id = await asked(chat, desk);
    await chat.see(`${AGENT} has entered the chat.`);
    for (const at of [1, 2, 3]) {
      await desk.say(id, `Person ${at}`);
      await chat.see(`Person ${at}`);
      await chat.say(`User ${at}`);
      await desk.heard(id, `User ${at}`);
    }
    const texts = await chat.bubbles('').allInnerTexts();
    const order = ['Hello', 'help', 'I know', 'agent', `${AGENT} has`, 'Person 1', 'User 1', 'Person 2', 'User 2', 'Person 3', 'User 3'];
    const places = order.map((begin) => texts.findIndex((text) => text.startsWith(begin)));
    assert.deepEqual(places, places.toSorted((one, other) => one - other), JSON.stringify(texts));
    assert.ok(!places.includes(-1), JSON.stringify(texts));
    await desk.end(id);
    await chat.see('The live chat has ended.');
  });
  await fetch(clock, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '0' });
}

await inChromium('Every kind of message was read as it was said', async (demo, browser) => {
  const desk = new Desk(demo.serviceNow);
  const chat = await WebChat.open(await newWindow(browser, { locale: 'de-DE' }), demo.webChat);
  await german({ demo, chat, desk, step: steps({ rows: chat }) });
  await chat.page.close();
  const other = await WebChat.open(await newWindow(browser, { locale: 'ar-EG', colorScheme: 'dark' }), demo.webChat);
  await rightToLeft({ chat: other, desk, step: steps({ 'rows-rtl': other }) });
  await desk.end((await desk.chat('live')).id);
  await otherwiseCalled({ browser, demo, desk });
  await byAFastClock({ browser, demo, desk });
});
