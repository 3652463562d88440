import { afterEach, describe, expect, test } from 'vitest';
import { DrimboxError } from '../../plugin/errors.ts';
import {
  buildAcknowledgment,
  guessHeader,
  type MessageOrigin,
  type MllpListener,
  type MllpListenerOptions,
  mllpListenerOptions,
  startMllpListener,
} from '../../plugin/hl7/index.ts';
import { buildOru, connectRis, frame, type RisConnection } from '../peers/ris/index.ts';
import { cda, largeCda } from './invented.ts';

const stamp = { controlId: 'ACK0001', atUtcMs: Date.UTC(2025, 0, 14) };
const accept = (message: Uint8Array): Uint8Array =>
  buildAcknowledgment(guessHeader(message), { kind: 'accepted' }, stamp);
const controlIdOf = (message: Uint8Array): string => guessHeader(message).fields[10] ?? '';
const oru = (controlId: string): Uint8Array => buildOru({ cda, controlId });

/** A promise opened from outside. */
const gate = () => {
  let open = (): void => undefined;
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, passed };
};

type Receive = (message: Uint8Array, from: MessageOrigin) => Promise<Uint8Array>;
const opened: { listeners: MllpListener[]; connections: RisConnection[] } = { listeners: [], connections: [] };

const start = async (receive: Receive, options: Partial<MllpListenerOptions> = {}, closeGraceMs?: number) => {
  const log: string[] = [];
  const note = (fields: object, message: string): void => {
    log.push(`${message} ${JSON.stringify(fields)}`);
  };
  const ports = {
    receive,
    clock: () => stamp.atUtcMs,
    newControlId: () => 'NACK0001',
    log: { info: note, warn: note, error: note },
  };
  const listener = await startMllpListener(mllpListenerOptions.parse({ port: 0, ...options }), ports, closeGraceMs);
  opened.listeners.push(listener);
  const connect = async (): Promise<RisConnection> => {
    const connection = await connectRis({ port: listener.port });
    opened.connections.push(connection);
    return connection;
  };
  return { listener, log, connect };
};

afterEach(async () => {
  await Promise.all(opened.connections.splice(0).map((connection) => connection.close()));
  await Promise.all(opened.listeners.splice(0).map((listener) => listener.close()));
});

describe('one connection', () => {
  test('answers each message on the same connection, in order', async () => {
    const { listener, connect } = await start(async (message) => accept(message));
    const ris = await connect();
    for (const id of ['EX1', 'EX2', 'EX3']) {
      const acknowledgment = await ris.send(oru(id));
      expect([acknowledgment.code, acknowledgment.controlId]).toEqual(['AA', id]);
    }
    expect(listener.port).toBeGreaterThan(0);
  });

  test('tells where a message came from: address as IPv4, port of the listener', async () => {
    const origins: MessageOrigin[] = [];
    const { listener, connect } = await start(
      async (message, from) => {
        origins.push(from);
        return accept(message);
      },
      { host: '::' },
    );
    await (await connect()).send(oru('EX1'));
    expect(origins).toEqual([{ address: '127.0.0.1', listener: listener.port }]);
  });

  test('gives the message as it was sent, 330 kB in many pieces', async () => {
    const message = buildOru({ cda: largeCda });
    const received: Uint8Array[] = [];
    const { connect } = await start(async (frameContent) => {
      received.push(frameContent);
      return accept(frameContent);
    });
    const ris = await connect();
    const framed = frame(message);
    for (let at = 0; at < framed.length; at += 9_973) await ris.write(framed.subarray(at, at + 9_973));
    expect((await ris.nextAcknowledgment()).code).toBe('AA');
    expect(received.map((one) => Buffer.from(one).equals(message))).toEqual([true]);
  });

  test('takes one message at a time, in order, even when several come at once', async () => {
    const log: string[] = [];
    const { connect } = await start(async (message) => {
      log.push(`begin ${controlIdOf(message)}`);
      await new Promise((resolve) => {
        setTimeout(resolve, 5);
      });
      log.push(`end ${controlIdOf(message)}`);
      return accept(message);
    });
    const ris = await connect();
    await ris.write(Buffer.concat([frame(oru('EX1')), Buffer.from('\r\n'), frame(oru('EX2')), frame(oru('EX3'))]));
    for (const id of ['EX1', 'EX2', 'EX3']) expect((await ris.nextAcknowledgment()).controlId).toBe(id);
    expect(log).toEqual(['begin EX1', 'end EX1', 'begin EX2', 'end EX2', 'begin EX3', 'end EX3']);
  });

  test('two connections are served at the same time: a slow message holds only its own sender', async () => {
    const slow = gate();
    const { connect } = await start(async (message) => {
      if (controlIdOf(message) === 'SLOW') await slow.passed;
      return accept(message);
    });
    const [one, two] = [await connect(), await connect()];
    const pending = one.send(oru('SLOW'));
    expect((await two.send(oru('EX2'))).controlId).toBe('EX2');
    slow.open();
    expect((await pending).controlId).toBe('SLOW');
  });

  test('answers a sender that has ended its side of the connection (half-open)', async () => {
    const { connect } = await start(async (message) => accept(message));
    const ris = await connect();
    await ris.write(frame(oru('EX1')));
    ris.endSending();
    expect((await ris.nextAcknowledgment()).controlId).toBe('EX1');
    await ris.closed;
  });

  test('outlives a sender that cuts the connection inside a message', async () => {
    const seen: string[] = [];
    const { connect, log } = await start(async (message) => {
      seen.push(controlIdOf(message));
      return accept(message);
    });
    const cutting = await connect();
    await cutting.write(frame(oru('EX1')).subarray(0, 300));
    cutting.endSending();
    await cutting.closed;
    expect((await (await connect()).send(oru('EX2'))).controlId).toBe('EX2');
    expect(seen).toEqual(['EX2']);
    expect(log.join('\n')).toContain('ended inside a message');
  });

  test('outlives a sender that resets before its acknowledgment', async () => {
    const held = gate();
    const taken = gate();
    const { connect } = await start(async (message) => {
      if (controlIdOf(message) === 'EX1') {
        taken.open();
        await held.passed;
      }
      return accept(message);
    });
    const gone = await connect();
    await gone.write(frame(oru('EX1')));
    await taken.passed;
    gone.cut();
    await gone.closed;
    held.open();
    expect((await (await connect()).send(oru('EX2'))).code).toBe('AA');
  });
});

