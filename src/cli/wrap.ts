/** Long lines, broken between words. */

const WIDTH = 110;

/** Breaks a line; the lines behind the first are indented. */
export function wrap(text: string, indent = 2): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/ (?! )/)) {
    if (line !== '' && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = ' '.repeat(indent) + word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].join('\n');
}
