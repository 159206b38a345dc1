/** What the generated calls are built on. */

/** A successful answer, as the documentation prints it. */
export interface Answer<T> {
  success: true;
  /** What happened, as a number: client.codes.list() explains each. */
  code: number;
  /** The code in words. */
  message: string;
  /** The top-up's ID if the call is about one. */
  transaction_id: string | null;
  /** The top-up's status if the call is about one, otherwise "ok". */
  status: string;
  timestamp: string;
  data: T;
}

/** One page of a list. */
export interface Page<T> {
  items: T[];
  /** Pass it as `cursor` to get the next page. null: this is the last page. */
  next_cursor: string | null;
  has_more: boolean;
}

/** A call of the API. T: its answer. */
export interface Call<T> {
  readonly method: string;
  readonly path: string;
  readonly body?: object | undefined;
  readonly query?: object | undefined;
  /** Its Idempotency-Key. Left out: the call takes none. */
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** It may be repeated without a key. */
  readonly isRepeatable?: boolean;
  /** It answers a file. */
  readonly isFile?: boolean;
  /** Only for the type checker. */
  readonly answer?: T;
}

export interface Keyed {
  /** Your own name for this one action. With the same name it happens once. */
  idempotencyKey?: string;
}

export interface Runner {
  run<T>(call: Call<T>): Promise<T>;
}

/** Calls about one subject. */
export class Group {
  constructor(protected readonly client: Runner) {}
}

/** A list: `for await` reads every item of every page, page() one page. */
export class List<T> implements AsyncIterable<T> {
  readonly #client: Runner;
  readonly #call: Call<Answer<Page<T>>>;

  constructor(client: Runner, call: Call<Answer<Page<T>>>) {
    this.#client = client;
    this.#call = call;
  }

  /** The first page, or the one after the `cursor` that was given. */
  async page(): Promise<Page<T>> {
    return (await this.#client.run(this.#call)).data;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    let call = this.#call;
    for (;;) {
      const page: Page<T> = (await this.#client.run(call)).data;
      yield* page.items;
      if (page.next_cursor === null) return;
      call = { ...call, query: { ...call.query, cursor: page.next_cursor } };
    }
  }
}

/** The text as one part of a path. An empty one would name the whole list. */
export function inPath(part: string): string {
  if (["", ".", ".."].includes(part)) throw new RangeError(`${JSON.stringify(part)} is no ID.`);
  return encodeURIComponent(part);
}
