// What is asked, and what becomes of the answers.

import assert from 'node:assert/strict';

import { until } from '../demo.mjs';
import { asked, countOf, picker, told } from './row.mjs';

// One pixel.
const DOT = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const choices = (...labels) => labels.map((label) => ({ label, value: label.toLowerCase() }));

export async function questions({ chat, desk, step, hear, id }) {
  await step('buttons stay', async () => {
    await hear(picker('Which one?', [['Laptop', 'l'], ['Tablet', 't']]),
      { uiType: 'Boolean', label: 'And a bag?', options: choices('Yes', 'No') },
      { uiType: 'TopicPickerControl', promptMsg: 'Or a topic?', label: 'Topics', options: choices('Phones', 'Faults') },
      { ...picker('Which building?', [['North', 'n'], ['South', 's']]), required: false },
      { uiType: 'MultiPartOutput', navigationBtnLabel: 'Go on', content: { uiType: 'OutputText', value: 'The first part.' } });
    await chat.see('The first part.');
    for (const line of ['Take your time.', 'I am here.']) await desk.say(id, line);
    await chat.see('I am here.');
    await chat.say('laptop');
    const said = await told(desk, 'l');
    assert.equal(said.typed, false, "the oldest question's label, in small letters");
    for (const [button, answer] of [['Go on', 'click_for_more'], ['Überspringen', '_skip_'], ['Phones', 'phones'], ['No', 'no']]) {
      await chat.page.getByRole('button', { name: button, exact: true }).last().click();
      assert.equal((await told(desk, answer)).typed, false, button);
    }
  });
  await step('labels are no Markdown', async () => {
    await hear({ ...picker('Several?', [['1. First', 'f'], ['2. Second', 's'], ['*Third*', 't3']]), multiSelect: true });
    const second = chat.card().getByRole('checkbox', { name: '2. Second' });
    await second.check();
    await chat.card().getByRole('checkbox', { name: '*Third*' }).check();
    await chat.card().getByRole('button', { name: 'Senden', exact: true }).click();
    await told(desk, 's,t3');
    await hear({ uiType: 'OutputTable', label: 'Plan <x> end', headers: ['*Head*', 'a | b'], data: [['1. one', '<b and c> &amp; _y_']] });
    await chat.card().getByText('Plan <x> end', { exact: true }).waitFor();
    for (const cell of ['*Head*', 'a | b', '1. one', '<b and c> &amp; _y_']) await chat.card().getByText(cell, { exact: true }).waitFor();
  });
  await step('masked and optional', async () => {
    await hear({ uiType: 'InputText', label: 'Code?', maskType: 'SECURE', required: false });
    await chat.card().getByText('Ihre Antwort bleibt verborgen').waitFor();
    await chat.card().getByRole('button', { name: 'Überspringen' }).click();
    await told(desk, '_skip_');
  });
}

export async function files({ chat, desk, step, hear }) {
  await step('a file that is refused', async () => {
    const before = await countOf(desk);
    await hear({ uiType: 'FileUpload', label: 'A picture, please', itemType: 'image', maxCount: 1, maxSize: 1 });
    await chat.see('A picture, please');
    await chat.see('nur Bilder');
    await chat.page.locator('input[type=file]').setInputFiles({ name: 'notes.pdf', mimeType: 'application/pdf', buffer: Buffer.from('%PDF-1.4') });
    await chat.page.waitForTimeout(500);
    await chat.sendBox().fill('here');
    await chat.sendBox().press('Enter');
    await chat.see('notes.pdf ist kein Bild.');
    assert.equal(await countOf(desk), before, 'nothing of it is at ServiceNow');
    await chat.page.locator('input[type=file]').setInputFiles(
      ['one.png', 'two.png'].map((name) => ({ name, mimeType: 'image/png', buffer: Buffer.from(DOT, 'base64') })));
    await chat.page.waitForTimeout(500);
    await chat.sendBox().fill('both');
    await chat.sendBox().press('Enter');
    await chat.see('höchstens');
    assert.deepEqual([await desk.uploads(), await countOf(desk)], [[], before], 'of two where one is wanted none is sent on');
    const name = chat.page.locator('.webchat__bubble--from-user .webchat__fileContent__fileName').last();
    const colours = await name.evaluate((name) => [getComputedStyle(name).color, getComputedStyle(name.closest('.webchat__bubble__content')).backgroundColor]);
    assert.notEqual(...colours, "the file's name can be read");
  });
}

export async function closed({ chat, desk, step, hear, id }) {
  await step('the end, with a question in it', async () => {
    await hear(picker('Left open?', [['Open A', 'oa'], ['Open B', 'ob']]));
    await chat.see('Left open?');
    await desk.sample(id, 'actionable notification');
    await chat.page.locator('.ac-pushButton', { hasText: 'Approve' }).waitFor();
    await hear({ uiType: 'Boolean', label: 'Was that all?', options: choices('Quite', 'Not yet') }, { takeControl: true });
    await chat.see('Was that all?');
    await chat.see('Der Chat wurde beendet.');
    assert.equal(await chat.page.locator('.ac-pushButton', { hasText: 'Quite' }).count(), 0, 'nobody would hear an answer');
  });
  const told = 'Diese Frage ist nicht mehr offen';
  await step('old buttons', async () => {
    const before = await countOf(desk);
    for (const [at, button] of ['Open A', 'Approve'].entries()) {
      await chat.page.locator('.ac-pushButton', { hasText: button }).click();
      await until('the line', async () => (await chat.bubbles(told).count()) === at + 1);
    }
    assert.equal(await countOf(desk), before, 'they went nowhere');
  });
  await step('an old button in a second chat', async () => {
    const second = await asked(chat, desk);
    const before = await countOf(desk);
    await chat.page.locator('.ac-pushButton', { hasText: 'Open B' }).click();
    await until('the line again', async () => (await chat.bubbles(told).count()) === 3);
    assert.equal(await countOf(desk), before, 'it went nowhere');
    await desk.end(second);
    await until('the end', async () => (await chat.bubbles('Der Chat wurde beendet.').count()) === 2);
  });
}