describe('refusals by the listener itself', () => {
  test.each([
    ['store/unavailable', 'AR'],
    ['hl7/document-invalid', 'AE'],
  ] as const)('receive throws %s: answers %s and goes on', async (code, expected) => {
    const { connect } = await start(async (message) => {
      if (controlIdOf(message) === 'EX1') throw new DrimboxError(code);
      return accept(message);
    });
    const ris = await connect();
    const refused = await ris.send(oru('EX1'));
    expect([refused.code, refused.controlId, refused.header(10)]).toEqual([expected, 'EX1', 'NACK0001']);
    expect((await ris.send(oru('EX2'))).code).toBe('AA');
  });

  test('an unknown error is internal: AE 207, and its text stays in the log (house-style 18)', async () => {
    const { connect } = await start(async () => {
      throw new Error('secret detail');
    });
    const refused = await (await connect()).send(oru('EX1'));
    expect([refused.code, refused.errors[0]?.condition]).toEqual(['AE', '207']);
    expect(refused.text).not.toContain('secret');
  });

  test('a frame that is not HL7 is answered by receive like any other', async () => {
    const { connect } = await start(async () => {
      throw new DrimboxError('hl7/message-invalid', { context: { location: 'MSH' } });
    });
    const refused = await (await connect()).send(Buffer.from('hello'));
    expect([refused.code, refused.errors[0]?.condition, refused.controlId]).toEqual(['AE', '100', '']);
  });

  test('a frame too large: AE that names the message, then the connection is closed; the rest is not kept', async () => {
    let received = 0;
    const { connect } = await start(
      async (message) => {
        received += 1;
        return accept(message);
      },
      { maxFrameBytes: 4096 },
    );
    const ris = await connect();
    const refused = await ris.send(buildOru({ cda: largeCda, controlId: 'BIG' }));
    expect([refused.code, refused.controlId, refused.errors[0]?.condition]).toEqual(['AE', 'BIG', '207']);
    await ris.closed;
    expect(received).toBe(0);
    expect((await (await connect()).send(oru('EX2'))).code).toBe('AA');
  });

  test('bytes outside a frame: AE 100 after the messages before them, then the connection is closed', async () => {
    const { connect, log } = await start(async (message) => accept(message));
    const ris = await connect();
    await ris.write(Buffer.concat([frame(oru('EX1')), Buffer.from('GET / HTTP/1.1\r\n\r\n')]));
    expect((await ris.nextAcknowledgment()).code).toBe('AA');
    const refused = await ris.nextAcknowledgment();
    expect([refused.code, refused.errors[0]?.condition]).toEqual(['AE', '100']);
    await ris.closed;
    expect(log.join('\n')).toContain('hl7/frame-invalid');
  });

  test('the log never holds the content of a message (A6)', async () => {
    const { connect, log } = await start(
      async () => {
        throw new DrimboxError('hl7/field-invalid');
      },
      { maxFrameBytes: 1024 },
    );
    const ris = await connect();
    await ris.send(buildOru({ cda }));
    await ris.closed;
    expect(log.length).toBeGreaterThan(0);
    expect(log.join('\n')).not.toMatch(/EXEMPLE|ANNA|290017512345604/);
  });
});

