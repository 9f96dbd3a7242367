/**
 * Names for addresses: which symbol an address belongs to, and how far into it. One table serves
 * explanations, disassembly and traces.
 *
 * A symbol reaches to its end if its size is known; one of hand-written assembly has none, and reaches to
 * the next symbol, but not beyond its section. Symbols may lie within one another (a label in a function):
 * the innermost names the address. Of several at one address the most telling is taken.
 */

export interface CodeSymbol {
  readonly name: string;
  readonly address: bigint;
  /** 0 where it is not known. */
  readonly size?: bigint;
  /** End of its section, where that is known. */
  readonly sectionEnd?: bigint;
  /** Undefined where the source does not tell. */
  readonly kind?: 'code' | 'data' | undefined;
  readonly isLocal?: boolean;
}

/** Where a part of the image lies in physical memory, and where it is linked to run. */
export interface LoadedRange {
  readonly physical: bigint;
  readonly virtual: bigint;
  readonly size: bigint;
}

/** A symbol and a place in it. */
export interface Found {
  readonly symbol: CodeSymbol;
  readonly offset: bigint;
}

/** How far a symbol without a size reaches where no section ends it. */
const REACH = 0x10000n;

interface Entry {
  readonly symbol: CodeSymbol;
  readonly end: bigint;
  /** Index of the innermost entry before this one that reaches beyond its start; -1 if none. */
  readonly outer: number;
}

/** Symbols by address. */
export class SymbolTable {
  /** One symbol an address, in the order of addresses. */
  readonly symbols: readonly CodeSymbol[];
  readonly #entries: readonly Entry[];
  readonly #loaded: readonly LoadedRange[];

  /**
   * `loaded` are the parts that do not lie at the addresses which their symbols have: code that runs
   * before paging is on is named all the same.
   */
  constructor(symbols: Iterable<CodeSymbol>, loaded: readonly LoadedRange[] = []) {
    this.symbols = onePerAddress([...symbols].sort(byAddress));
    this.#entries = nest(this.symbols);
    this.#loaded = loaded;
  }

  /** `name` or `name+0x12`; undefined for an address that belongs to no symbol. */
  name(address: bigint): string | undefined {
    const found = this.find(address);
    if (found === undefined) return undefined;
    const { symbol, offset } = found;
    return offset === 0n ? symbol.name : `${symbol.name}+0x${offset.toString(16)}`;
  }

  /** The symbol that `address` belongs to, and how far behind its start that is. */
  find(address: bigint): Found | undefined {
    const found = this.#findLinked(address);
    if (found !== undefined) return found;
    const range = this.#loaded.find(
      ({ physical, size }) => address >= physical && address < physical + size,
    );
    return range && this.#findLinked(address - range.physical + range.virtual);
  }

  /** The names of addresses at which symbols begin. */
  labels(): ReadonlyMap<bigint, string> {
    return new Map(this.symbols.map(({ address, name }) => [address, name]));
  }

  #findLinked(address: bigint): Found | undefined {
    let index = this.#lastUpTo(address);
    for (;;) {
      const entry = this.#entries[index];
      if (entry === undefined) return undefined;
      const { symbol, end, outer } = entry;
      if (address < end) return { symbol, offset: address - symbol.address };
      index = outer;
    }
  }

  /** Index of the last entry that begins at or below `address`; -1 if none does. */
  #lastUpTo(address: bigint): number {
    let [low, high] = [0, this.#entries.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.symbols[middle]?.address ?? 0n) <= address) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

/** Addresses rise; of one address the most telling symbol comes first. */
function byAddress(a: CodeSymbol, b: CodeSymbol): number {
  if (a.address !== b.address) return a.address < b.address ? -1 : 1;
  return rank(a) - rank(b);
}

/** Lower is more telling: functions, then what is seen from outside, then labels that are not local ones. */
function rank({ name, size = 0n, kind, isLocal }: CodeSymbol): number {
  const isLabel = name.includes('.');
  return (size > 0n ? 0 : 8) + (kind === 'code' ? 0 : 4) + (isLabel ? 2 : 0) + (isLocal ? 1 : 0);
}

function onePerAddress(sorted: readonly CodeSymbol[]): CodeSymbol[] {
  return sorted.filter(({ address }, n) => address !== sorted[n - 1]?.address);
}

function nest(symbols: readonly CodeSymbol[]): Entry[] {
  const entries: Entry[] = [];
  symbols.forEach((symbol, n) => {
    const end = endOf(symbol, symbols[n + 1]);
    let outer = n - 1;
    for (let entry = entries[outer]; entry && entry.end <= symbol.address; entry = entries[outer]) {
      outer = entry.outer;
    }
    entries.push({ symbol, end, outer });
  });
  return entries;
}

function endOf({ address, size = 0n, sectionEnd }: CodeSymbol, next?: CodeSymbol): bigint {
  if (size > 0n) return address + size;
  const limit = sectionEnd ?? address + REACH;
  return next !== undefined && next.address < limit ? next.address : limit;
}
