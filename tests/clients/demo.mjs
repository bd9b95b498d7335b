// Runs `handler demo` and knows what it prints.

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve as absolute } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

// The demo looks for Web Chat from here.
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const BUILT = ['release', 'debug'].map((profile) => absolute(ROOT, `target/${profile}/handler`));

// Starts the demo on a free port; HANDLER names the binary, else the last one built is taken.
export async function startDemo() {
  const port = await freePort();
  const child = spawn(findHandler(), ['demo', '--port', String(port)], { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
  const root = `http://127.0.0.1:${port}`;
  const told = await toldAddresses(child);
  await until('the connector to answer', async () => (await fetch(`${root}/api/health`)).ok);
  return { root, ...told, stop: () => child.kill('SIGKILL') };
}

// Starts the far ends and a connector of its own before them, with these settings besides.
export async function startApart(settings) {
  const folder = mkdtempSync(join(tmpdir(), 'servicenow-handoff-clients-'));
  const ports = ['--copilot-port', String(await freePort()), '--servicenow-port', String(await freePort())];
  const far = spawn(findHandler(), ['simulate', ...ports], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'], env: {} });
  const printed = {};
  const told = await toldAddresses(far, printed);
  const root = `http://127.0.0.1:${await freePort()}`;
  const env = { ...printed, STORE: `sqlite:${join(folder, 'handoff.db')}`, LOG: 'warn', LISTEN: new URL(root).host, ...settings };
  const connector = spawn(findHandler(), ['serve'], { cwd: folder, stdio: ['ignore', 'inherit', 'inherit'], env });
  const url = `${root}/api/servicenow/responses`;
  await fetch(`${told.serviceNow}/simulator/response-url`, { method: 'POST', body: JSON.stringify({ url }) });
  await until('the connector to answer', async () => (await fetch(`${root}/api/health`)).ok);
  const stop = () => {
    for (const child of [connector, far]) child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  };
  return { root, ...told, stop };
}

function findHandler() {
  const handler = process.env.HANDLER ? absolute(process.env.HANDLER) : BUILT.find(existsSync);
  if (!handler) throw new Error('No handler; build it, or name it in HANDLER.');
  return handler;
}

// The simulators choose their own ports, so the demo says where they are.
function toldAddresses(child, settings = {}) {
  const told = {};
  const lines = createInterface({ input: child.stdout });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`The demo ended with ${code}.`)));
    lines.on('line', (line) => {
      told.webChat ??= addressIn(line, 'web chat');
      told.tokenEndpoint ??= addressIn(line, 'token endpoint');
      told.serviceNow ??= addressIn(line, 'servicenow');
      const [, name, value] = line.match(/^\s+([A-Z_]+)=(.*)$/) ?? [];
      if (name) settings[name] = value;
      if (told.tokenEndpoint && told.serviceNow && (child.spawnargs[1] === 'demo' || line.includes('Ctrl+C'))) resolve(told);
    });
  });
}

function addressIn(line, label) {
  const at = line.toLowerCase().indexOf(`${label}:`);
  return at < 0 ? undefined : line.slice(at + label.length + 1).match(/https?:\/\/\S+/)?.[0];
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

// Waits for something to become true, and says what it was when it does not.
export async function until(what, check, milliseconds = 60_000) {
  const deadline = Date.now() + milliseconds;
  let last;
  while (Date.now() < deadline) {
    try {
      const found = await check();
      if (found) return found;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`Waited in vain for ${what}.`, { cause: last });
}
