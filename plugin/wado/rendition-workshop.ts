/** Makes images in other transfer syntaxes, and keeps what it made for the next who asks. */
import { DrimboxError } from '../errors.ts';
import { canProduce, type RenditionCache, type RenditionKey, type Transcoder } from '../renditions/index.ts';
import { parseSopInstanceUid, parseStudyInstanceUid } from '../standards/index.ts';
import type { WantedRendition, Workshop } from './image-store.ts';

export interface WorkshopPorts {
  readonly transcoder: Transcoder;
  /** Absent: everything is made anew. */
  readonly cache?: RenditionCache;
}

/** Under which it is kept. @throws standards/uid-invalid */
export const renditionKeyOf = ({
  studyInstanceUid,
  sopInstanceUid,
  revision,
  transferSyntax,
}: WantedRendition): RenditionKey => ({
  studyInstanceUid: parseStudyInstanceUid(studyInstanceUid),
  sopInstanceUid: parseSopInstanceUid(sopInstanceUid),
  content: revision,
  transferSyntax,
});

const readKept = async (cache: RenditionCache | undefined, key: RenditionKey): Promise<Buffer | undefined> => {
  const kept = await cache?.get(key);
  if (kept === undefined) return undefined;
  try {
    return await kept.readAll();
  } catch {
    // A damaged file is as good as none: it is made again.
    return undefined;
  } finally {
    await kept.close();
  }
};

export const createWorkshop = ({ transcoder, cache }: WorkshopPorts): Workshop => ({
  canProduce: (outline, transferSyntax) => canProduce(outline.image, outline.transferSyntaxUid, transferSyntax),
  findMade: (wanted) => readKept(cache, renditionKeyOf(wanted)),
  produce: async (wanted, readSource, signal) => {
    const key = renditionKeyOf(wanted);
    const kept = await readKept(cache, key);
    if (kept !== undefined) return kept;
    const ticket = cache?.ticket() ?? 0;
    const made = await transcoder.render({
      byteLength: wanted.sizeBytes,
      load: readSource,
      to: wanted.transferSyntax,
      signal,
    });
    switch (made.kind) {
      case 'made': {
        const { buffer, byteOffset, byteLength } = made.bytes;
        // Nobody waits for the disk: what is not kept is made again.
        void cache?.put(key, made.bytes, ticket);
        return Buffer.from(buffer, byteOffset, byteLength);
      }
      case 'failed':
        throw new DrimboxError(made.code);
      case 'cancelled':
        throw new DrimboxError('wado/cancelled');
    }
  },
});
