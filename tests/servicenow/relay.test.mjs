// What docs/relay.md tells people to paste, on stand-ins of what Bot Interconnect gives it.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import vm from 'node:vm';

const page = readFileSync(new URL('../../docs/relay.md', import.meta.url), 'utf8');
const [parameters, transformer] = [...page.matchAll(/```js\n([\s\S]*?)```/g)].map(([, code]) => code.replace(/^ {3}/gm, ''));

/** The Script Include, before an answer of the relay's. */
function connects(activities) {
  class Stock { shouldConnectToAgent() { return false; } }
  const given = {
    Class: { create: () => function () {} },
    Object: Object.assign(Object.create(Object), { extendsObject: (base, more) => Object.assign(Object.create(base.prototype), more) }),
    sn_va_bot_ic: { DirectLinePrimaryBotIntegrationInboundTransformer: Stock },
  };
  const Transformer = vm.runInNewContext(`${transformer}\nCopilotInboundTransformer`, given);
  assert.equal(new Transformer().type, 'CopilotInboundTransformer', 'a Script Include names itself');
  return Object.assign(new Transformer(), { _response: { activities, watermark: '3' } }).shouldConnectToAgent();
}

test('a hand-off anywhere in the turn calls an agent, and nothing else does', () => {
  const said = { type: 'message', text: 'handoff.initiate', from: { role: 'bot' } };
  const handOff = { type: 'event', name: 'handoff.initiate', value: {} };
  assert.equal(connects([handOff]), true);
  assert.equal(connects([said, handOff, said]), true);
  for (const other of [said, { type: 'trace', name: 'handoff.initiate' }, { type: 'event', name: 'other' }, { type: 'event' }]) {
    assert.equal(connects([other]), false, JSON.stringify(other));
  }
  assert.equal(connects([]), false);
});

test('the parameters of the topic are JSON with a time-out above the longest turn', () => {
  const { timeout } = JSON.parse(vm.runInNewContext(parameters));
  const settings = readFileSync(new URL('../../local.settings.json.example', import.meta.url), 'utf8');
  const longest = Number(JSON.parse(settings).Values.RELAY_MAX_WAIT);
  assert.ok(timeout >= longest + 2000, `${timeout} above ${longest}`);
});

test('the scripts are ES5, as the platform runs them', () => {
  for (const newer of [/\blet\b/, /\bconst\b/, /=>/, /`/, /\bclass\b/]) assert.ok(!newer.test(parameters + transformer), String(newer));
});
