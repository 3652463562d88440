import { describe, expect, test } from 'vitest';
import { createAddressCheck, isAddressRange } from '../../plugin/hl7/allowed-addresses.ts';
import { findSender, hl7Options } from '../../plugin/hl7/index.ts';
import { refusalOf } from './invented.ts';

const sender = { application: 'RIS-EXEMPLE', facility: 'CENTRE-EXEMPLE' };

describe('options', () => {
  test('have safe defaults: loopback, 20 MiB, 300 s', () => {
    expect(hl7Options.parse({ listeners: [{}] })).toEqual({
      listeners: [
        { host: '127.0.0.1', port: 2575, maxFrameBytes: 20 * 1024 * 1024, idleTimeoutSeconds: 300, maxConnections: 50 },
      ],
      senders: [],
      unknownSenders: 'accept',
    });
  });

  test('give a sender the defaults of the agreement', () => {
    expect(hl7Options.parse({ listeners: [{}], senders: [sender] }).senders[0]).toEqual({
      ...sender,
      missingFlag: 'assume-no',
      missingDestination: 'send',
      identityStatusAbsent: 'accept',
      personSource: 'cda',
    });
  });

  test.each([
    ['no listener', { listeners: [] }],
    ['an unknown key', { listeners: [{ hots: 'x' }] }],
    ['an address that is none', { listeners: [{ allowedAddresses: ['ris.example'] }] }],
    ['an empty address list, which would refuse everybody', { listeners: [{ allowedAddresses: [] }] }],
    ['a port that is none', { listeners: [{ port: 70_000 }] }],
    ['one sender twice', { listeners: [{}], senders: [sender, { ...sender, name: 'autre' }] }],
  ])('refuse %s', (_, options) => {
    expect(hl7Options.safeParse(options).success).toBe(false);
  });
});

describe('senders', () => {
  const options = hl7Options.parse({ listeners: [{}], senders: [{ ...sender, personSource: 'prt' }] });

  test('are found by application and facility, letter for letter', () => {
    expect(findSender(options, { sender }).personSource).toBe('prt');
    expect(findSender(options, { sender: { ...sender, facility: 'centre-exemple' } }).personSource).toBe('cda');
    expect(findSender(options, { sender: { application: 'CENTRE-EXEMPLE', facility: 'RIS-EXEMPLE' } })).toMatchObject({
      application: 'CENTRE-EXEMPLE',
      personSource: 'cda',
    });
  });

  test('are refused when not listed, if so configured', () => {
    const strict = { ...options, unknownSenders: 'refuse' } as const;
    expect(findSender(strict, { sender }).personSource).toBe('prt');
    expect(refusalOf(() => findSender(strict, { sender: { application: 'X', facility: '' } }))).toBe(
      'hl7/sender-not-allowed MSH^1^3',
    );
  });
});

describe('addresses', () => {
  test.each([
    ['10.1.2.3', true],
    ['10.1.0.0/16', true],
    ['fd00::/8', true],
    ['::1', true],
    ['10.1.0.0/33', false],
    ['10.1.0.0/', false],
    ['10.1.0.0/16/2', false],
    ['ris', false],
    ['', false],
  ])('%s is a range: %s', (text, expected) => {
    expect(isAddressRange(text)).toBe(expected);
  });

  test('IPv4 is recognised inside IPv6, as a dual-stack socket shows it', () => {
    const isAllowed = createAddressCheck(['10.1.0.0/16', '192.0.2.7', 'fd00::/8']);
    expect(
      ['10.1.9.9', '::ffff:10.1.9.9', '192.0.2.7', '::ffff:192.0.2.7', 'fd00::1', 'fd00::1%eth0'].map(isAllowed),
    ).toEqual(Array.from({ length: 6 }, () => true));
    expect(['10.2.0.1', '::ffff:10.2.0.1', '192.0.2.8', 'fe80::1', '', 'x'].map(isAllowed)).toEqual(
      Array.from({ length: 6 }, () => false),
    );
  });

  test('no list allows every address', () => {
    expect(createAddressCheck(undefined)('203.0.113.1')).toBe(true);
  });
});
