// What the rows have in common: what is posted as ServiceNow would, what is asked, what has arrived.

import assert from 'node:assert/strict';

import { until } from '../demo.mjs';

export const AGENT = 'Ana Agent';

// Posts what ServiceNow would.
export function webhook(demo, desk) {
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

export const picker = (label, options) => ({
  uiType: 'Picker', label, itemType: 'List', options: options.map(([label, value]) => ({ label, value, enabled: true })),
});

// Calls a person, who comes; the chat at their desk.
export async function asked(chat, desk) {
  await chat.say('agent');
  const { id } = await until('the chat to reach the desk', () => desk.chat('queued'));
  await desk.accept(id, AGENT);
  return id;
}

export const told = (desk, text) =>
  until(`“${text}” at ServiceNow`, async () => (await desk.messages()).find((said) => said.text === text));

export const countOf = async (desk) => (await desk.messages()).length;
