// The background scripts, on stand-ins of the platform's objects.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';

import { instance, run } from './platform.mjs';

const settings = {
  dryRun: false,
  root: 'https://handoff.acme.example',
  responsesToken: 'RESPONSES-SECRET',
  messageToken: 'MESSAGE-SECRET',
  inboundId: '',
};
const ENDPOINT = 'https://handoff.acme.example/api/servicenow/responses';
const row = (world, table, name) => world.rows[table].find((row) => row.name === name);

test('an empty instance is set up whole, and a second run changes nothing that can be read', () => {
  const world = instance();
  const told = run('set-up.js', settings, { world });
  assert.equal(row(world, 'token_verification', 'servicenow-handoff').token, 'encrypted(14)');
  const auth = row(world, 'message_auth', 'servicenow-handoff');
  assert.equal(auth.inbound_message_verification, row(world, 'token_verification', 'servicenow-handoff').sys_id);
  const application = row(world, 'sys_cs_provider_application', 'VA Bot to Bot Provider Application');
  assert.equal(application.message_auth, auth.sys_id);
  const provider = row(world, 'sys_cs_provider', 'VA Bot to Bot Provider');
  assert.deepEqual([provider.maintain_message_ordering, provider.automatic_link_enabled], ['1', '1']);
  const property = row(world, 'sys_cs_custom_adapter_property', 'third_party_chat');
  assert.deepEqual([property.value, property.provider_app], ['true', application.sys_id]);
  assert.equal(row(world, 'sys_rest_message', 'VA Bot to Bot').rest_endpoint, ENDPOINT);
  const [method] = world.rows.sys_rest_message_fn;
  assert.deepEqual([method.function_name, method.rest_endpoint], ['postMessage', ENDPOINT]);
  assert.deepEqual(world.rows.sys_rest_message_fn_headers.map(({ name, value }) => [name, value]), [['token', 'RESPONSES-SECRET']]);
  assert.ok(!told.some((line) => line.startsWith('by hand')), told.join('\n'));
  assert.ok(!told.join().includes('SECRET'), 'no secret is printed');

  const before = JSON.stringify(world.rows);
  const again = run('set-up.js', settings, { world });
  assert.equal(JSON.stringify(world.rows), before);
  assert.ok(again.filter((line) => line.startsWith('change')).every((line) => line.includes('(a secret)')), again.join('\n'));
  assert.ok(!again.some((line) => line.startsWith('make')), again.join('\n'));
});

test('a dry run says what it would do and writes nothing', () => {
  const world = instance();
  const told = run('set-up.js', { ...settings, dryRun: true }, { world });
  assert.equal(world.writes, 0);
  assert.ok(told.some((line) => line.startsWith('would make: the token')), told.join('\n'));
  assert.ok(told.at(-1).includes('dryRun to false'));
});

