// The demo's one page: a hand-off in which ServiceNow fails and the connector is killed, watched from inside.

import assert from 'node:assert/strict';
import { copyFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';

import { inChromium, newWindow, PICTURES } from './chromium.mjs';
import { ROOT, until } from './demo.mjs';
import { Desk } from './desk.mjs';

const AGENT = 'Ana Agent';
// What a person types and is read as typed, in letters of any script.
const SIGNS = ['отчёт_за_март.docx and _это_', 'Café_menü_öl', '日本_語_テスト', 'r&eacute;initialiser &#233; &nope;', 'List<String> & __init__.py'];
// More than any of the pages has to tab through.
const STOPS = 120;
// Where the pictures go that README shows, when they are to be made again.
const SHOWN = process.env.SHOWN && resolve(ROOT, process.env.SHOWN);
const { source: AXE } = createRequire(import.meta.url)('axe-core');

class DemoPage {
  static async open(browser, root, options) {
    const context = await newWindow(browser, options);
    const page = await context.newPage();
    const strangers = [];
    page.on('request', (request) => {
      const { protocol, hostname } = new URL(request.url());
      if (/^https?:/.test(protocol) && hostname !== '127.0.0.1') strangers.push(request.url());
    });
    await page.goto(`${root}/demo`);
    return new DemoPage(page, strangers);
  }

  constructor(page, strangers) {
    this.page = page;
    this.strangers = strangers;
    [this.chat, this.inside, this.desk] = ['chat', 'inside', 'desk'].map((part) => page.frameLocator(`iframe#${part}`));
  }

  async say(text) {
    await this.chat.locator('#text').fill(text);
    await this.chat.locator('#text').press('Enter');
    await this.chat.locator('.mine .bubble').filter({ hasText: text }).last().waitFor();
  }

  async answer(text) {
    await this.desk.locator('#text').fill(text);
    await this.desk.locator('#text').press('Enter');
  }

  press(knob) {
    return this.inside.locator(`[data-knob=${knob}]`).click();
  }

  // What the chat shows, of the user or of a person, in order.
  bubbles(whose) {
    return this.chat.locator(`#log .${whose} .bubble`).allTextContents();
  }

  // Rows of the time line that hold all of these.
  rows(...texts) {
    return texts.reduce((rows, text) => rows.filter({ hasText: text }), this.inside.locator('#line > li'));
  }

  async picture(name) {
    const path = join(PICTURES, `${name}.png`);
    await this.page.screenshot({ path });
    if (SHOWN && name === 'demo') copyFileSync(path, join(SHOWN, `${name}.png`));
  }
}

// Rules of accessibility that are broken seriously, in any of the page's frames.
async function check(page, what) {
  for (const frame of page.frames()) {
    await frame.evaluate(AXE);
    const { violations } = await frame.evaluate(() => window.axe.run(document, { iframes: false, resultTypes: ['violations'] }));
    const serious = violations.filter(({ impact }) => ['serious', 'critical'].includes(impact))
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join(' | ')}`);
    assert.deepEqual(serious, [], `${what}: ${frame.url()}`);
  }
}

async function handOff(demo, desk) {
  await demo.chat.locator('#log .bubble').first().waitFor();
  await demo.say('I want to talk to a person');
  await demo.desk.locator('#waiting .entry').click();
  await demo.desk.locator('#accept').click();
  await demo.chat.locator('#name').filter({ hasText: AGENT }).waitFor();
  await demo.answer('Hello Ada, what can I do for you?');
  await demo.chat.locator('.person .bubble').filter({ hasText: 'Hello Ada' }).waitFor();
  await demo.desk.locator('.tick').filter({ hasText: 'seen' }).waitFor();
  await demo.desk.locator('img.face').first().waitFor();
  return until('the chat at the desk', () => desk.chat('live'));
}

// ServiceNow is down, three lines are said, the connector dies with all of them undelivered: nothing is lost.
async function throughAnOutageAndDeath(demo, desk, id) {
  const said = ['My laptop does not start.', 'It beeps twice.', 'Are you still there?'];
  await demo.press('outage');
  await demo.inside.locator('[data-knob=outage][aria-pressed=true]').waitFor();
  await demo.say(said[0]);
  await demo.rows('Connector → ServiceNow', 'message', '503').first().waitFor();
  await demo.say(said[1]);
  await demo.inside.locator('#standing.waits').filter({ hasText: said[1] }).waitFor();
  await demo.picture('demo');
  await demo.press('kill');
  await demo.rows('ended', 'SIGKILL').first().waitFor();
  await demo.say(said[2]);
  await demo.answer('Hold the power key for ten seconds.');
  await demo.chat.locator('.person .bubble').filter({ hasText: 'Hold the power key' }).waitFor();
  await until('the words at the desk', async () => (await desk.userLines(id)).length >= said.length);
  assert.deepEqual(await desk.userLines(id), said, 'the desk has every line once, in order');
  assert.deepEqual(await demo.bubbles('mine'), ['I want to talk to a person', ...said], 'so has the chat');
  assert.deepEqual(await demo.bubbles('person'), ['Hello Ada, what can I do for you?', 'Hold the power key for ten seconds.']);
  await demo.inside.locator('#standing').filter({ hasText: 'Nothing waits.' }).waitFor();
  await demo.rows('attempt').first().waitFor();
  await demo.inside.locator('[data-knob=outage][aria-pressed=false]').waitFor();
  await demo.picture('demo-after');
}

async function everyCallCanBeLookedAt(demo) {
  const row = demo.rows('Connector → ServiceNow', 'message', 'attempt').first();
  await row.locator('summary').first().click();
  await row.locator('.json').first().waitFor();
  const shown = await row.textContent();
  assert.ok(shown.includes('••••') && !shown.includes('simulated-message-token'), 'secrets are masked');
  await demo.page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await row.getByRole('button', { name: 'Copy as curl' }).click();
  await row.getByRole('button', { name: 'Copied' }).waitFor();
  await row.locator('summary').first().click();
}

// A webhook that comes twice is shown once; a knob pressed again is off.
async function everyKnobTurns(demo, desk, id) {
  await demo.press('twice');
  await demo.inside.locator('[data-knob=twice][aria-pressed=true]').waitFor();
  await demo.answer('Does it start now?');
  await demo.chat.locator('.person .bubble').filter({ hasText: 'Does it start now?' }).waitFor();
  await until('both webhooks', async () => (await demo.rows('ServiceNow → Connector', 'Does it start now?').count()) === 2);
  for (const knob of ['twice', 'reorder', 'reorder', 'nobody', 'nobody']) await demo.press(knob);
  for (const typed of SIGNS) {
    await demo.answer(typed);
    await until(`${typed} in the chat`, async () => (await demo.bubbles('person')).at(-1) === typed);
  }
  await demo.say('Yes, thank you!');
  await desk.heard(id, 'Yes, thank you!');
  assert.equal((await demo.bubbles('person')).filter((text) => text === 'Does it start now?').length, 1);
  await demo.press('lose');
  await demo.inside.locator('[data-knob=lose][aria-pressed=true]').waitFor();
  await demo.say('Goodbye.');
  await demo.rows('Connector → ServiceNow', 'cut off').first().waitFor();
  await demo.inside.locator('[data-knob=lose][aria-pressed=false]').waitFor();
  await desk.heard(id, 'Goodbye.');
  await demo.inside.locator('#standing').filter({ hasText: 'Nothing waits.' }).waitFor();
}

// A slow answer holds the next words back, and doubles none.
async function aSlowAnswerIsWaitedFor(demo, desk, id) {
  await demo.press('late');
  await demo.inside.locator('[data-knob=late][aria-pressed=true]').waitFor();
  await demo.say('One more thing.');
  await demo.say('It is warm.');
  await desk.heard(id, 'It is warm.');
  const told = (await desk.userLines(id)).slice(-2);
  assert.deepEqual(told, ['One more thing.', 'It is warm.'], 'each once, in order, behind the slow answer');
  await demo.inside.locator('[data-knob=late][aria-pressed=false]').waitFor();
  await demo.inside.locator('#standing').filter({ hasText: 'Nothing waits.' }).waitFor();
}

// Milliseconds to the first paint of each page, said and not judged: how busy the machine is decides.
async function firstPaint(browser, demo) {
  const context = await newWindow(browser);
  const paints = [];
  for (const path of ['/demo', '/demo/chat', '/demo/inside', '/demo/desk']) {
    const page = await context.newPage();
    await page.goto(demo.root + path);
    const paint = await until(`the first paint of ${path}`, () => page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime));
    paints.push(`${path} ${Math.round(paint)} ms`);
    await page.close();
  }
  await context.close();
  console.log(`First paint: ${paints.join(', ')}`);
}

async function theEnd(demo) {
  await demo.desk.locator('#end').click();
  await demo.chat.locator('#name').filter({ hasText: 'Service Guide' }).waitFor();
  await demo.say('store hours');
  await demo.chat.locator('#choices button').filter({ hasText: 'Hamburg' }).waitFor();
}

async function theKeyboardReachesIt(demo) {
  await demo.page.bringToFront();
  const inside = demo.page.frames().find((frame) => frame.url().endsWith('/demo/inside'));
  for (let stop = 0; stop < STOPS; stop += 1) {
    if (await inside.evaluate(() => document.hasFocus() && document.activeElement.id === 'kill')) return;
    await demo.page.keyboard.press('Tab');
  }
  assert.fail('the keyboard does not reach the button that kills');
}

async function onAPhone(demo) {
  await demo.page.setViewportSize({ width: 390, height: 800 });
  for (const [tab, part] of [['Inside', 'inside'], ['Agent desk', 'desk'], ['Chat', 'chat']]) {
    await demo.page.getByRole('tab', { name: tab }).click();
    await demo.page.locator(`iframe#${part}`).waitFor();
    await check(demo.page, `${tab} on a phone`);
    await demo.picture(`demo-phone-${part}`);
  }
  await demo.page.keyboard.press('ArrowRight');
  await demo.page.locator('iframe#inside').waitFor();
}

