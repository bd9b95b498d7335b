// What a person and a bot say.

import assert from 'node:assert/strict';

import { until } from '../demo.mjs';
import { lines } from '../texts.mjs';
import { AGENT } from './row.mjs';

// One pixel.
const PICTURE = 'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const TYPED = [
  'C:\\Users\\anna\\.config', '\\\\fileserver\\dept_share', '__init__.py', 'Name: Anna\nDesk: 4\nPhone: 1', '1. one\n- two\n# three\n> four\n---',
  'a | b\n--|--\n1 | 2', '<b and c> a < b <script>alert(1)</script> &amp; &eacute;', '$$x$$ $_$ \\(y\\) [x](y) [^1] ~~z~~ it\'s "so" (c) --- ...',
  '- [ ] task\n```\nfence', 'e\u0301 👨\u200d👩‍👧 \u05e9\u05dc\u05d5\u05dd \u202eabc\u202c', '*a* _b_ `c`\rd',
];

export async function said({ chat, desk, step, hear, id }) {
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
    await hear({ uiType: 'OutputText', value: '<ul><li>one<li>CO<sub>2</sub></ul>' }, { uiType: 'OutputText', value: 'Here', agentInfo: { sentFromAgent: true, agentName: 'B_o_b *x*' } });
    await chat.see('B_o_b *x*');
    await chat.page.locator('.person-name', { hasText: 'B_o_b *x*' }).waitFor();
    await chat.page.locator('.webchat__bubble__content li', { hasText: 'CO₂' }).waitFor();
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
    assert.ok(!JSON.stringify(await chat.messages()).includes(PICTURE), 'pictures are linked to');
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
  // Shown once nothing more has come for a while: looked for below.
  await hear({ uiType: 'StreamStart', streamId: 'lost', streamSequence: 1, value: '' }, { streamActive: true, streamState: 'START' });
  await hear({ uiType: 'StreamChunk', streamId: 'lost', streamSequence: 2, value: 'The end of this is lost.' }, { streamActive: true, streamState: 'INPROGRESS' });
  await step('steps with their status', async () => {
    await desk.sample(id, 'progress');
    await chat.see('Wrote an answer (completed)');
    assert.equal(await chat.bubbles('Looked for articles').count(), 1, 'the steps stand in one place');
  });
  await step('typing goes on', async () => {
    await desk.typing(id, true);
    await chat.typing().waitFor();
    await chat.page.waitForTimeout(12_000);
    await chat.typing().waitFor();
    await desk.typing(id, false);
  });
  await step('an answer whose end is lost', async () => {
    const whole = async () => (await chat.messages()).filter(({ text }) => text?.startsWith('The end of this is lost')).length === 1;
    await until('it as a message', whole);
    assert.equal(await chat.bubbles('The end of this is lost.').count(), 1, 'it stands once');
  });
}
