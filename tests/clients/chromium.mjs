// A browser with the demo in it, for the tests that click.

import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { chromium } from 'playwright-core';

import { ROOT, startDemo } from './demo.mjs';

const PATIENCE = 60_000;
export const PICTURES = join(ROOT, 'target', 'browser');
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];

// Starts the demo and a browser, lets `run` work with them, and says how long it took.
export async function inChromium(what, run) {
  const demo = await startDemo();
  await withBrowser(what, [demo], (browser) => run(demo, browser));
}

// As `inChromium`, beside what runs already and is stopped at the end.
export async function withBrowser(what, running, run) {
  const started = Date.now();
  mkdirSync(PICTURES, { recursive: true });
  let browser;
  try {
    browser = await chromium.launch({ executablePath: findChromium(), args: FLAGS });
    await run(browser);
    console.log(`${what} in ${Math.round((Date.now() - started) / 1000)} s; pictures in ${PICTURES}.`);
  } catch (error) {
    console.error(error);
    process.exitCode = 1;
  } finally {
    await browser?.close();
    for (const one of running) one.stop();
  }
}

// Runs steps one by one and leaves pictures of each, of the failed one too. `pages`: under what name, which.
export function steps(pages) {
  let number = 0;
  return async (name, run) => {
    number += 1;
    const pictures = Object.entries(pages).map(([page, shown]) => {
      const file = `${page}-${String(number).padStart(2, '0')}-${name.replaceAll(' ', '-')}.png`;
      return [shown, join(PICTURES, file)];
    });
    try {
      await run();
    } catch (error) {
      const files = pictures.map(([, file]) => file).join(' and ');
      throw new Error(`The step “${name}” failed; see ${files}`, { cause: error });
    } finally {
      for (const [shown, path] of pictures) {
        await shown.settle();
        await shown.page.screenshot({ path });
      }
    }
  };
}

function findChromium() {
  const candidates = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser'];
  const found = candidates.find((path) => path && existsSync(path));
  if (!found) throw new Error('No Chromium: apt-get install chromium, or name one in CHROMIUM.');
  return found;
}

// A person of their own, with a window of their own.
export async function newWindow(browser, options = {}) {
  const context = await browser.newContext({ locale: 'en-US', ...options });
  context.setDefaultTimeout(PATIENCE);
  return context;
}
