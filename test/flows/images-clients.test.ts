/**
 * Images of a real site, fetched by clients that nobody here wrote: curl with the headers of the national sample, the npm
 * dicomweb-client over mutual TLS. What came is opened by DCMTK and by GDCM, which must find the pixels that were stored.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { api } from 'dicomweb-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { examinationPatient } from '../fixtures/examination.ts';
import { type ForeignReaders, openForeignReaders } from '../fixtures/wado/foreign-readers.ts';
import {
  buildImageKinds,
  buildStudyDocuments,
  type ImageKindName,
  imageKindNames,
  imageKinds,
  type KnownInstance,
  otherHospitalId,
} from '../fixtures/wado/image-kinds.ts';
import { type ImageSite, type PublishedStudy, startImageSite } from '../fixtures/wado/image-site.ts';
import { nationalAccept, nationalBasePath, sendNationalRequest } from '../fixtures/wado/national-request.ts';
import { type AnsweredPart, splitMultipart } from '../fixtures/wado/split-multipart.ts';
import { TlsXmlHttpRequest } from '../fixtures/wado/xml-http-request.ts';
import { isSiteHere } from './flow-site.ts';

const explicit = '1.2.840.10008.1.2.1';
const jpegBaseline = '1.2.840.10008.1.2.4.50';
const jpegLosslessSv1 = '1.2.840.10008.1.2.4.70';
const jpegLs = '1.2.840.10008.1.2.4.80';
const jpeg2000Lossless = '1.2.840.10008.1.2.4.90';
const [ins] = examinationPatient.ins;

/** DICOM JSON of one instance. */
type Json = Readonly<Record<string, { readonly vr: string; readonly Value?: readonly unknown[] }>>;

interface Wanted {
  readonly studyInstanceUID: string;
  readonly request: { readonly instance: TlsXmlHttpRequest };
}
type WantedSeries = Wanted & { readonly seriesInstanceUID: string };

/** The npm client as it works: its own declarations want options that it does not read. */
interface DicomWebClient {
  retrieveStudy(wanted: Wanted): Promise<readonly ArrayBuffer[]>;
  retrieveSeries(wanted: WantedSeries): Promise<readonly ArrayBuffer[]>;
  retrieveInstance(wanted: WantedSeries & { readonly sopInstanceUID: string }): Promise<ArrayBuffer>;
  retrieveStudyMetadata(wanted: Wanted): Promise<readonly Json[]>;
  retrieveSeriesMetadata(wanted: WantedSeries): Promise<readonly Json[]>;
}

const sorted = (texts: readonly unknown[]): readonly string[] =>
  texts.map(String).toSorted((a, b) => (a < b ? -1 : Number(a > b)));

/** Of two images of as many bytes. */
const meanDifference = (a: Uint8Array, b: Uint8Array): number => {
  expect(a.length).toBe(b.length);
  return a.reduce((sum, value, at) => sum + Math.abs(value - (b[at] ?? 0)), 0) / a.length;
};

