/** Several guests on one terminal: who hears the keys, and how their lines share the screen. */

import { EventEmitter } from 'node:events';
import { describe, expect, test } from 'vitest';
import { PrefixedWriter, SharedOutput } from '../../src/cli/prefixed-output.ts';
import { ByteWriter } from '../../src/cli/serial-output.ts';
import { type RawInput, Terminal, type TerminalLine } from '../../src/cli/terminal.ts';

/** A terminal with guests of these names; `log` has what each heard and what was shown. */
function connect(names: readonly string[], preferred?: string) {
  const log: string[] = [];
  const raw: boolean[] = [];
  const stdin = Object.assign(new EventEmitter(), {
    setRawMode: (mode: boolean) => raw.push(mode),
    pause: () => {},
  });
  const terminal = new Terminal(preferred, () => stdin as unknown as RawInput);
  const lines = names.map((name) =>
    terminal.connect({
      name,
      send: (bytes) => log.push(`${name} < ${Buffer.from(bytes).toString()}`),
      show: (message) => log.push(message),
      leave: () => log.push('left'),
    }),
  );
  const type = (text: string): boolean => stdin.emit('data', Buffer.from(text));
  return { lines, log, raw, type };
}

describe('keys', () => {
  test('of a guest alone', () => {
    const { lines, log, raw, type } = connect(['']);
    type('a\x03\x01\x01b\x01n\x011\x01x');
    expect(log).toEqual([' < a\x03\x01b', 'left']);
    lines[0]?.close();
    expect(raw).toEqual([true, false]);
  });

  test('go to the one that is chosen', () => {
    const { log, type } = connect(['a', 'b', 'c'], 'b');
    type('1\x01n2\x01n3\x012');
    type('4');
    const passed = (name: string): string => `[keys go to ${name}]`;
    expect(log).toEqual([
      'b < 1',
      passed('c'),
      'c < 2',
      passed('a'),
      'a < 3',
      passed('b'),
      'b < 4',
    ]);
  });

  test('go to the next when a guest has ended', () => {
    const { lines, log, raw, type } = connect(['a', 'b']);
    lines[0]?.close();
    type('1\x0112');
    expect(log).toEqual(['[keys go to b]', 'b < 1', '[a has ended]', 'b < 2']);
    expect(raw).toEqual([true]);
    lines[1]?.close();
    expect(raw).toEqual([true, false]);
  });

  test('wake who waits for them', async () => {
    const { lines, type } = connect(['a', 'b']);
    const keyOf = (line: TerminalLine | undefined): Promise<void> | undefined => line?.key();
    const heard = keyOf(lines[0]);
    type('x');
    await heard;
  });

  test('the help tells whom they go to', () => {
    const { log, type } = connect(['a', 'b']);
    type('\x01h');
    expect(log[0]).toContain('1 a, 2 b');
    expect(log[0]).toMatch(/\[keys go to a\]$/);
  });
});

/** A screen of so many columns, 0 for a pipe, and writers of a and b; keys go to `reader`. */
function share(columns: number) {
  let text = '';
  const out = new ByteWriter((bytes) => {
    text += Buffer.from(bytes).toString();
  });
  const shared = new SharedOutput(out, () => columns);
  const state = { reader: 'a' };
  const writer = (name: string) => {
    const own = new PrefixedWriter(shared, name, () => columns > 0 && state.reader === name);
    const say = (line: string): void => {
      for (const byte of Buffer.from(line)) own.put(byte);
      own.flush();
    };
    return { own, say };
  };
  return { a: writer('a'), b: writer('b'), state, text: () => text };
}

describe('lines', () => {
  test('of a pipe are whole', () => {
    const { a, b, text } = share(0);
    a.say('on');
    b.say('two\n');
    a.say('e\n');
    a.say('rest');
    a.own.close();
    expect(text()).toBe('b| two\na| one\na| rest\n');
  });

  test('a prompt stays below what others say', () => {
    const { a, b, text } = share(80);
    a.say('> ');
    b.say('tick\n');
    a.say('x\n');
    expect(text()).toBe('a| > \r\x1b[Kb| tick\na| > x\n');
  });

  test('a line that is longer than the screen is broken', () => {
    const { a, b, text } = share(10);
    a.say('123456789');
    b.say('tick\n');
    a.say('0\n');
    expect(text()).toBe('a| 123456789\nb| tick\na| 0\n');
  });

  test('the prompt of who gets the keys is shown again', () => {
    const { a, b, state, text } = share(80);
    a.say('> ');
    b.say('$ ');
    state.reader = 'b';
    a.own.interrupt();
    b.own.flush();
    b.say('ls\n');
    expect(text()).toBe('a| > \nb| $ ls\n');
    state.reader = 'a';
    a.own.flush();
    expect(text()).toBe('a| > \nb| $ ls\na| > ');
  });

  test('much without an end is not kept', () => {
    const { a, text } = share(80);
    for (let n = 0; n < 10; n++) a.say('x'.repeat(3000));
    a.own.close();
    expect(text()).toBe(`a| ${'x'.repeat(30000)}\n`);
  });
});
