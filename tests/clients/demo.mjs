// Runs `handler demo` and knows what it prints.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { resolve as absolute } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

// The demo looks for Web Chat from here.
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const BUILT = ['release', 'debug'].map((profile) => absolute(ROOT, `target/${profile}/handler`));

// Starts the demo on a free port; HANDLER names the binary, else the last one built is taken.
export async function startDemo() {
  const handler = process.env.HANDLER ? absolute(process.env.HANDLER) : BUILT.find(existsSync);
  if (!handler) throw new Error('No handler; build it, or name it in HANDLER.');
  const port = await freePort();
  const child = spawn(handler, ['demo', '--port', String(port)], { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
  const root = `http://127.0.0.1:${port}`;
  const told = await toldAddresses(child);
  await until('the connector to answer', async () => (await fetch(`${root}/api/health`)).ok);
  return { root, ...told, stop: () => child.kill('SIGKILL') };
}

// The simulators choose their own ports, so the demo says where they are.
function toldAddresses(child) {
  const told = {};
  const lines = createInterface({ input: child.stdout });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`The demo ended with ${code}.`)));
    lines.on('line', (line) => {
      told.webChat ??= addressIn(line, 'web chat');
      told.tokenEndpoint ??= addressIn(line, 'token endpoint');
      told.serviceNow ??= addressIn(line, 'servicenow');
      if (told.tokenEndpoint && told.serviceNow) resolve(told);
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
export async function until(what, check, milliseconds = 20_000) {
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
