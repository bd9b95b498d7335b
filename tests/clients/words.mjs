// What a person types at the desk is what is read in the chat: sign for sign, through a CommonMark renderer with GitHub's
// extensions and through the renderer that Web Chat has.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

import { micromark } from 'micromark';
import { gfm, gfmHtml } from 'micromark-extension-gfm';

import { Chat } from './chat.mjs';
import { startDemo, until } from './demo.mjs';
import { Desk } from './desk.mjs';

const MarkdownIt = createRequire(import.meta.url)('markdown-it');
// As Web Chat 4.18 sets it up.
const webChat = new MarkdownIt({ breaks: false, html: true, linkify: true, typographer: true, xhtmlOut: true });

const TYPED = [
  'C:\\Users\\anna\\.config', '\\\\fileserver\\dept_share', '__init__.py', 'Name: Anna\nDesk: 4\nPhone: 1',
  '  indented\n\ttoo\n        code?', '1. one\n2) two\n- three\n+ four\n* five', '# a\n> b\n===\n---\n***\n- - -',
  'a | b\n--|--\n1 | 2', 'a\n-:', '```\nfence\n~~~', '[x](y) ![z](w) [^1]\n\n[^1]: note\n\n[1]: /u "t"',
  '<b and c> a < b > c <script>alert(1)</script>', '&amp; &eacute; &#65; & co', 'it\'s "so" (c) (tm) ... -- --- +- ????? !!!! ,,',
  '$$x$$ \\(y\\) \\[z\\]', 'see https://a.example/b_c*d?e=1&copy;=2, www.a.example/_x_ and ana_b@example.com!',
  'https://a.example/\\_x `y` http:// www. x@ README.md a.example/b_c?d=%41 xn--p1ai.example', '[link]{aria-label="x"} { aria-label }',
  'a\\\nb\\', 'look!https://a.example !www.a.example', 'one\n\n\n\ntwo', '😀 שלום \u00a0x\u3000', '~x~ ~~y~~ 2*3*4 snake_case_name _x_', '- [ ] task\n- [x] done',
];

// Text of any signs, the same for the same seed.
function* anyTexts(count, seed) {
  const random = () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  const marks = '\\`*_[]<>|~"\'@&#+=.(){}!?$:/,;%^- \n\t';
  const pieces = ['https://a.example/x_y', 'www.a.example', 'ana@example.com', '\n\n', '    ', '1. ', '- ', '&eacute;', '<b>', 'http://'];
  const sign = () => {
    if (random() < 0.4) return marks[Math.floor(random() * marks.length)];
    if (random() < 0.5) return String.fromCharCode(32 + Math.floor(random() * 95));
    if (random() < 0.2) return pieces[Math.floor(random() * pieces.length)];
    const point = Math.floor(random() * (random() < 0.8 ? 0x3000 : 0x10ffff));
    // Web Chat keeps the two brackets for itself, controls have no look, and half a pair is no sign.
    const odd = point < 32 || (point > 126 && point < 160) || (point >= 0xd800 && point < 0xe000) || point === 0x27ec || point === 0x27ed;
    return odd ? 'x' : String.fromCodePoint(point);
  };
  for (let at = 0; at < count; at++) yield Array.from({ length: 1 + Math.floor(random() * 14) }, sign).join('');
}

const ENTITIES = { lt: '<', gt: '>', quot: '"', amp: '&' };
const textContent = (html) => html.replace(/<[^>]*>/g, '').replace(/&(lt|gt|quot|amp);/g, (_, name) => ENTITIES[name]);
const lines = (text) => text.split(/[\n\r]/).map((line) => line.trim()).filter(Boolean);

const seed = Number(process.env.WORDS_SEED ?? Date.now() % 2 ** 31);
// What is balanced HTML is read as such, and so is none of these.
const typed = [...TYPED, ...[...anyTexts(150, seed)].filter((text) => text.trim() && !/<\/|<br/i.test(text))];

const demo = await startDemo();
try {
  const desk = new Desk(demo.serviceNow);
  const { token } = await (await fetch(demo.tokenEndpoint)).json();
  const chat = new Chat({ token, domain: `${demo.root}/v3/directline` });
  await chat.say('agent');
  const waiting = await until('the chat to reach the desk', () => desk.chat('queued'));
  await desk.accept(waiting.id, 'Ana Agent');
  for (const text of typed) await desk.say(waiting.id, text);
  await until('all of it to arrive', () => chat.fromAgent().length >= typed.length, 60_000);
  for (const [at, said] of chat.fromAgent().entries()) {
    const told = `${JSON.stringify(typed[at])} as ${JSON.stringify(said.text)} (WORDS_SEED=${seed})`;
    assert.equal(said.textFormat, 'markdown', told);
    const commonMark = micromark(said.text, { extensions: [gfm()], htmlExtensions: [gfmHtml()] });
    assert.deepEqual(lines(textContent(commonMark)), lines(typed[at]), `CommonMark shows ${told}`);
    assert.deepEqual(lines(textContent(webChat.render(said.text))), lines(typed[at]), `Web Chat shows ${told}`);
  }
  chat.stop();
  console.log(`ok: ${typed.length} texts are read as they were typed`);
} finally {
  demo.stop();
}
