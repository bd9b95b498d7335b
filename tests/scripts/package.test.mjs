// The hooks of `azd up`: where the package comes from, and that it reaches the app.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';

const SCRIPTS = new URL('../../scripts/', import.meta.url);
const ZIP = 'target/servicenow-handoff.zip';

/** A project with the two scripts and nothing else, and programs of its own before those of this machine. */
function project(programs = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'package-'));
  mkdirSync(join(folder, 'scripts'));
  mkdirSync(join(folder, 'bin'));
  for (const script of ['get-package', 'deploy-package']) cpSync(new URL(script, SCRIPTS), join(folder, 'scripts', script));
  for (const [name, text] of Object.entries(programs)) {
    writeFileSync(join(folder, 'bin', name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(folder, 'bin', name), 0o755);
  }
  return folder;
}

function run(folder, script, environment = {}) {
  const env = { PATH: `${folder}/bin:/usr/bin:/bin`, ...environment };
  const child = spawn(join(folder, 'scripts', script), { env });
  let told = '';
  child.stdout.on('data', (data) => { told += data; });
  child.stderr.on('data', (data) => { told += data; });
  return new Promise((resolve) => { child.on('close', (code) => resolve({ code, told })); });
}

async function release(bytes, checksum, query = '') {
  const server = createServer((request, response) => {
    if (request.url === `/package.zip${query}`) response.end(bytes);
    else if (checksum && request.url === `/package.zip.sha256${query}`) response.end(`${checksum}  package.zip\n`);
    else response.writeHead(404).end();
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  return { server, url: `http://127.0.0.1:${server.address().port}/package.zip${query}` };
}

test('a release is fetched, and kept only when its checksum is right', async () => {
  const right = createHash('sha256').update('a package').digest('hex');
  const rows = [
    [right, '', 0, /its checksum is right/],
    [right, '?sv=1&sig=x%3D', 0, /its checksum is right/],
    [right.toUpperCase(), '', 0, /its checksum is right/],
    [`${right}\r`, '', 0, /its checksum is right/],
    ['0'.repeat(64), '', 1, /another checksum/],
    [' ', '', 1, /is no SHA-256 checksum/],
    [right.slice(1), '', 1, /is no SHA-256 checksum/],
    [null, '?sig=x', 1, /No checksum came from http:[^?]*\/package\.zip\.sha256: put one there/],
  ];
  for (const [checksum, query, code, says] of rows) {
    const { server, url } = await release('a package', checksum, query);
    const folder = project();
    const outcome = await run(folder, 'get-package', { PACKAGE_URL: url });
    server.close();
    assert.equal(outcome.code, code, outcome.told);
    assert.match(outcome.told, says);
    assert.equal(existsSync(join(folder, ZIP)), code === 0);
    assert.ok(!existsSync(join(folder, `${ZIP}.part`)));
  }
});

test('a package that is there is kept only as long as it is the one at the address', async () => {
  const right = createHash('sha256').update('a package').digest('hex');
  for (const [there, says] of [['a package', /is the package at PACKAGE_URL already/], ['an older one', /fetched/]]) {
    const { server, url } = await release('a package', right, '');
    const folder = project();
    mkdirSync(join(folder, 'target'));
    writeFileSync(join(folder, ZIP), there);
    const outcome = await run(folder, 'get-package', { PACKAGE_URL: url });
    server.close();
    assert.equal(outcome.code, 0, outcome.told);
    assert.match(outcome.told, says);
    assert.equal(readFileSync(join(folder, ZIP), 'utf8'), 'a package');
  }
});

test('azd is told of a missing Azure CLI before anything is made', async () => {
  const [, hook] = readFileSync(new URL('../azure.yaml', SCRIPTS), 'utf8').match(/preprovision:[^]*?run: \|\n([^]*?)\n {2}\w/);
  for (const [programs, code, says] of [[{}, 1, /Install the Azure CLI/], [{ az: 'true' }, 0, /^$/]]) {
    const folder = project(programs);
    writeFileSync(join(folder, 'scripts', 'get-package'), '#!/bin/sh\n');
    const child = spawn('/bin/sh', ['-euc', hook], { cwd: folder, env: { PATH: join(folder, 'bin') } });
    let told = '';
    child.stderr.on('data', (data) => { told += data; });
    assert.equal(await new Promise((resolve) => { child.on('close', resolve); }), code, told);
    assert.match(told, says);
  }
});

test('a package that is there is taken, and without any way to one that is said', async () => {
  const folder = project();
  const nothing = await run(folder, 'get-package');
  assert.equal(nothing.code, 1);
  assert.match(nothing.told, /set PACKAGE_URL/);
  mkdirSync(join(folder, 'target'));
  writeFileSync(join(folder, ZIP), 'mine');
  const there = await run(folder, 'get-package');
  assert.equal(there.code, 0, there.told);
});

test('the package goes to the app that was made, and without an app nothing does', async () => {
  const folder = project({ az: `echo "$@" > "${'$'}(dirname "$0")/asked"` });
  mkdirSync(join(folder, 'target'));
  writeFileSync(join(folder, ZIP), 'mine');
  const lost = await run(folder, 'deploy-package', { AZURE_RESOURCE_GROUP: 'rg-handoff' });
  assert.notEqual(lost.code, 0);
  assert.match(lost.told, /AZURE_FUNCTION_APP_NAME/);
  const done = await run(folder, 'deploy-package', { AZURE_RESOURCE_GROUP: 'rg-handoff', AZURE_FUNCTION_APP_NAME: 'handoff-1' });
  assert.equal(done.code, 0, done.told);
  const asked = readFileSync(join(folder, 'bin/asked'), 'utf8');
  assert.match(asked, /config-zip --resource-group rg-handoff --name handoff-1 --src target\/servicenow-handoff.zip/);
});