// Each page, and where it says something that is another in every language.
const PAGES = { '/demo/chat': ['#fresh', 'fresh'], '/demo/webchat/': ['#fresh', 'fresh'], '/demo/desk': ['#h-waiting', 'waiting'] };
const LOCALES = {
  en: 'en-AU', de: 'de-AT', fr: 'fr-CA', es: 'es-MX', 'pt-BR': 'pt-PT', it: 'it-IT', nl: 'nl-BE', ja: 'ja-JP', 'zh-Hans': 'zh-TW',
};

// The pages of user and agent speak their language, and no language lacks a text or a variable.
async function inEveryLanguage(browser, demo) {
  const paths = Object.keys(PAGES).filter((path) => demo.webChat || path !== '/demo/webchat/');
  for (const [language, locale] of Object.entries(LOCALES)) {
    const context = await newWindow(browser, { locale });
    for (const path of paths) {
      const page = await context.newPage();
      await page.goto(demo.root + path);
      const texts = await page.evaluate('TEXTS');
      const [place, id] = PAGES[path];
      await page.locator(place).filter({ hasText: texts[language][id] }).waitFor();
      const spoken = await page.evaluate(() => document.documentElement.lang);
      assert.ok([language, locale].includes(spoken), `${path} says it speaks ${spoken}`);
      const variables = (text) => (text?.match(/\{\w+\}/g) ?? []).sort();
      assert.deepEqual(Object.keys(texts[language]).sort(), Object.keys(texts.en).sort(), `${path} in ${language}`);
      for (const [id, text] of Object.entries(texts.en)) {
        assert.deepEqual(variables(texts[language][id]), variables(text), `${path}, ${id} in ${language}`);
      }
      if (language === 'de' || language === 'ja') await page.screenshot({ path: join(PICTURES, `${language}${path.replaceAll('/', '-')}.png`) });
      await page.close();
    }
    await context.close();
  }
}

