// What is said is what is read: kinds of messages that were once shown wrong, each in Web Chat in a browser, for a German user, and for
// one who reads from right to left in the dark.

import assert from 'node:assert/strict';

import { inChromium, newWindow, steps } from './chromium.mjs';
import { until } from './demo.mjs';
import { Desk } from './desk.mjs';
import { WebChat } from './webchat.mjs';

const AGENT = 'Ana Agent';
// One pixel.
const PICTURE = 'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const TYPED = [
  'C:\\Users\\anna\\.config', '\\\\fileserver\\dept_share', '__init__.py', 'Name: Anna\nDesk: 4\nPhone: 1', '1. one\n- two\n# three\n> four\n---',
  'a | b\n--|--\n1 | 2', '<b and c> a < b <script>alert(1)</script> &amp; &eacute;', '$$x$$ $_$ \\(y\\) [x](y) [^1] ~~z~~ it\'s "so" (c) --- ...',
  '- [ ] task\n```\nfence', 'e\u0301 👨\u200d👩‍👧 \u05e9\u05dc\u05d5\u05dd \u202eabc\u202c', '*a* _b_ `c`\rd',
];

// Posts what ServiceNow would.
function webhook(demo, desk) {
  let number = 0;
  return async (...body) => {
    const more = body.at(-1)?.uiType ? {} : body.pop();
    const named = body.map((element) => ({ messageId: `row-${number++}`, ...element }));
    const response = await fetch(`${demo.root}/api/servicenow/responses`, {
      method: 'POST', headers: { 'content-type': 'application/json', token: 'simulated-responses-token' },
      body: JSON.stringify({ clientSessionId: await desk.session(), body: named, ...more }),
    });
    assert.equal(response.status, 200);
  };
}

const lines = (text) => text.split(/[\n\r]/).map((line) => line.trim()).filter(Boolean);
const picker = (label, options) => ({
  uiType: 'Picker', label, itemType: 'List', options: options.map(([label, value]) => ({ label, value, enabled: true })),
});

async function asked(chat, desk) {
  await chat.say('agent');
  const { id } = await until('the chat to reach the desk', () => desk.chat('queued'));
  await desk.accept(id, AGENT);
  return id;
}

