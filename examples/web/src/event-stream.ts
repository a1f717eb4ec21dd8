export interface StreamEvent {
  id: string;
  data: string;
}

/**
 * Server-sent events (HTML living standard, section 9.2.6) out of a fetch response, which EventSource would not let
 * carry a token. Comments and fields that are not used here are passed over.
 */
export async function* eventsOf(body: ReadableStream<Uint8Array>): AsyncGenerator<StreamEvent> {
  let rest = '';
  let id = '';
  for await (const chunk of chunksOf(body)) {
    const blocks = (rest + chunk).split(/\r?\n\r?\n/);
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const data: string[] = [];
      for (const line of block.split(/\r?\n/)) {
        const [, name, value = ''] = /^(id|data): ?(.*)$/.exec(line) ?? [];
        if (name === 'id') id = value;
        if (name === 'data') data.push(value);
      }
      if (data.length > 0) yield { id, data: data.join('\n') };
    }
  }
}

/** Not every browser can iterate a stream yet. */
async function* chunksOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield decoder.decode(value, { stream: true });
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
