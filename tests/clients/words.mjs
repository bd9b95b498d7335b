// What a person types at the desk is what is read in the chat: sign for sign, through a CommonMark renderer with GitHub's
// extensions, through the renderer that Web Chat has, and in Web Chat in a browser.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

import { micromark } from 'micromark';
import { gfm, gfmHtml } from 'micromark-extension-gfm';

import { Chat } from './chat.mjs';
import { inChromium, newWindow, steps } from './chromium.mjs';
import { until } from './demo.mjs';
import { Desk } from './desk.mjs';
import { TYPED, anyTexts, lines } from './texts.mjs';
import { WebChat } from './webchat.mjs';

const MarkdownIt = createRequire(import.meta.url)('markdown-it');
// As Web Chat 4.18 sets it up.
const webChat = new MarkdownIt({ breaks: false, html: true, linkify: true, typographer: true, xhtmlOut: true });

const ENTITIES = { lt: '<', gt: '>', quot: '"', amp: '&' };
const textContent = (html) => html.replace(/<[^>]*>/g, '').replace(/&(lt|gt|quot|amp);/g, (_, name) => ENTITIES[name]);

const seed = Number(process.env.WORDS_SEED ?? Date.now() % 2 ** 31);
const all = [...TYPED, ...anyTexts(Number(process.env.WORDS_COUNT ?? 200), seed)];
const told = (text, shown) => `${JSON.stringify(text)} as ${JSON.stringify(shown)} (WORDS_SEED=${seed})`;
// Web Chat takes its time for more.
const A_CHAT = 80;

async function throughRenderers(demo, desk, typed) {
  const { token } = await (await fetch(demo.tokenEndpoint)).json();
  const chat = new Chat({ token, domain: `${demo.root}/v3/directline` });
  await chat.say('agent');
  const { id } = await until('the chat to reach the desk', () => desk.chat('queued'));
  await desk.accept(id, 'Ana Agent');
  for (const text of typed) await desk.say(id, text);
  await until('all of it to arrive', () => chat.fromAgent().length >= typed.length);
  for (const [at, said] of chat.fromAgent().entries()) {
    assert.equal(said.textFormat, 'markdown', told(typed[at], said.text));
    const commonMark = micromark(said.text, { extensions: [gfm()], htmlExtensions: [gfmHtml()] });
    assert.deepEqual(lines(textContent(commonMark)), lines(typed[at]), `CommonMark shows ${told(typed[at], said.text)}`);
    assert.deepEqual(lines(textContent(webChat.render(said.text))), lines(typed[at]), `Web Chat's renderer shows ${told(typed[at], said.text)}`);
  }
  chat.stop();
  return { ...chat.identity(), id };
}

// The texts of all bubbles of others, with a line for a line.
const shown = (page) => page.locator('.webchat__bubble:not(.webchat__bubble--from-user) .webchat__bubble__content').evaluateAll((bubbles) => bubbles.map((bubble) => {
  const copy = bubble.cloneNode(true);
  // Web Chat puts a space without width on both sides of a link, which is a button where it can't open the address.
  for (const { previousSibling, nextSibling } of copy.querySelectorAll('a, button')) {
    if (previousSibling) previousSibling.textContent = previousSibling.textContent.replace(/\u200b$/, '');
    if (nextSibling) nextSibling.textContent = nextSibling.textContent.replace(/^\u200b/, '');
  }
  for (const end of copy.querySelectorAll('br')) end.replaceWith('\n');
  for (const block of copy.querySelectorAll('p')) block.append('\n');
  return copy.textContent;
}));

// Web Chat goes on with that conversation, as after a reload.
async function inWebChat(browser, demo, kept, typed) {
  const context = await newWindow(browser);
  await context.addInitScript((kept) => sessionStorage.setItem('web-chat', kept), JSON.stringify({ ...kept, userId: 'user-1' }));
  const chat = await WebChat.open(context, demo.webChat);
  await steps({ words: chat })('all that a person types', async () => {
    const texts = await until('all of it to be shown', async () => {
      const texts = (await shown(chat.page)).slice(-typed.length);
      return texts.length === typed.length && lines(texts.at(-1)).join() === lines(typed.at(-1)).join() && texts;
    }, 120_000);
    for (const [at, text] of typed.entries()) assert.deepEqual(lines(texts[at]), lines(text), `Web Chat shows ${told(text, texts[at])}`);
  });
  await context.close();
}

await inChromium(`${all.length} texts were read as they were typed`, async (demo, browser) => {
  const desk = new Desk(demo.serviceNow);
  for (let from = 0; from < all.length; from += A_CHAT) {
    const typed = [...all.slice(from, from + A_CHAT), 'That was all.'];
    const kept = await throughRenderers(demo, desk, typed);
    await inWebChat(browser, demo, kept, typed);
    await desk.end(kept.id);
  }
});