async function german({ demo, chat, desk, step }) {
  const hear = webhook(demo, desk);
  let id;
  const told = async (text) => until(`“${text}” at ServiceNow`, async () => (await desk.messages()).find((said) => said.text === text));
  const answers = async () => (await desk.messages()).length;
  await step('asks for a person', async () => {
    await chat.see('Hello');
    await chat.say('help');
    await chat.see('I know these words');
    id = await asked(chat, desk);
    await chat.see(`${AGENT} has entered the chat.`);
  });
  await step('what a person types', async () => {
    for (const text of TYPED) await desk.say(id, text);
    const said = chat.page.locator('.webchat__bubble:not(.webchat__bubble--from-user) .webchat__bubble__content');
    await until('all of it', async () => (await said.allInnerTexts()).filter((text) => text.includes('`c`')).length === 1);
    const shown = (await said.allInnerTexts()).slice(-TYPED.length);
    for (const [at, text] of TYPED.entries()) assert.deepEqual(lines(shown[at]), lines(text), JSON.stringify(text));
    await chat.page.locator('.person-name', { hasText: AGENT }).first().waitFor();
    await until('their picture', () => chat.page.locator('.face img').first().evaluate((face) => face.complete && face.naturalWidth > 0));
  });
  await step('what a bot writes', async () => {
    await hear({ uiType: 'OutputHtml', value: '<p>r&eacute;initialiser<br>deux &hellip;</p>' },
      { uiType: 'OutputText', value: 'closed.<br>Have a nice day' },
      { uiType: 'OutputText', value: 'see <a href="https://acme.example/kb?id=1&n=2">the article</a>' },
      { uiType: 'OutputText', value: 'Name: Anna\nDesk: 4' });
    await chat.see('Desk: 4');
    assert.deepEqual(lines(await chat.bubbles('réinitialiser').innerText()), ['réinitialiser', 'deux …']);
    assert.deepEqual(lines(await chat.bubbles('closed.').innerText()), ['closed.', 'Have a nice day']);
    assert.deepEqual(lines(await chat.bubbles('Name: Anna').last().innerText()), ['Name: Anna', 'Desk: 4']);
    const link = chat.page.getByRole('link', { name: 'the article' });
    assert.equal(await link.getAttribute('href'), 'https://acme.example/kb?id=1&n=2');
  });
  await step('pictures in messages', async () => {
    await hear({ uiType: 'OutputHtml', value: `<p>a dot <img src="${PICTURE}" alt="dot one"></p>` },
      { uiType: 'OutputText', value: `![dot two](${PICTURE})` }, { uiType: 'OutputImage', value: PICTURE, altText: 'dot three' });
    for (const name of ['dot one', 'dot two', 'dot three']) {
      const image = chat.page.getByRole('img', { name }).last();
      await until(name, () => image.evaluate((image) => image.complete && image.naturalWidth > 0));
    }
    assert.ok(!JSON.stringify(await chat.messages()).includes('base64'), 'pictures are linked to');
  });
  await step('buttons stay', async () => {
    await hear(picker('Which one?', [['Laptop', 'l'], ['Tablet', 't']]));
    await desk.say(id, 'Take your time.');
    await chat.see('Take your time.');
    await hear({ uiType: 'Boolean', label: 'And a bag?', options: [{ label: 'Yes', value: 'yes' }, { label: 'No', value: 'no' }] });
    await chat.see('And a bag?');
    await chat.say('laptop');
    const said = await told('l');
    assert.equal(said.typed, false, "the older question's label, in small letters");
    await chat.choose('No');
    await told('no');
  });
  await step('labels are no Markdown', async () => {
    await hear({ ...picker('Several?', [['1. First', 'f'], ['2. Second', 's'], ['*Third*', 't3']]), multiSelect: true });
    const second = chat.card().getByRole('checkbox', { name: '2. Second' });
    await second.check();
    await chat.card().getByRole('checkbox', { name: '*Third*' }).check();
    await chat.card().getByRole('button', { name: 'Senden', exact: true }).click();
    await told('s,t3');
  });
  await step('a file that is refused', async () => {
    const before = await answers();
    await hear({ uiType: 'FileUpload', label: 'A picture, please', itemType: 'image', maxCount: 1, maxSize: 1 });
    await chat.see('A picture, please');
    await chat.see('nur Bilder');
    await chat.page.locator('input[type=file]').setInputFiles({ name: 'notes.pdf', mimeType: 'application/pdf', buffer: Buffer.from('%PDF-1.4') });
    await chat.page.waitForTimeout(500);
    await chat.sendBox().fill('here');
    await chat.sendBox().press('Enter');
    await chat.see('notes.pdf ist kein Bild.');
    assert.equal(await answers(), before, 'nothing of it is at ServiceNow');
    const name = chat.page.locator('.webchat__bubble--from-user .webchat__fileContent__fileName').last();
    const colours = await name.evaluate((name) => [getComputedStyle(name).color, getComputedStyle(name.closest('.webchat__bubble__content')).backgroundColor]);
    assert.notEqual(...colours, "the file's name can be read");
  });
  await step('an answer that grows', async () => {
    const stream = (uiType, streamSequence, value) => ({ uiType, streamId: 'grows', streamSequence, value });
    const going = { streamActive: true, streamState: 'INPROGRESS' };
    await hear(stream('StreamStart', 1, 'Moment'), { streamActive: true, streamState: 'START' });
    // Web Chat shows no words of it yet.
    await chat.typing().waitFor();
    await hear(stream('StreamChunk', 2, 'Restart **the'), going);
    await chat.page.getByText('Restart').last().waitFor();
    await hear({ uiType: 'OutputText', value: 'Restart **the client**.', streamId: 'grows' }, { streamActive: false, streamState: 'END' });
    await chat.see('Restart the client.');
    assert.equal(await chat.bubbles('Restart the').count(), 1, 'it stands once');
  });
  await step('steps with their status', async () => {
    await desk.sample(id, 'progress');
    await chat.see('Wrote an answer (completed)');
    assert.equal(await chat.bubbles('Looked for articles').count(), 1, 'the steps stand in one place');
  });
  await step('typing goes on', async () => {
    await desk.typing(id, true);
    await chat.typing().waitFor();
    await chat.page.waitForTimeout(7_000);
    await chat.typing().waitFor();
    await desk.typing(id, false);
  });
  await step('masked and optional', async () => {
    await hear({ uiType: 'InputText', label: 'Code?', maskType: 'SECURE', required: false });
    await chat.card().getByText('Ihre Antwort bleibt verborgen').waitFor();
    await chat.card().getByRole('button', { name: 'Überspringen' }).click();
    await told('_skip_');
  });
  await step('the end, with a question in it', async () => {
    await hear(picker('Left open?', [['Open A', 'oa'], ['Open B', 'ob']]));
    await chat.see('Left open?');
    await hear({ uiType: 'Boolean', label: 'Was that all?', options: [{ label: 'Yes', value: 'y' }] }, { takeControl: true });
    await chat.see('Was that all?');
    await chat.see('Der Chat wurde beendet.');
  });
  await step('an old button', async () => {
    const before = await answers();
    await chat.page.locator('.ac-pushButton', { hasText: 'Open A' }).click();
    await chat.see('Diese Frage ist nicht mehr offen');
    assert.equal(await answers(), before, 'it went nowhere');
  });
  await step('an old button in a second chat', async () => {
    const second = await asked(chat, desk);
    const before = await answers();
    await chat.page.locator('.ac-pushButton', { hasText: 'Open B' }).click();
    await until('the line again', async () => (await chat.bubbles('Diese Frage ist nicht mehr offen').count()) === 2);
    assert.equal(await answers(), before, 'it went nowhere');
    await desk.end(second);
    await until('the end', async () => (await chat.bubbles('Der Chat wurde beendet.').count()) === 2);
  });
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

await inChromium('Every kind of message was read as it was said', async (demo, browser) => {
  const desk = new Desk(demo.serviceNow);
  const chat = await WebChat.open(await newWindow(browser, { locale: 'de-DE' }), demo.webChat);
  await german({ demo, chat, desk, step: steps({ rows: chat }) });
  await chat.page.close();
  const other = await WebChat.open(await newWindow(browser, { locale: 'ar-EG', colorScheme: 'dark' }), demo.webChat);
  await rightToLeft({ chat: other, desk, step: steps({ 'rows-rtl': other }) });
});