test('a dry run says what a run then does', () => {
  for (const inboundId of ['', 'handoff']) {
    const world = instance();
    const planned = run('set-up.js', { ...settings, inboundId, dryRun: true }, { world });
    const done = run('set-up.js', { ...settings, inboundId }, { world });
    const what = (told, before) => told.filter((line) => line.startsWith(before)).map((line) => line.slice(before.length).replace(/ \(.*/, ''));
    for (const verb of ['make: ', 'change: ', 'by hand: ']) {
      const plan = what(planned, verb === 'by hand: ' ? verb : `would ${verb}`);
      assert.deepEqual(plan, what(done, verb), planned.join('\n'));
    }
  }
});

test('with an inbound id a provider application of our own is made, once', () => {
  const world = instance();
  run('set-up.js', { ...settings, inboundId: 'handoff' }, { world });
  run('set-up.js', { ...settings, inboundId: 'handoff' }, { world });
  const ours = world.rows.sys_cs_provider_application.filter((row) => row.inbound_id === 'handoff');
  assert.equal(ours.length, 1);
  assert.equal(ours[0].provider, world.rows.sys_cs_provider[0].sys_id);
  const stock = row(world, 'sys_cs_provider_application', 'VA Bot to Bot Provider Application');
  assert.equal(stock.message_auth, undefined, 'the stock one is left alone');
  assert.equal(ours[0].message_auth, row(world, 'message_auth', 'servicenow-handoff handoff').sys_id);
});

test('a second connector of the instance leaves the first one what it has', () => {
  for (const release of ['4.1', '4.0']) {
    const world = instance({ release });
    run('set-up.js', { ...settings, inboundId: 'one' }, { world });
    const before = JSON.stringify(world.rows);
    const second = { ...settings, root: 'https://other.acme.example', messageToken: 'ANOTHER', inboundId: 'two' };
    for (const told of [1, 2].map(() => run('set-up.js', second, { world }))) {
      assert.ok(told.some((line) => line.startsWith('by hand: answers go to ' + ENDPOINT)), told.join('\n'));
    }
    for (const [table, rows] of Object.entries(JSON.parse(before))) {
      for (const was of rows) {
        assert.deepEqual(world.rows[table].find((is) => is.sys_id === was.sys_id), was, table);
      }
    }
    const two = world.rows.sys_cs_provider_application.find((is) => is.inbound_id === 'two');
    assert.equal(two.message_auth, row(world, 'message_auth', 'servicenow-handoff two').sys_id);
  }
});

test('a provider application that is there keeps its name and provider', () => {
  const world = instance();
  world.rows.sys_cs_provider.push({ sys_id: 'theirs', name: 'ACME' });
  world.rows.sys_cs_provider_application.push({ sys_id: 'acme', name: 'ACME Teams bridge', provider: 'theirs', inbound_id: 'ACME' });
  for (const [inboundId, name, provider] of [
    ['VA_BOT_TO_BOT', 'VA Bot to Bot Provider Application', world.rows.sys_cs_provider[0].sys_id],
    ['ACME', 'ACME Teams bridge', 'theirs'],
  ]) {
    for (const told of [1, 2].map(() => run('set-up.js', { ...settings, inboundId }, { world }))) {
      assert.ok(!told.some((line) => line.startsWith('by hand')), told.join('\n'));
    }
    const found = world.rows.sys_cs_provider_application.find((row) => row.inbound_id === inboundId);
    assert.deepEqual([found.name, found.provider], [name, provider]);
    const auth = row(world, 'message_auth', `servicenow-handoff ${inboundId}`);
    assert.deepEqual([found.message_auth, auth.provider], [auth.sys_id, provider]);
  }
  assert.equal(world.rows.sys_cs_provider_application.length, 2);
});

test('what comes with the API is not made where it is missing or named otherwise', () => {
  for (const [table, release] of [['http_connection', '4.1'], ['sys_rest_message', '4.0'], ['sys_rest_message_fn', '4.0']]) {
    const world = instance({ release });
    world.rows[table] = [];
    const told = run('set-up.js', settings, { world });
    assert.equal(world.rows[table].length, 0);
    assert.ok(told.some((line) => line.startsWith('by hand: there is no ') && line.includes(` in ${table};`)), told.join('\n'));
  }
});

test('from API 4.1 on the Bot Connection gets the address, and what is left is said', () => {
  const world = instance({ release: '4.1' });
  const told = run('set-up.js', settings, { world });
  assert.equal(world.rows.http_connection[0].connection_url, ENDPOINT);
  assert.equal(world.rows.sys_rest_message[0].rest_endpoint, '');
  assert.ok(told.some((line) => line.startsWith('by hand: on the Bot Connection, under Attributes')), told.join('\n'));
});

test('what an instance names otherwise is left to a person, not guessed', () => {
  const world = instance();
  delete world.tables.sys_cs_provider.maintain_message_ordering;
  delete world.tables.sys_cs_custom_adapter_property;
  delete world.tables.message_auth.inbound_message_verification;
  const told = run('set-up.js', settings, { world });
  for (const hint of ['maintain_message_ordering', 'third_party_chat', 'inbound_message_verification']) {
    assert.ok(told.some((line) => line.startsWith('by hand') && line.includes(hint)), `${hint}: ${told.join('\n')}`);
  }
  assert.equal(world.rows.sys_cs_provider[0].automatic_link_enabled, '1', 'the rest is done');
});

test('a record that can\'t be looked for is left to a person, and those of others as they are', () => {
  const rows = [
    ['token_verification', 'name'],
    ['message_auth', 'name'],
    ['sys_cs_provider_application', 'name'],
    ['sys_cs_provider_application', 'inbound_id'],
    ['sys_cs_custom_adapter_property', 'name'],
    ['sys_rest_message', 'name'],
    ['sys_rest_message_fn', 'rest_message'],
    ['sys_rest_message_fn', 'function_name'],
    ['sys_rest_message_fn_headers', 'rest_message_function'],
    ['sys_rest_message_fn_headers', 'name'],
    ['http_connection', 'name', '4.1'],
  ];
  for (const [table, field, release = '4.0'] of rows) {
    const world = instance({ release });
    const { [field]: type, ...others } = world.tables[table];
    world.tables[table] = { ...others, label: type };
    world.rows[table] = world.rows[table].map(({ [field]: value, ...row }) => ({ ...row, label: value }));
    world.rows[table].push({ sys_id: 'teams', label: 'Teams', token: 'theirs', value: 'theirs', rest_endpoint: 'theirs' });
    const before = JSON.stringify(world.rows[table]);
    const told = run('set-up.js', { ...settings, inboundId: field === 'inbound_id' ? 'handoff' : '' }, { world });
    assert.equal(JSON.stringify(world.rows[table]), before, `${table}.${field}`);
    assert.ok(told.some((line) => line.startsWith(`by hand: ${table} has no field ${field} `)), told.join('\n'));
  }
});

test('what the provider application does not name is not written as nothing', () => {
  const world = instance();
  world.rows.message_auth.push({ sys_id: 'ours', name: 'servicenow-handoff', provider: 'theirs' });
  delete world.tables.sys_cs_provider_application.provider;
  delete world.rows.sys_cs_provider_application[0].provider;
  const told = run('set-up.js', settings, { world });
  assert.equal(row(world, 'message_auth', 'servicenow-handoff').provider, 'theirs');
  assert.ok(told.some((line) => line.includes('names no provider')), told.join('\n'));
});

test('without the API, an address or a token nothing is written', () => {
  const bare = instance();
  bare.rows.sys_cs_provider_application = [];
  for (const more of [{}, { messageToken: '' }, { inboundId: 'handoff' }]) {
    const told = run('set-up.js', { ...settings, ...more }, { world: bare });
    assert.ok(told.some((line) => line.includes('install the Virtual Agent API')), told.join('\n'));
    assert.equal(bare.writes, 0, told.join('\n'));
  }
  for (const missing of [
    { root: 'https://handoff.example.com/' }, { root: 'http://x' }, { root: 'https://handoff.acme.example\n' },
    { root: ENDPOINT }, { responsesToken: '' },
  ]) {
    const world = instance();
    const said = run('set-up.js', { ...settings, ...missing }, { world });
    assert.equal(world.writes, 0);
    assert.ok(said.some((line) => line.startsWith('stopped')), said.join('\n'));
  }
});

const BASIC = `Basic ${Buffer.from('snow:pass:word').toString('base64')}`;

test('the webhook is found open, closed, unreachable, or somebody else', () => {
  const connector = (request) => {
    assert.deepEqual([request.url, request.method, request.body], [ENDPOINT, 'post', '{}']);
    return request.headers.token === 'RESPONSES-SECRET' || request.headers.authorization === BASIC
      ? { status: 200, body: '{"known":false}' }
      : { status: 401, body: '{"error":{"code":"Unauthorized"}}' };
  };
  const rows = [
    [connector, 'Ready.', 'ok: the credential is let in'],
    [() => ({ status: 0, error: 'Unknown host' }), 'Not ready.', 'can\'t reach it (Unknown host)'],
    [() => ({ status: 503, body: '{}' }), 'Not ready.', 'neither RESPONSES_TOKEN nor RESPONSES_BASIC is set there'],
    [() => ({ status: 404 }), 'Not ready.', 'nothing is there'],
    [() => ({ status: 401, body: '<html>' }), 'Not ready.', 'something in front of the connector asks for a login'],
    [() => ({ status: 200, body: 'hello' }), 'Not ready.', 'something else is at this address'],
    [() => { throw new Error('blocked'); }, 'Not ready.', 'can\'t reach it (blocked)'],
  ];
  for (const [http, last, hint] of rows) {
    const told = run('test-webhook.js', settings, { http });
    assert.equal(told.at(-1), last, told.join('\n'));
    assert.ok(told.some((line) => line.includes(hint)), `${hint}: ${told.join('\n')}`);
    assert.ok(!told.join().includes('SECRET'));
  }
  for (const [responsesBasic, last] of [['snow:pass:word', 'Ready.'], ['', 'Not ready.']]) {
    const told = run('test-webhook.js', { ...settings, responsesToken: '', responsesBasic }, { http: connector });
    assert.equal(told.at(-1), last, told.join('\n'));
    assert.ok(!told.join().includes('pass:word'));
  }
});

test('the scripts are ES5, as scripts of the global scope are', () => {
  for (const script of ['set-up.js', 'test-webhook.js']) {
    const source = readFileSync(new URL(`../../servicenow/${script}`, import.meta.url), 'utf8')
      .replace(/^\s*\/\/.*$/gm, '').replace(/'(\\.|[^'\\])*'/g, "''");
    for (const newer of [/\blet\b/, /\bconst\b/, /=>/, /`/, /\.\.\./, /\bclass\b/, /\bfor \(var \w+ of\b/]) {
      assert.ok(!newer.test(source), `${script}: ${newer}`);
    }
  }
});