describe('who may connect', () => {
  test('an address outside the list is closed before anything is read', async () => {
    let received = 0;
    const { connect, log } = await start(
      async (message) => {
        received += 1;
        return accept(message);
      },
      { allowedAddresses: ['192.0.2.0/24'] },
    );
    await expect(connect().then((ris) => ris.send(oru('EX1')))).rejects.toThrow();
    expect(received).toBe(0);
    expect(log.join('\n')).toContain('not allowed');
    expect(log.join('\n')).not.toContain('connection was lost');
  });

  test('a listener without list says so at every start', async () => {
    expect((await start(async (message) => accept(message))).log.join('\n')).toContain('from any address');
    const guarded = await start(async (message) => accept(message), { allowedAddresses: ['127.0.0.0/8'] });
    expect(guarded.log.join('\n')).not.toContain('from any address');
    expect((await (await guarded.connect()).send(oru('EX1'))).code).toBe('AA');
  });

  test('a connection above the maximum is closed, the others are served', async () => {
    const { connect } = await start(async (message) => accept(message), { maxConnections: 1 });
    const first = await connect();
    expect((await first.send(oru('EX1'))).code).toBe('AA');
    await expect(connect().then((ris) => ris.send(oru('EX2')))).rejects.toThrow();
    expect((await first.send(oru('EX3'))).code).toBe('AA');
  });
});

describe('time', () => {
  test('a silent connection is closed', async () => {
    const { connect } = await start(async (message) => accept(message), { idleTimeoutSeconds: 0.05 });
    const ris = await connect();
    await ris.closed;
  });

  test('a message that takes longer than the idle time is still answered', async () => {
    const { connect } = await start(
      async (message) => {
        await new Promise((resolve) => {
          setTimeout(resolve, 900);
        });
        return accept(message);
      },
      { idleTimeoutSeconds: 0.6 },
    );
    expect((await (await connect()).send(oru('EX1'))).code).toBe('AA');
  });
});

describe('close', () => {
  test('lets the message in hand be acknowledged; the one behind stays unacknowledged', async () => {
    const held = gate();
    const taken = gate();
    const received: string[] = [];
    const { listener, connect } = await start(async (message) => {
      received.push(controlIdOf(message));
      taken.open();
      await held.passed;
      return accept(message);
    });
    const ris = await connect();
    const idle = await connect();
    await ris.write(Buffer.concat([frame(oru('EX1')), frame(oru('EX2'))]));
    await taken.passed;
    const closing = listener.close();
    await idle.closed;
    held.open();
    expect((await ris.nextAcknowledgment()).controlId).toBe('EX1');
    await expect(ris.nextAcknowledgment()).rejects.toThrow('closed');
    await closing;
    expect(received).toEqual(['EX1']);
    await expect(connect()).rejects.toThrow();
  });

  test('closes a connection as soon as its only message is acknowledged', async () => {
    const held = gate();
    const taken = gate();
    const { listener, connect, log } = await start(async (message) => {
      taken.open();
      await held.passed;
      return accept(message);
    });
    const ris = await connect();
    await ris.write(frame(oru('EX1')));
    await taken.passed;
    const closing = listener.close();
    held.open();
    expect((await ris.nextAcknowledgment()).code).toBe('AA');
    await closing; // the grace is 10 s, longer than this test may last
    expect(log.join('\n')).not.toContain('connection was lost');
  });

  test('does not wait for ever for a message that never ends', async () => {
    const taken = gate();
    const { listener, connect } = await start(
      () => {
        taken.open();
        return new Promise<never>(() => undefined);
      },
      {},
      50,
    );
    const ris = await connect();
    await ris.write(frame(oru('EX1')));
    await taken.passed;
    await listener.close();
    await ris.closed;
  });

  test('twice is once', async () => {
    const { listener } = await start(async (message) => accept(message));
    await Promise.all([listener.close(), listener.close()]);
  });
});

test('a port that is taken is hl7/listen-failed', async () => {
  const { listener } = await start(async (message) => accept(message));
  await expect(start(async (message) => accept(message), { port: listener.port })).rejects.toMatchObject({
    code: 'hl7/listen-failed',
  });
});
