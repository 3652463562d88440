import { describe, expect, test } from 'vitest';
import { progressPrinter } from '../../plugin/admin/index.ts';

const open = (terminal: { readonly isTTY: boolean; readonly columns?: number }) => {
  let text = '';
  let now = 0;
  const output = { ...terminal, write: (part: string) => (text += part) };
  const printer = progressPrinter(output, () => now);
  return { printer, text: () => text, wait: (ms: number) => (now += ms) };
};

describe('progress of a long command', () => {
  test('on a terminal is one line that is written over, cut to its width, and gone at the end', () => {
    const { printer, text } = open({ isTTY: true, columns: 24 });
    printer.report({ step: 'write', rows: 1 });
    printer.report({ step: 'write', table: 'submission', rows: 123_456 });
    printer.end();
    expect(text()).toBe('\r\u001B[Kstep write · rows 1\r\u001B[Kstep write · table subm\r\u001B[K');
  });

  test('elsewhere is a line every five seconds, and nothing for what is done sooner', () => {
    const { printer, text, wait } = open({ isTTY: false });
    for (let rows = 0; rows < 12; rows += 1) {
      printer.report({ rows });
      wait(1_000);
    }
    printer.end();
    expect(text()).toBe('rows 5\nrows 10\n');
  });

  test('never writes what would steer a terminal', () => {
    const { printer, text, wait } = open({ isTTY: false });
    wait(6_000);
    printer.report({ file: 'a\u001B[2Jb', nested: { done: 1 } });
    expect(text()).toBe('file a [2Jb · nested {"done":1}\n');
  });
});
