// The demo's own two pages, worked with the keyboard alone.

import assert from 'node:assert/strict';

import { until } from './demo.mjs';

// More than any of the pages has to tab through.
const STOPS = 60;

export class Keyboard {
  page;

  static async open(context, address, width) {
    const page = await context.newPage();
    await page.setViewportSize({ width, height: 760 });
    await page.goto(address);
    return new Keyboard(page);
  }

  constructor(page) {
    this.page = page;
  }

  // Keys go to the page in front only, and to nobody until the browser has brought it there.
  async #toFront() {
    await this.page.bringToFront();
    await this.page.evaluate(() => {
      window.heard = false;
      document.addEventListener('keydown', () => { window.heard = true; }, { once: true, capture: true });
    });
    await until('the page to hear the keyboard', async () => {
      await this.page.keyboard.press('Shift');
      return this.page.evaluate(() => window.heard);
    });
  }

  // Tabs to an element.
  async reach(selector) {
    await this.#toFront();
    for (let stop = 0; stop < STOPS; stop += 1) {
      if (await this.page.evaluate((wanted) => document.activeElement.matches(wanted), selector)) return;
      await this.page.keyboard.press('Tab');
    }
    assert.fail(`the keyboard does not reach ${selector}`);
  }

  async press(selector) {
    await this.reach(selector);
    await this.page.keyboard.press('Enter');
  }

  async type(selector, text) {
    await this.reach(selector);
    await this.page.keyboard.type(text);
    await this.page.keyboard.press('Enter');
  }

  see(selector, text) {
    return this.page.locator(selector).filter({ hasText: text }).last().waitFor();
  }

  // These pages scroll at once.
  async settle() {}
}
