/** Condition codes as %+1 and %-1 know them, and their opposites (NASM manual 4.5.9). */

const PAIRS = 'a-na ae-nae b-nb be-nbe c-nc e-ne g-ng ge-nge l-nl le-nle o-no p-np pe-po s-ns z-nz';
const WITHOUT_OPPOSITE = ['cxz', 'ecxz', 'rcxz'];

const OPPOSITES = new Map<string, string>();
for (const pair of PAIRS.split(' ')) {
  const [code = '', opposite = ''] = pair.split('-');
  OPPOSITES.set(code, opposite);
  OPPOSITES.set(opposite, code);
}

export function isCondition(name: string): boolean {
  return OPPOSITES.has(name) || WITHOUT_OPPOSITE.includes(name);
}

/** Undefined for codes that have no opposite. */
export function invertCondition(name: string): string | undefined {
  return OPPOSITES.get(name);
}