describe.skipIf(!isSiteHere)('images for clients of others', () => {
  const folder = mkdtempSync(join(tmpdir(), 'drimbox-clients-'));
  const readers: ForeignReaders = openForeignReaders(folder);
  let site: ImageSite;
  let study: PublishedStudy<KnownInstance>;

  beforeAll(async () => {
    site = await startImageSite({ wado: { BasePaths: [nationalBasePath] } });
    study = await site.publish(1, [...buildImageKinds(1), ...buildStudyDocuments(1)]);
  });
  afterAll(async () => {
    await site.stop();
    rmSync(folder, { recursive: true });
  });

  const knownOf = (sopInstanceUid: string): KnownInstance => {
    const found = study.instances.find((one) => one.sopInstanceUid === sopInstanceUid);
    if (found === undefined) throw new Error(`${sopInstanceUid} was not asked for`);
    return found;
  };
  const instancesOf = (kind: ImageKindName): readonly KnownInstance[] =>
    study.instances.filter((one) => one.kind === kind);
  const uidsOf = (ones: readonly { readonly sopInstanceUid: string }[]) => ones.map((one) => one.sopInstanceUid);
  const seriesOf = (kind: ImageKindName): string => instancesOf(kind)[0]?.seriesInstanceUid ?? '';

  // curl ------------------------------------------------------------------------------------------------------------

  const ask = (accept: string, kind?: ImageKindName) =>
    sendNationalRequest(site.peer, {
      resource: `/studies/${study.studyInstanceUid}${kind === undefined ? '' : `/series/${seriesOf(kind)}`}`,
      kos: study.kos,
      accept,
    });
  /** @param missing  objects of the study that cannot come in anything accepted: 206, and said so */
  const fetchParts = async (accept: string, kind?: ImageKindName, missing = 0): Promise<readonly AnsweredPart[]> => {
    const { status, headers, body } = await ask(accept, kind);
    expect([status, headers.get('warning')]).toEqual(
      missing === 0
        ? [200, undefined]
        : [206, `299 - "${missing} of ${study.instances.length} instances are not in this answer"`],
    );
    return splitMultipart(headers.get('content-type'), body);
  };
  const acceptOf = (...uids: readonly string[]): string =>
    uids.map((uid) => `multipart/related; type="application/dicom";transfer-syntax=${uid};boundary=**`).join(', ');

  /** Both readers find every byte; DCMTK has no decoder of JPEG 2000. */
  const expectPixels = ({ bytes, sopInstanceUid, transferSyntaxUid }: AnsweredPart): void => {
    const { pixels, kind } = knownOf(sopInstanceUid);
    const file = readers.keep('part', bytes);
    const byDcmtk = readers.pixelsByDcmtk(file, transferSyntaxUid);
    if (transferSyntaxUid !== jpeg2000Lossless) expect(byDcmtk, kind).toBeDefined();
    for (const read of [byDcmtk ?? Buffer.from(pixels), readers.pixelsByGdcm(file)]) {
      expect(read.equals(pixels), `${kind}, ${transferSyntaxUid}`).toBe(true);
    }
  };
  const isExact = ({ sopInstanceUid }: AnsweredPart): boolean => {
    const { kind, isLossy } = knownOf(sopInstanceUid);
    return kind !== 'document' && !isLossy;
  };

  it('curl, the national request for a series: the answer has the national form (b.5.1, b.5.2, DB.SO.111)', async () => {
    const { status, headers, body } = await ask(nationalAccept.lossless, 'ct');
    expect(status).toBe(200);
    const type =
      /^multipart\/related;start="(<1@([0-9a-f-]+)>)";transfer-syntax=1\.2\.840\.10008\.1\.2\.4\.70;type="application\/dicom"; boundary=([0-9a-f-]+)$/.exec(
        headers.get('content-type') ?? '',
      );
    const [, start, owner, boundary] = type ?? [];
    expect(owner).toBe(boundary);
    expect(headers.get('transfer-encoding')).toBe('chunked');
    expect(headers.get('strict-transport-security')).toBe('max-age=63072000');
    const parts = splitMultipart(headers.get('content-type'), body);
    expect(uidsOf(parts)).toEqual(uidsOf(instancesOf('ct')));
    expect(parts[0]?.headers.get('content-id')).toBe(start);
    for (const part of parts) {
      expect(part.headers.get('content-type')).toBe(`application/dicom;transfer-syntax=${jpegLosslessSv1}`);
    }
  });

  it.each(imageKindNames.filter((kind) => kind !== 'lossy us'))(
    'curl, the national lossless request for a series of %s: DCMTK and GDCM find the stored pixels (DB.SO.32)',
    async (kind) => {
      const parts = await fetchParts(nationalAccept.lossless, kind);
      expect(uidsOf(parts)).toEqual(uidsOf(instancesOf(kind)));
      for (const part of parts) {
        expect(part.transferSyntaxUid).toBe(jpegLosslessSv1);
        expectPixels(part);
      }
    },
  );

  it('curl, the national lossless request for a study of every kind: all of it, documents too, each part in its syntax', async () => {
    const parts = await fetchParts(nationalAccept.lossless);
    expect(sorted(uidsOf(parts))).toEqual(sorted(uidsOf(study.instances)));
    for (const part of parts) {
      const isDocument = knownOf(part.sopInstanceUid).kind === 'document';
      expect(part.transferSyntaxUid).toBe(isDocument ? explicit : jpegLosslessSv1);
      if (isExact(part)) expectPixels(part);
    }
  });

  it.each([
    ['JPEG lossless', jpegLosslessSv1],
    ['JPEG-LS', jpegLs],
    ['JPEG 2000', jpeg2000Lossless],
    ['Explicit VR Little Endian', explicit],
  ])('curl, a study in %s alone: whatever it was stored in, the pixels are the stored ones', async (_, uid) => {
    const wanted = uid === explicit ? study.instances : study.instances.filter((one) => one.kind !== 'document');
    const parts = await fetchParts(acceptOf(uid), undefined, study.instances.length - wanted.length);
    expect(sorted(uidsOf(parts))).toEqual(sorted(uidsOf(wanted)));
    for (const part of parts.filter(isExact)) {
      expect(part.transferSyntaxUid).toBe(uid);
      expectPixels(part);
    }
  });

  it('curl, the national lossy request: 8 bits close to the stored ones and said to be lossy, what is lossy as it is (E8)', async () => {
    for (const { bytes, sopInstanceUid, transferSyntaxUid } of await fetchParts(nationalAccept.lossy)) {
      const known = knownOf(sopInstanceUid);
      if (known.kind === 'document') {
        expect(transferSyntaxUid).toBe(explicit);
        continue;
      }
      expect(transferSyntaxUid, known.kind).toBe(jpegBaseline);
      const file = readers.keep('part', bytes);
      expect(readers.dump(file, '+P', '0028,2110'), known.kind).toContain('[01]');
      expect(readers.dump(file, '+P', '0028,0100'), known.kind).toContain('US 8');
      const byDcmtk = readers.pixelsByDcmtk(file, transferSyntaxUid);
      const byGdcm = readers.pixelsByGdcm(file);
      expect(byGdcm.length).toBe(byDcmtk?.length);
      if (known.isLossy) {
        const stored = readers.keep('stored', known.bytes);
        expect(byGdcm.equals(readers.pixelsByGdcm(stored))).toBe(true);
        expect(byDcmtk?.equals(readers.pixelsByDcmtk(stored, jpegBaseline) ?? Buffer.alloc(0))).toBe(true);
      } else if (imageKinds[known.kind].image.bitsAllocated === 8) {
        expect(meanDifference(byDcmtk ?? Buffer.alloc(0), known.pixels), known.kind).toBeLessThan(8);
      }
    }
  });

  it('what is stored lossy is decoded as DCMTK decodes it when only lossless ones are best accepted', async () => {
    const [part] = await fetchParts(nationalAccept.lossless, 'lossy us');
    expect(part?.transferSyntaxUid).toBe(jpegLosslessSv1);
    const sent = readers.keep('part', part?.bytes ?? Buffer.alloc(0));
    const stored = readers.keep('stored', instancesOf('lossy us')[0]?.bytes ?? Buffer.alloc(0));
    expect(readers.dump(sent, '+P', '0028,2110')).toContain('[01]');
    const [a, b] = [readers.pixelsByDcmtk(sent, jpegLosslessSv1), readers.pixelsByDcmtk(stored, jpegBaseline)];
    expect(meanDifference(a ?? Buffer.alloc(0), b ?? Buffer.alloc(0))).toBeLessThan(2);
  });

  /** Items of OtherPatientIDsSequence as dcmdump prints them. */
  const otherIdsIn = (file: string): readonly string[] =>
    readers
      .dump(file, '-q', '+L', '+P', '0010,1002')
      .split(/^ {2}\(fffe,e000\)/m)
      .slice(1);

  it('dcmdump reads the INS in every image, beside the number of another hospital, never instead of it (DB.SO.90)', async () => {
    for (const { bytes, sopInstanceUid } of await fetchParts(acceptOf(explicit))) {
      const before = otherIdsIn(readers.keep('stored', knownOf(sopInstanceUid).bytes));
      const after = otherIdsIn(readers.keep('part', bytes));
      expect(after).toHaveLength(before.length + 1);
      const added = after.at(-1) ?? '';
      expect(added).toContain(`(0010,0020) LO [${ins?.value}]`);
      expect(added).toContain('(0010,0022) CS [TEXT]');
      expect(added).toContain(`(0040,0032) UT [${ins?.oid}]`);
      expect(added).toContain('(0040,0033) CS [ISO]');
      if (before.length > 0) expect(after[0]).toContain(`[${otherHospitalId.id}]`);
    }
    // Some have another number, some do not: both were seen.
    const counts = study.instances.map((one) => otherIdsIn(readers.keep('stored', one.bytes)).length);
    expect(new Set(counts)).toEqual(new Set([0, 1]));
  });

  // dicomweb-client -------------------------------------------------------------------------------------------------

  const createClient = (headers: Readonly<Record<string, string>> = {}): DicomWebClient =>
    new api.DICOMwebClient({
      url: `https://localhost:${site.peer.port}/drimbox`,
      verbose: false,
      headers: { Authorization: `Bearer ${site.peer.doctor}`, 'KOS-SOPInstanceUID': study.kos, ...headers },
    } as ConstructorParameters<typeof api.DICOMwebClient>[0]) as unknown as DicomWebClient;
  const inStudy = (): Wanted => {
    const { certificateFile, keyFile } = site.peer.structure.authCli;
    const [ca, cert, key] = [site.peer.ca.chainFile, certificateFile, keyFile].map((file) => readFileSync(file));
    const instance = new TlsXmlHttpRequest({ ca, cert, key, servername: 'localhost' });
    return { studyInstanceUID: study.studyInstanceUid, request: { instance } };
  };
  const inSeries = (kind: ImageKindName) => ({ ...inStudy(), seriesInstanceUID: seriesOf(kind) });
  const buffersOf = (parts: readonly ArrayBuffer[]): readonly Buffer[] => parts.map((one) => Buffer.from(one));

  it.each(imageKindNames.filter((kind) => kind !== 'lossy us'))(
    'dicomweb-client, retrieveSeries of %s: without further wishes Explicit VR Little Endian, the stored pixels (DB.SO.32)',
    async (kind) => {
      const parts = buffersOf(await createClient().retrieveSeries(inSeries(kind)));
      const known = instancesOf(kind);
      expect(parts).toHaveLength(known.length);
      for (const [at, bytes] of parts.entries()) {
        const file = readers.keep('part', bytes);
        expect(readers.dump(file, '+P', '0008,0018')).toContain(`[${known[at]?.sopInstanceUid}]`);
        expect(readers.pixelsByDcmtk(file, explicit)?.equals(known[at]?.pixels ?? Buffer.alloc(0)), kind).toBe(true);
        expect(readers.pixelsByGdcm(file).equals(known[at]?.pixels ?? Buffer.alloc(0)), kind).toBe(true);
      }
    },
  );

  it('dicomweb-client, retrieveSeries with the header of viewers (any syntax): as stored, pixel data unchanged', async () => {
    const accept = { Accept: 'multipart/related; type="application/dicom"; transfer-syntax=*' };
    const parts = buffersOf(await createClient(accept).retrieveSeries(inSeries('jpeg-ls ct')));
    const storedPixels = (bytes: Uint8Array): string =>
      readers.dump(readers.keep('one', bytes), '+L', '+P', '7fe0,0010');
    expect(parts.map(storedPixels)).toEqual(instancesOf('jpeg-ls ct').map(({ bytes }) => storedPixels(bytes)));
  });

  it('dicomweb-client, retrieveStudy: every object of the manifest', async () => {
    const parts = buffersOf(await createClient().retrieveStudy(inStudy()));
    const uids = parts.map((bytes) =>
      /\[([0-9.]+)\]/.exec(readers.dump(readers.keep('one', bytes), '+P', '0008,0018'))?.at(1),
    );
    expect(sorted(uids)).toEqual(sorted(uidsOf(study.instances)));
  });

  it('dicomweb-client, retrieveInstance: that instance', async () => {
    const [, second] = instancesOf('ct');
    const part = await createClient().retrieveInstance({
      ...inSeries('ct'),
      sopInstanceUID: second?.sopInstanceUid ?? '',
    });
    const file = readers.keep('part', Buffer.from(part));
    expect(readers.dump(file, '+P', '0008,0018')).toContain(`[${second?.sopInstanceUid}]`);
    expect(readers.pixelsByDcmtk(file, explicit)?.equals(second?.pixels ?? Buffer.alloc(0))).toBe(true);
  });

  const sopInstance = (one: Json): unknown => one['00080018']?.Value?.[0];
  /** DCMTK's own DICOM JSON of a file that is not compressed, without what this service leaves out or adds. */
  const jsonByDcmtk = ({ bytes }: KnownInstance): Json => {
    const [source, unicode] = [readers.keep('source', bytes), join(folder, 'unicode.dcm')];
    execFileSync('dcmconv', ['+U8', source, unicode], { stdio: 'pipe' });
    return comparable(JSON.parse(execFileSync('dcm2json', [unicode], { encoding: 'utf8' })) as Json);
  };
  const comparable = (json: Json): Json =>
    Object.fromEntries(Object.entries(json).filter(([tag]) => !/^(0002|7FE0|00101002)/.test(tag)));

  it('dicomweb-client, retrieveStudyMetadata: the attributes are those that DCMTK reads in the stored files (PS3.18 F)', async () => {
    const metadata = await createClient().retrieveStudyMetadata(inStudy());
    expect(sorted(metadata.map(sopInstance))).toEqual(sorted(uidsOf(study.instances)));
    const native = study.instances.filter(
      ({ kind, isLossy }) =>
        !isLossy && (kind === 'document' || !('encode' in imageKinds[kind]) || !/jpeg|rle/.test(kind)),
    );
    expect(native.length).toBeGreaterThan(8);
    for (const one of native) {
      const told = metadata.find((json) => sopInstance(json) === one.sopInstanceUid) ?? {};
      expect(comparable(told)).toEqual(jsonByDcmtk(one));
    }
    for (const told of metadata) {
      const others = (told['00101002']?.Value ?? []) as readonly Json[];
      expect(others.at(-1)?.['00100020']?.Value).toEqual([ins?.value]);
    }
  });

  it('dicomweb-client, retrieveSeriesMetadata: one dataset for each instance, in order, without pixel data', async () => {
    const metadata = await createClient().retrieveSeriesMetadata(inSeries('grey cine'));
    expect(metadata.map(sopInstance)).toEqual(uidsOf(instancesOf('grey cine')));
    expect(metadata[0]?.['00280008']?.Value).toEqual([5]);
    expect(metadata[0]).not.toHaveProperty('7FE00010');
  });

  it('dicomweb-client tells a refusal by its status: a manifest that opens nothing (404, DB.SO.85)', async () => {
    const client = createClient({ 'KOS-SOPInstanceUID': '2.25.1' });
    await expect(client.retrieveSeries(inSeries('ct'))).rejects.toMatchObject({ status: 404 });
    await expect(client.retrieveSeriesMetadata(inSeries('ct'))).rejects.toMatchObject({ status: 404 });
  });
});
