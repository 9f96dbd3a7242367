/** A domain that cannot be built. */
export class DomainError extends Error {
  override readonly name = 'DomainError';
  readonly code: 'FEATURE' | 'MEMORY' | 'ADDRESS' | 'COMMAND_LINE';

  constructor(code: DomainError['code'], message: string) {
    super(message);
    this.code = code;
  }
}