// Each part alone, dark, and in a language that is written from the right.
async function alone(browser, demo) {
  const context = await newWindow(browser, { locale: 'ar-EG', colorScheme: 'dark' });
  const parts = ['/demo', '/demo/chat', '/demo/inside', '/demo/desk', ...(demo.webChat ? ['/demo/webchat/'] : [])];
  for (const path of parts) {
    const page = await context.newPage();
    await page.goto(demo.root + path);
    await until(`${path} to be there`, () => page.evaluate(() => document.readyState === 'complete'));
    if (path === '/demo/chat') await page.locator('#log .bubble').first().waitFor();
    if (path === '/demo/webchat/') await page.locator('.webchat__bubble__content').first().waitFor();
    assert.equal(await page.evaluate(() => document.dir), 'rtl', path);
    await check(page, `${path}, dark, from the right`);
    await page.screenshot({ path: join(PICTURES, `rtl${path.replaceAll('/', '-')}.png`) });
    await page.close();
  }
  await context.close();
}

await inChromium("The demo's page went through a hand-off, an outage and a kill", async (demo, browser) => {
  const desk = new Desk(demo.serviceNow);
  const page = await DemoPage.open(browser, demo.root, { viewport: { width: 1500, height: 860 } });
  const { id } = await handOff(page, desk);
  await throughAnOutageAndDeath(page, desk, id);
  await check(page.page, 'a live chat');
  await everyCallCanBeLookedAt(page);
  await everyKnobTurns(page, desk, id);
  await aSlowAnswerIsWaitedFor(page, desk, id);
  await theKeyboardReachesIt(page);
  await theEnd(page);
  await onAPhone(page);
  await inEveryLanguage(browser, demo);
  await alone(browser, demo);
  await firstPaint(browser, demo);
  assert.deepEqual(page.strangers, [], 'no request leaves the machine');
});
