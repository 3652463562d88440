/** The few things of a DER certificate that Node does not tell: key usage and the list of relative names. @see X.690 · RFC 5280 */
import type { X509Certificate } from 'node:crypto';

interface DerValue {
  readonly tag: number;
  readonly content: Buffer;
}

const readDer = (bytes: Buffer): DerValue[] => {
  const values: DerValue[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    const tag = bytes.readUInt8(offset);
    const first = bytes.readUInt8(offset + 1);
    const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
    const length = lengthBytes === 0 ? first : bytes.readUIntBE(offset + 2, lengthBytes);
    const start = offset + 2 + lengthBytes;
    values.push({ tag, content: bytes.subarray(start, start + length) });
    offset = start + length;
  }
  return values;
};

const extensionsTag = 0xa3;
const keyUsageOid = Buffer.from([0x55, 0x1d, 0x0f]);

/** Bits of the KeyUsage extension; all false when it is absent. */
export const readKeyUsage = (certificate: X509Certificate): { digitalSignature: boolean; nonRepudiation: boolean } => {
  const tbs = readDer(readDer(readDer(certificate.raw)[0]?.content ?? Buffer.alloc(0))[0]?.content ?? Buffer.alloc(0));
  const wrapped = tbs.find(({ tag }) => tag === extensionsTag)?.content ?? Buffer.alloc(0);
  for (const extension of readDer(readDer(wrapped)[0]?.content ?? Buffer.alloc(0))) {
    const fields = readDer(extension.content);
    if (fields[0]?.content.equals(keyUsageOid) !== true) continue;
    const bits = readDer(fields.at(-1)?.content ?? Buffer.alloc(0))[0]?.content ?? Buffer.from([0, 0]);
    const value = bits[1] ?? 0;
    return { digitalSignature: (value & 0x80) !== 0, nonRepudiation: (value & 0x40) !== 0 };
  }
  return { digitalSignature: false, nonRepudiation: false };
};

/** Serial numbers (upper-case hexadecimal, no leading zeros) that a DER revocation list names. */
export const readRevokedSerials = (list: Buffer): string[] => {
  const tbs = readDer(readDer(readDer(list)[0]?.content ?? Buffer.alloc(0))[0]?.content ?? Buffer.alloc(0));
  // version, algorithm, issuer, thisUpdate, nextUpdate, then the only untagged sequence left
  const sequences = tbs.filter(({ tag }) => tag === 0x30);
  const revoked = sequences[2];
  if (revoked === undefined) return [];
  return readDer(revoked.content).map(({ content }) =>
    canonicalSerial(readDer(content)[0]?.content.toString('hex') ?? ''),
  );
};

export const canonicalSerial = (hexadecimal: string): string => hexadecimal.toUpperCase().replace(/^0+/, '');
